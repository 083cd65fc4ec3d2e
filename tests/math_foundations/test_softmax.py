import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from llmbook.math_foundations.softmax import (
    bits,
    cross_entropy,
    entropy,
    kl_divergence,
    log_softmax,
    logsumexp,
    online_logsumexp,
    perplexity,
    softmax,
)

scores = arrays(np.float64, array_shapes(min_dims=1, max_dims=3, max_side=6), elements=st.floats(-500, 500))


def naive_softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


@given(scores)
def test_softmax_is_a_distribution(x):
    p, _ = softmax(x)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-12)


@given(scores, st.floats(-1e4, 1e4))
def test_softmax_does_not_see_a_shift(x, shift):
    np.testing.assert_allclose(softmax(x + shift)[0], softmax(x)[0], rtol=1e-9, atol=1e-12)


@given(scores, st.floats(-1e4, 1e4))
def test_logsumexp_moves_with_a_shift(x, shift):
    np.testing.assert_allclose(logsumexp(x + shift)[0], logsumexp(x)[0] + shift, atol=1e-9)


@given(scores)
def test_logsumexp_lies_between_the_maximum_and_the_maximum_plus_ln_V(x):
    above = logsumexp(x)[0] - x.max(axis=-1)
    assert (above >= 0).all() and (above <= math.log(x.shape[-1]) + 1e-12).all()


@given(scores)
def test_log_softmax_is_the_log_of_softmax_where_that_exists(x):
    p = softmax(x)[0]
    alive = p > 1e-300
    np.testing.assert_allclose(log_softmax(x)[0][alive], np.log(p[alive]), rtol=1e-9, atol=1e-12)


def test_naive_and_stable_agree_on_small_scores(rng):
    x = rng.standard_normal((7, 9))
    np.testing.assert_allclose(softmax(x)[0], naive_softmax(x), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores_are_exact(dtype):
    x = np.array([1000, 990, -1000], dtype=dtype)
    np.testing.assert_allclose(softmax(x)[0], [1 / (1 + math.exp(-10)), 1 / (1 + math.exp(10)), 0], rtol=1e-6)
    # 1 + 4.5e-5 keeps three digits of its small part in float32; x - logsumexp(x) would keep none
    np.testing.assert_allclose(log_softmax(x)[0], [-4.53989e-5, -10.0000454, -2000.0000454], rtol=1e-3)


def test_a_score_of_minus_infinity_has_probability_zero():
    p, pullback = softmax(np.array([0.0, -np.inf, 0.0]))
    np.testing.assert_array_equal(p, [0.5, 0, 0.5])
    assert np.isfinite(pullback(np.ones(3))[0]).all()


@given(arrays(np.float64, (3, 40), elements=st.floats(-700, 700)), st.lists(st.integers(1, 39), max_size=5))
def test_online_logsumexp_equals_the_batch_one_however_it_is_cut(x, cuts):
    online = online_logsumexp(np.split(x, sorted(set(cuts)), axis=-1))
    np.testing.assert_allclose(online, logsumexp(x)[0], rtol=1e-12, atol=1e-12)


def test_online_logsumexp_reads_a_stream_once():
    blocks = iter([np.array([1000.0, 0.0]), np.array([1001.0])])
    assert online_logsumexp(blocks) == pytest.approx(1001 + math.log(1 + math.exp(-1)))


def test_online_logsumexp_needs_a_block():
    with pytest.raises(ValueError, match="blocks is empty"):
        online_logsumexp([])


def test_cross_entropy_of_equal_scores_is_ln_V():
    loss, _ = cross_entropy(np.zeros((4, 27)), np.arange(4))
    assert loss == pytest.approx(math.log(27))


def test_cross_entropy_is_the_mean_surprise(rng):
    logits, targets = rng.standard_normal((2, 3, 5)), rng.integers(0, 5, (2, 3))
    expected = [-math.log(naive_softmax(logits[i, j])[targets[i, j]]) for i in range(2) for j in range(3)]
    assert cross_entropy(logits, targets)[0] == pytest.approx(np.mean(expected))


def test_gradient_is_p_minus_y(rng):
    logits, targets = rng.standard_normal((6, 5)), rng.integers(0, 5, 6)
    _, pullback = cross_entropy(logits, targets)
    np.testing.assert_allclose(pullback(1.0)[0], (softmax(logits)[0] - np.eye(5)[targets]) / 6, atol=1e-15)


def test_masked_positions_do_not_count(rng):
    logits, targets = rng.standard_normal((6, 5)), rng.integers(0, 5, 6)
    mask = np.array([True, False, True, True, False, True])
    loss, pullback = cross_entropy(logits, targets, mask=mask)
    assert loss == pytest.approx(cross_entropy(logits[mask], targets[mask])[0])
    np.testing.assert_array_equal(pullback(1.0)[0][~mask], 0)
    logits[1] = [0, 0, 0, 0, -np.inf]
    targets[1] = 4  # an infinite surprise where nobody looks
    assert cross_entropy(logits, targets, mask=mask)[0] == loss


def unfused(logits, targets, mask):
    """Cross-entropy and its gradient as the chapter derives them, one step at a time."""
    log_p, p = log_softmax(logits)[0], softmax(logits)[0]
    y = np.eye(logits.shape[-1], dtype=logits.dtype)[targets]
    loss = -(log_p * y).sum(axis=-1)[mask].mean()
    return loss, np.where(mask[..., None], (p - y) / mask.sum(), 0)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 2e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("shape", [(1, 3), (40, 27), (2, 3, 5), (2, 2, 3, 2), (4,)])
def test_cross_entropy_is_its_steps_taken_together(shape, dtype, rtol, rng):
    logits = (10 * rng.standard_normal(shape)).astype(dtype)
    targets = np.array(rng.integers(shape[-1], size=shape[:-1]))
    everywhere = np.ones(targets.shape, bool)
    some = np.array(rng.random(targets.shape) < 0.5)
    some.flat[0] = True
    for mask, counted in [(None, everywhere), (everywhere, everywhere), (some, some)]:
        loss, pullback = cross_entropy(logits, targets, mask=mask)
        expected, gradient = unfused(logits, targets, counted)
        np.testing.assert_allclose(loss, expected, rtol=rtol)
        np.testing.assert_allclose(pullback(1.0)[0], gradient, atol=rtol)


def test_cross_entropy_reads_any_layout(rng):
    logits, targets = rng.standard_normal((5, 8, 6)).transpose(1, 2, 0), rng.integers(5, size=(6, 8)).T
    some = (rng.random((6, 8)) < 0.6).T
    for mask, copied in [(None, None), (some, some.copy())]:
        loss, pullback = cross_entropy(logits, targets, mask=mask)
        same, same_pullback = cross_entropy(logits.copy(), targets.copy(), mask=copied)
        np.testing.assert_array_equal(loss, same)
        np.testing.assert_array_equal(pullback(1.0)[0], same_pullback(1.0)[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_masked_row_may_hold_anything(bad, rng):
    logits, targets = rng.standard_normal((2, 3, 5)), rng.integers(5, size=(2, 3))
    mask = np.array([[True, False, True], [False, True, True]])
    logits[~mask] = bad
    loss, pullback = cross_entropy(logits, targets, mask=mask)
    dlogits, _ = pullback(1.0)
    assert np.isfinite(loss) and np.isfinite(dlogits).all()
    assert loss == pytest.approx(cross_entropy(logits[mask], targets[mask])[0])
    np.testing.assert_array_equal(dlogits[~mask], 0)


@pytest.mark.parametrize("received", [1.0, np.float32(1), np.array(1, np.float32)])
@pytest.mark.parametrize("mask", [None, np.array([True, False, True])])
def test_cross_entropy_stays_in_float32(mask, received, rng):
    logits, targets = rng.standard_normal((3, 5), dtype=np.float32), np.array([0, 4, 2])
    before = logits.copy()
    loss, pullback = cross_entropy(logits, targets, mask=mask)
    assert loss.dtype == pullback(received)[0].dtype == np.float32
    np.testing.assert_array_equal(pullback(received)[0], pullback(received)[0])  # it may be called again
    np.testing.assert_array_equal(logits, before)


def test_cross_entropy_of_scores_far_apart_in_float32():
    logits = np.array([[1e4, 0, -1e4], [1e4, 0, -1e4]], np.float32)
    loss, pullback = cross_entropy(logits, np.array([0, 2]))
    assert loss == 1e4  # the mean of 0 and 20,000
    np.testing.assert_array_equal(pullback(1.0)[0], [[0, 0, 0], [0.5, 0, -0.5]])


def test_softmax_of_one_row_and_of_none():
    assert softmax(np.zeros((0, 3)))[1](np.zeros((0, 3)))[0].shape == (0, 3)
    p, pullback = softmax(np.array([3, 3]))  # integers
    np.testing.assert_array_equal(p, [0.5, 0.5])
    np.testing.assert_array_equal(pullback(np.array([1.0, 0.0]))[0], [0.25, -0.25])


def test_softmax_reads_any_layout(rng):
    x, dp = rng.standard_normal((4, 6, 3)).transpose(2, 0, 1), rng.standard_normal((6, 4, 3)).T
    p, pullback = softmax(x)
    same, same_pullback = softmax(x.copy())
    np.testing.assert_allclose(p, same, rtol=1e-15)
    np.testing.assert_allclose(pullback(dp)[0], same_pullback(dp.copy())[0], atol=1e-16)


@pytest.mark.parametrize(
    ("targets", "mask", "message"),
    [
        (np.zeros(3, int), None, r"targets have shape \(3,\).*need \(2,\)"),
        (np.zeros(2), None, "dtype float64; they must be integers"),
        (np.array([0, 5]), None, r"run from 0 to 5; they must lie in 0\.\.4"),
        (np.array([-100, 1]), None, "run from -100 to 1"),
        (np.zeros(2, int), np.ones(3, bool), r"must be bool of shape \(2,\)"),
        (np.zeros(2, int), np.ones(2), "mask is float64"),
        (np.zeros(2, int), np.zeros(2, bool), "no position counts"),
    ],
)
def test_bad_targets_and_masks_are_named(targets, mask, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy(np.zeros((2, 5)), targets, mask=mask)


def test_an_empty_batch_has_no_mean():
    with pytest.raises(ValueError, match="no position counts"):
        cross_entropy(np.zeros((0, 5)), np.zeros(0, int))


def test_entropy_of_known_distributions():
    p = np.array([[0.5, 0.25, 0.25, 0], [1, 0, 0, 0], [0.25] * 4])
    np.testing.assert_allclose(bits(entropy(p)), [1.5, 0, 2])
    np.testing.assert_allclose(perplexity(entropy(p[2])), 4)


def test_kl_is_cross_entropy_minus_entropy_and_never_negative(rng):
    p, q = rng.dirichlet(np.ones(6), (2, 10_000))
    kl = kl_divergence(p, q)
    np.testing.assert_allclose(kl, -(p * np.log(q)).sum(-1) - entropy(p), atol=1e-12)
    assert (kl >= 0).all()
    np.testing.assert_allclose(kl_divergence(p, p), 0, atol=1e-15)


def test_kl_where_a_side_is_zero():
    assert kl_divergence(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(math.log(2))
    assert kl_divergence(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == math.inf


@pytest.mark.parametrize(
    "blocks",
    [
        [[[-np.inf, -np.inf], [1, 2]]],
        [[[-np.inf], [1]], [[-np.inf], [2]]],
        [[[1], [-np.inf]], [[2], [-np.inf]]],
        [[[-np.inf], [-np.inf]], [[1000], [-np.inf]], [[-np.inf], [-np.inf]], [[999], [-1000]]],
        [np.zeros((2, 0)), [[-np.inf], [3]], np.zeros((2, 0))],
    ],
)
def test_blocks_without_a_score_add_nothing_whatever_the_order(blocks):
    """As masked attention meets them: -inf where nothing may be attended to."""
    blocks = [np.array(block, dtype=np.float64) for block in blocks]
    whole, _ = logsumexp(np.concatenate(blocks, axis=-1))
    for order in (blocks, blocks[::-1]):
        np.testing.assert_allclose(online_logsumexp(order), whole, rtol=1e-12)


def test_a_row_without_a_score_has_no_gradient():
    value, pullback = logsumexp(np.array([[-np.inf, -np.inf], [0.0, 0.0]]))
    np.testing.assert_array_equal(value, [-np.inf, np.log(2)])
    np.testing.assert_array_equal(pullback(np.array([5.0, 2.0]))[0], [[0, 0], [1, 1]])


def test_one_row_takes_a_plain_number_as_its_gradient():
    x = np.array([0.0, 0.0], dtype=np.float32)
    (dx,) = logsumexp(x)[1](1.0)
    np.testing.assert_array_equal(dx, [0.5, 0.5])
    assert dx.dtype == np.float32


def test_what_neither_allows_costs_nothing():
    p, q = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]), np.array([[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]])
    expected = 0.5 * np.log(2) + 0.5 * np.log(2 / 3)
    np.testing.assert_allclose(kl_divergence(p, q), [expected, 0])
    assert kl_divergence(p, p[::-1])[0] == np.inf
