"""Chapter 10: what the rules that read a whole sequence have in common."""

import numpy as np

from llmbook.math_foundations.arrays import as_floats


def fitting(*, blocks=1, **arrays):
    """Return a recurrence's arguments as floats, if their shapes fit.

    ``x`` needs (B, T, D), a state (B, H), ``W_x`` (D, F), ``W_h`` (H, F) and a
    bias (F,), where F = ``blocks`` H: a block of H columns for each gate.

    Raises:
        ValueError: one has another shape, or there is no step.
    """
    arrays = {name: as_floats(array, name) for name, array in arrays.items()}
    x, W_h = arrays["x"], np.atleast_1d(arrays["W_h"])
    if x.ndim != 3 or x.shape[1] == 0:
        raise ValueError(
            f"x has shape {x.shape}; it needs (B, T, D), with one step at least"
        )
    B, _, D = x.shape
    H, F = len(W_h), blocks * len(W_h)
    needed = {"x": x.shape, "W_x": (D, F), "W_h": (H, F)}
    needed |= dict.fromkeys(("h0", "c0"), (B, H))
    needed |= dict.fromkeys(("b", "b_x", "b_h"), (F,))
    for name, array in arrays.items():
        if array.shape != needed[name]:
            raise ValueError(
                f"{name} has shape {array.shape}; beside x {x.shape} and "
                f"W_h {W_h.shape} it needs {needed[name]}"
            )
    return arrays.values()


def chooser(mask, B, T):
    """Return ``choose(t, new, old)``: the new where step t counts, or the old.

    Where ``mask`` (B, T) is False a step does not count, so that a state is
    carried past it; by default all count.  With ``...`` as t, ``new`` has all
    steps, time first: (T, B, H).

    Raises:
        ValueError: ``mask`` is not boolean, or has another shape.
    """
    if mask is None:
        return lambda t, new, old: new
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape != (B, T):
        raise ValueError(
            f"mask is {mask.dtype} of shape {mask.shape}; "
            f"it must be bool of shape {(B, T)}"
        )
    counts = mask.T[..., None]  # (T, B, 1)
    return lambda t, new, old: np.where(counts[t], new, old)


def or_zeros(gradient, value):
    """Take the gradient of a value that the loss does not use for zeros."""
    return np.zeros_like(value) if gradient is None else gradient
