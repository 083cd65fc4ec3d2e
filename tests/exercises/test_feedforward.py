"""Planted wrong answers fail with the intended hint.  (The right ones are the solutions the chapters run.)"""

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.feedforward import check


def gates(W1, b1, W2, b2=(0.0,)):
    return tuple(np.array(a, dtype=float) for a in (W1, b1, W2, b2))


RIGHT = gates([[1, 1], [1, 1]], [0, -1], [[1], [-2]])


def test_a_right_gate_passes():
    check("gates", RIGHT)
    check("gates", gates([[1, -1], [-1, 1]], [0, 0], [[1], [1]]))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (RIGHT[:3], "four arrays"),
        ((*RIGHT[:3], np.zeros(())), r"b2 has shape \(\); with 2 units it needs \(1,\)"),
        (gates([[1, 1, 0], [1, 1, 0]], [0, -1, 0], [[1], [-2], [0]]), "two units are enough; you have 3"),
        (gates([[1], [1]], [0], [[1]]), "that is the sum"),
        (gates([[1, 1], [1, 1]], [0, -1], [[1], [-1]]), "that is 'or'"),
        (gates([[1], [1]], [-1], [[1]]), "that is 'and'"),
        (gates([[1, 1], [1, 1]], [0, -1], [[-1], [2]], [1]), "the opposite"),
        (gates([[1, 1], [1, 1]], [0, -1], [[1], [-3]]), r"\[1\. 1\.\] gives -1, should give 0"),
    ],
)
def test_wrong_gates_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("gates", answer)


def hinges(slopes=lambda v, k: np.diff(v) / np.diff(k), change=True, bias=True, units=None):
    def answer(knots, values):
        weights = slopes(values, knots)
        if change:
            weights = np.diff(weights, prepend=0.0)
        W1, b1 = np.ones((1, len(weights))), -knots[:-1]
        return W1[:, :units], b1[:units], weights[:units, None], values[:1] * bias

    return answer


def test_right_hinges_pass():
    check("hinges", hinges())


def backwards(knots, values):
    """Every hinge opens to the left, which meets the points but not the first piece."""
    W1, b1, W2, b2 = hinges()(knots, values)
    return W1, b1, -W2, b2


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (hinges(bias=False), "where is the bias"),
        (hinges(change=False), "each must bring the change of slope"),
        (hinges(slopes=lambda v, k: np.diff(v)), "divide by the distance"),
        (hinges(units=5), "7 knots need 6 hinges; you have 5"),
        (backwards, "at the knots"),
    ],
)
def test_wrong_hinges_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("hinges", answer)


def parity(n, *, tail=2.0, units=0, flip=False):
    weights = np.array([1.0] + [(-1) ** k * tail for k in range(1, n + units)])
    W1, b1 = np.ones((n, len(weights))), -np.arange(len(weights), dtype=float)
    return W1, b1, (-weights if flip else weights)[:, None], np.ones(1) * flip


def test_a_right_parity_passes():
    check("parity", parity)


def two_hinges(n):
    _, b1, W2, b2 = parity(2)
    return np.ones((n, 2)), b1, W2, b2


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda n: parity(n, units=1), "2 bits need 2 units; you have 3"),
        (lambda n: parity(n, flip=True), "number of ones is even"),
        (lambda n: parity(n, tail=1.0), r"\[1\. 1\.\] gives 1, not 0"),
        (two_hinges, "the zigzag must turn again"),
    ],
)
def test_wrong_parities_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("parity", answer)
