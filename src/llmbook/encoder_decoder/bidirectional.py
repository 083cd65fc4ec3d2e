"""Chapter 15: a sequence read from both ends."""

import numpy as np

from llmbook.feedforward import ops
from llmbook.feedforward.layers import Linear, Module
from llmbook.feedforward.tape import record
from llmbook.math_foundations.arrays import as_floats


def reverse(x):
    """Turn time round.  (B, T, ...) -> (B, T, ...)

    Raises:
        ValueError: ``x`` has no axis of time.
    """
    x = as_floats(x)
    if x.ndim < 2:
        raise ValueError(f"x has shape {x.shape}; it needs (B, T, ...)")

    def pullback(dy):
        return (dy[:, ::-1],)

    return x[:, ::-1], pullback


_reverse = record(reverse)


class Bidirectional(Module):
    """Two recurrent layers, which read a sequence from its two ends.

    (B, T, D) -> outputs (B, T, 2 H), and a state as one layer of ``recurrent``
    carries it, each (B, H)

    An output has what both layers hold at its step: all that is before it, and
    all that is after.  The state is made of the last of both, side by side,
    by a linear layer and tanh.  Where ``mask`` (B, T) is False, both layers
    pass without looking.

    Source: Schuster and Paliwal (1997); Bahdanau et al. (2015) for encoders,
    whose state is made of one of the two.
    """

    def __init__(self, d_in, d_hidden, *, recurrent, rng, dtype=np.float32):
        how = {"rng": rng, "dtype": dtype}
        self.onward = recurrent(d_in, d_hidden, **how)
        self.backward = recurrent(d_in, d_hidden, **how)
        self.bridges = [
            Linear(2 * d_hidden, d_hidden, **how)
            for _ in range(self.onward.carried)
        ]

    def __call__(self, x, *, mask=None):
        y, [ends] = self.onward(x, mask=mask)
        mask = None if mask is None else mask[:, ::-1]
        y_back, [ends_back] = self.backward(_reverse(x), mask=mask)
        state = tuple(
            ops.tanh(bridge(ops.concatenate(*both)))
            for bridge, *both in zip(self.bridges, ends, ends_back, strict=True)
        )
        return ops.concatenate(y, _reverse(y_back)), [state]
