"""Chapter 13: the gated recurrent unit, in its two definitions."""

from functools import partial

import numpy as np

from llmbook.feedforward.tape import record
from llmbook.rnn.rnn import RNN
from llmbook.rnn.sequences import chooser, fitting, or_zeros


def gru(x, h0, W_x, W_h, b_x, b_h, *, mask=None, reset_after=True):
    """Read a sequence.  (B, T, D), (B, H) -> (B, T, H), (B, H)

    Weights and biases are three blocks of H columns, in the order r, z, n.
    With u = x_t W_x + b_x and h = h_{t-1}, each step computes

        r = sigmoid(u_r + h W_r + b_r)
        z = sigmoid(u_z + h W_z + b_z)
        n = tanh(u_n + r (h W_n + b_n))

    with the blocks of W_h and b_h, and h_t = (1 - z) n + z h.  That resets
    after the product; with ``reset_after=False`` it is before,

        n = tanh(u_n + (r h) W_n + b_n)

    where b_h does nothing that b_x could not.  The values are all h_1 to h_T,
    and the last one once more.  Where ``mask`` (B, T) is False the state is
    carried on as it was, and the output is 0.  The pullback holds D + 5 H
    numbers for each step of a sequence.

    Raises:
        ValueError: the shapes do not fit, there is no step, or ``mask`` is not
            boolean.

    Source: Cho et al. (2014) for the reset before; PyTorch and cuDNN have it
    after.  Where z is the share of n, as in Chung et al. (2014), it is 1 - z.
    """
    x, h0, W_x, W_h, b_x, b_h = fitting(
        blocks=3, x=x, h0=h0, W_x=W_x, W_h=W_h, b_x=b_x, b_h=b_h
    )
    (B, T, D), H = x.shape, len(W_h)
    choose = chooser(mask, B, T)
    W_rz, W_n = W_h[:, : 2 * H].copy(), W_h[:, 2 * H :].copy()
    b_rz, b_n = b_h[: 2 * H], b_h[2 * H :]

    rows = x.swapaxes(0, 1).reshape(T * B, D)  # time first
    gates = (rows @ W_x + b_x).reshape(T, B, 3 * H)  # u, for all t
    rz = gates[..., : 2 * H]
    r, z, n = np.split(gates, 3, axis=-1)  # views (T, B, H)
    q = np.empty((T, B, H), gates.dtype)
    h = np.empty((T + 1, B, H), gates.dtype)
    h[0] = h0
    for t in range(T):
        rz[t] = (1 + np.tanh((rz[t] + h[t] @ W_rz + b_rz) / 2)) / 2
        q[t] = (h[t] if reset_after else r[t] * h[t]) @ W_n + b_n
        n[t] = np.tanh(n[t] + (r[t] * q[t] if reset_after else q[t]))
        h[t + 1] = choose(t, n[t] + z[t] * (h[t] - n[t]), h[t])
    y = choose(..., h[1:], 0).swapaxes(0, 1)  # (B, T, H)

    def pullback(dy, dh_T):
        dy = choose(..., or_zeros(dy, y).swapaxes(0, 1), 0)  # (T, B, H)
        dh = or_zeros(dh_T, h0)
        da = gates * (1 - gates)  # the slopes of sigmoid, for all t,
        da[..., 2 * H :] = 1 - n * n  # and of tanh
        da = choose(..., da, 0)
        da_rz, dq = da[..., : 2 * H], np.empty_like(q)
        da_r, da_z, da_n = np.split(da, 3, axis=-1)  # views (T, B, H)
        rz_back, n_back = W_rz.T.copy(), W_n.T.copy()
        for t in reversed(range(T)):
            dh = dh + dy[t]
            da_n[t] *= dh * (1 - z[t])
            dq[t] = da_n[t] * r[t] if reset_after else da_n[t]
            ds = dq[t] @ n_back  # of what W_n multiplied: h or r h
            da_r[t] *= da_n[t] * q[t] if reset_after else ds * h[t]
            da_z[t] *= dh * (h[t] - n[t])
            dh_t = ds if reset_after else ds * r[t]
            dh_t = dh_t + da_rz[t] @ rz_back + dh * z[t]
            dh = choose(t, dh_t, dh)
        da, dq = da.reshape(T * B, 3 * H), dq.reshape(T * B, H)
        dx = (da @ W_x.T).reshape(T, B, D).swapaxes(0, 1)
        da_rz = da[:, : 2 * H]
        s = h[:-1] if reset_after else r * h[:-1]
        dW_rz = h[:-1].reshape(T * B, H).T @ da_rz
        dW_h = np.hstack([dW_rz, s.reshape(T * B, H).T @ dq])
        db_h = np.hstack([da_rz.sum(axis=0), dq.sum(axis=0)])
        return dx, dh, rows.T @ da, dW_h, da.sum(axis=0), db_h

    return (y, h[-1]), pullback


class GRU(RNN):
    """Layers of :func:`gru`.  See :class:`~llmbook.rnn.rnn.RNN`.

    b_x and b_h are PyTorch's ``bias_ih_l0`` and ``bias_hh_l0``: after a reset
    that acts on one of them only, their sum does not tell all.
    """

    blocks = 3
    biases = ("b_x", "b_h")

    def __init__(self, d_in, d_hidden, *, reset_after=True, **how):
        super().__init__(d_in, d_hidden, **how)
        self.rule = partial(record(gru), reset_after=reset_after)
