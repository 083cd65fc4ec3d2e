"""Chapter 3: the book's one ruler.

Every language model of the book, from counts to quantized transformers, is scored by :func:`score`: in
nats per symbol, on sequences it was not trained on, each from a fresh start.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llmbook.math_foundations.softmax import log_softmax


@dataclass(frozen=True)
class Score:
    """What each sequence cost: ``nats`` (N,), summed over its ``symbols`` (N,) predicted ones."""

    nats: np.ndarray
    symbols: np.ndarray

    @property
    def mean(self) -> float:
        """Nats per symbol: all nats over all symbols."""
        return float(self.nats.sum() / self.symbols.sum())

    @property
    def standard_error(self) -> float:
        """Standard error of :attr:`mean`, taking sequences, not symbols, as independent.

        Source: Cochran (1977), equation 6.13, for a ratio of two sums.
        """
        return _ratio_error(self.nats, self.symbols)

    def minus(self, other: "Score") -> tuple[float, float]:
        """Difference in nats per symbol to another model on the same sequences, with its paired error.

        Raises:
            ValueError: the two scores are not of the same sequences.
        """
        if not np.array_equal(self.symbols, other.symbols):
            raise ValueError("the scores are of different sequences; a paired difference needs the same ones")
        return self.mean - other.mean, _ratio_error(self.nats - other.nats, self.symbols)


def score(model: Any, sequences: Sequence[np.ndarray]) -> Score:
    """Score a model, anything with ``logits(token_ids) (B, T) -> (B, T, V)``, on sequences of symbol ids.

    The first symbol of each sequence is given; every later one is predicted from all before it.

    Raises:
        ValueError: there is no sequence, or one has fewer than two symbols.
    """
    if not sequences or min(map(len, sequences)) < 2:
        raise ValueError("sequences must hold one sequence at least, each of two symbols or more")
    nats = np.empty(len(sequences))
    for rows in _batches(sequences):
        token_ids = np.stack([sequences[i] for i in rows])  # (B, T + 1)
        log_p, _ = log_softmax(model.logits(token_ids[:, :-1]))  # (B, T, V)
        at_target = np.take_along_axis(log_p, token_ids[:, 1:, None], axis=-1)[..., 0]  # (B, T)
        nats[rows] = -at_target.sum(axis=-1, dtype=np.float64)
    return Score(nats, np.array([len(s) - 1 for s in sequences]))


def evaluate(model: Any, sequences: Sequence[np.ndarray]) -> float:
    """Nats per symbol of a model on sequences; see :func:`score`."""
    return score(model, sequences).mean


def _batches(sequences, batch_size=256) -> Iterator[np.ndarray]:
    """Indices of sequences of one length, at most ``batch_size`` at a time: no padding, no mask."""
    lengths = np.array([len(s) for s in sequences])
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        yield from (rows[i : i + batch_size] for i in range(0, len(rows), batch_size))


def _ratio_error(values: np.ndarray, sizes: np.ndarray) -> float:
    n = len(values)
    residuals = values - values.sum() / sizes.sum() * sizes
    return float(np.sqrt((residuals**2).sum() * n / (n - 1)) / sizes.sum())
