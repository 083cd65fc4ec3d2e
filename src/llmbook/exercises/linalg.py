"""The checks of the exercises on vectors and matrices."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.math_foundations.linalg import cosine_similarity


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on vectors and matrices.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _outer_products(multiply) -> None:
    """multiply(A, B) -> A @ B, as a sum of outer products."""
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    C = np.asarray(multiply(A, B))
    demand(C.shape == (3, 2), f"(3, 4) times (4, 2) is (3, 2), not {C.shape}")
    if np.allclose(C, np.outer(A[:, -1], B[-1])):
        raise WrongAnswer("only the last outer product is left: add them up")
    if np.allclose(C, np.outer(A[:, 0], B[0])):
        raise WrongAnswer("only the first outer product is there: K of them")
    demand(
        np.allclose(C, A @ B),
        "wrong entries: pair column k of A with row k of B",
    )


def _nearest(nearest) -> None:
    """nearest(E, i, k) -> the k rows most similar to row i, best first."""
    rng = np.random.default_rng(0)
    E = rng.standard_normal((30, 4)) * rng.uniform(0.1, 10, (30, 1))
    found = list(map(int, nearest(E, 5, 6)))
    cosines = cosine_similarity(E[5:6], E)[0]
    right = [int(j) for j in np.argsort(-cosines) if j != 5][:6]
    demand(5 not in found, "row i itself is in your answer: leave it out")
    demand(len(found) == 6, f"asked for 6 rows, got {len(found)}")
    if found == [int(j) for j in np.argsort(cosines)][:6]:
        raise WrongAnswer("these are the least similar: sort the other way")
    if sorted(found) == sorted(right) and found != right:
        raise WrongAnswer("the right rows in another order: best first")
    dots = [int(j) for j in np.argsort(-(E @ E[5])) if j != 5][:6]
    if found == dots:
        raise WrongAnswer("long rows win: compare angles, not dot products")
    demand(found == right, f"expected {right}, got {found}")


def _power_iteration(top) -> None:
    """top(A, rng) -> (sigma, u, v), the largest singular value's triple."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((6, 4))  # sigma 1 and 2 lie close
    sigma, u, v = top(A, rng)
    demand(u.shape == (6,) and v.shape == (4,), "u has shape (M,), v (N,)")
    lengths = np.linalg.norm(u), np.linalg.norm(v)
    demand(np.allclose(lengths, 1), "u and v must have length 1: divide")
    expected = np.linalg.svd(A, compute_uv=False)[0]
    if np.isclose(sigma, expected**2):
        raise WrongAnswer("that is sigma squared: A.T @ A squares the values")
    demand(
        np.isclose(sigma, expected, rtol=1e-6),
        f"sigma is {sigma:.6f}, should be {expected:.6f}: iterate longer?",
    )
    paired = np.allclose(A @ v, sigma * u, atol=1e-4)
    demand(paired, "A v must be sigma u: does u point the way v does?")


CHECKS = {
    "outer-products": _outer_products,
    "nearest": _nearest,
    "power-iteration": _power_iteration,
}
