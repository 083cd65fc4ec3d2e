"""Chapter 5: what a language model offers, and the first network that is one.

Chapter 4 builds its way forward, chapter 5 its way back.
"""

import numpy as np

from llmbook.feedforward import ops
from llmbook.feedforward.layers import Embedding, Linear, Module, dropout
from llmbook.feedforward.tape import no_grad


class LanguageModel(Module):
    """Scores for the next symbol at every position, whatever computes them.

    A model writes ``forward(token_ids, *, rng=None)``, which maps (B, T) to
    logits (B, T, V): those at position t may depend on the symbols up to t.
    """

    def forward(self, token_ids, *, rng=None):
        raise NotImplementedError

    def logits(self, token_ids):
        """Compute scores as a bare array.  (B, T) -> (B, T, V)"""
        with no_grad():
            return self.forward(token_ids)

    def loss(self, token_ids, targets, mask=None, *, rng=None):
        """Average the surprise at targets.  (B, T), (B, T) -> a Tensor, in nats

        Args:
            token_ids: what is read.
            targets: what comes next at each position.
            mask: (B, T), True where a position counts; by default all do.
            rng: draws what dropout drops; without it nothing is dropped.

        Raises:
            ValueError: shapes or ids do not fit.
        """
        logits = self.forward(token_ids, rng=rng)
        return ops.cross_entropy(logits, targets, mask=mask)


def contexts(token_ids, length):
    """List the last symbols up to each position.  (B, T) -> (B, T, C)

    C is ``length``.  Where a sequence has not begun, the id is 0, which is the
    mark where a vocabulary has one.
    """
    padded = np.pad(token_ids, ((0, 0), (length - 1, 0)))  # (B, C - 1 + T)
    return np.lib.stride_tricks.sliding_window_view(padded, length, axis=1)


class NeuralNGram(LanguageModel):
    """A network that reads the last few symbols.

    Each symbol is looked up as a row of ``d_model`` numbers; the rows of the
    last ``context_length`` symbols, side by side, go through one hidden layer
    of ``d_hidden`` units.  The output layer begins so small that the first loss
    is close to ln V.

    Source: Bengio et al. (2003), without their direct connections.
    """

    def __init__(
        self,
        vocab_size,
        *,
        context_length,
        d_model,
        d_hidden,
        rng,
        activation=ops.tanh,
        dropout_rate=0.0,
        dtype=np.float32,
    ):
        self.context_length = context_length
        self.activation, self.dropout_rate = activation, dropout_rate
        how = {"rng": rng, "dtype": dtype}
        self.embedding = Embedding(vocab_size, d_model, **how)
        self.hidden = Linear(context_length * d_model, d_hidden, **how)
        self.output = Linear(d_hidden, vocab_size, gain=0.1, **how)

    def scores(self, before, *, rng=None):
        """Score what comes after each context.  (..., C) -> (..., V)"""
        rows = self.embedding(before)  # (..., C, D)
        x = ops.reshape(rows, shape=(*before.shape[:-1], -1))  # (..., C D)
        h = self.activation(self.hidden(x))  # (..., F)
        return self.output(dropout(h, self.dropout_rate, rng))

    def forward(self, token_ids, *, rng=None):
        before = contexts(token_ids, self.context_length)  # (B, T, C)
        return self.scores(before, rng=rng)

    def loss(self, token_ids, targets, mask=None, *, rng=None):
        before = contexts(token_ids, self.context_length)
        if mask is not None:  # compute no score that would not count
            before, targets = before[mask], targets[mask]
        return ops.cross_entropy(self.scores(before, rng=rng), targets)
