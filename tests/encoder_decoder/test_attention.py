from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbook.encoder_decoder import ops
from llmbook.encoder_decoder.attention import (
    AdditiveAttention,
    DotAttention,
    additive_attention,
    dot_attention,
    soft_lookup,
)
from llmbook.feedforward import ops as elementary
from llmbook.feedforward.tape import Tensor
from llmbook.math_foundations.calculus import check_pullback

B, T, S, K, D = 2, 3, 4, 5, 6
SHAPES = {
    soft_lookup: [(B, T, S), (B, S, D)],
    dot_attention: [(B, T, K), (B, S, K), (B, S, D)],
    additive_attention: [(B, T, K), (B, S, K), (B, S, D), (K,)],
}
every_rule = pytest.mark.parametrize("rule", SHAPES)
LAYERS = {"dot": DotAttention, "scaled": partial(DotAttention, scale=K**-0.5), "additive": AdditiveAttention}
every_layer = pytest.mark.parametrize("layer", LAYERS)
MASK = np.array([[True, True, False, True], [False, True, False, False]])


def arguments(rule, rng):
    return [rng.standard_normal(shape) for shape in SHAPES[rule]]


def test_a_lookup_by_hand():
    """Two keys; the first fits the first query, so that 9 tenths of the mean are its value."""
    queries, keys = np.array([[[np.log(9), 0], [0, 0]]]), np.array([[[1.0, 0], [0, 1]]])
    (means, weights), _ = dot_attention(queries, keys, np.array([[[10.0], [20]]]))
    np.testing.assert_allclose(weights, [[[0.9, 0.1], [0.5, 0.5]]], rtol=1e-14)
    np.testing.assert_allclose(means, [[[11.0], [15]]], rtol=1e-14)
    (_, halved), _ = dot_attention(queries, keys, keys, scale=0.5)
    np.testing.assert_allclose(halved[0, 0], [0.75, 0.25], rtol=1e-14)  # of 3 to 1
    queries, keys, v = np.array([[[0.5]]]), np.array([[[1.0], [-1]]]), np.array([2.0])
    (_, weights), _ = additive_attention(queries, keys, keys, v)
    difference = 2 * (np.tanh(1.5) - np.tanh(-0.5))
    np.testing.assert_allclose(weights[0, 0, 0], 1 / (1 + np.exp(-difference)), rtol=1e-14)


@pytest.mark.parametrize("rule", [dot_attention, additive_attention])
def test_it_is_the_tape_replaying_elementary_rules(rule, rng):
    """One query at a time, each with the positions that its row of the mask allows."""
    leaves = [Tensor(a) for a in arguments(rule, rng)]
    dmeans, dweights = rng.standard_normal((B, T, D)), rng.standard_normal((B, T, S))
    recorded = getattr(ops, rule.__name__)
    means, weights = recorded(*leaves, mask=MASK)
    (elementary.total(means * dmeans) + elementary.total(weights * dweights)).backward()
    fused, loss = [leaf.grad for leaf in leaves], 0
    for leaf in leaves:
        leaf.grad = None
    flat = [elementary.reshape(leaf, shape=(-1, leaf.shape[-1])) for leaf in leaves]
    for row in range(B):
        [allowed] = np.nonzero(MASK[row])
        keys, values = (elementary.take(a, row * S + allowed) for a in flat[1:3])
        for t in range(T):
            query = elementary.take(flat[0], np.array([row * T + t]))  # (1, K)
            if rule is dot_attention:
                scores = query @ elementary.transpose(keys)
            else:
                v = elementary.reshape(leaves[3], shape=(K, 1))
                scores = elementary.transpose(elementary.tanh(keys + query) @ v)
            p = elementary.softmax(scores)
            mean = p @ values
            np.testing.assert_allclose(weights.data[row, t, allowed], p.data[0], rtol=1e-12)
            np.testing.assert_allclose(means.data[row, t], mean.data[0], rtol=1e-12)
            loss = loss + elementary.total(mean * dmeans[row, t])
            loss = loss + elementary.total(p * dweights[row, t, allowed])
    loss.backward()
    for ours, leaf in zip(fused, leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad, rtol=1e-9, atol=1e-12)


@every_rule
def test_nothing_depends_on_what_may_not_be_attended_to(rule, rng):
    args = arguments(rule, rng)
    (means, weights), pullback = rule(*args, mask=MASK)
    assert not weights[~np.broadcast_to(MASK[:, None], weights.shape)].any()
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-14)
    gradients = pullback(rng.standard_normal(means.shape), rng.standard_normal(weights.shape))
    by_position = [1] if rule is soft_lookup else [1, 2]  # keys, values
    for i in by_position:
        assert not gradients[i][~MASK].any() and gradients[i][0, MASK[0]].all()
        args[i] = np.where(MASK[..., None], args[i], 1e6)
    (same, _), _ = rule(*args, mask=MASK)
    np.testing.assert_array_equal(same, means)


@every_rule
def test_a_mask_that_allows_all_changes_nothing(rule, rng):
    args = arguments(rule, rng)
    for plain, masked in zip(rule(*args)[0], rule(*args, mask=np.ones((B, S), bool))[0], strict=True):
        np.testing.assert_array_equal(plain, masked)


@every_rule
def test_either_value_may_go_unused(rule, rng):
    args = arguments(rule, rng)
    (means, weights), pullback = rule(*args)
    dmeans, dweights = rng.standard_normal(means.shape), rng.standard_normal(weights.shape)
    both = pullback(dmeans, dweights)
    for whole, one, other in zip(both, pullback(dmeans, None), pullback(None, dweights), strict=True):
        np.testing.assert_allclose(whole, one + other, rtol=1e-9, atol=1e-12)


def test_a_scale_of_zero_and_a_v_of_zero_average_without_looking(rng):
    even = MASK / MASK.sum(axis=1, keepdims=True)
    *args, v = arguments(additive_attention, rng)
    for value, _ in (
        dot_attention(*args, mask=MASK, scale=0),
        additive_attention(*args, 0 * v, mask=MASK),
    ):
        np.testing.assert_allclose(value[1], np.broadcast_to(even[:, None], (B, T, S)), rtol=1e-14)
    layer = AdditiveAttention(K, D, rng=rng)
    layer.v.data[...], layer.v.frozen = 0, True
    queries, memory = (rng.standard_normal(s, dtype=np.float32) for s in ((B, T, K), (B, S, D)))
    means, _ = layer(queries, memory, MASK)
    elementary.total(means).backward()
    np.testing.assert_allclose(means.data[:, 0], np.einsum("bs,bsd->bd", even, memory), rtol=1e-5)
    assert layer.grads().keys() == {"W_q", "W_k"} and not any(g.any() for g in layer.grads().values())


def test_a_scale_of_numpys_keeps_float32(rng):
    args = [a.astype(np.float32) for a in arguments(dot_attention, rng)]
    value, pullback = dot_attention(*args, scale=np.float64(K) ** -0.5)
    gradients = pullback(*(np.ones_like(v) for v in value))
    assert {a.dtype for a in (*value, *gradients)} == {np.dtype("float32")}


@every_layer
def test_the_order_of_what_is_attended_to_does_not_matter(layer, rng):
    attention = LAYERS[layer](K, D, rng=rng, dtype=np.float64)
    queries, memory, order = rng.standard_normal((B, T, K)), rng.standard_normal((B, S, D)), [2, 0, 3, 1]
    means, weights = attention(queries, memory, MASK)
    again, moved = attention(queries, memory[:, order], MASK[:, order])
    np.testing.assert_allclose(again.data, means.data, rtol=1e-12)
    np.testing.assert_allclose(moved.data, weights.data[..., order], rtol=1e-12)


def test_the_layers_compute_the_papers_scores(rng):
    queries, memory = rng.standard_normal((1, 1, K)), rng.standard_normal((1, 2, D))
    dot, additive = (LAYERS[name](K, D, rng=rng, dtype=np.float64) for name in ("scaled", "additive"))
    p = {name: tensor.data for name, tensor in additive.tensors().items()}
    scores = {
        dot: memory[0] @ dot.W_k.data @ queries[0, 0] * K**-0.5,
        additive: np.tanh(queries[0] @ p["W_q"] + memory[0] @ p["W_k"]) @ p["v"],
    }
    for layer, (first, second) in scores.items():
        _, weights = layer(queries, memory)
        np.testing.assert_allclose(weights.data[0, 0, 0], 1 / (1 + np.exp(second - first)), rtol=1e-12)


@given(
    st.sampled_from(list(SHAPES)), st.tuples(*[st.integers(1, 3)] * 5), st.integers(0, 99), st.floats(-2, 2)
)
def test_gradients_are_right_at_any_size_and_mask(rule, sizes, seed, scale):
    (B, T, S, K, D), rng = sizes, np.random.default_rng(seed)
    shapes = {
        soft_lookup: [(B, T, S), (B, S, D)],
        dot_attention: [(B, T, K), (B, S, K), (B, S, D)],
        additive_attention: [(B, T, K), (B, S, K), (B, S, D), (K,)],
    }
    args = [rng.standard_normal(shape) for shape in shapes[rule]]
    mask = rng.random((B, S)) < 0.6
    mask[np.arange(B), rng.integers(0, S, B)] = True
    options = {"scale": scale} if rule is dot_attention else {}
    assert check_pullback(rule, *args, rng=rng, n_directions=1, mask=mask, **options) < 1e-7


@every_rule
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (MASK & [[False], [True]], "row 0 of the mask of the sources allows nothing"),
        (MASK.astype(int), r"is int64 of shape \(2, 4\); it must be bool of shape \(2, 4\)"),
        (MASK[:, None], r"is bool of shape \(2, 1, 4\); it must be bool of shape \(2, 4\)"),
        (MASK[0], r"is bool of shape \(4,\)"),
    ],
)
def test_masks_that_do_not_fit_are_named(rule, mask, message, rng):
    with pytest.raises(ValueError, match=message):
        rule(*arguments(rule, rng), mask=mask)


@pytest.mark.parametrize(
    ("rule", "place", "shape", "message"),
    [
        (
            soft_lookup,
            0,
            (T, S),
            r"scores are \(3, 4\) and values \(2, 4, 6\); need \(B, T, S\), \(B, S, D\)",
        ),
        (soft_lookup, 0, (B, T, 0), r"scores are \(2, 3, 0\) .* with one position at least"),
        (soft_lookup, 1, (B, S + 1, D), r"values \(2, 5, 6\); need"),
        (soft_lookup, 1, (S, D), r"values \(4, 6\); need"),
        (dot_attention, 0, (B, T, 1), r"queries are \(2, 3, 1\) and keys \(2, 4, 5\); need"),
        (dot_attention, 0, (1, T, K), r"queries are \(1, 3, 5\) and keys \(2, 4, 5\); need"),
        (dot_attention, 1, (S, K), r"keys \(4, 5\); need \(B, T, K\), \(B, S, K\)"),
        (dot_attention, 2, (B, 1, D), r"values \(2, 1, 6\); need"),
        (additive_attention, 1, (B, S, K + 1), r"keys \(2, 4, 6\); need"),
        (additive_attention, 3, (1,), r"v has shape \(1,\); keys \(2, 4, 5\) need \(5,\)"),
    ],
)
def test_arguments_that_do_not_fit_are_named(rule, place, shape, message, rng):
    args = arguments(rule, rng)
    args[place] = np.ones(shape)
    with pytest.raises(ValueError, match=message):
        rule(*args)
