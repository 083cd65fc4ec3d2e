"""Planted wrong answers fail with the intended hint.  (The right ones are the solutions the chapters run.)"""

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.backprop import check


def leaky(change=lambda g, dy, x: (g,), value=1.0):
    def rule(x, *, slope):
        def pullback(dy):
            return change(np.where(x > 0, dy, slope * dy), dy, x)

        return value * np.where(x > 0, x, slope * x), pullback

    return rule


def written_into(g, dy, x):
    dy[x < 0] *= 0.1
    return (dy,)


def test_a_right_leaky_relu_passes():
    check("leaky", leaky())


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (leaky(value=2.0), "value is not right"),
        (leaky(lambda g, dy, x: g), "returns a tuple"),
        (leaky(written_into), "writes into the gradient"),
        (leaky(lambda g, dy, x: (dy * (x > 0),)), "nothing comes back on the left"),
        (leaky(lambda g, dy, x: (np.where(x > 0, 1, 0.1),)), "the slope alone"),
        (leaky(lambda g, dy, x: (dy,)), "the gradient check gives"),
        (leaky(lambda g, dy, x: (g.astype(float),)), "float64 came out"),
    ],
)
def test_wrong_leaky_relus_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("leaky", answer)


def bilinear(dW=None, du=None, value=lambda y: y):
    def rule(u, W, v):
        def pullback(dy):
            d = dy[:, None]
            right = (d * (v @ W.T), (d * u).T @ v, d * (u @ W))
            return (
                du(d, u, W, v) if du else right[0],
                dW(d, u, W, v) if dW else right[1],
                right[2],
            )

        return value(((u @ W) * v).sum(axis=1)), pullback

    return rule


def test_a_right_bilinear_rule_passes():
    check("bilinear", bilinear())


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (bilinear(value=lambda y: y[:, None]), r"y has shape \(4, 1\)"),
        (bilinear(value=lambda y: 2 * y), "not u W v"),
        (bilinear(dW=lambda d, u, W, v: v.T @ (d * u)), r"dW has shape \(5, 3\); it must be \(3, 5\)"),
        (bilinear(dW=lambda d, u, W, v: u.T @ v), "dW ignores dy"),
        (bilinear(dW=lambda d, u, W, v: (d * u).T @ v / 4), "dW is a mean"),
        (bilinear(du=lambda d, u, W, v: v @ W.T), "the gradient check gives"),
    ],
)
def test_wrong_bilinear_rules_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("bilinear", answer)
