import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.optimization import check


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


def test_unknown_exercises_are_refused():
    with pytest.raises(ValueError, match="there is no exercise"):
        check("nothing", None)


def adam(*, correct=True, inside=False, root=np.sqrt, square=True, sign=1, keep=True):
    def step(p, g, m, v, t, *, lr, beta1, beta2, eps):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * (g * g if square else g)
        m_hat = m / (1 - beta1**t) if correct else m
        v_hat = v / (1 - beta2**t) if correct else v
        below = root(v_hat + eps) if inside else root(v_hat) + eps
        return p - sign * lr * m_hat / below, (m if keep else m_hat), v

    return step


def test_a_right_adam_passes():
    check("adam", adam())


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (adam(correct=False), "begun at zero"),
        (adam(inside=True), "outside the root"),
        (adam(root=lambda v: v), "the root of v"),
        (adam(square=False, root=np.abs), "the square of g"),
        (adam(sign=-1), "uphill"),
        (adam(keep=False), "correct a copy"),
        (lambda p, g, m, v, t, **settings: p, "three arrays"),
        (lambda p, g, m, v, t, **settings: (p, m, v), "m is wrong at step 1"),
    ],
)
def test_wrong_adams_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("adam", answer)


def clip(grads, max_norm):
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    return {name: g * min(1, max_norm / norm) for name, g in grads.items()}


def each_alone(grads, max_norm):
    return {name: g * min(1, max_norm / np.linalg.norm(g)) for name, g in grads.items()}


def always(grads, max_norm):
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    return {name: g * max_norm / norm for name, g in grads.items()}


def norms_added(grads, max_norm):
    norm = sum(np.linalg.norm(g) for g in grads.values())
    return {name: g * min(1, max_norm / norm) for name, g in grads.items()}


def in_place(grads, max_norm):
    for name, g in clip(grads, max_norm).items():
        grads[name][...] = g
    return grads


def test_a_right_clip_passes():
    check("clip", clip)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (each_alone, "one norm over all"),
        (lambda grads, c: {n: np.clip(g, -c, c) for n, g in grads.items()}, "cuts entries"),
        (norms_added, "their squares do"),
        (always, "must stay as it is"),
        (in_place, "writes into the gradients"),
        (lambda grads, c: grads["W"], "a dictionary"),
        (lambda grads, c: grads, "must be max_norm"),
    ],
)
def test_wrong_clips_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("clip", answer)
