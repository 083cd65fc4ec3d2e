"""Planted wrong answers fail with the intended hint.  (The right ones are the solutions the chapters run.)"""

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.softmax import check
from llmbook.math_foundations.softmax import log_softmax


def merge(a, b):
    m = max(a[0], b[0])
    return m, a[1] * np.exp(a[0] - m) + b[1] * np.exp(b[0] - m)


def label_smoothing(scale=lambda B: 1 / B, spread=None, gradient=lambda p, y, B: (p - y) / B, plain_y=False):
    def rule(logits, targets, *, smoothing):
        B, V = logits.shape
        hot = np.eye(V)[targets]
        y = spread(hot, smoothing, V) if spread else (1 - smoothing) * hot + smoothing / V
        log_p, _ = log_softmax(logits)
        dlogits = gradient(np.exp(log_p), hot if plain_y else y, B)
        return -(y * log_p).sum() * scale(B), lambda dloss: (dloss * dlogits, None)

    return rule


@pytest.mark.parametrize(
    ("exercise", "answer"), {"merge": merge, "label-smoothing": label_smoothing()}.items()
)
def test_right_answers_pass(exercise, answer):
    check(exercise, answer)


def first_only(a, b):
    return max(a[0], b[0]), a[1] * np.exp(min(0.0, a[0] - b[0])) + b[1]


def order_matters(a, b):
    m, s = merge(a, b)
    return m, s + 0.1 * (a[1] > 1.5 and b[0] < 0)


def others_only(hot, smoothing, V):
    return (1 - smoothing) * hot + smoothing / (V - 1) * (1 - hot)


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        ("merge", lambda a, b: 1.0, "must return a pair"),
        ("merge", lambda a, b: (max(a[0], b[0]), a[1] + b[1]), "scaled by its own maximum"),
        ("merge", lambda a, b: (max(a[0], b[0]), a[1] * b[1]), "the log-sum-exp is"),
        ("merge", lambda a, b: (0.0, a[1] * np.exp(a[0]) + b[1] * np.exp(b[0])), "m must be the larger"),
        (
            "merge",
            lambda a, b: (m := merge(a, b)) and (m[0], m[1] if abs(a[0] - b[0]) < 700 else np.inf),
            "overflow: rescale to the larger",
        ),
        ("merge", first_only, "right when the second maximum is the larger"),
        ("merge", order_matters, "merging three in another order"),
        ("merge", lambda a, b: merge(a, b) if np.isfinite(a[0]) else (b[0], b[1] + 1), "empty state"),
        ("label-smoothing", label_smoothing(scale=lambda B: 1), "factor of B too large: a sum"),
        ("label-smoothing", label_smoothing(scale=lambda B: np.ones(2)), "one number; it has shape"),
        ("label-smoothing", label_smoothing(scale=lambda B: 2 / B), "must be the plain cross-entropy"),
        ("label-smoothing", label_smoothing(spread=others_only), "the target included"),
        ("label-smoothing", label_smoothing(spread=lambda hot, s, V: (1 - s) * hot), "not that of y"),
        (
            "label-smoothing",
            label_smoothing(gradient=lambda p, y, B: p - y),
            "factor of B too large: the loss",
        ),
        (
            "label-smoothing",
            label_smoothing(gradient=lambda p, y, B: (p - y) / B**2),
            "did you average twice",
        ),
        ("label-smoothing", label_smoothing(gradient=lambda p, y, B: (y - p) / B), "wrong sign"),
        ("label-smoothing", label_smoothing(plain_y=True), "the smoothed one"),
        ("label-smoothing", label_smoothing(gradient=lambda p, y, B: p / B), "gradient check gives"),
    ],
)
def test_wrong_answers_get_the_intended_hint(exercise, answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check(exercise, answer)


def test_a_shift_that_changes_the_loss_is_noticed():
    def rule(logits, targets, *, smoothing):
        loss, pullback = label_smoothing()(logits, targets, smoothing=smoothing)
        return loss + 1e-3 * (logits.max() > 6), pullback

    with pytest.raises(WrongAnswer, match="a shift of the logits"):
        check("label-smoothing", rule)


def test_a_pullback_that_ignores_what_it_receives_is_noticed():
    def rule(logits, targets, *, smoothing):
        loss, pullback = label_smoothing()(logits, targets, smoothing=smoothing)
        return loss, lambda dloss: pullback(1.0)

    with pytest.raises(WrongAnswer, match="ignores the gradient it receives"):
        check("label-smoothing", rule)
