"""The checks of the exercises on feed-forward networks."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.feedforward.activations import relu
from llmbook.feedforward.rules import linear


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on feed-forward networks.

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
    """hinges(knots, values) -> (W1, b1, W2, b2), linear between points."""
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
        "right at the knots, but not linear between them",
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


CHECKS = {
    "gates": _gates,
    "hinges": _hinges,
    "parity": _parity,
}
