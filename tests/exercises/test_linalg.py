"""Planted wrong answers fail with the intended hint.  (The right ones are the solutions the chapters run.)"""

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.linalg import check
from llmbook.math_foundations.linalg import cosine_similarity


def outer_products(A, B):
    return sum(np.outer(A[:, k], B[k]) for k in range(len(B)))


def nearest(E, i, k):
    cosines = cosine_similarity(E[i : i + 1], E)[0]
    cosines[i] = -np.inf
    return np.argsort(-cosines)[:k]


def power_iteration(A, rng, steps=200, scale=1.0, turn=1.0, power=1):
    v = rng.standard_normal(A.shape[1])
    for _ in range(steps):
        v = A.T @ (A @ v)
        v /= np.linalg.norm(v)
    sigma = np.linalg.norm(A @ v)
    return sigma**power, scale * A @ v / sigma, turn * v


@pytest.mark.parametrize(
    ("exercise", "answer"),
    {"outer-products": outer_products, "nearest": nearest, "power-iteration": power_iteration}.items(),
)
def test_right_answers_pass(exercise, answer):
    check(exercise, answer)


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        ("outer-products", lambda A, B: (A @ B).T, r"is \(3, 2\), not \(2, 3\)"),
        ("outer-products", lambda A, B: np.outer(A[:, -1], B[-1]), "only the last"),
        ("outer-products", lambda A, B: np.outer(A[:, 0], B[0]), "only the first"),
        ("outer-products", lambda A, B: A[:, ::-1] @ B, "pair column k of A with row k"),
        ("nearest", lambda E, i, k: np.argsort(-cosine_similarity(E[i : i + 1], E)[0])[:k], "row i itself"),
        ("nearest", lambda E, i, k: nearest(E, i, k - 1), "asked for 6 rows, got 5"),
        (
            "nearest",
            lambda E, i, k: np.argsort(cosine_similarity(E[i : i + 1], E)[0])[:k],
            "the least similar",
        ),
        ("nearest", lambda E, i, k: nearest(E, i, k)[::-1], "in another order"),
        ("nearest", lambda E, i, k: [j for j in np.argsort(-(E @ E[i])) if j != i][:k], "long rows win"),
        ("nearest", lambda E, i, k: nearest(E, i, k + 1)[1:], "expected"),
        ("power-iteration", lambda A, rng: power_iteration(A.T, rng), "u has shape"),
        ("power-iteration", lambda A, rng: power_iteration(A, rng, scale=2.0), "length 1"),
        ("power-iteration", lambda A, rng: power_iteration(A, rng, power=2), "sigma squared"),
        ("power-iteration", lambda A, rng: power_iteration(A, rng, steps=3), "iterate longer"),
        ("power-iteration", lambda A, rng: power_iteration(A, rng, steps=0), "iterate longer|length 1"),
        ("power-iteration", lambda A, rng: power_iteration(A, rng, turn=-1.0), "point the way v does"),
    ],
)
def test_wrong_answers_get_the_intended_hint(exercise, answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check(exercise, answer)
