"""Right answers written differently pass; planted wrong ones fail with the intended hint."""

import math

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.through_time import check
from llmbook.rnn.through_time import chained, jacobians


def reach(transpose=True, slopes=lambda y: 1 - y**2, shift=0, power=1, order=1):
    def answer(y, W_h, g):
        lengths, s = [np.linalg.norm(g)], np.roll(slopes(y), shift, axis=0)
        for t in range(len(y) - 1, 0, -1):
            g = (g * s[t]) @ (W_h.T if transpose else W_h)
            lengths.append(np.linalg.norm(g))
        return [length**power for length in lengths][::order]

    return answer


def by_products(y, W_h, g):
    gradients = g @ chained(jacobians(y[None], W_h))[0, : len(y)]
    return np.sqrt((gradients**2).sum(axis=-1))


def in_float32(y, W_h, g):
    return np.asarray(reach()(*(a.astype(np.float32) for a in (y, W_h, g))))


def by_columns(y, W_h, g):
    lengths = (math.sqrt(g @ g),)
    for h in reversed(y[1:]):
        g = W_h @ (g - g * h * h)
        lengths += (math.sqrt(g @ g),)
    return lengths


def writes(y, W_h, g):
    lengths = [np.linalg.norm(g)]
    for h in y[:0:-1]:
        g *= 1 - h**2
        g[:] = g @ W_h.T
        lengths.append(np.linalg.norm(g))
    return lengths


@pytest.mark.parametrize("answer", [reach(), by_products, in_float32, by_columns])
def test_right_reaches_pass(answer):
    check("reach", answer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (writes, "has changed"),
        (lambda y, W_h, g: [*reach()(y, W_h, g), 0.0], r"returned shape \(6,\)"),
        (reach(order=-1), "lag 0 comes first"),
        (reach(transpose=False), "must be transposed"),
        (reach(slopes=np.ones_like), "slopes 1 - h² of tanh are missing"),
        (reach(shift=1), "not through the slope at the state before"),
        (reach(power=2), "take the root"),
        (reach(slopes=lambda y: 1 - y), "with T = 5 and H = 3"),
        (lambda y, W_h, g: None, "returned shape"),
        (lambda y, W_h, g: reach()(y, W_h, g) if len(y) > 1 else [0.0], "is g itself"),
        (lambda y, W_h, g: y @ g @ W_h, "stopped with ValueError"),
    ],
)
def test_wrong_reaches_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("reach", answer)


def numbers(T, S, kept, working):
    return math.ceil(T / S) * kept + S * working


def by_trying(T, kept, working):
    return min(range(1, T + 1), key=lambda S: numbers(T, S, kept, working))


def by_array(T, kept, working):
    S = np.arange(1, T + 1)
    return 1 + np.argmin(np.ceil(T / S) * kept + S * working)


def by_number_of_segments(T, kept, working):
    return min((-(-T // n) for n in range(T, 0, -1)), key=lambda S: numbers(T, S, kept, working))


@pytest.mark.parametrize("answer", [by_trying, by_array, by_number_of_segments])
def test_right_segments_pass(answer):
    check("segment", answer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda T, kept, working: math.isqrt(T), "segments of 20"),
        (lambda T, kept, working: math.sqrt(T * kept / working), "whole number"),
        (lambda T, kept, working: round(math.sqrt(T * working / kept)), "segments of 41"),
        (lambda T, kept, working: T, "segments of 400"),
        (lambda T, kept, working: 0, "from 1 to 400"),
        (lambda T, kept, working: [1], "whole number"),
    ],
)
def test_wrong_segments_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("segment", answer)


def test_unknown_exercises_are_named():
    with pytest.raises(ValueError, match="there are: reach, segment"):
        check("no such", None)
