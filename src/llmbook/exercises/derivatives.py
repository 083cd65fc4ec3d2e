"""The checks of the exercises on derivatives."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.math_foundations.scalar import Scalar


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on derivatives.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _sine(sine) -> None:
    """sine(x) -> a Scalar, for a Scalar x."""
    x = Scalar(0.8)
    y = sine(x * 2.0)
    demand(isinstance(y, Scalar), f"a Scalar must come out, not {type(y)}")
    demand(np.isclose(y.value, np.sin(1.6)), "the value is not the sine")
    y.backward()
    if np.isclose(x.grad, 2 * np.sin(1.6)):
        raise WrongAnswer("the derivative of the sine is the cosine")
    if np.isclose(x.grad, -2 * np.cos(1.6)):
        raise WrongAnswer("the sign: sine rises where the cosine is positive")
    if x.grad == 0:
        raise WrongAnswer("nothing came back: name x among the sources")
    right = np.isclose(x.grad, 2 * np.cos(1.6))
    demand(right, f"the derivative of sin(2x) came out as {x.grad:.6f}")


def _dual(Dual) -> None:
    """Dual(value, tangent) with + and *: forward mode."""

    def tangent(f, *at, direction):
        duals = [Dual(v, t) for v, t in zip(at, direction, strict=True)]
        return f(*duals).tangent

    def product(x, y):
        return x * y

    total = Dual(2.0, 1.0) + Dual(3.0, 0.0)
    demand(total.value == 5, "the values must add as numbers do")
    demand(
        tangent(lambda x, y: x + y, 2.0, 3.0, direction=(1.0, 10.0)) == 11,
        "the tangent of a sum is the sum of the tangents",
    )
    if tangent(product, 2.0, 3.0, direction=(4.0, 5.0)) == 20:
        raise WrongAnswer(
            "the tangent of a product is not the product of the tangents"
        )
    demand(
        tangent(product, 2.0, 3.0, direction=(4.0, 5.0)) == 22,
        "the product rule has two terms: each tangent times the other value",
    )
    cube = tangent(lambda x: x * x * x, 3.0, direction=(1.0,))
    demand(cube == 27, f"x * x * x at 3 has the tangent 27, not {cube}")


CHECKS = {
    "sine": _sine,
    "dual": _dual,
}
