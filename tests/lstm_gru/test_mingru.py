import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbook.feedforward import ops as elementary
from llmbook.feedforward.tape import Tensor
from llmbook.lstm_gru import mingru, ops
from llmbook.lstm_gru.mingru import MinGRU, linear_loop, linear_scan, min_gru
from llmbook.math_foundations.calculus import check_pullback
from llmbook.optimization.optimizers import Adam
from llmbook.rnn.reader import Reader
from llmbook.rnn.rnn import RNNLanguageModel

B, T, D, H = 3, 5, 2, 4
every_length = pytest.mark.parametrize("T", [1, 2, 3, 7, 64, 100])


def recurrence(T, rng, dtype=np.float64):
    """Factors on both sides of 1, and summands."""
    shapes = (B, T, H), (B, T, H), (B, H)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def arguments(rng):
    return [rng.standard_normal(shape) for shape in ((B, T, D), (B, H), (D, 2 * H), (2 * H,))]


@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 1e-12), (np.float32, 1e-6)])
@every_length
def test_the_scan_is_the_loop(T, dtype, limit, rng):
    a, b, h0 = recurrence(T, rng, dtype)
    looped, (scanned, _) = linear_loop(a, b, h0), linear_scan(a, b, h0)
    assert looped.shape == scanned.shape == (B, T, H)
    assert looped.dtype == scanned.dtype == dtype
    assert abs(scanned - looped).max() < limit * abs(looped).max()


@every_length
def test_the_pullback_of_the_scan_is_the_loop_backward(T, rng):
    a, b, h0 = recurrence(T, rng)
    h, pullback = linear_scan(a, b, h0)
    dy = rng.standard_normal(h.shape)
    dh, before, da, db = np.zeros((B, H)), [h0, *h.swapaxes(0, 1)], np.empty_like(a), np.empty_like(b)
    for t in reversed(range(T)):
        db[:, t] = dh + dy[:, t]
        da[:, t] = db[:, t] * before[t]
        dh = a[:, t] * db[:, t]
    for ours, looped in zip(pullback(dy), (da, db, dh), strict=True):
        np.testing.assert_allclose(ours, looped, rtol=1e-12, atol=1e-12 * abs(looped).max())


@given(st.integers(1, 40), st.integers(0, 99))
def test_gradients_are_right_at_any_length_and_mask(T, seed):
    rng = np.random.default_rng(seed)
    assert check_pullback(linear_scan, *recurrence(T, rng), rng=rng, n_directions=1) < 1e-7
    x, mask = rng.standard_normal((B, T, D)), rng.random((B, T)) < 0.7
    args = x, *arguments(rng)[1:]
    assert check_pullback(min_gru, *args, rng=rng, n_directions=1, mask=mask) < 1e-7


@pytest.mark.parametrize(("T", "rounds"), [(1, 2), (7, 4), (100, 7), (1000, 10)])
def test_the_scan_halves_the_sequence_until_one_state_is_left(T, rounds, rng, monkeypatch):
    lengths, scan = [], mingru._scan
    monkeypatch.setattr(mingru, "_scan", lambda a, b: lengths.append(len(b)) or scan(a, b))
    linear_scan(*recurrence(T, rng))
    assert lengths == [(T + 1) >> k for k in range(rounds)] and lengths[-1] == 1


def test_a_step_by_hand():
    x, h0 = np.array([[[1.0]]]), np.array([[0.5]])
    W_x, b = np.array([[-2.0, 3]]), np.array([0.2, 0.3])
    (y, h_T), _ = min_gru(x, h0, W_x, b)
    z = 1 / (1 + np.exp(1.8))
    np.testing.assert_allclose(h_T, [[(1 - z) * 3.3 + z * 0.5]], rtol=1e-14)
    np.testing.assert_array_equal(y[:, 0], h_T)


def test_it_is_the_tape_replaying_its_gates_one_by_one(rng):
    x, h0, W_x, b = arguments(rng)
    blocks = [[Tensor(part.copy()) for part in np.split(p, 2, axis=-1)] for p in (W_x, b)]
    W_x, b, dy = Tensor(W_x), Tensor(b), rng.standard_normal((B, T, H))
    y, _ = ops.min_gru(x, h0, W_x, b)
    elementary.total(y * dy).backward()

    (W_z, W_n), (b_z, b_n) = blocks
    h, loss = h0, 0
    for t in range(T):
        z = elementary.sigmoid(elementary.linear(x[:, t], W_z, b_z))
        h = (1 - z) * elementary.linear(x[:, t], W_n, b_n) + z * h
        loss = loss + elementary.total(h * dy[:, t])
        np.testing.assert_allclose(h.data, y.data[:, t], rtol=1e-12)
    loss.backward()
    for whole, parts in ((W_x, (W_z, W_n)), (b, (b_z, b_n))):
        together = np.concatenate([part.grad for part in parts], axis=-1)
        np.testing.assert_allclose(whole.grad, together, rtol=1e-9, atol=1e-12)


def test_what_is_left_of_a_state_follows_from_the_bias(rng):
    layers = MinGRU(D, H, update_bias=2.0, rng=rng, dtype=np.float64)
    assert layers.n_params == 2 * (D * H + H)
    np.testing.assert_array_equal(layers.params()["layers.0.b"], [2.0] * H + [0.0] * H)
    h0 = rng.standard_normal((B, H))
    y, _ = layers(np.zeros((B, 30, D)), [(h0,)])
    left = (1 / (1 + np.exp(-2.0))) ** np.arange(1, 31)
    np.testing.assert_allclose(y.data, h0[:, None] * left[:, None], rtol=1e-12)


def test_a_language_model_learns_to_count(rng):
    network = RNNLanguageModel(5, d_model=8, d_hidden=16, n_layers=2, rng=rng, recurrent=MinGRU)
    ids = np.arange(13) % 5 + np.zeros((4, 1), int)
    first, last = descend(network, ids[:, :-1], ids[:, 1:])
    assert first == pytest.approx(np.log(5), abs=0.2) and last < 0.01


def test_a_reader_learns_to_keep_what_is_marked(rng):
    """The sign of the one number with a mark beside it, in sequences of 1 to 8 steps."""
    lengths, rows = rng.integers(1, 9, 64), np.arange(64)
    marked = rng.integers(lengths)
    x = np.stack([rng.standard_normal((64, 8)), marked[:, None] == np.arange(8)], axis=-1)
    signs = (x[rows, marked, 0] > 0).astype(int)
    model = Reader(MinGRU(2, 16, update_bias=2.0, rng=rng), 2, rng=rng)
    first, last = descend(model, x.astype(np.float32), signs, np.arange(8) < lengths[:, None])
    assert first > 0.5 and last < 0.2


def descend(model, *batch):
    """The loss before and after 60 steps on one batch."""
    optimizer, losses = Adam(lr=0.02), []
    for _ in range(61):
        model.zero_grad()
        loss = model.loss(*batch)
        losses.append(float(loss))
        loss.backward()
        optimizer.step(model.params(), model.grads())
    return losses[0], losses[-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": np.ones((B, H))}, r"a has shape \(3, 4\); it needs \(B, T, H\), with one step at least"),
        ({"a": np.ones((B, 0, H))}, r"a has shape \(3, 0, 4\); .* with one step at least"),
        ({"b": np.ones((B, T, 1))}, r"b has shape \(3, 5, 1\); beside a \(3, 5, 4\) it needs \(3, 5, 4\)"),
        ({"h0": np.ones(H)}, r"h0 has shape \(4,\); beside a \(3, 5, 4\) it needs \(3, 4\)"),
        ({"a": [["no number"]]}, r"a is a list of dtype .*; it must hold real numbers"),
    ],
)
@pytest.mark.parametrize("rule", [linear_loop, linear_scan])
def test_a_recurrence_that_does_not_fit_is_named(rule, change, message):
    right = {"a": np.ones((B, T, H)), "b": np.ones((B, T, H)), "h0": np.ones((B, H))}
    with pytest.raises(ValueError, match=message):
        rule(**right | change)


@pytest.mark.parametrize(
    ("place", "array", "message"),
    [
        (0, np.ones((B, D)), r"x has shape \(3, 2\); it needs \(B, T, D\), with one step at least"),
        (1, np.ones((1, H)), r"h0 has shape \(1, 4\); beside x \(3, 5, 2\) it needs \(3, 4\)"),
        (2, np.ones((D, 2 * H + 1)), r"W_x has shape \(2, 9\); .* it needs \(2, 8\)"),
        (2, np.ones(2 * H), r"W_x has shape \(8,\); .* it needs \(2, 8\)"),
        (3, np.ones(H), r"b has shape \(4,\); .* it needs \(8,\)"),
    ],
)
def test_arguments_that_do_not_fit_are_named(place, array, message, rng):
    args = arguments(rng)
    args[place] = array
    with pytest.raises(ValueError, match=message):
        min_gru(*args)
