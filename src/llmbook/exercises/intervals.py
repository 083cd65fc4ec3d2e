"""The checks of the exercises on intervals for what was counted."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on intervals for what was counted.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _wilson(interval) -> None:
    """interval(k, n) -> (low, high): the shares not 1.96 errors from k / n."""
    z = 1.96
    for k, n in ((7, 10), (146, 200), (0, 5), (200, 200), (1, 30)):
        low, high = (float(end) for end in interval(k, n))
        share = k / n
        half = z * (share * (1 - share) / n) ** 0.5
        if np.allclose((low, high), (share - half, share + half)):
            raise WrongAnswer(
                f"for {k} of {n} that is k / n plus and minus 1.96 standard "
                "errors taken at k / n; they must be taken at the share itself"
            )
        demand(
            -1e-12 <= low < high <= 1 + 1e-12,
            f"{k} of {n} gives {low:.3f} to {high:.3f}; a share is in [0, 1]",
        )
        for end in (low, high):
            if min(end, 1 - end) < 1e-9 and k in (0, n):
                continue  # the end at the border, where the error is zero
            off = abs(share - end) / (end * (1 - end) / n) ** 0.5
            demand(
                np.isclose(off, z),
                f"for {k} of {n} the end {end:.3f} is {off:.2f} of its own "
                "standard errors from k / n, not 1.96",
            )


CHECKS = {
    "wilson": _wilson,
}
