"""Chapter 2: derivatives, measured.

A derivative that was written by hand is checked against one that was measured.
:func:`numerical_gradient` measures a gradient entry by entry; :func:`check_pullback` measures along a few
random directions, which costs two evaluations a direction, however large the arrays are.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

CUBE_ROOT_EPS = float(np.cbrt(np.finfo(np.float64).eps))  # about 6e-6: the best step of a central difference


def numerical_gradient(f: Callable[[np.ndarray], Any], x: np.ndarray, h: float | None = None) -> np.ndarray:
    """Measure the gradient of a scalar function by central differences, one entry at a time.

    (f(x + h e_i) - f(x - h e_i)) / 2h for every entry i; shape of x -> shape of x, float64.

    Args:
        f: takes an array of the shape of ``x`` and returns a number.
        x: where to measure; it is copied to float64 and not written to.
        h: the step; by default the cube root of the float64 epsilon, times max(1, abs(x_i)).

    Raises:
        ValueError: ``h`` is not positive, or ``f`` returns something other than one number.

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
        above = np.asarray(f(x.copy()))
        x[i] = here - step
        below = np.asarray(f(x.copy()))
        x[i] = here
        if above.size != 1:
            raise ValueError(f"f returned shape {above.shape}; a gradient needs one number")
        gradient[i] = (above.item() - below.item()) / (2 * step)
    return gradient


def check_pullback(rule, *args, rng: np.random.Generator, n_directions: int = 4, **options) -> float:
    """Compare a rule's pullback with central differences along random directions.

    Draw a direction u for the float arguments and a gradient g for the outputs, both standard normal.
    Then <g, (rule(x + hu) - rule(x - hu)) / 2h> must equal <pullback(g), u>.
    The error is divided by the norm of pullback(g), the typical size of that number.

    Args:
        rule: ``rule(*args, **options) -> (value, pullback)``.
        args: arrays; float ones are moved to float64 and differentiated, integer and boolean ones stay.
        rng: draws the directions.
        n_directions: how many are tried.
        options: passed to the rule, never differentiated.

    Returns:
        The largest relative error; about 1e-10 for a right pullback, 0.01 to 2 for a wrong one.

    Raises:
        ValueError: the pullback returns another number of gradients than there are arguments,
            a gradient of another shape than its argument, or anything but None for an integer argument.
    """
    arrays = [np.asarray(a) for a in args]
    arrays = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]
    value, pullback = rule(*arrays, **options)
    worst = 0.0
    for _ in range(n_directions):
        directions = [rng.standard_normal(a.shape) if a.dtype.kind == "f" else None for a in arrays]
        dvalues = [rng.standard_normal(np.shape(v)) for v in _outputs(value)]
        gradients = pullback(*dvalues)
        _check_gradients(rule, arrays, gradients)

        def moved(step, directions=directions):
            moved_args = [a if u is None else a + step * u for a, u in zip(arrays, directions, strict=True)]
            return _outputs(rule(*moved_args, **options)[0])

        h = CUBE_ROOT_EPS
        above, below = moved(h), moved(-h)
        measured = sum(((a - b) * dv).sum() for a, b, dv in zip(above, below, dvalues, strict=True)) / (2 * h)
        pairs = [(g, u) for g, u in zip(gradients, directions, strict=True) if u is not None]
        claimed = sum((g * u).sum() for g, u in pairs)
        scale = max(np.sqrt(sum((g * g).sum() for g, _ in pairs)), abs(measured))
        if scale > 0 or not np.isfinite(scale):
            error = abs(measured - claimed) / scale
            worst = float("inf") if not np.isfinite(error) else max(worst, float(error))
    return worst


def _outputs(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _check_gradients(rule, arrays, gradients) -> None:
    name = getattr(rule, "__name__", "the rule")
    if not isinstance(gradients, tuple) or len(gradients) != len(arrays):
        got = f"{len(gradients)} gradients" if isinstance(gradients, tuple) else type(gradients).__name__
        raise ValueError(
            f"{name}: the pullback returned {got}; it needs a tuple of {len(arrays)}, one an argument"
        )
    for i, (a, g) in enumerate(zip(arrays, gradients, strict=True)):
        if a.dtype.kind != "f":
            if g is not None:
                raise ValueError(f"{name}: argument {i} has dtype {a.dtype}; its gradient must be None")
        elif np.shape(g) != a.shape:
            raise ValueError(
                f"{name}: argument {i} has shape {a.shape}; its gradient has shape {np.shape(g)}"
            )
