"""Planted wrong answers fail with the intended hint.  (The right ones are the solutions the chapters run.)"""

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.gradient_descent import check


def heavy_ball(sign=-1, fresh=1.0, keep=None, start=None, limit=None, copy=True):
    def answer(gradient, w, lr, momentum, steps):
        w = w.copy() if copy else w
        v = np.zeros_like(w) if start is None else start(gradient(w))
        for _ in range(steps if limit is None else min(steps, limit)):
            rolled = momentum if keep is None else keep(momentum, lr)
            v = rolled * v + (fresh if fresh == 1.0 else 1 - momentum) * gradient(w)
            w += sign * lr * v
        return w

    return answer


def test_a_right_heavy_ball_passes():
    check("heavy-ball", heavy_ball())


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (heavy_ball(copy=False), "begin with a copy"),
        (lambda *_: np.zeros(3), r"you returned \(3,\)"),
        (heavy_ball(sign=1), "uphill"),
        (heavy_ball(fresh=None), "averages the gradient"),
        (heavy_ball(start=lambda g: g), "velocity begins at zero"),
        (heavy_ball(keep=lambda momentum, lr: 0), "nothing rolls on"),
        (heavy_ball(keep=lambda momentum, lr: lr * momentum), "lr twice"),
        (heavy_ball(keep=lambda momentum, lr: -momentum), "after two steps"),
        (heavy_ball(limit=2), "not for ten"),
    ],
)
def test_wrong_heavy_balls_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("heavy-ball", answer)


def combine(weigh=lambda n: n, divide=sum):
    def answer(workers, counts):
        return {
            name: sum(weigh(n) * w[name] for w, n in zip(workers, counts, strict=True)) / divide(counts)
            for name in workers[0]
        }

    return answer


def writes(workers, counts):
    for worker, n in zip(workers, counts, strict=True):
        for g in worker.values():
            g *= n / sum(counts)
    return {name: sum(w[name] for w in workers) for name in workers[0]}


def test_a_right_combination_passes():
    check("combine", combine())


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda workers, counts: workers[0]["W"], "must be a dictionary"),
        (writes, "add into a new array"),
        (combine(weigh=lambda n: 1, divide=len), "mean of means"),
        (combine(divide=lambda counts: 1), "divide by all tokens"),
        (combine(divide=len), "not by the workers"),
        (combine(divide=max), "not the gradient of the mean"),
    ],
)
def test_wrong_combinations_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("combine", answer)
