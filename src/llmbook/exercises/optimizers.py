"""The checks of the exercises on optimizers."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.optimization.optimizers import Adam, clip_by_global_norm


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on optimizers.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _adam(step) -> None:
    """step(p, g, m, v, t, *, lr, beta1, beta2, eps) -> (p, m, v)."""
    rng = np.random.default_rng(0)
    settings = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 0.01}
    p = start = rng.standard_normal(5)
    m, v = np.zeros(5), np.zeros(5)
    library = Adam(0.1, betas=(0.9, 0.99), eps=0.01)
    theirs = {"p": start.copy()}
    for t in range(1, 6):
        g = rng.standard_normal(5)
        received = g.copy()
        new = step(p.copy(), received, m.copy(), v.copy(), t, **settings)
        demand(
            isinstance(new, tuple) and len(new) == 3,
            "three arrays are needed: (p, m, v)",
        )
        demand(np.array_equal(received, g), "your step writes into g")
        library.step(theirs, {"p": g})
        right_m, right_v = library.kept["m.p"], library.kept["v.p"]
        moved, m_new, v_new = (np.asarray(a, dtype=float) for a in new)
        if np.allclose(v_new, 0.99 * v + 0.01 * g):
            raise WrongAnswer("v averages the square of g, not g")
        if np.allclose(m_new, right_m / (1 - 0.9**t)):
            raise WrongAnswer(
                "keep m as it is, and correct a copy: what you return is "
                "averaged again at the next step"
            )
        demand(np.allclose(m_new, right_m), f"m is wrong at step {t}")
        demand(np.allclose(v_new, right_v), f"v is wrong at step {t}")
        m_hat, v_hat = m_new / (1 - 0.9**t), v_new / (1 - 0.99**t)
        for wrong, hint in (
            (
                m_new / (np.sqrt(v_new) + 0.01),
                "neither average is corrected for having begun at zero",
            ),
            (
                m_hat / np.sqrt(v_hat + 0.01),
                "eps stands outside the root in this book's Adam",
            ),
            (
                m_hat / (v_hat + 0.01),
                "divide by the root of v, which has the size of g",
            ),
            (
                -m_hat / (np.sqrt(v_hat) + 0.01),
                "that goes uphill: subtract the step",
            ),
        ):
            demand(not np.allclose(moved, p - 0.1 * wrong), hint)
        demand(np.allclose(moved, theirs["p"]), f"p is wrong at step {t}")
        p, m, v = moved, m_new, v_new


def _clip(clip) -> None:
    """clip(grads, max_norm) -> the grads, shortened together."""
    rng = np.random.default_rng(0)
    grads = {"W": 3 * rng.standard_normal((3, 4)), "b": rng.standard_normal(4)}
    received = {name: g.copy() for name, g in grads.items()}
    clipped = clip(received, 1.0)
    demand(
        isinstance(clipped, dict) and clipped.keys() == grads.keys(),
        f"a dictionary with the names {sorted(grads)} is needed",
    )
    demand(
        all(np.array_equal(received[name], g) for name, g in grads.items()),
        "your answer writes into the gradients: make new arrays",
    )
    alone = {n: g / np.linalg.norm(g) for n, g in grads.items()}
    cut = {n: np.clip(g, -1, 1) for n, g in grads.items()}
    norms = sum(np.linalg.norm(g) for g in grads.values())
    summed = {n: g / norms for n, g in grads.items()}
    for wrong, hint in (
        (
            alone,
            "each array has its own factor, so the direction changes: "
            "measure one norm over all",
        ),
        (cut, "that cuts entries, and changes the direction"),
        (summed, "norms do not add up; their squares do"),
    ):
        demand(not _same(clipped, wrong), hint)
    right, _ = clip_by_global_norm(grads, 1.0)
    demand(_same(clipped, right), "the norm of all together must be max_norm")
    demand(
        _same(clip(grads, 1000.0), grads),
        "a gradient shorter than max_norm must stay as it is",
    )


def _same(left, right):
    return all(
        np.shape(left[name]) == np.shape(g) and np.allclose(left[name], g)
        for name, g in right.items()
    )


CHECKS = {
    "adam": _adam,
    "clip": _clip,
}
