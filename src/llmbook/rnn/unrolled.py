"""Chapter 9: a recurrent network that the tape replays step by step."""

import numpy as np

from llmbook.feedforward import ops
from llmbook.feedforward.layers import Linear, Module, normal
from llmbook.feedforward.tape import Tensor
from llmbook.rnn.rnn import rnn_step


class UnrolledRNN(Module):
    """One recurrent layer, and a linear layer that answers after every step.

    (B, T, D) -> logits (B, T, V).  It calls :func:`~llmbook.rnn.rnn.rnn_step`
    T times; :class:`~llmbook.rnn.rnn.RNN` of chapter 10 does the same faster.

    Source: Elman (1990).
    """

    def __init__(self, d_in, d_hidden, d_out, *, rng, dtype=np.float32):
        W_x = normal((d_in, d_hidden), rng=rng, std=d_in**-0.5, dtype=dtype)
        W_h = normal(
            (d_hidden, d_hidden), rng=rng, std=d_hidden**-0.5, dtype=dtype
        )
        self.W_x, self.W_h = Tensor(W_x), Tensor(W_h)
        self.b = Tensor(np.zeros(d_hidden, dtype))
        self.output = Linear(d_hidden, d_out, rng=rng, dtype=dtype)

    def states(self, x, h=None):
        """List the T states, each (B, H), from h (B, H) or zero on.

        Raises:
            ValueError: x is not (B, T, D) with one step at least, or h does not
                fit.
        """
        if np.ndim(x) != 3 or np.shape(x)[1] == 0:
            raise ValueError(
                f"x has shape {np.shape(x)}; it needs (B, T, D), "
                "with one step at least"
            )
        B, T, _ = x.shape
        if h is None:
            h = np.zeros((B, len(self.b.data)), self.b.dtype)
        states = []
        for t in range(T):
            h = rnn_step(x[:, t], h, self.W_x, self.W_h, self.b)
            states.append(h)
        return states

    def __call__(self, x, h=None):
        states = ops.concatenate(*self.states(x, h), axis=0)  # (T * B, H)
        B, T, _ = x.shape
        logits = ops.reshape(self.output(states), shape=(T, B, -1))
        return ops.transpose(logits, axes=(1, 0, 2))  # (B, T, V)

    def loss(self, x, targets, mask=None, *, rng=None):
        """Mean surprise at targets (B, T) where mask (B, T), in nats."""
        return ops.cross_entropy(self(x), targets, mask=mask)
