"""Section 2's rows of the table of rules."""

import numpy as np

from llmbook.book.certificate import Case
from llmbook.feedforward.activations import gelu, relu, sigmoid, silu, tanh
from llmbook.feedforward.rules import (
    add,
    center,
    linear,
    matmul,
    multiply,
    reshape,
    take,
)


def _away_from_the_corner(rng):
    x = rng.standard_normal((3, 4))
    return (x + 0.1 * np.sign(x),), {}


def _of_shapes(*shapes):
    def draw(rng):
        return tuple(rng.standard_normal(shape) for shape in shapes), {}

    return draw


def _lookups(rng):
    return (rng.standard_normal((5, 3)), rng.integers(0, 5, (2, 4))), {}


def _to_reshape(rng):
    return (rng.standard_normal((2, 6)),), {"shape": (3, 4)}


CASES = [
    Case(
        "relu", relu, _away_from_the_corner, peer=lambda torch, x: torch.relu(x)
    ),
    Case("tanh", tanh, _of_shapes((3, 4)), peer=lambda torch, x: torch.tanh(x)),
    Case(
        "sigmoid",
        sigmoid,
        _of_shapes((3, 4)),
        peer=lambda torch, x: torch.sigmoid(x),
    ),
    Case(
        "silu",
        silu,
        _of_shapes((3, 4)),
        peer=lambda torch, x: torch.nn.functional.silu(x),
    ),
    Case(
        "gelu",
        gelu,
        _of_shapes((3, 4)),
        peer=lambda torch, x: torch.nn.functional.gelu(x, approximate="tanh"),
    ),
    Case(
        "add, broadcast",
        add,
        _of_shapes((2, 3, 4), (3, 1)),
        peer=lambda torch, a, b: torch.add(a, b),
    ),
    Case(
        "multiply, broadcast",
        multiply,
        _of_shapes((3, 1, 4), (2, 1)),
        peer=lambda torch, a, b: torch.mul(a, b),
    ),
    Case(
        "matmul",
        matmul,
        _of_shapes((3, 4), (4, 5)),
        peer=lambda torch, a, b: torch.matmul(a, b),
    ),
    Case(
        "matmul, batched",
        matmul,
        _of_shapes((2, 3, 4), (4, 5)),
        peer=lambda torch, a, b: torch.matmul(a, b),
    ),
    Case(
        "linear",
        linear,
        _of_shapes((2, 3, 4), (4, 5), (5,)),
        peer=lambda torch, x, W, b: torch.nn.functional.linear(x, W.T, b),
    ),
    Case(
        "center",
        center,
        _of_shapes((2, 3, 4)),
        peer=lambda torch, x: x - x.mean(-1, keepdim=True),
    ),
    Case(
        "take",
        take,
        _lookups,
        peer=lambda torch, table, token_ids: torch.nn.functional.embedding(
            token_ids, table
        ),
    ),
    Case(
        "reshape",
        reshape,
        _to_reshape,
        peer=lambda torch, x, shape: torch.reshape(x, shape),
    ),
]
