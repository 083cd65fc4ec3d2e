"""The checks of section 1's exercises: an answer's properties, not its text."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.math_foundations.calculus import check_pullback
from llmbook.math_foundations.linalg import cosine_similarity
from llmbook.math_foundations.scalar import Scalar
from llmbook.math_foundations.softmax import cross_entropy, logsumexp


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise of section 1.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _outer_products(multiply) -> None:
    """multiply(A, B) -> A @ B, as a sum of outer products."""
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    C = np.asarray(multiply(A, B))
    demand(C.shape == (3, 2), f"(3, 4) times (4, 2) is (3, 2), not {C.shape}")
    if np.allclose(C, np.outer(A[:, -1], B[-1])):
        raise WrongAnswer("only the last outer product is left: add them up")
    if np.allclose(C, np.outer(A[:, 0], B[0])):
        raise WrongAnswer("only the first outer product is there: K of them")
    demand(
        np.allclose(C, A @ B),
        "wrong entries: pair column k of A with row k of B",
    )


def _nearest(nearest) -> None:
    """nearest(E, i, k) -> the k rows most similar to row i, best first."""
    rng = np.random.default_rng(0)
    E = rng.standard_normal((30, 4)) * rng.uniform(0.1, 10, (30, 1))
    found = list(map(int, nearest(E, 5, 6)))
    cosines = cosine_similarity(E[5:6], E)[0]
    right = [int(j) for j in np.argsort(-cosines) if j != 5][:6]
    demand(5 not in found, "row i itself is in your answer: leave it out")
    demand(len(found) == 6, f"asked for 6 rows, got {len(found)}")
    if found == [int(j) for j in np.argsort(cosines)][:6]:
        raise WrongAnswer("these are the least similar: sort the other way")
    if sorted(found) == sorted(right) and found != right:
        raise WrongAnswer("the right rows in another order: best first")
    dots = [int(j) for j in np.argsort(-(E @ E[5])) if j != 5][:6]
    if found == dots:
        raise WrongAnswer("long rows win: compare angles, not dot products")
    demand(found == right, f"expected {right}, got {found}")


def _power_iteration(top) -> None:
    """top(A, rng) -> (sigma, u, v), the largest singular value's triple."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((6, 4))  # sigma 1 and 2 lie close
    sigma, u, v = top(A, rng)
    demand(u.shape == (6,) and v.shape == (4,), "u has shape (M,), v (N,)")
    lengths = np.linalg.norm(u), np.linalg.norm(v)
    demand(np.allclose(lengths, 1), "u and v must have length 1: divide")
    expected = np.linalg.svd(A, compute_uv=False)[0]
    if np.isclose(sigma, expected**2):
        raise WrongAnswer("that is sigma squared: A.T @ A squares the values")
    demand(
        np.isclose(sigma, expected, rtol=1e-6),
        f"sigma is {sigma:.6f}, should be {expected:.6f}: iterate longer?",
    )
    paired = np.allclose(A @ v, sigma * u, atol=1e-4)
    demand(paired, "A v must be sigma u: does u point the way v does?")


def _sine(sine) -> None:
    """sine(x) -> a Scalar, for a Scalar x."""
    x = Scalar(0.8)
    y = sine(x * 2.0)
    demand(isinstance(y, Scalar), f"a Scalar must come out, not {type(y)}")
    demand(np.isclose(y.value, np.sin(1.6)), "the value is not the sine")
    y.backward()
    if np.isclose(x.grad, 2 * np.sin(1.6)):
        raise WrongAnswer("the rate of the sine is the cosine")
    if np.isclose(x.grad, -2 * np.cos(1.6)):
        raise WrongAnswer("the sign: sine rises where the cosine is positive")
    if x.grad == 0:
        raise WrongAnswer("nothing came back: name x among the sources")
    right = np.isclose(x.grad, 2 * np.cos(1.6))
    demand(right, f"the derivative of sin(2x) came out as {x.grad:.6f}")


def _dual(Dual) -> None:
    """Dual(value, rate) with + and *: forward mode."""

    def rate(f, *at, direction):
        duals = [Dual(v, r) for v, r in zip(at, direction, strict=True)]
        return f(*duals).rate

    def product(x, y):
        return x * y

    total = Dual(2.0, 1.0) + Dual(3.0, 0.0)
    demand(total.value == 5, "the values must add as numbers do")
    demand(
        rate(lambda x, y: x + y, 2.0, 3.0, direction=(1.0, 10.0)) == 11,
        "the rate of a sum is the sum of the rates",
    )
    if rate(product, 2.0, 3.0, direction=(4.0, 5.0)) == 20:
        raise WrongAnswer("the rate of a product is not the product of rates")
    demand(
        rate(product, 2.0, 3.0, direction=(4.0, 5.0)) == 22,
        "the product rule has two terms: each rate times the other value",
    )
    cube = rate(lambda x: x * x * x, 3.0, direction=(1.0,))
    demand(cube == 27, f"x * x * x at 3 has the rate 27, not {cube}")


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


def _witten_bell(smooth) -> None:
    """smooth(counts, lower) -> p, each (N, V): a smoothing for NGram."""
    counts = np.array([[3, 1, 0, 0], [0, 0, 0, 0], [0, 9, 0, 0]])
    lower = np.array([[0.1, 0.2, 0.3, 0.4]] * 3)
    with np.errstate(all="ignore"):
        p = np.asarray(smooth(counts, lower))
    demand(
        p.shape == counts.shape,
        f"p must have shape {counts.shape}; it has {p.shape}",
    )
    demand(
        np.isfinite(p[1]).all(),
        "a context never seen gives 0/0: there the shorter context must answer",
    )
    demand(
        np.allclose(p[1], lower[1]),
        "for a context never seen, p must be the shorter context's",
    )
    demand(
        (p[0, 2:] > 0).all(),
        "a symbol not seen after this context has probability 0: "
        "where is lower?",
    )
    demand(
        np.allclose(p.sum(-1), 1),
        f"the probabilities sum to {p.sum(-1).round(3)}, not to 1",
    )
    demand(
        np.allclose(p[0], (counts[0] + 2 * lower[0]) / 6),
        "the shorter context gets types / (total + types): "
        "2 of 6 parts in the first row, not its total",
    )
    demand(
        np.allclose(p[2], (counts[2] + lower[2]) / 10),
        "the number of types is counted in each row by itself",
    )


CHECKS = {
    "outer-products": _outer_products,
    "nearest": _nearest,
    "power-iteration": _power_iteration,
    "sine": _sine,
    "dual": _dual,
    "merge": _merge,
    "label-smoothing": _label_smoothing,
    "witten-bell": _witten_bell,
}
