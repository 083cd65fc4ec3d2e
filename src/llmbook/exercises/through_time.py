"""The checks of the exercises on backpropagation through time."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.rnn.rnn import rnn


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on backpropagation through time.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _reach(reach) -> None:
    """reach(y, W_h, g) -> lengths (T,) of the gradient by h_T, h_{T-1} ... h_1.

    y (T, H) are the states of one sequence, g (H,) the gradient by the last.
    """
    rng = np.random.default_rng(0)
    for T, H, size in [(5, 3, 0.7), (2, 4, 1.5), (1, 2, 1.0), (8, 5, 3.0)]:
        W_h = rng.standard_normal((H, H)) * size * H**-0.5
        x = rng.standard_normal((1, T, H))
        (y, _), _ = rnn(x, np.zeros((1, H)), np.eye(H), W_h, np.zeros(H))
        y = y[0]
        g = rng.standard_normal(H)
        given = y.copy(), W_h.copy(), g.copy()
        lengths = np.asarray(reach(*given))
        for before, after in zip((y, W_h, g), given, strict=True):
            demand(
                np.array_equal(before, after),
                "one of the arrays that your function was given has changed",
            )
        demand(
            lengths.shape == (T,),
            f"{T} states have {T} lengths, from lag 0 to lag {T - 1}; "
            f"you returned shape {lengths.shape}",
        )
        slopes = 1 - y**2
        right = _lengths(g, slopes, W_h.T)
        if T < 2 or np.allclose(lengths, right, rtol=1e-4):
            demand(
                np.allclose(lengths, right, rtol=1e-4),
                "the gradient by the last state is g itself",
            )
            continue
        wrong = {
            "the order is the other way round: lag 0 comes first": right[::-1],
            "W_h must be transposed: a gradient goes back by dh = da @ W_h.T": (
                _lengths(g, slopes, W_h)
            ),
            "the slopes 1 - h² of tanh are missing": (
                _lengths(g, np.ones_like(y), W_h.T)
            ),
            "h_T depends on the state before through the slope at h_T, not "
            "through the slope at the state before": (
                _lengths(g, np.roll(slopes, 1, axis=0), W_h.T)
            ),
            "these are squares: take the root": right**2,
        }
        for hint, lengths_of_it in wrong.items():
            if np.allclose(lengths, lengths_of_it, rtol=1e-4):
                raise WrongAnswer(hint)
        raise WrongAnswer(
            f"with T = {T} and H = {H} the lengths are {right.round(4)}; "
            f"you returned {lengths.round(4)}"
        )


def _lengths(g, slopes, back):
    lengths = [np.linalg.norm(g)]
    for slope in slopes[:0:-1]:
        g = (g * slope) @ back
        lengths.append(np.linalg.norm(g))
    return np.array(lengths)


def _segment(segment) -> None:
    """segment(T, kept, working) -> the whole number of steps with the least
    memory: kept numbers for each segment, working for each step of one.
    """
    cases = [(400, 64, 272), (400, 1, 1), (100, 1, 1), (37, 5, 2), (9, 100, 1)]
    cases += [(1, 3, 7), (1000, 1, 500), (64, 3, 3)]
    for T, kept, working in cases:
        S = segment(T, kept, working)
        demand(
            np.ndim(S) == 0 and S == int(S) and 1 <= S <= T,
            f"T = {T}: a segment has a whole number of steps from 1 to {T}; "
            f"you returned {S!r}",
        )
        costs = [_numbers(T, s, kept, working) for s in range(1, T + 1)]
        cost, least = costs[int(S) - 1], min(costs)
        demand(
            cost <= least,
            f"T = {T}, {kept} kept for each segment, {working} for each step: "
            f"with segments of {int(S)} there are {cost} numbers at once, and "
            f"{least} with segments of {costs.index(least) + 1}",
        )


def _numbers(T, S, kept, working):
    return -(-T // S) * kept + S * working


CHECKS = {"reach": _reach, "segment": _segment}
