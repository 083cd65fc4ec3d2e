"""Planted wrong answers fail with the intended hint.  (The right ones are the solutions the chapters run.)"""

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.derivatives import check
from llmbook.math_foundations.scalar import Scalar


def sine(x, derivative=np.cos, sources=True):
    return Scalar(np.sin(x.value), ((x, derivative(x.value)),) if sources else ())


def dual(tangent_of_sum=lambda a, b: a.tangent + b.tangent, tangent_of_product=None, value=lambda v: v):
    class Dual:
        def __init__(self, v, tangent):
            self.value, self.tangent = value(v), tangent

        def __add__(self, other):
            return Dual(self.value + other.value, tangent_of_sum(self, other))

        def __mul__(self, other):
            rule = tangent_of_product or (lambda a, b: a.tangent * b.value + a.value * b.tangent)
            return Dual(self.value * other.value, rule(self, other))

    return Dual


@pytest.mark.parametrize(("exercise", "answer"), {"sine": sine, "dual": dual()}.items())
def test_right_answers_pass(exercise, answer):
    check(exercise, answer)


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        ("sine", lambda x: np.sin(x.value), "a Scalar must come out"),
        ("sine", lambda x: sine(x * 1.1), "not the sine"),
        ("sine", lambda x: sine(x, derivative=np.sin), "is the cosine"),
        ("sine", lambda x: sine(x, derivative=lambda v: -np.cos(v)), "the sign"),
        ("sine", lambda x: sine(x, sources=False), "nothing came back"),
        ("sine", lambda x: sine(x, derivative=lambda v: 3.0), "came out as 6"),
        ("dual", dual(value=lambda v: 2 * v), "values must add"),
        ("dual", dual(tangent_of_sum=lambda a, b: a.tangent), "the sum of the tangents"),
        (
            "dual",
            dual(tangent_of_product=lambda a, b: a.tangent * b.tangent),
            "not the product of the tangents",
        ),
        ("dual", dual(tangent_of_product=lambda a, b: a.tangent * b.value), "has two terms"),
        (
            "dual",
            dual(tangent_of_product=lambda a, b: 22 if a.value == 2 else a.tangent * b.value),
            "at 3 has the tangent 27",
        ),
    ],
)
def test_wrong_answers_get_the_intended_hint(exercise, answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check(exercise, answer)
