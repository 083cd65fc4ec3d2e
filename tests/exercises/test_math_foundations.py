"""Planted wrong answers fail with the intended hint.  (The right ones are the solutions the chapters run.)"""

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.math_foundations import CHECKS, check
from llmbook.math_foundations.linalg import cosine_similarity
from llmbook.math_foundations.scalar import Scalar
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


def witten_bell(counts, lower):
    types = (counts > 0).sum(axis=-1, keepdims=True)
    total = counts.sum(axis=-1, keepdims=True)
    return np.where(total > 0, (counts + types * lower) / np.maximum(total + types, 1), lower)


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


def sine(x, rate=np.cos, sources=True):
    return Scalar(np.sin(x.value), ((x, rate(x.value)),) if sources else ())


def dual(rate_of_sum=lambda a, b: a.rate + b.rate, rate_of_product=None, value=lambda v: v):
    class Dual:
        def __init__(self, v, rate):
            self.value, self.rate = value(v), rate

        def __add__(self, other):
            return Dual(self.value + other.value, rate_of_sum(self, other))

        def __mul__(self, other):
            rule = rate_of_product or (lambda a, b: a.rate * b.value + a.value * b.rate)
            return Dual(self.value * other.value, rule(self, other))

    return Dual


RIGHT = {
    "outer-products": outer_products,
    "nearest": nearest,
    "power-iteration": power_iteration,
    "sine": sine,
    "dual": dual(),
}
RIGHT |= {"merge": merge, "label-smoothing": label_smoothing(), "witten-bell": witten_bell}


@pytest.mark.parametrize("exercise", CHECKS)
def test_right_answers_pass(exercise, capsys):
    check(exercise, RIGHT[exercise])
    assert capsys.readouterr().out == f"{exercise}: right.\n"


def first_only(a, b):
    return max(a[0], b[0]), a[1] * np.exp(min(0.0, a[0] - b[0])) + b[1]


def order_matters(a, b):
    m, s = merge(a, b)
    return m, s + 0.1 * (a[1] > 1.5 and b[0] < 0)


def others_only(hot, smoothing, V):
    return (1 - smoothing) * hot + smoothing / (V - 1) * (1 - hot)


def absolute(counts, lower):
    return (counts + 0.1 * lower) / (counts.sum(-1, keepdims=True) + 0.1)


def all_rows(counts, lower):
    types = (counts > 0).sum()
    return (counts + types * lower) / (counts.sum(-1, keepdims=True) + types)


def fixed_types(counts, lower):
    p = witten_bell(counts, lower)
    p[2] = (counts[2] + 2 * lower[2]) / 11
    return p


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
        ("sine", lambda x: np.sin(x.value), "a Scalar must come out"),
        ("sine", lambda x: sine(x * 1.1), "not the sine"),
        ("sine", lambda x: sine(x, rate=np.sin), "is the cosine"),
        ("sine", lambda x: sine(x, rate=lambda v: -np.cos(v)), "the sign"),
        ("sine", lambda x: sine(x, sources=False), "nothing came back"),
        ("sine", lambda x: sine(x, rate=lambda v: 3.0), "came out as 6"),
        ("dual", dual(value=lambda v: 2 * v), "values must add"),
        ("dual", dual(rate_of_sum=lambda a, b: a.rate), "the sum of the rates"),
        ("dual", dual(rate_of_product=lambda a, b: a.rate * b.rate), "not the product of rates"),
        ("dual", dual(rate_of_product=lambda a, b: a.rate * b.value), "has two terms"),
        (
            "dual",
            dual(rate_of_product=lambda a, b: 22 if a.value == 2 else a.rate * b.value),
            "at 3 has the rate 27",
        ),
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
        ("witten-bell", lambda counts, lower: lower[:1], "p must have shape"),
        ("witten-bell", lambda counts, lower: counts / counts.sum(-1, keepdims=True), "gives 0/0"),
        ("witten-bell", lambda counts, lower: np.full(counts.shape, 0.25), "must be the shorter context's"),
        (
            "witten-bell",
            lambda counts, lower: np.where(counts.sum(-1, keepdims=True) > 0, counts, lower),
            "where is lower",
        ),
        ("witten-bell", lambda counts, lower: counts + lower, "not to 1"),
        ("witten-bell", absolute, "2 of 6 parts"),
        ("witten-bell", all_rows, "2 of 6 parts"),
        ("witten-bell", fixed_types, "in each row by itself"),
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


def test_an_answer_that_stops_is_reported_with_its_error():
    with pytest.raises(WrongAnswer, match="stopped with IndexError: too many"):
        check("outer-products", lambda A, B: A[0, 0, 0])
    with pytest.raises(WrongAnswer, match="stopped with TypeError"):
        check("sine", lambda x: Scalar(np.sin(x.value), (x, np.cos(x.value))))


def test_unknown_exercise_lists_the_known_ones():
    with pytest.raises(ValueError, match="no exercise 'x' with a check; there are: outer-products"):
        check("x", None)
