"""Chapter 8: schedules, which say how the learning rate changes.

Each function returns another, from the number of a step, counted from 1, to the
factor by which the learning rate is multiplied at that step.
"""

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def constant() -> Schedule:
    """Keep the learning rate."""
    return lambda step: 1.0


def warmup_cosine(warmup: int, steps: int, *, floor: float = 0.0) -> Schedule:
    """Rise to 1 in a straight line, then fall along a cosine to the floor.

    The factor is 1 at step ``warmup``, and ``floor`` from step ``steps`` on.

    Raises:
        ValueError: ``warmup`` is not in [0, steps), or ``floor`` not in [0, 1].

    Source: Loshchilov and Hutter (2017), eq. 5, without restarts.
    """
    if not 0 <= warmup < steps:
        raise ValueError(f"warmup is {warmup}; it must be in [0, {steps})")
    if not 0 <= floor <= 1:
        raise ValueError(f"floor is {floor}; it must be in [0, 1]")

    def factor(step):
        if step < warmup:
            return step / warmup
        done = min(1.0, (step - warmup) / (steps - warmup))
        return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2

    return factor


def warmup_inverse_sqrt(warmup: int) -> Schedule:
    """Rise to 1 in a straight line, then fall as one over the square root.

    With the learning rate 1 / √(d_model warmup), the peak, this is
    d_model^-½ min(t^-½, t warmup^-1½) at step t.

    Raises:
        ValueError: ``warmup`` is not positive.

    Source: Vaswani et al. (2017), eq. 3.
    """
    if warmup < 1:
        raise ValueError(f"warmup is {warmup}; it must be at least 1")
    return lambda step: min((warmup / max(step, 1)) ** 0.5, step / warmup)
