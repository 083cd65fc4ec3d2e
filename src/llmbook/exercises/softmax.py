"""The checks of the exercises on softmax and cross-entropy."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.math_foundations.calculus import check_pullback
from llmbook.math_foundations.softmax import cross_entropy, logsumexp


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on softmax and cross-entropy.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _merge(merge) -> None:
    """merge((m, s), (m', s')) -> (m, s).

    Two halves of a log-sum-exp, each a maximum and a scaled sum.
    """

    def state(x):
        return x.max(), np.exp(x - x.max()).sum()

    def value(state):
        m, s = state
        return m + np.log(s)

    rng = np.random.default_rng(0)
    x, y, z = 3 * rng.standard_normal((3, 6))
    expected = logsumexp(np.concatenate([x, y]))[0]
    got = merge(state(x), state(y))
    demand(
        np.shape(got) == (2,),
        f"merge must return a pair (m, s); it returned {got!r}",
    )
    plain = max(x.max(), y.max()) + np.log(state(x)[1] + state(y)[1])
    if np.isclose(value(got), plain):
        raise WrongAnswer(
            "you added the two sums, but each was scaled by its own maximum: "
            "rescale first"
        )
    demand(
        np.isclose(value(got), expected),
        f"m + log s is {value(got):.6f}; the log-sum-exp is {expected:.6f}",
    )
    demand(
        np.isclose(got[0], max(x.max(), y.max())),
        "m must be the larger of the two maxima",
    )
    demand(
        np.isclose(value(merge(state(y), state(x))), expected),
        "right when the second maximum is the larger, wrong when the first is: "
        "rescale both sums, whichever needs it",
    )
    with np.errstate(all="ignore"):
        far = merge((1000.0, 1.0), (0.0, 1.0)), merge((0.0, 1.0), (1000.0, 1.0))
    demand(
        all(np.isclose(value(f), 1000) for f in far),
        "maxima of 0 and 1000 overflow: rescale to the larger maximum, "
        "so that no exponent is above 0",
    )
    left = merge(merge(state(x), state(y)), state(z))
    right = merge(state(x), merge(state(y), state(z)))
    demand(
        np.allclose(left, right),
        "merging three in another order gives another result",
    )
    with np.errstate(all="ignore"):
        empty = merge((-np.inf, 0.0), state(x))
    demand(
        np.allclose(empty, state(x)),
        "the empty state (-inf, 0) must change nothing",
    )


def _label_smoothing(rule) -> None:
    """rule(logits, targets, *, smoothing) -> (loss, pullback).

    logits (B, V), targets (B,).
    """
    rng = np.random.default_rng(0)
    B, V = 8, 5
    logits, targets = rng.standard_normal((B, V)), rng.integers(0, V, B)
    loss, pullback = rule(logits, targets, smoothing=0.0)
    plain, plain_pullback = cross_entropy(logits, targets)
    demand(
        np.shape(loss) == (),
        f"the loss must be one number; it has shape {np.shape(loss)}",
    )
    if np.isclose(loss, B * plain):
        raise WrongAnswer(
            "your loss is a factor of B too large: "
            "a sum where the mean is meant"
        )
    demand(
        np.isclose(loss, plain),
        "with smoothing=0 the loss must be the plain cross-entropy",
    )

    log_p = logits - logsumexp(logits)[0][:, None]
    one_hot = np.eye(V)[targets]
    y = 0.9 * one_hot + 0.1 / V
    loss, pullback = rule(logits, targets, smoothing=0.1)
    others_only = 0.9 * one_hot + 0.1 / (V - 1) * (1 - one_hot)
    if np.isclose(loss, -(others_only * log_p).sum(-1).mean()):
        raise WrongAnswer(
            "spread the smoothing over all V symbols, the target included"
        )
    demand(
        np.isclose(loss, -(y * log_p).sum(-1).mean()),
        "with smoothing=0.1 the loss is not that of y",
    )
    demand(
        np.isclose(rule(logits + 7, targets, smoothing=0.1)[0], loss),
        "a shift of the logits changed the loss",
    )

    dlogits = pullback(1.0)[0]
    right = (np.exp(log_p) - y) / B
    mistakes = {
        B: (
            "is a factor of B too large: "
            "the loss is a mean, so its gradient carries 1/B"
        ),
        1 / B: "is a factor of B too small: did you average twice?",
        -1: "has the wrong sign: it points where the loss falls",
    }
    for factor, hint in mistakes.items():
        if np.allclose(dlogits, factor * right):
            raise WrongAnswer(f"your gradient {hint}")
    if np.allclose(dlogits, plain_pullback(1.0)[0]):
        raise WrongAnswer(
            "your gradient is that of the plain loss: "
            "the y in p - y must be the smoothed one"
        )
    demand(
        np.allclose(pullback(3.0)[0], 3 * dlogits),
        "your pullback ignores the gradient it receives: multiply by it",
    )
    error = check_pullback(rule, logits, targets, rng=rng, smoothing=0.1)
    demand(
        error < 1e-7,
        f"the gradient check gives {error:.1e}; "
        "try p - y, with the smoothed y, over B",
    )


CHECKS = {
    "merge": _merge,
    "label-smoothing": _label_smoothing,
}
