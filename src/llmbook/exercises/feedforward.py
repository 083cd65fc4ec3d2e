"""The checks of section 2's exercises: an answer's properties, not its text."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.feedforward.activations import relu
from llmbook.feedforward.rules import linear
from llmbook.math_foundations.calculus import check_pullback


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise of section 2.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _relu_network(answer, d_in):
    """Unpack (W1, b1, W2, b2), and return the network and its width."""
    demand(
        isinstance(answer, tuple) and len(answer) == 4,
        "four arrays are needed: (W1, b1, W2, b2)",
    )
    W1, b1, W2, b2 = (np.asarray(a, dtype=float) for a in answer)
    F = W1.shape[-1] if W1.ndim == 2 else 0
    for name, array, shape in (
        ("W1", W1, (d_in, F)),
        ("b1", b1, (F,)),
        ("W2", W2, (F, 1)),
        ("b2", b2, (1,)),
    ):
        demand(
            array.shape == shape,
            f"{name} has shape {array.shape}; with {F} units it needs {shape}",
        )
    return lambda x: linear(relu(linear(x, W1, b1)[0])[0], W2, b2)[0], F


def _leaky(rule) -> None:
    """rule(x, *, slope) -> x where it is positive, else slope x."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 5))
    x += 0.1 * np.sign(x)  # away from the corner
    y, pullback = rule(x.copy(), slope=0.1)
    demand(
        np.allclose(y, np.where(x > 0, x, 0.1 * x)), "the value is not right"
    )
    dy = rng.standard_normal(x.shape)
    received = dy.copy()
    gradients = pullback(received)
    demand(
        isinstance(gradients, tuple),
        "a pullback returns a tuple, one gradient for each argument",
    )
    demand(
        np.array_equal(received, dy),
        "your pullback writes into the gradient it was given: make a new array",
    )
    if np.allclose(gradients[0], dy * (x > 0)):
        raise WrongAnswer("nothing comes back on the left: the slope is there")
    if np.allclose(gradients[0], np.where(x > 0, 1, 0.1)):
        raise WrongAnswer(
            "that is the slope alone: multiply by the received gradient"
        )
    error = check_pullback(rule, x, rng=rng, slope=0.1)
    demand(error < 1e-7, f"the gradient check gives {error:.1e}")
    y, pullback = rule(x.astype(np.float32), slope=0.1)
    demand(
        y.dtype == pullback(y)[0].dtype == np.float32,
        "float32 went in and float64 came out: keep the dtype of x",
    )


def _bilinear(rule) -> None:
    """rule(u, W, v) -> y, y_n = sum_ij u_ni W_ij v_nj; (N,)."""
    rng = np.random.default_rng(0)
    N, D, F = 4, 3, 5
    u, W, v = (rng.standard_normal(s) for s in ((N, D), (D, F), (N, F)))
    y, pullback = rule(u, W, v)
    demand(np.shape(y) == (N,), f"y has shape {np.shape(y)}; it must be (N,)")
    right = ((u @ W) * v).sum(axis=1)
    demand(np.allclose(y, right), "the value is not u W v, row by row")
    dy = rng.standard_normal(N)
    gradients = pullback(dy)
    for name, array, g in zip("uWv", (u, W, v), gradients, strict=True):
        demand(
            np.shape(g) == array.shape,
            f"d{name} has shape {np.shape(g)}; it must be {array.shape}",
        )
    if np.allclose(gradients[1], u.T @ v):
        raise WrongAnswer("dW ignores dy: weigh each row's share by its dy")
    if np.allclose(gradients[1], (u * dy[:, None]).T @ v / N):
        raise WrongAnswer("dW is a mean over the rows; W is used by all: a sum")
    error = check_pullback(rule, u, W, v, rng=rng)
    demand(error < 1e-7, f"the gradient check gives {error:.1e}")


def _gates(answer) -> None:
    """(W1, b1, W2, b2): 1 where exactly one of two inputs is 1, else 0."""
    network, F = _relu_network(answer, 2)
    demand(F <= 2, f"two units are enough; you have {F}")
    inputs = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    out = network(inputs)[:, 0]
    if np.allclose(out, [0, 1, 1, 2]):
        raise WrongAnswer(
            "that is the sum: a second unit must take (1, 1) back, twice"
        )
    if np.allclose(out, [0, 1, 1, 1]):
        raise WrongAnswer("that is 'or': (1, 1) must give 0")
    if np.allclose(out, [0, 0, 0, 1]):
        raise WrongAnswer("that is 'and': only (1, 1) answers, and must not")
    if np.allclose(out, [1, 0, 0, 1]):
        raise WrongAnswer("that is the opposite: 1 where the inputs are equal")
    for x, y, right in zip(inputs, out, (0, 1, 1, 0), strict=True):
        demand(np.isclose(y, right), f"{x} gives {y:.3g}, should give {right}")


def _hinges(hinges) -> None:
    """hinges(knots, values) -> (W1, b1, W2, b2), straight between points."""
    rng = np.random.default_rng(0)
    knots = np.concatenate([[0.0], np.cumsum(rng.uniform(0.2, 1.5, 6))])
    values = rng.standard_normal(7)
    answer = hinges(knots.copy(), values.copy())
    network, F = _relu_network(answer, 1)
    demand(F == 6, f"7 knots need 6 hinges; you have {F}")

    def at(x):
        return network(np.asarray(x)[:, None])[:, 0]

    start = values[0]
    if np.isclose(at(knots[:1])[0], 0) and np.allclose(
        at(knots) + start, values
    ):
        raise WrongAnswer("all too low by the first value: where is the bias?")
    slopes = np.diff(values) / np.diff(knots)
    unfolded = start + np.maximum(knots[:, None] - knots[:-1], 0) @ slopes
    if np.allclose(at(knots), unfolded):
        raise WrongAnswer(
            "your hinges weigh as much as the slopes, but slopes add up: "
            "each must bring the change of slope"
        )
    rises = np.diff(np.diff(values), prepend=0.0)
    not_divided = start + np.maximum(knots[:, None] - knots[:-1], 0) @ rises
    if np.allclose(at(knots), not_divided):
        raise WrongAnswer("a slope is rise over run: divide by the distance")
    demand(
        np.allclose(at(knots), values),
        f"at the knots {at(knots).round(3)}, should be {values.round(3)}",
    )
    middle = (knots[1:] + knots[:-1]) / 2
    demand(
        np.allclose(at(middle), (values[1:] + values[:-1]) / 2),
        "right at the knots, but not straight between them",
    )


def _parity(network_for) -> None:
    """network_for(n) -> (W1, b1, W2, b2): the parity of n bits, by n units."""
    for n in (2, 3, 4, 5):
        network, F = _relu_network(network_for(n), n)
        demand(F <= n, f"{n} bits need {n} units; you have {F}")
        x = np.array(list(np.ndindex(*[2] * n)), dtype=float)
        out, ones = network(x)[:, 0], x.sum(axis=1)
        if np.allclose(out, 1 - ones % 2):
            raise WrongAnswer("that is 1 where the number of ones is even")
        if n > 2 and np.allclose(out[ones <= 2], ones[ones <= 2] % 2):
            wrong = np.flatnonzero(~np.isclose(out, ones % 2))
            demand(
                not wrong.size,
                f"right up to two ones, but {x[wrong[:1]]} is not: "
                "the zigzag must turn again at every whole number",
            )
        for bits, y, right in zip(x, out, ones % 2, strict=True):
            demand(
                np.isclose(y, right), f"{bits} gives {y:.3g}, not {right:.0f}"
            )


def _wilson(interval) -> None:
    """interval(k, n) -> (low, high): the shares not 1.96 errors from k / n."""
    z = 1.96
    for k, n in ((7, 10), (146, 200), (0, 5), (200, 200), (1, 30)):
        low, high = (float(end) for end in interval(k, n))
        share = k / n
        half = z * (share * (1 - share) / n) ** 0.5
        if np.allclose((low, high), (share - half, share + half)):
            raise WrongAnswer(
                f"for {k} of {n} that is k / n plus and minus 1.96 standard "
                "errors taken at k / n; they must be taken at the share itself"
            )
        demand(
            -1e-12 <= low < high <= 1 + 1e-12,
            f"{k} of {n} gives {low:.3f} to {high:.3f}; a share is in [0, 1]",
        )
        for end in (low, high):
            if min(end, 1 - end) < 1e-9 and k in (0, n):
                continue  # the end at the border, where the error is zero
            off = abs(share - end) / (end * (1 - end) / n) ** 0.5
            demand(
                np.isclose(off, z),
                f"for {k} of {n} the end {end:.3f} is {off:.2f} of its own "
                "standard errors from k / n, not 1.96",
            )


CHECKS = {
    "leaky": _leaky,
    "bilinear": _bilinear,
    "gates": _gates,
    "hinges": _hinges,
    "parity": _parity,
    "wilson": _wilson,
}
