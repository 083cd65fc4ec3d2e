"""Chapter 12: long short-term memory, a recurrence with a path to keep."""

import numpy as np

from llmbook.feedforward.tape import record
from llmbook.rnn.rnn import RNN
from llmbook.rnn.sequences import chooser, fitting, or_zeros


def lstm(x, h0, c0, W_x, W_h, b, *, mask=None):
    """Read a sequence.  (B, T, D), (B, H) twice -> (B, T, H), (B, H) twice

    Each step computes the gates i, f, o = sigmoid(a) and the candidate
    g = tanh(a), four blocks of H columns of a = x_t W_x + h_{t-1} W_h + b, in
    the order i, f, g, o.  Then c_t = f c_{t-1} + i g and h_t = o tanh(c_t).
    The values are all h_1 to h_T, and the last h and c, which go on.  Where
    ``mask`` (B, T) is False both are carried on as they were, and the output is
    0.  The pullback holds D + 7 H numbers for each step of a sequence.

    Raises:
        ValueError: the shapes do not fit, there is no step, or ``mask`` is not
            boolean.

    Source: Hochreiter and Schmidhuber (1997); Gers et al. (2000) for f.
    """
    x, h0, c0, W_x, W_h, b = fitting(
        blocks=4, x=x, h0=h0, c0=c0, W_x=W_x, W_h=W_h, b=b
    )
    (B, T, D), H = x.shape, len(W_h)
    choose = chooser(mask, B, T)

    rows = x.swapaxes(0, 1).reshape(T * B, D)  # time first
    gates = (rows @ W_x + b).reshape(T, B, 4 * H)  # the inputs' part, for all t
    i, f, g, o = np.split(gates, 4, axis=-1)  # views (T, B, H)
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], gates.dtype), H)
    h, c = np.empty((2, T + 1, B, H), gates.dtype)
    h[0], c[0] = h0, c0
    tanh_c = np.empty((T, B, H), gates.dtype)
    for t in range(T):  # sigmoid(a) = tanh(a / 2) / 2 + 1 / 2
        a = gates[t] + h[t] @ W_h
        gates[t] = half * np.tanh(half * a) + (1 - half)
        c[t + 1] = choose(t, f[t] * c[t] + i[t] * g[t], c[t])
        tanh_c[t] = np.tanh(c[t + 1])
        h[t + 1] = choose(t, o[t] * tanh_c[t], h[t])
    y = choose(..., h[1:], 0).swapaxes(0, 1)  # (B, T, H)

    def pullback(dy, dh_T, dc_T):
        dy = choose(..., or_zeros(dy, y).swapaxes(0, 1), 0)  # (T, B, H)
        dh, dc = or_zeros(dh_T, h0), or_zeros(dc_T, c0)
        da = gates * (1 - gates)  # the slopes of sigmoid, for all t,
        da[..., 2 * H : 3 * H] = 1 - g * g  # and of tanh
        da = choose(..., da, 0)
        W_back = W_h.T.copy()
        for t in reversed(range(T)):
            dh = dh + dy[t]
            dc_t = dc + dh * o[t] * (1 - tanh_c[t] * tanh_c[t])
            to_gates = [dc_t * g[t], dc_t * c[t], dc_t * i[t], dh * tanh_c[t]]
            da[t] *= np.concatenate(to_gates, axis=-1)
            dh = choose(t, da[t] @ W_back, dh)
            dc = choose(t, dc_t * f[t], dc)
        da = da.reshape(T * B, 4 * H)
        dx = (da @ W_x.T).reshape(T, B, D).swapaxes(0, 1)
        dW_h = h[:-1].reshape(T * B, H).T @ da
        return dx, dh, dc, rows.T @ da, dW_h, da.sum(axis=0)

    return (y, h[-1], c[-1]), pullback


class LSTM(RNN):
    """Layers of :func:`lstm`; each carries (h, c) on.

    They are used as those of :class:`~llmbook.rnn.rnn.RNN` are.  The bias of
    the forget gates begins at ``forget_bias``, so that a cell keeps what it has
    until it learns to forget; with ``rng=None`` too, where all else is zero.

    Source: Jozefowicz et al. (2015) for the bias.
    """

    rule = staticmethod(record(lstm))
    carried = 2
    blocks = 4

    def __init__(self, d_in, d_hidden, *, forget_bias=1.0, **how):
        super().__init__(d_in, d_hidden, **how)
        for layer in self.layers:
            layer["b"].data[d_hidden : 2 * d_hidden] = forget_bias
