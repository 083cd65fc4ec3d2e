"""The checks of section 3's exercises: an answer's properties, not its text."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.optimization.optimizers import Adam, clip_by_global_norm


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise of section 3.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _heavy_ball(heavy_ball) -> None:
    """heavy_ball(gradient, w, lr, momentum, steps) -> w after the steps."""
    curvature = np.array([1.0, 30.0])
    start, lr, momentum = np.array([1.0, -2.0]), 0.04, 0.6

    def gradient(w):
        return curvature * w

    given = start.copy()
    first = np.asarray(heavy_ball(gradient, given, lr, momentum, 1))
    demand(
        np.array_equal(given, start),
        "your function changed the w that it was given: begin with a copy",
    )
    demand(
        first.shape == start.shape,
        f"w has shape {start.shape}; you returned {first.shape}",
    )
    plain = start - lr * gradient(start)
    if np.allclose(first, start + lr * gradient(start)):
        raise WrongAnswer("uphill: the step goes against the gradient")
    if np.allclose(first, start - (1 - momentum) * lr * gradient(start)):
        raise WrongAnswer(
            "that averages the gradient: here it is added in full, "
            "v = momentum v + gradient"
        )
    demand(
        np.allclose(first, plain),
        f"after one step {first.round(4)}, should be {plain.round(4)}: "
        "the velocity begins at zero, so the first step is a plain one",
    )
    second = np.asarray(heavy_ball(gradient, start.copy(), lr, momentum, 2))
    without = plain - lr * gradient(plain)
    right = without + momentum * (plain - start)
    if np.allclose(second, without):
        raise WrongAnswer("nothing rolls on: where is momentum times velocity?")
    if np.allclose(second, without + lr * momentum * (plain - start)):
        raise WrongAnswer("the old velocity is multiplied by lr twice")
    demand(
        np.allclose(second, right),
        f"after two steps {second.round(4)}, should be {right.round(4)}",
    )
    tenth = np.asarray(heavy_ball(gradient, start.copy(), lr, momentum, 10))
    w, before = start, start
    for _ in range(10):
        w, before = w - lr * gradient(w) + momentum * (w - before), w
    demand(np.allclose(tenth, w), "right for two steps, but not for ten")


def _combine(combine) -> None:
    """combine(workers, counts) -> the big batch's gradients, by name."""
    rng = np.random.default_rng(0)
    counts = [5, 12, 3]
    sums = [
        {"W": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}
        for _ in counts
    ]
    workers = [
        {name: g / n for name, g in total.items()}
        for total, n in zip(sums, counts, strict=True)
    ]
    kept = [{name: g.copy() for name, g in w.items()} for w in workers]
    answer = combine(workers, counts)
    demand(
        isinstance(answer, dict) and answer.keys() == {"W", "b"},
        "the result must be a dictionary with the names of the gradients",
    )
    for before, after in zip(kept, workers, strict=True):
        for name in before:
            demand(
                np.array_equal(before[name], after[name]),
                "a worker's gradient was changed: add into a new array",
            )
    for name, g in answer.items():
        total = sum(s[name] for s in sums)
        if np.allclose(g, sum(w[name] for w in workers) / 3):
            raise WrongAnswer(
                "that is the mean of means: a worker with more tokens "
                "must weigh more"
            )
        if np.allclose(g, total):
            raise WrongAnswer("that is the sum: divide by all tokens together")
        if np.allclose(g, total / 3):
            raise WrongAnswer("divide by the tokens, not by the workers")
        demand(
            np.allclose(g, total / sum(counts), rtol=0, atol=1e-12),
            f"{name} is not the gradient of the mean over all tokens",
        )


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
    "heavy-ball": _heavy_ball,
    "combine": _combine,
    "adam": _adam,
    "clip": _clip,
}
