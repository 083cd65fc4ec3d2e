"""The checks of the exercises on gradient descent."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on gradient descent.

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


CHECKS = {
    "heavy-ball": _heavy_ball,
    "combine": _combine,
}
