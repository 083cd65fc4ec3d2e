"""Chapter 15: an encoder reads a sequence, a decoder writes another.

Chapter 16 lets the decoder attend to all that the encoder read.
"""

import numpy as np

from llmbook.encoder_decoder.attention import attendable
from llmbook.encoder_decoder.bidirectional import Bidirectional
from llmbook.encoder_decoder.decoding import take_rows
from llmbook.feedforward import ops
from llmbook.feedforward.layers import Embedding, Linear, Module, dropout
from llmbook.feedforward.tape import no_grad
from llmbook.lstm_gru.gru import GRU
from llmbook.math_foundations.arrays import as_ids


class Seq2Seq(Module):
    """A language model of targets (B, T), conditioned on sources (B, S).

    The encoder's last state is the decoder's first.  Without ``attention``
    that is all the decoder has of a source.  With it, each of the decoder's
    outputs y looks up a mean c of the encoder's outputs, and goes on as
    tanh([y, c] W + b).  No step waits for the mean of the one before, so all
    steps of a target are looked up at once.

    Args:
        source_size: how many symbols sources are made of.
        target_size: how many symbols targets are made of, V.
        d_model: numbers for each symbol.
        d_hidden: numbers that each recurrent layer carries, H.
        rng: draws the parameters; with ``None`` all are zero, to be loaded.
        recurrent: the class of the layers on both sides,
            :class:`~llmbook.rnn.rnn.RNN` or one of its subclasses.
        bidirectional: whether sources are read from both ends.
        attention: the class of the attention, from
            :mod:`llmbook.encoder_decoder.attention`; by default there is none.
        dropout_rate: acts on what goes into the recurrent layers and on what
            comes out of the decoder, where ``rng`` is given to ``loss``.

    Source: Sutskever et al. (2014) and Cho et al. (2014); Luong et al. (2015)
    for the way attention goes in.  Bahdanau et al. (2015) feed the mean to the
    recurrence, whose steps then come one after the other.
    """

    def __init__(
        self,
        source_size,
        target_size,
        *,
        d_model,
        d_hidden,
        rng,
        recurrent=GRU,
        bidirectional=False,
        attention=None,
        dropout_rate=0.0,
        dtype=np.float32,
    ):
        how = {"rng": rng, "dtype": dtype}
        self.dropout_rate = dropout_rate
        self.source = Embedding(source_size, d_model, **how)
        self.target = Embedding(target_size, d_model, **how)
        if bidirectional:
            how_read = {"recurrent": recurrent, **how}
            self.encoder = Bidirectional(d_model, d_hidden, **how_read)
        else:
            self.encoder = recurrent(d_model, d_hidden, **how)
        self.decoder = recurrent(d_model, d_hidden, **how)
        self.attention = None
        if attention is not None:
            d_memory = 2 * d_hidden if bidirectional else d_hidden
            self.attention = attention(d_hidden, d_memory, **how)
            self.combine = Linear(d_hidden + d_memory, d_hidden, **how)
        self.output = Linear(d_hidden, target_size, gain=0.1, **how)

    def encode(self, source, source_mask=None, *, rng=None):
        """Read sources.  (B, S) -> memory (B, S, M), a state for the decoder

        M is H, or 2 H if sources are read from both ends.

        Raises:
            ValueError: a source is empty, an id is unknown, or ``source_mask``
                is not boolean, has another shape or a row that allows nothing.
        """
        source = _batch("source ids", source, len(self.source.table.data))
        if source_mask is not None:
            source_mask = attendable(source_mask, source.shape)
        x = dropout(self.source(source), self.dropout_rate, rng)
        return self.encoder(x, mask=source_mask)

    def decode(self, token_ids, memory, state, source_mask=None, *, rng=None):
        """Score what comes next, after what was written.

        (B, T), memory (B, S, M), a state -> logits (B, T, V), the state after,
        weights (B, T, S) or None

        Raises:
            ValueError: there is no symbol, an id is unknown, or there are not
                as many rows as sources.
        """
        token_ids = _batch("token_ids", token_ids, self.output.b.shape[0])
        if len(token_ids) != memory.shape[0]:
            raise ValueError(
                f"token_ids have {len(token_ids)} rows; "
                f"there are {memory.shape[0]} sources"
            )
        x = dropout(self.target(token_ids), self.dropout_rate, rng)
        y, state = self.decoder(x, state)
        weights = None
        if self.attention is not None:
            means, weights = self.attention(y, memory, source_mask)
            y = ops.tanh(self.combine(ops.concatenate(y, means)))
        return self.output(dropout(y, self.dropout_rate, rng)), state, weights

    def loss(
        self, source, source_mask, token_ids, targets, mask=None, *, rng=None
    ):
        """Average the surprise at targets, in nats.  -> a Tensor

        Args:
            source: (B, S), what is read.
            source_mask: (B, S), True where a position is no padding; None says
                that all are none.
            token_ids: (B, T), what is written so far: a mark, and the targets
                but the last.
            targets: (B, T), what comes next at each position.
            mask: (B, T), True where a target counts; by default all do.
            rng: draws what dropout drops; without it nothing is dropped.

        Raises:
            ValueError: shapes, ids or masks do not fit, or nothing counts.
        """
        memory, state = self.encode(source, source_mask, rng=rng)
        logits, _, _ = self.decode(
            token_ids, memory, state, source_mask, rng=rng
        )
        return ops.cross_entropy(logits, targets, mask=mask)

    def given(self, source, source_mask=None):
        """Read sources, and return a language model of what is written."""
        return Given(self, source, source_mask)


class Given:
    """A :class:`Seq2Seq` that has read its sources: a language model.

    :func:`~llmbook.feedforward.language_model.generate`, the decoders and
    :func:`~llmbook.math_foundations.evaluation.score` take it for one.  It has
    a row for each source; a single source serves any number of rows.
    """

    def __init__(self, model, source, source_mask=None):
        self.model, self.mask = model, source_mask
        with no_grad():
            self.memory, self.state = model.encode(source, source_mask)

    def logits(self, token_ids, *, cache=None):
        """Compute scores as a bare array.  (B, T) -> (B, T, V)

        A cache holds the decoder's state after the symbols read so far.

        Raises:
            ValueError: see :meth:`Seq2Seq.decode`.
        """
        cache = {} if cache is None else cache
        logits, cache["state"], _ = self._decode(token_ids, cache)
        return logits

    def alignment(self, token_ids):
        """Compute what is attended to at each step.  (B, T) -> (B, T, S)

        Raises:
            ValueError: the model has no attention; see also
                :meth:`Seq2Seq.decode`.
        """
        if self.model.attention is None:
            raise ValueError("the model has no attention, so no alignment")
        return self._decode(token_ids, {})[2]

    def _decode(self, token_ids, cache):
        read = self.memory, self.state, self.mask
        if len(self.memory) == 1:
            read = take_rows(read, [0] * len(np.atleast_1d(token_ids)))
        memory, state, mask = read
        state = cache.get("state", state)
        with no_grad():
            return self.model.decode(token_ids, memory, state, mask)


def _batch(name, ids, size):
    ids = as_ids(ids, size, name)
    if ids.ndim != 2 or ids.shape[1] == 0:
        raise ValueError(
            f"{name} have shape {ids.shape}; they must be a batch of rows, "
            "with one symbol at least"
        )
    return ids
