"""Chapter 4: the rules that networks are made of; chapter 5 derives them.

Where an operation stretched an array by broadcasting, its pullback adds the
gradient up again over what was stretched.
"""

import numpy as np


def add(a, b):
    """Add arrays whose shapes broadcast.  Both gradients are dy, summed up."""

    def pullback(dy):
        return summed_to(a.shape, dy), summed_to(b.shape, dy)

    return a + b, pullback


def multiply(a, b):
    """Multiply arrays entry by entry; their shapes broadcast."""

    def pullback(dy):
        return summed_to(a.shape, dy * b), summed_to(b.shape, dy * a)

    return a * b, pullback


def matmul(a, b):
    """Multiply matrices.  (..., M, K), (..., K, N) -> (..., M, N)

    Axes before the last two broadcast.  da = dy b^T, db = a^T dy.

    Raises:
        ValueError: an argument has fewer than two axes, or the inner sizes
            differ.
    """
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


def center(x):
    """Subtract the mean over the last axis.  (..., D) -> (..., D)

    An entry moves its own output and, through the mean, all the others:
    dx = dy - mean(dy).
    """

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
    V = len(table)
    if token_ids.dtype.kind not in "iu":
        raise ValueError(
            f"token_ids have dtype {token_ids.dtype}; they must be integers"
        )
    if token_ids.size and (token_ids.min() < 0 or token_ids.max() >= V):
        raise ValueError(
            f"token_ids run from {token_ids.min()} to {token_ids.max()}; "
            f"they must lie in 0..{V - 1}"
        )

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

    def pullback(dy):
        return (dy.reshape(x.shape),)

    return x.reshape(shape), pullback


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
