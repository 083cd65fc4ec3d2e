"""Planted wrong answers fail with the intended hint.  (The right ones are the solutions the chapters run.)"""

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.optimizers import check


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
