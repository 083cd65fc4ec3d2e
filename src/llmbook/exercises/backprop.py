"""The checks of the exercises on backpropagation."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.math_foundations.calculus import check_pullback


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on backpropagation.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _leaky(rule) -> None:
    """rule(x, *, slope) -> x where it is positive, else slope x."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 5))
    x += 0.1 * np.sign(x)  # away from the corner
    y, pullback = rule(x.copy(), slope=0.1)
    demand(
        np.allclose(y, np.where(x > 0, x, 0.1 * x)), "the value is not right"
    )
    dy = rng.standard_normal(x.shape)
    received = dy.copy()
    gradients = pullback(received)
    demand(
        isinstance(gradients, tuple),
        "a pullback returns a tuple, one gradient for each argument",
    )
    demand(
        np.array_equal(received, dy),
        "your pullback writes into the gradient it was given: make a new array",
    )
    if np.allclose(gradients[0], dy * (x > 0)):
        raise WrongAnswer("nothing comes back on the left: the slope is there")
    if np.allclose(gradients[0], np.where(x > 0, 1, 0.1)):
        raise WrongAnswer(
            "that is the slope alone: multiply by the received gradient"
        )
    error = check_pullback(rule, x, rng=rng, slope=0.1)
    demand(error < 1e-7, f"the gradient check gives {error:.1e}")
    y, pullback = rule(x.astype(np.float32), slope=0.1)
    demand(
        y.dtype == pullback(y)[0].dtype == np.float32,
        "float32 went in and float64 came out: keep the dtype of x",
    )


def _bilinear(rule) -> None:
    """rule(u, W, v) -> y, y_n = sum_ij u_ni W_ij v_nj; (N,)."""
    rng = np.random.default_rng(0)
    N, D, F = 4, 3, 5
    u, W, v = (rng.standard_normal(s) for s in ((N, D), (D, F), (N, F)))
    y, pullback = rule(u, W, v)
    demand(np.shape(y) == (N,), f"y has shape {np.shape(y)}; it must be (N,)")
    right = ((u @ W) * v).sum(axis=1)
    demand(np.allclose(y, right), "the value is not u W v, row by row")
    dy = rng.standard_normal(N)
    gradients = pullback(dy)
    for name, array, g in zip("uWv", (u, W, v), gradients, strict=True):
        demand(
            np.shape(g) == array.shape,
            f"d{name} has shape {np.shape(g)}; it must be {array.shape}",
        )
    if np.allclose(gradients[1], u.T @ v):
        raise WrongAnswer("dW ignores dy: weigh each row's share by its dy")
    if np.allclose(gradients[1], (u * dy[:, None]).T @ v / N):
        raise WrongAnswer("dW is a mean over the rows; W is used by all: a sum")
    error = check_pullback(rule, u, W, v, rng=rng)
    demand(error < 1e-7, f"the gradient check gives {error:.1e}")


CHECKS = {
    "leaky": _leaky,
    "bilinear": _bilinear,
}
