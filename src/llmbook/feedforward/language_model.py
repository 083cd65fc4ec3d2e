"""Chapter 5: what a language model offers, and the first network that is one.

Chapter 4 builds its forward pass, chapter 5 its backward pass; chapter 11 lets
every model write with :func:`generate`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from llmbook.data import padded
from llmbook.feedforward import ops
from llmbook.feedforward.layers import (
    Embedding,
    Linear,
    Module,
    check_activation,
    dropout,
)
from llmbook.feedforward.tape import no_grad
from llmbook.math_foundations.memory import keep_memory
from llmbook.math_foundations.ngram import continued
from llmbook.math_foundations.softmax import check_targets


class LanguageModel(Module):
    """Scores for the next symbol at every position, whatever computes them.

    A model writes ``forward(token_ids, *, rng=None, cache=None)``, which maps
    (B, T) to logits (B, T, V): those at position t may depend on the symbols up
    to t.  A cache is a mapping, empty at first, in which the model keeps what
    it needs of the symbols of this call; given again, token_ids go on from
    there.
    """

    def forward(self, token_ids, *, rng=None, cache=None):
        raise NotImplementedError

    def logits(self, token_ids, *, cache=None):
        """Compute scores as a bare array.  (B, T) -> (B, T, V)"""
        with no_grad():
            return self.forward(_batch(token_ids), cache=cache)

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
        logits = self.forward(_batch(token_ids), rng=rng)
        return ops.cross_entropy(logits, targets, mask=mask)


def _batch(token_ids) -> np.ndarray:
    token_ids = np.asarray(token_ids)
    if token_ids.ndim != 2 or token_ids.shape[1] == 0:
        raise ValueError(
            f"token_ids have shape {token_ids.shape}; a model reads a batch, "
            "(B, T), such as token_ids[None] for one sequence, and one symbol "
            "at least"
        )
    return token_ids


def generate(
    model: Any,
    token_ids: np.ndarray,
    *,
    n_tokens: int,
    choose: Callable[[np.ndarray], Any] | None = None,
    stop: int | None = None,
) -> Iterator[Any]:
    """Write on, token by token, as the model and ``choose`` will have it.

    The model reads the beginning once, and after that each new token alone:
    what it needs of those before is in its cache.

    >>> from llmbook.math_foundations.ngram import NGram, add_k
    >>> model = NGram(2, 3, add_k(1.0)).fit([np.array([0, 1, 2, 0, 1])])
    >>> list(generate(model, np.array([0]), n_tokens=4))
    [1, 2, 0, 1]

    Args:
        model: anything with ``logits(token_ids, *, cache)``.
        token_ids: the beginning, (T,), or B of them at once, (B, T).
        n_tokens: at most so many are written.
        choose: picks a token by its logits, (V,) -> an id, or (B, V) -> (B,);
            by default the one with the largest.
        stop: the writing ends with this token (of a batch, when every row has
            had it; a row goes on until then).

    Yields:
        The ids one at a time; for a batch, arrays (B,).

    Raises:
        ValueError: the beginning is empty or has another shape, or ``n_tokens``
            is negative.
    """
    token_ids = np.asarray(token_ids)
    if token_ids.ndim not in (1, 2) or token_ids.shape[-1] == 0:
        raise ValueError(
            f"token_ids have shape {token_ids.shape}; they need (T,) or (B, T) "
            "with one token at least, such as the mark that begins a name"
        )
    if n_tokens < 0:
        raise ValueError(f"n_tokens is {n_tokens}; it must not be negative")
    keep_memory()
    return _generate(model, token_ids, n_tokens, choose or _largest, stop)


def _generate(model, token_ids, n_tokens, choose, stop):
    cache: dict[Any, Any] = {}
    ended = np.zeros(token_ids.shape[:-1], dtype=bool)
    for _ in range(n_tokens):
        logits = model.logits(np.atleast_2d(token_ids), cache=cache)[:, -1]
        token_id = choose(logits if token_ids.ndim == 2 else logits[0])
        yield token_id if token_ids.ndim == 2 else int(token_id)
        ended |= np.asarray(token_id) == stop
        if ended.all():
            return
        token_ids = np.asarray(token_id)[..., None]  # (1,) or (B, 1)


def _largest(logits):
    return logits.argmax(axis=-1)


def contexts(token_ids, length):
    """List the last symbols up to each position.  (B, T) -> (B, T, C)

    C is ``length``.  Where a sequence has not begun, the id is 0, which is the
    mark where a vocabulary has one.

    Raises:
        ValueError: ``token_ids`` are not a batch.
    """
    token_ids = _batch(token_ids)
    filled = np.pad(token_ids, ((0, 0), (length - 1, 0)))  # (B, C - 1 + T)
    return np.lib.stride_tricks.sliding_window_view(filled, length, axis=1)


def pairs(
    sequences: Sequence[np.ndarray], length: int
) -> tuple[np.ndarray, np.ndarray]:
    """List every context with what came next.  -> (N, C), (N,)

    C is ``length``; N counts all symbols of the sequences but their first ones,
    sequence by sequence.

    Raises:
        ValueError: there is no sequence, or one has fewer than two symbols.
    """
    token_ids, targets, mask = padded(sequences)
    return contexts(token_ids, length)[mask], targets[mask]


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
        check_activation(activation)
        self.context_length = context_length
        self.activation, self.dropout_rate = activation, dropout_rate
        how = {"rng": rng, "dtype": dtype}
        self.embedding = Embedding(vocab_size, d_model, **how)
        self.hidden = Linear(context_length * d_model, d_hidden, **how)
        self.output = Linear(d_hidden, vocab_size, gain=0.1, **how)

    def forward_contexts(self, before, *, rng=None):
        """Compute the logits after each context.  (..., C) -> (..., V)"""
        before = np.asarray(before)
        rows = self.embedding(before)  # (..., C, D)
        x = ops.reshape(rows, shape=(*before.shape[:-1], -1))  # (..., C D)
        h = self.activation(self.hidden(x))  # (..., F)
        return self.output(dropout(h, self.dropout_rate, rng))

    def forward(self, token_ids, *, rng=None, cache=None):
        token_ids = _batch(token_ids)
        ids = continued(token_ids, cache, self.context_length - 1)
        first = ids.shape[1] - token_ids.shape[1]  # those before are known
        before = contexts(ids, self.context_length)[:, first:]  # (B, T, C)
        return self.forward_contexts(before, rng=rng)

    def loss(self, token_ids, targets, mask=None, *, rng=None):
        """Average the surprise at targets, as every language model does.

        Where targets are (N,), token_ids are contexts (N, C); see
        :func:`pairs`.
        """
        before = np.asarray(token_ids)
        if np.ndim(targets) != 1:
            before = contexts(token_ids, self.context_length)
        if mask is not None:  # compute no score that would not count
            shape = (*before.shape[:-1], len(self.output.b.data))
            targets, mask = check_targets(shape, targets, mask)
            before, targets = before[mask], targets[mask]
        logits = self.forward_contexts(before, rng=rng)
        return ops.cross_entropy(logits, targets)
