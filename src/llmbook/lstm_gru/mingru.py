"""Chapter 14: a linear recurrence by a parallel scan, and minGRU made of it.

Where neither factor nor summand depends on a state, steps can be composed
before any state is known.
"""

import numpy as np

from llmbook.feedforward.activations import sigmoid
from llmbook.feedforward.layers import normal
from llmbook.feedforward.rules import linear
from llmbook.feedforward.tape import Tensor, record
from llmbook.math_foundations.arrays import as_floats
from llmbook.rnn.rnn import RNN
from llmbook.rnn.sequences import chooser, or_zeros


def linear_loop(a, b, h0):
    """Compute h_t = a_t h_{t-1} + b_t, one step after the other.

    (B, T, H) twice, (B, H) -> (B, T, H), all h_1 to h_T.

    Raises:
        ValueError: the shapes do not fit, or there is no step.
    """
    a, b, h = _recurrence(a, b, h0)
    steps = []
    for t in range(a.shape[1]):
        h = a[:, t] * h + b[:, t]
        steps.append(h)
    return np.stack(steps, axis=1)


def linear_scan(a, b, h0):
    """Compute what :func:`linear_loop` does, by a parallel scan.

    (B, T, H) twice, (B, H) -> (B, T, H)

    A scan takes about 2 log2(T) rounds over whole arrays, not T steps.  The
    gradient is a linear recurrence too, which runs backward,

        dh_t = dy_t + a_{t+1} dh_{t+1}

    so the pullback is a scan of reversed arrays; then da_t = dh_t h_{t-1}, and
    db_t = dh_t.

    Raises:
        ValueError: the shapes do not fit, or there is no step.

    Source: Blelloch (1990); Martin and Cundy (2018) for recurrent networks.
    """
    a, b, h0 = _recurrence(a, b, h0)
    a = a.swapaxes(0, 1)  # time first
    h = _scan(a, np.concatenate([h0[None], b.swapaxes(0, 1)]))  # h_0 to h_T

    def pullback(dy):
        dy = np.concatenate([np.zeros_like(h[:1]), dy.swapaxes(0, 1)])
        dh = _scan(a[::-1], dy[::-1])[::-1]  # of h_0 to h_T
        da, db = dh[1:] * h[:-1], dh[1:]
        return da.swapaxes(0, 1), db.swapaxes(0, 1), dh[0]

    return h[1:].swapaxes(0, 1), pullback


def _scan(a, b):
    """Compute h_t = a_t h_{t-1} + b_t from h_0 = b_0 on, time first.

    a_1 to a_T (T, ...), b_0 to b_T (T + 1, ...) -> h_0 to h_T (T + 1, ...)

    Two steps together are one of the same kind:
    h_{t+1} = (a_{t+1} a_t) h_{t-1} + (a_{t+1} b_t + b_{t+1}).  So the states of
    odd t are a recurrence half as long, and the others are a step away.
    """
    if len(b) == 1:
        return b
    h = np.empty_like(b)
    h[0] = b[0]
    h[1::2] = _scan(a[2::2] * a[1:-1:2], a[::2] * b[:-1:2] + b[1::2])
    h[2::2] = a[1::2] * h[1:-1:2] + b[2::2]
    return h


def min_gru(x, h0, W_x, b, *, mask=None):
    """Read a sequence.  (B, T, D), (B, H) -> (B, T, H), (B, H)

    Weights and biases are two blocks of H columns, in the order z, n.  With
    u = x_t W_x + b, each step computes

        z = sigmoid(u_z)
        n = u_n

    and h_t = (1 - z) n + z h_{t-1}: a GRU whose gate and candidate see the
    input only, which makes it a :func:`linear_scan`.  The values are all h_1 to
    h_T, and the last one once more.  Where ``mask`` (B, T) is False the state
    is carried on as it was, and the output is 0.

    Raises:
        ValueError: the shapes do not fit, there is no step, or ``mask`` is not
            boolean.

    Source: Feng et al. (2024), whose z is 1 - z here; the plain version, not
    the one in logarithms.
    """
    x, W_x = _sequence("x", x, "(B, T, D)"), as_floats(W_x, "W_x")
    (B, T, D), H = x.shape, np.atleast_1d(W_x).shape[-1] // 2
    h0, W_x, b = _fitting(
        f"x {x.shape}", h0=(h0, (B, H)), W_x=(W_x, (D, 2 * H)), b=(b, (2 * H,))
    )
    choose = chooser(mask, B, T)

    u, linear_back = linear(x.swapaxes(0, 1), W_x, b)  # time first
    z, n = sigmoid(u[..., :H])[0], u[..., H:]  # (T, B, H)
    kept, new = choose(..., z, 1), choose(..., (1 - z) * n, 0)
    h, scan_back = linear_scan(kept.swapaxes(0, 1), new.swapaxes(0, 1), h0)
    y = choose(..., h.swapaxes(0, 1), 0).swapaxes(0, 1)  # (B, T, H)

    def pullback(dy, dh_T):
        dh = choose(..., or_zeros(dy, y).swapaxes(0, 1), 0).copy()
        dh[-1] += or_zeros(dh_T, h0)
        *dsteps, dh0 = scan_back(dh.swapaxes(0, 1))
        dkept, dnew = (d.swapaxes(0, 1) for d in dsteps)  # (T, B, H)
        du = [(dkept - dnew * n) * z * (1 - z), dnew * (1 - z)]
        du = choose(..., np.concatenate(du, axis=-1), 0)
        dx, dW_x, db = linear_back(du)
        return dx.swapaxes(0, 1), dh0, dW_x, db

    return (y, h[:, -1]), pullback


class MinGRU(RNN):
    """Layers of :func:`min_gru`, which have no W_h.

    They are used as those of :class:`~llmbook.rnn.rnn.RNN` are.  The bias of
    the update gates begins at ``update_bias``: where the input says nothing,
    ``sigmoid(update_bias) ** n`` of a state is left after n steps.  With
    ``rng=None`` all else is zero.
    """

    rule = staticmethod(record(min_gru))
    blocks = 2

    def __init__(self, d_in, d_hidden, *, update_bias=0.0, **how):
        super().__init__(d_in, d_hidden, **how)
        for layer in self.layers:
            layer["b"].data[:d_hidden] = update_bias

    def layer(self, d_in, rng, dtype):
        F = self.blocks * self.d_hidden
        W_x = normal((d_in, F), rng=rng, std=d_in**-0.5, dtype=dtype)
        return {"W_x": Tensor(W_x), "b": Tensor(np.zeros(F, dtype))}

    def __call__(self, x, state=None, *, mask=None):
        if state is None:
            dtype = self.layers[0]["W_x"].dtype
            zeros = np.zeros((x.shape[0], self.d_hidden), dtype)
            state = [(zeros,)] * len(self.layers)
        return super().__call__(x, state, mask=mask)


def _recurrence(a, b, h0):
    a = _sequence("a", a, "(B, T, H)")
    B, _, H = a.shape
    return a, *_fitting(f"a {a.shape}", b=(b, a.shape), h0=(h0, (B, H)))


def _sequence(name, array, needed):
    array = as_floats(array, name)
    if array.ndim != 3 or array.shape[1] == 0:
        raise ValueError(
            f"{name} has shape {array.shape}; it needs {needed}, "
            "with one step at least"
        )
    return array


def _fitting(beside, **named):
    """Return each array as floats, if it has the shape named with it."""
    for name, (array, shape) in named.items():
        array = as_floats(array, name)
        if array.shape != shape:
            raise ValueError(
                f"{name} has shape {array.shape}; beside {beside} "
                f"it needs {shape}"
            )
        yield array
