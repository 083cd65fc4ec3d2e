import numpy as np
import pytest

from llmbook.feedforward import ops as elementary
from llmbook.feedforward.tape import Tensor
from llmbook.lstm_gru import ops
from llmbook.lstm_gru.gru import GRU, gru

B, T, D, H = 3, 5, 2, 4
both = pytest.mark.parametrize("reset_after", [True, False])


def arguments(rng):
    shapes = [(B, T, D), (B, H), (D, 3 * H), (H, 3 * H), (3 * H,), (3 * H,)]
    return [rng.standard_normal(shape) for shape in shapes]


@both
def test_a_step_by_hand(reset_after):
    x, h = np.array([[[1.0]]]), np.array([[0.5]])
    W_x, W_h = np.array([[1.0, -2, 3]]), np.array([[2.0, 4, -6]])
    b_x, b_h = np.array([0.1, 0.2, 0.3]), np.array([0.4, 0.5, 0.6])
    (y, h_T), _ = gru(x, h, W_x, W_h, b_x, b_h, reset_after=reset_after)
    r, z = 1 / (1 + np.exp(-(1 + 1 + 0.5))), 1 / (1 + np.exp(-(-2 + 2 + 0.7)))
    n = np.tanh(3.3 + (r * (-3 + 0.6) if reset_after else r * -3 + 0.6))
    np.testing.assert_allclose(h_T, [[(1 - z) * n + z * 0.5]])
    np.testing.assert_array_equal(y[:, 0], h_T)


@both
def test_it_is_the_tape_replaying_its_gates_one_by_one(reset_after, rng):
    """With the three blocks of the weights as matrices of their own, and elementary rules only."""
    x, h0 = rng.standard_normal((B, T, D)), rng.standard_normal((B, H))
    blocks = [[Tensor(rng.standard_normal(s)) for _ in "rzn"] for s in ((D, H), (H, H), (H,), (H,))]
    joined = [Tensor(np.concatenate([t.data for t in three], axis=-1)) for three in blocks]
    dy = rng.standard_normal((B, T, H))
    y, _ = ops.gru(x, h0, *joined, reset_after=reset_after)
    elementary.total(y * dy).backward()

    W_x, W_h, b_x, b_h = blocks
    h, loss = h0, 0
    for t in range(T):
        u = [elementary.linear(x[:, t], W_x[k], b_x[k]) for k in range(3)]
        r, z = (elementary.sigmoid(u[k] + elementary.linear(h, W_h[k], b_h[k])) for k in (0, 1))
        reset = r * h
        product = (
            r * elementary.linear(h, W_h[2], b_h[2])
            if reset_after
            else (elementary.linear(reset, W_h[2], b_h[2]))
        )
        n = elementary.tanh(u[2] + product)
        h = (1 - z) * n + z * h
        loss = loss + elementary.total(h * dy[:, t])
        np.testing.assert_allclose(h.data, y.data[:, t], rtol=1e-12)
    loss.backward()
    for whole, three in zip(joined, blocks, strict=True):
        parts = np.concatenate([t.grad for t in three], axis=-1)
        np.testing.assert_allclose(whole.grad, parts, rtol=1e-9, atol=1e-12)


def test_the_two_definitions_agree_only_where_nothing_is_reset(rng):
    args = arguments(rng)
    (after, _), _ = gru(*args)
    (before, _), _ = gru(*args, reset_after=False)
    assert abs(after - before).max() > 0.05
    args[-1][:H] = 1000  # the bias of r
    (after, _), after_pullback = gru(*args)
    (before, _), before_pullback = gru(*args, reset_after=False)
    np.testing.assert_allclose(after, before, rtol=1e-12)
    dy = rng.standard_normal(after.shape)
    for a, b in zip(after_pullback(dy, None), before_pullback(dy, None), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_two_biases_are_one_only_if_the_reset_comes_before(rng):
    *args, b_x, b_h = arguments(rng)
    for reset_after, same in ((False, True), (True, False)):
        (apart, _), pullback = gru(*args, b_x, b_h, reset_after=reset_after)
        (summed, _), _ = gru(*args, b_x + b_h, 0 * b_h, reset_after=reset_after)
        assert np.allclose(apart, summed, rtol=1e-12) == same
        *_, db_x, db_h = pullback(rng.standard_normal(apart.shape), None)
        assert np.allclose(db_x, db_h, rtol=1e-12) == same


def test_an_update_gate_of_one_keeps_the_state_and_its_gradient(rng):
    args = arguments(rng)
    args[-1][H : 2 * H] = 1000
    (_, h_T), pullback = gru(*args)
    np.testing.assert_allclose(h_T, args[1], rtol=1e-14)
    dh_T = rng.standard_normal((B, H))
    np.testing.assert_array_equal(pullback(None, dh_T)[1], dh_T)


def test_a_layer_has_three_quarters_of_an_lstm_and_a_second_bias(rng):
    assert GRU(D, H, rng=rng).n_params == 3 * (D * H + H * H + 2 * H)
