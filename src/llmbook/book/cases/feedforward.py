"""Section 2's rows of the table of rules."""

import numpy as np

from llmbook.book.certificate import Case
from llmbook.feedforward.activations import gelu, relu, sigmoid, silu, tanh
from llmbook.feedforward.rules import (
    add,
    center,
    clip,
    concatenate,
    divide,
    exp,
    linear,
    matmul,
    mean,
    minimum,
    multiply,
    reshape,
    take,
    total,
    transpose,
)


def _away_from_the_corner(rng):
    x = rng.standard_normal((3, 4))
    return (x + 0.1 * np.sign(x),), {}


def _of_shapes(*shapes):
    def draw(rng):
        return tuple(rng.standard_normal(shape) for shape in shapes), {}

    return draw


def _dividends(rng):  # no divisor near zero
    b = rng.standard_normal((3, 1))
    return (rng.standard_normal((2, 3, 4)), b + np.sign(b)), {}


def _without_ties(rng):
    a = rng.standard_normal((3, 4))
    gap = rng.standard_normal((3, 4))
    return (a, a + gap + 0.1 * np.sign(gap)), {}


def _to_clip(rng):  # below, between and above, no entry near a limit
    middle = rng.choice([-2.0, 0.0, 2.0], (3, 4))
    x = middle + rng.uniform(-0.5, 0.5, (3, 4))
    return (x,), {"low": -1.0, "high": 1.0}


def _over(axis, shape, mask_shape=None):
    def draw(rng):
        options = {"axis": axis}
        if mask_shape:
            options["mask"] = rng.random(mask_shape) < 0.6
        return (rng.standard_normal(shape),), options

    return draw


def _to_transpose(rng):
    return (rng.standard_normal((2, 3, 4)),), {"axes": (1, -1, 0)}


def _side_by_side(rng):
    shapes = (2, 1, 4), (2, 3, 4), (2, 2, 4)
    return tuple(rng.standard_normal(shape) for shape in shapes), {"axis": 1}


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
        "divide, broadcast",
        divide,
        _dividends,
        peer=lambda torch, a, b: torch.div(a, b),
    ),
    Case(
        "minimum",
        minimum,
        _without_ties,
        peer=lambda torch, a, b: torch.minimum(a, b),
    ),
    Case("exp", exp, _of_shapes((3, 4)), peer=lambda torch, x: torch.exp(x)),
    Case(
        "clip",
        clip,
        _to_clip,
        peer=lambda torch, x, low, high: torch.clamp(x, low, high),
    ),
    Case(
        "total",
        total,
        _over(None, (2, 3, 4)),
        peer=lambda torch, x, axis: torch.sum(x, axis),
    ),
    Case(
        "total, masked",
        total,
        _over((0, 2), (2, 3, 4), (3, 4)),
        peer=lambda torch, x, axis, mask: torch.sum(x * mask, axis),
    ),
    Case(
        "mean",
        mean,
        _over(1, (2, 3, 4)),
        peer=lambda torch, x, axis: torch.mean(x, axis),
    ),
    Case(
        "mean, masked",
        mean,
        _over(1, (2, 5, 4), (2, 5, 1)),
        peer=lambda torch, x, axis, mask: (
            torch.sum(x * mask, axis) / torch.sum(mask, axis)
        ),
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
        "linear, no bias",
        linear,
        _of_shapes((2, 3, 4), (4, 5)),
        peer=lambda torch, x, W: torch.nn.functional.linear(x, W.T),
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
    Case(
        "transpose",
        transpose,
        _to_transpose,
        peer=lambda torch, x, axes: torch.permute(x, axes),
    ),
    Case(
        "concatenate",
        concatenate,
        _side_by_side,
        peer=lambda torch, *arrays, axis: torch.cat(arrays, axis),
    ),
]
