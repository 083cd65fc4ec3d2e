"""Chapter 10: backpropagation through time, step by step and cut short.

The gradient itself is the pullback of :func:`llmbook.rnn.rnn.rnn`.  Here are
its factors, what is left of it when it is truncated, and the same in less
memory.
"""

import numpy as np

from llmbook.rnn.rnn import rnn


def jacobians(y, W_h):
    """Differentiate each state by the one before.

    y (B, T, H) are the states h_1 to h_T, W_h (H, H) -> (B, T, H, H)

    Entry i, j of step t is ∂h_t[i]/∂h_{t-1}[j] = (1 - h_t[i]²) W_h[j, i]; the
    Jacobian is J_t = diag(1 - h_t²) W_hᵀ.  A gradient, which is a row, goes
    back by dh_{t-1} = dh_t J_t.

    Source: Pascanu et al. (2013).
    """
    return (1 - y * y)[..., None] * W_h.T


def chained(J):
    """Differentiate the last state by each one before: J_T J_{T-1} ... by lag.

    (B, T, H, H) -> (B, T + 1, H, H): at lag 0 the identity, at lag T the
    product of all T Jacobians.
    """
    B, T, H, _ = J.shape
    products = np.empty((B, T + 1, H, H), J.dtype)
    products[:, 0] = np.eye(H)
    for lag in range(T):
        products[:, lag + 1] = products[:, lag] @ J[:, T - 1 - lag]
    return products


def truncated(x, h0, W_x, W_h, b, dy, *, k):
    """Let the loss of each step go back through k steps, its own the first.

    The arguments of ``rnn``, and dy (B, T, H), how each step's loss changes
    with its state -> dW_x, dW_h, db.  With k = T they are those of ``rnn``.
    The losses of all steps go back together, k times.

    Raises:
        ValueError: ``k`` is below 1, or the shapes do not fit.
    """
    _at_least_one("k", k)
    (y, _), _ = rnn(x, h0, W_x, W_h, b)
    slopes, da = 1 - y * y, np.zeros_like(y)
    for _ in range(min(k, y.shape[1])):
        dh = dy.copy()
        dh[:, :-1] += da[:, 1:] @ W_h.T  # from the step after
        da = dh * slopes
    before = np.concatenate([h0[:, None], y[:, :-1]], axis=1)
    dW_x, dW_h = (
        np.tensordot(s, da, axes=((0, 1), (0, 1))) for s in (x, before)
    )
    return dW_x, dW_h, da.sum(axis=(0, 1))


def windowed(x, h0, W_x, W_h, b, dy, *, k):
    """Cut the steps into windows of k, which only the state crosses.

    As :func:`truncated`, but the loss of a window's first step goes back
    through that step alone, and only that of its last step through all k.

    Raises:
        ValueError: ``k`` is below 1, or the shapes do not fit.

    Source: Williams and Peng (1990), with as many steps back as forward.
    """
    _at_least_one("k", k)
    h, sums = h0, (0, 0, 0)
    for start in range(0, x.shape[1], k):
        steps = slice(start, start + k)
        (_, h), pullback = rnn(x[:, steps], h, W_x, W_h, b)
        _, _, *gradients = pullback(dy[:, steps], None)
        sums = tuple(s + g for s, g in zip(sums, gradients, strict=True))
    return sums


def checkpointed(x, h0, W_x, W_h, b, gradient, *, segment):
    """Backpropagate through all steps, but hold the states of one segment.

    The first pass keeps the state before each segment, T / segment of them; the
    second goes from the last segment to the first, computes its states again,
    and goes back through them.

    Args:
        x, h0, W_x, W_h, b: the arguments of ``rnn``.
        gradient: called with the states y (B, segment, H) of some steps, and
            the slice of these steps, it returns how the loss changes with y.
        segment: how many steps a segment has; the last one may have fewer.

    Returns:
        dh0, dW_x, dW_h, db, those of ``rnn``.

    Raises:
        ValueError: ``segment`` is below 1, or the shapes do not fit.

    Source: Chen et al. (2016).
    """
    _at_least_one("segment", segment)
    segments = [slice(t, t + segment) for t in range(0, x.shape[1], segment)]
    starts = [h0]
    for steps in segments[:-1]:
        (_, h_T), _ = rnn(x[:, steps], starts[-1], W_x, W_h, b)
        starts.append(h_T.copy())  # a view would keep all the states
        del h_T, _
    dh, sums = None, (0, 0, 0)
    for steps in reversed(segments):
        (y, _), pullback = rnn(x[:, steps], starts.pop(), W_x, W_h, b)
        _, dh, *gradients = pullback(gradient(y, steps), dh)
        sums = tuple(s + g for s, g in zip(sums, gradients, strict=True))
    return dh, *sums


def _at_least_one(name, value):
    if value < 1:
        raise ValueError(f"{name} is {value}; it must be at least 1")
