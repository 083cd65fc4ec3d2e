"""Chapter 2: derivatives, measured.

A derivative that was written by hand is checked against one that was measured.
:func:`numerical_gradient` measures a gradient entry by entry;
:func:`check_pullback` measures along a few random directions, which costs two
evaluations per direction, however large the arrays are.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

# The best step of a central difference, about 6e-6.
CUBE_ROOT_EPS = float(np.cbrt(np.finfo(np.float64).eps))


def numerical_gradient(
    f: Callable[[np.ndarray], Any], x: np.ndarray, h: float | None = None
) -> np.ndarray:
    """Measure the gradient of a scalar function, one entry at a time.

    The central difference (f(x + h e_i) - f(x - h e_i)) / 2h for every entry i;
    shape of x -> shape of x, float64.

    Args:
        f: takes an array of the shape of ``x`` and returns a number.
        x: where to measure; it is copied to float64 and not written to.
        h: the step; by default the cube root of the float64 epsilon, times
            max(1, abs(x_i)).

    Raises:
        ValueError: ``h`` is not positive, or ``f`` returns something other than
            one number.

    Source: Press et al. (2007), section 5.7.
    """
    if h is not None and not h > 0:
        raise ValueError(f"h is {h}; a step must be positive")
    x = np.array(x, dtype=np.float64)
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        here = float(x[i])
        step = CUBE_ROOT_EPS * max(1.0, abs(here)) if h is None else h
        x[i] = here + step
        above = _one_number(f(x.copy()))
        x[i] = here - step
        below = _one_number(f(x.copy()))
        x[i] = here
        gradient[i] = (above - below) / (2 * step)
    return gradient


def _one_number(value) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ValueError(
            f"f returned a {type(value).__name__} of shape {array.shape}; "
            "a gradient needs one number"
        )
    return float(array.item())


@np.errstate(all="ignore")  # what is not finite gets an infinite error
def check_pullback(
    rule, *args, rng: np.random.Generator, n_directions: int = 4, **options
) -> float:
    """Compare a rule's pullback with central differences in random directions.

    Draw a direction u for the float arguments and a gradient g for the outputs,
    both standard normal.  Then <g, (rule(x + hu) - rule(x - hu)) / 2h> must
    equal <pullback(g), u>.  The error is divided by the norm of pullback(g),
    the typical size of that number, or by the measured number if it is larger.

    An entry x_i moves by h u_i max(1, abs(x_i)).  Where that is too far, as for
    a logarithm near zero, shorter steps are tried, each a thousandth of the
    last: a right pullback agrees at some step, and a wrong one at none.

    Args:
        rule: ``rule(*args, **options) -> (value, pullback)``.
        args: arrays; float ones are moved to float64 and differentiated,
            integer and boolean ones stay.
        rng: draws the directions.
        n_directions: how many are tried.
        options: passed to the rule, never differentiated.

    Returns:
        The largest relative error, about 1e-10 for a right pullback, and about
        p for one whose gradient is off by the share p of its length.

    Raises:
        ValueError: the pullback returns another number of gradients than there
            are arguments, a gradient of another shape than its argument, or
            anything but None for an integer argument; or, of several outputs,
            takes None for one that the loss does not use otherwise than zeros.
    """
    arrays = [np.asarray(a) for a in args]
    floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    for i in floats:
        arrays[i] = arrays[i].astype(np.float64)

    scales = [np.maximum(1, abs(arrays[i])) for i in floats]

    def outputs_at(step):  # at x + step u
        moved = list(arrays)
        for i, u_i in zip(floats, u, strict=True):
            moved[i] = arrays[i] + step * u_i
        return _outputs(rule(*moved, **options)[0])

    def error_at(h):
        pairs = zip(outputs_at(h), outputs_at(-h), strict=True)
        measured = _inner(g, [above - below for above, below in pairs]) / (
            2 * h
        )
        difference, scale = abs(measured - claimed), max(typical, abs(measured))
        if difference == 0:
            return 0.0
        return float(difference / scale) if np.isfinite(difference) else np.inf

    value, pullback = rule(*arrays, **options)
    worst = 0.0
    for _ in range(n_directions):
        u = [rng.standard_normal(s.shape) * s for s in scales]
        g = [rng.standard_normal(np.shape(v)) for v in _outputs(value)]
        gradients = pullback(*g)
        _check_gradients(rule, arrays, gradients)
        if len(g) > 1:
            _check_unused(rule, pullback, g)
        pulled = [gradients[i] for i in floats]
        claimed = _inner(pulled, u)
        by_entry = [dx * s for dx, s in zip(pulled, scales, strict=True)]
        typical = np.sqrt(_inner(by_entry, by_entry))
        error = error_at(CUBE_ROOT_EPS)
        for part in (1e-3, 1e-6, 1e-9):
            if error > 1e-8:
                error = min(error, error_at(CUBE_ROOT_EPS * part))
        worst = max(worst, error)
    return worst


def _check_unused(rule, pullback, received) -> None:
    """Let the loss use one output alone: None for the others means zeros."""
    for used, g in enumerate(received):
        nones = [None] * len(received)
        zeros = [np.zeros_like(other) for other in received]
        nones[used] = zeros[used] = g
        try:
            pairs = zip(pullback(*nones), pullback(*zeros), strict=True)
            right = all(np.array_equal(a, b) for a, b in pairs if b is not None)
        except TypeError:  # arithmetic with None
            right = False
        if not right:
            raise ValueError(
                f"{getattr(rule, '__name__', 'the rule')}: if only output "
                f"{used} is used, the pullback gets None for the others and "
                "must take it for zeros"
            )


def _inner(xs, ys):
    """Sum <x, y> over pairs of arrays."""
    return sum((x * y).sum() for x, y in zip(xs, ys, strict=True))


def _outputs(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _check_gradients(rule, arrays, gradients) -> None:
    name = getattr(rule, "__name__", "the rule")
    type_name = type(gradients).__name__
    is_tuple = isinstance(gradients, tuple)
    if not is_tuple or len(gradients) != len(arrays):
        got = f"{len(gradients)} gradients" if is_tuple else type_name
        raise ValueError(
            f"{name}: the pullback returned {got}; "
            f"it needs a tuple of {len(arrays)}, one per argument"
        )
    for i, (a, g) in enumerate(zip(arrays, gradients, strict=True)):
        if a.dtype.kind != "f":
            if g is not None:
                raise ValueError(
                    f"{name}: argument {i} has dtype {a.dtype}; "
                    "its gradient must be None"
                )
        elif np.shape(g) != a.shape:
            raise ValueError(
                f"{name}: argument {i} has shape {a.shape}; "
                f"its gradient has shape {np.shape(g)}"
            )
