"""What the checks of all topics share."""

from collections.abc import Callable, Mapping

import numpy as np


class WrongAnswer(AssertionError):
    """An answer that lacks a property.

    The message says which, and what to look for.
    """


def demand(kept, hint: str) -> None:
    """Raise WrongAnswer with a hint unless a property is kept."""
    if not kept:
        raise WrongAnswer(hint)


def called(answer, *given):
    """Call an answer with copies, and see that it writes into none."""
    copies = [array.copy() for array in given]
    got = answer(*copies)
    demand(
        all(map(np.array_equal, given, copies)),
        "an argument was written into; whoever goes on with it would lose it",
    )
    return got


def shaped(arrays, *shapes):
    """Return as floats what an answer returned, if it has these shapes."""
    arrays = [np.asarray(array, dtype=float) for array in arrays]
    got = [array.shape for array in arrays]
    demand(
        got == list(shapes),
        f"what you return must have shape {' and '.join(map(str, shapes))}; "
        f"it has {' and '.join(map(str, got))}",
    )
    return arrays


def check_with(checks: Mapping[str, Callable], exercise: str, answer) -> None:
    """Run the check of an exercise on an answer, and say so when it passes.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property.
    """
    if exercise not in checks:
        raise ValueError(
            f"there is no exercise {exercise!r} with a check; "
            f"there are: {', '.join(checks)}"
        )
    try:
        checks[exercise](answer)
    except WrongAnswer:
        raise
    except Exception as error:
        raise WrongAnswer(
            f"your answer, or using what it returned, stopped with "
            f"{type(error).__name__}: {error}"
        ) from error
    print(f"{exercise}: right.")
