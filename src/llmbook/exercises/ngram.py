"""The checks of the exercises on n-gram models."""

import numpy as np

from llmbook.exercises.answers import check_with, demand


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on n-gram models.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _witten_bell(smooth) -> None:
    """smooth(counts, lower) -> p, each (N, V): a smoothing for NGram."""
    counts = np.array([[3, 1, 0, 0], [0, 0, 0, 0], [0, 9, 0, 0]])
    lower = np.array([[0.1, 0.2, 0.3, 0.4]] * 3)
    with np.errstate(all="ignore"):
        p = np.asarray(smooth(counts, lower))
    demand(
        p.shape == counts.shape,
        f"p must have shape {counts.shape}; it has {p.shape}",
    )
    demand(
        np.isfinite(p[1]).all(),
        "a context never seen gives 0/0: there the shorter context must answer",
    )
    demand(
        np.allclose(p[1], lower[1]),
        "for a context never seen, p must be the shorter context's",
    )
    demand(
        (p[0, 2:] > 0).all(),
        "a symbol not seen after this context has probability 0: "
        "where is lower?",
    )
    demand(
        np.allclose(p.sum(-1), 1),
        f"the probabilities sum to {p.sum(-1).round(3)}, not to 1",
    )
    demand(
        np.allclose(p[0], (counts[0] + 2 * lower[0]) / 6),
        "the shorter context gets types / (total + types): "
        "2 of 6 parts in the first row, not its total",
    )
    demand(
        np.allclose(p[2], (counts[2] + lower[2]) / 10),
        "the number of types is counted in each row by itself",
    )


CHECKS = {
    "witten-bell": _witten_bell,
}
