"""Chapter 4: the rules that networks are made of; chapter 5 derives them.

Where an operation stretched an array by broadcasting, its pullback adds the
gradient up again over what was stretched.
"""

import numpy as np

from llmbook.math_foundations.arrays import as_floats, as_ids, as_pair


def add(a, b):
    """Add arrays whose shapes broadcast.  Both gradients are dy, summed up."""
    a, b = as_pair(a, b)

    def pullback(dy):
        return summed_to(a.shape, dy), summed_to(b.shape, dy)

    return a + b, pullback


def multiply(a, b):
    """Multiply arrays entry by entry; their shapes broadcast."""
    a, b = as_pair(a, b)

    def pullback(dy):
        return summed_to(a.shape, dy * b), summed_to(b.shape, dy * a)

    return a * b, pullback


def divide(a, b):
    """Divide arrays entry by entry; their shapes broadcast.

    da = dy / b and, since a / b is the quotient y, db = -dy y / b.
    """
    a, b = as_pair(a, b)
    y = a / b

    def pullback(dy):
        da = dy / b
        return summed_to(a.shape, da), summed_to(b.shape, -da * y)

    return y, pullback


def minimum(a, b):
    """Keep the smaller of two, entry by entry; their shapes broadcast.

    The smaller one gets the gradient; where both are equal, each gets half.
    """
    a, b = as_pair(a, b)

    def pullback(dy):
        da = np.where(a < b, dy, np.where(a == b, dy / 2, 0))
        return summed_to(a.shape, da), summed_to(b.shape, dy - da)

    return np.minimum(a, b), pullback


def matmul(a, b):
    """Multiply matrices.  (..., M, K), (..., K, N) -> (..., M, N)

    Axes before the last two broadcast.  da = dy b^T, db = a^T dy.

    Raises:
        ValueError: an argument has fewer than two axes, or the inner sizes
            differ.
    """
    a, b = as_pair(a, b)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(
            f"a is {a.shape} and b {b.shape}; need (..., M, K), (..., K, N)"
        )

    def pullback(dy):
        da = dy @ np.swapaxes(b, -1, -2)
        db = np.swapaxes(a, -1, -2) @ dy
        return summed_to(a.shape, da), summed_to(b.shape, db)

    return a @ b, pullback


def linear(x, W, b=None):
    """Apply a layer: x W + b.  (..., D), (D, F), (F,) -> (..., F)

    Without ``b`` nothing is added, and the pullback returns two gradients.

    Raises:
        ValueError: the shapes do not fit.
    """
    x, W = as_floats(x), as_floats(W, "W")
    b = None if b is None else as_floats(b, "b")
    fits = W.ndim == 2 and x.shape[-1:] == W.shape[:1]
    if not fits or (b is not None and b.shape != W.shape[1:]):
        raise ValueError(
            f"x is {x.shape}, W {W.shape} and b {getattr(b, 'shape', None)}; "
            "need (..., D), (D, F), (F,)"
        )
    rows = x.reshape(-1, len(W))  # (N, D)
    y = rows @ W
    if b is not None:
        y += b

    def pullback(dy):
        drows = dy.reshape(y.shape)  # (N, F)
        dx, dW = (drows @ W.T).reshape(x.shape), rows.T @ drows
        if b is None:
            return dx, dW
        return dx, dW, np.ones(len(drows), drows.dtype) @ drows

    return y.reshape(*x.shape[:-1], W.shape[1]), pullback


def exp(x):
    """Take the exponential, entry by entry; the gradient is dy exp(x)."""
    y = np.exp(as_floats(x))

    def pullback(dy):
        return (dy * y,)

    return y, pullback


def clip(x, *, low, high):
    """Replace what is below low by low, and what is above high by high.

    What was replaced gets no gradient; what lies on a limit keeps it.

    Raises:
        ValueError: ``low`` is above ``high``.
    """
    x = as_floats(x)
    if low > high:
        raise ValueError(f"low is {low}; it must not be above high, {high}")

    def pullback(dy):
        return (np.where((low <= x) & (x <= high), dy, 0),)

    return np.clip(x, low, high), pullback


def total(x, *, axis=None, mask=None):
    """Sum over an axis, by default over all; what counts gets dy.

    Args:
        axis: an axis or several; they are gone from the result.
        mask: True where an entry counts, in a shape that broadcasts to x's; by
            default all do.

    Raises:
        ValueError: ``mask`` is not boolean, or has another shape.
    """
    x = as_floats(x)
    counts = _counts(x, mask)

    def pullback(dy):
        dy = dy if axis is None else np.expand_dims(dy, axis)
        return (np.where(counts, np.full_like(x, dy), 0),)

    return np.where(counts, x, 0).sum(axis=axis), pullback


def mean(x, *, axis=None, mask=None):
    """Average over an axis, by default over all; see :func:`total`.

    An entry that counts gets dy / n, where n entries count.

    Raises:
        ValueError: ``mask`` is not boolean, has another shape, or counts
            nothing.
    """
    x = as_floats(x)
    n = _counts(x, mask).sum(axis=axis).astype(x.dtype)
    if not n.all():
        raise ValueError("no entry counts: the mean over them does not exist")
    sum_x, back_to_x = total(x, axis=axis, mask=mask)

    def pullback(dy):
        return back_to_x(dy / n)

    return sum_x / n, pullback


def center(x):
    """Subtract the mean over the last axis.  (..., D) -> (..., D)

    An entry moves its own output and, through the mean, all the others:
    dx = dy - mean(dy).
    """
    x = as_floats(x)

    def pullback(dy):
        return (dy - dy.mean(axis=-1, keepdims=True),)

    return x - x.mean(axis=-1, keepdims=True), pullback


def take(table, token_ids):
    """Look rows up: table[token_ids].  (V, D), (...) -> (..., D)

    The same as a product with one-hot rows.  A row looked up twice receives
    both gradients.

    Raises:
        ValueError: ids that are not integers in 0..V-1.
    """
    table = as_floats(table, "table")
    token_ids = as_ids(token_ids, len(table))

    def pullback(dy):
        order = np.argsort(token_ids, axis=None, kind="stable")
        found, first = np.unique(token_ids.ravel()[order], return_index=True)
        rows = dy.reshape(-1, *table.shape[1:])[order]  # equal ids together
        dtable = np.zeros_like(table)
        dtable[found] = np.add.reduceat(rows, first, axis=0)
        return dtable, None

    return table[token_ids], pullback


def reshape(x, *, shape):
    """Give the same numbers another shape; the gradient gets the old one."""
    x = as_floats(x)

    def pullback(dy):
        return (dy.reshape(x.shape),)

    return x.reshape(shape), pullback


def transpose(x, *, axes=None):
    """Reorder the axes, by default back to front.  (M, N) -> (N, M)

    ``axes`` lists the old place of each new axis; the gradient goes back.
    """
    x = as_floats(x)

    def pullback(dy):
        back = None if axes is None else np.argsort(np.mod(axes, x.ndim))
        return (dy.transpose(back),)

    return x.transpose(axes), pullback


def concatenate(*arrays, axis=-1):
    """Put arrays side by side along an axis; each gets its part of dy.

    (..., D), (..., E) -> (..., D + E)
    """
    arrays = tuple(map(as_floats, arrays))
    y = np.concatenate(arrays, axis=axis)

    def pullback(dy):
        ends = np.cumsum([a.shape[axis] for a in arrays])
        return tuple(np.split(dy, ends[:-1], axis=axis))

    return y, pullback


def _counts(x, mask):
    if mask is None:
        return np.ones(x.shape, dtype=bool)
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise ValueError(f"mask has dtype {mask.dtype}; it must be bool")
    return np.broadcast_to(mask, x.shape)


def summed_to(shape, dy):
    """Add a gradient up over the axes that broadcasting stretched."""
    if dy.shape == shape:
        return dy
    new = dy.ndim - len(shape)
    stretched = [
        new + i for i, n in enumerate(shape) if n == 1 and dy.shape[new + i] > 1
    ]
    dy = dy.sum(axis=(*range(new), *stretched), keepdims=True)
    return dy.reshape(shape)
