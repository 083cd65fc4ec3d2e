import numpy as np

from llmbook.feedforward import ops as elementary
from llmbook.feedforward.tape import Tensor
from llmbook.lstm_gru import ops
from llmbook.lstm_gru.lstm import LSTM, lstm

B, T, D, H = 3, 5, 2, 4


def test_a_step_by_hand():
    x, h, c = np.array([[[1.0]]]), np.array([[0.5]]), np.array([[2.0]])
    W_x, W_h, b = np.array([[1.0, 2, 3, 4]]), np.array([[-2.0, 2, -4, 6]]), np.array([0.1, 0.2, 0.3, 0.4])
    (y, h_T, c_T), _ = lstm(x, h, c, W_x, W_h, b)
    i, f, o = (1 / (1 + np.exp(-a)) for a in (1 - 1 + 0.1, 2 + 1 + 0.2, 4 + 3 + 0.4))
    g = np.tanh(3 - 2 + 0.3)
    np.testing.assert_allclose(c_T, [[f * 2 + i * g]])
    np.testing.assert_allclose(h_T, o * np.tanh(c_T))
    np.testing.assert_array_equal(y[:, 0], h_T)


def test_it_is_the_tape_replaying_its_gates_one_by_one(rng):
    """With the four blocks of the weights as matrices of their own, and elementary rules only."""
    x, h0, c0 = rng.standard_normal((B, T, D)), rng.standard_normal((B, H)), rng.standard_normal((B, H))
    blocks = [
        [Tensor(rng.standard_normal(shape)) for _ in "ifgo"] for shape in ((D, H), (H, H), (H,))
    ]  # of W_x, of W_h, of b
    joined = [Tensor(np.concatenate([t.data for t in four], axis=-1)) for four in blocks]
    dy, dc_T = rng.standard_normal((B, T, H)), rng.standard_normal((B, H))
    y, _, c_T = ops.lstm(x, h0, c0, *joined)
    (elementary.total(y * dy) + elementary.total(c_T * dc_T)).backward()

    h, c, loss = h0, c0, 0
    for t in range(T):
        i, f, g, o = (
            elementary.linear(x[:, t], W_x, b) + elementary.matmul(h, W_h)
            for W_x, W_h, b in zip(*blocks, strict=True)
        )
        i, f, g, o = elementary.sigmoid(i), elementary.sigmoid(f), elementary.tanh(g), elementary.sigmoid(o)
        c = f * c + i * g
        h = o * elementary.tanh(c)
        loss = loss + elementary.total(h * dy[:, t])
        np.testing.assert_allclose(h.data, y.data[:, t], rtol=1e-12)
    (loss + elementary.total(c * dc_T)).backward()
    for whole, four in zip(joined, blocks, strict=True):
        parts = np.concatenate([t.grad for t in four], axis=-1)
        np.testing.assert_allclose(whole.grad, parts, rtol=1e-9, atol=1e-12)


def test_an_open_forget_gate_and_a_closed_input_gate_keep_the_cell_and_its_gradient(rng):
    b = np.repeat([-1000.0, 1000, 0, 0], H)
    x, h0, c0 = rng.standard_normal((B, 200, D)), np.zeros((B, H)), rng.standard_normal((B, H))
    W_x, W_h = rng.standard_normal((D, 4 * H)), rng.standard_normal((H, 4 * H))
    (_, _, c_T), pullback = lstm(x, h0, c0, W_x, W_h, b)
    np.testing.assert_array_equal(c_T, c0)
    dc_T = rng.standard_normal((B, H))
    np.testing.assert_array_equal(pullback(None, None, dc_T)[2], dc_T)


def test_only_the_forget_gates_begin_open(rng):
    for bias in (1.0, 0.0, -2.0):
        for b in (layer["b"].data for layer in LSTM(D, H, n_layers=2, rng=rng, forget_bias=bias).layers):
            np.testing.assert_array_equal(b, np.repeat([0, bias, 0, 0], H))
    np.testing.assert_array_equal(LSTM(D, H, rng=rng).params()["layers.0.b"], np.repeat([0, 1, 0, 0], H))


def test_a_layer_has_four_times_the_parameters_of_a_plain_one(rng):
    assert LSTM(D, H, rng=rng).n_params == 4 * (D * H + H * H + H)
