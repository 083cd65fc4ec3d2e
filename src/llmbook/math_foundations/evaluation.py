"""Chapter 3: the book's one ruler.

Every language model of the book, from counts to quantized transformers, is
scored by :func:`score`: in nats per symbol, on sequences it was not trained on,
each from a fresh start.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llmbook.math_foundations.memory import keep_memory
from llmbook.math_foundations.softmax import log_softmax


@dataclass(frozen=True)
class Score:
    """What each of N sequences cost.

    ``nats`` (N,) holds the sum over each sequence, ``symbols`` (N,) how many of
    its symbols were predicted.
    """

    nats: np.ndarray
    symbols: np.ndarray

    @property
    def mean(self) -> float:
        """All nats over all symbols, in nats per symbol."""
        return float(self.nats.sum() / self.symbols.sum())

    @property
    def standard_error(self) -> float:
        """Standard error of :attr:`mean`, in nats per symbol.

        Sequences, not symbols, are taken as independent.

        Raises:
            ValueError: there is only one sequence.

        Source: Cochran (1977), equation 6.13, for a ratio of two sums.
        """
        return _ratio_error(self.nats, self.symbols)

    def minus(self, other: "Score") -> tuple[float, float]:
        """Subtract another model's score on the same sequences.

        Returns:
            The difference in nats per symbol, and its paired standard error.

        Raises:
            ValueError: the two scores are not of the same sequences.
        """
        if not np.array_equal(self.symbols, other.symbols):
            raise ValueError(
                "the scores are of different sequences; "
                "a paired difference needs the same ones"
            )
        error = _ratio_error(self.nats - other.nats, self.symbols)
        return self.mean - other.mean, error


def score(model: Any, sequences: Sequence[np.ndarray]) -> Score:
    """Score a model on sequences of symbol ids.

    A model is anything with ``logits(token_ids)``, (B, T) -> (B, T, V).
    The first symbol of each sequence is given; every later one is predicted
    from all before it.

    Raises:
        ValueError: there is no sequence, or one has fewer than two symbols.
    """
    if not sequences or min(map(len, sequences)) < 2:
        raise ValueError(
            "sequences must hold one sequence at least, "
            "each of two symbols or more"
        )
    keep_memory()
    nats = np.empty(len(sequences))
    for rows in _batches(sequences):
        token_ids = np.stack([sequences[i] for i in rows])  # (B, T + 1)
        inputs, targets = token_ids[:, :-1], token_ids[:, 1:]  # each (B, T)
        log_p, _ = log_softmax(model.logits(inputs))  # (B, T, V)
        at_target = np.take_along_axis(log_p, targets[..., None], axis=-1)
        nats[rows] = -at_target[..., 0].sum(axis=-1, dtype=np.float64)
    return Score(nats, np.array([len(s) - 1 for s in sequences]))


def evaluate(model: Any, sequences: Sequence[np.ndarray]) -> float:
    """Return a model's nats per symbol on sequences; see :func:`score`."""
    return score(model, sequences).mean


def _batches(sequences, batch_size=256) -> Iterator[np.ndarray]:
    """Yield indices of at most ``batch_size`` sequences, all of one length.

    One length needs no padding and no mask.
    """
    lengths = np.array([len(s) for s in sequences])
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        for i in range(0, len(rows), batch_size):
            yield rows[i : i + batch_size]


def _ratio_error(values: np.ndarray, sizes: np.ndarray) -> float:
    n = len(values)
    if n < 2:
        raise ValueError("one sequence has no standard error; it needs two")
    residuals = values - values.sum() / sizes.sum() * sizes
    return float(np.sqrt((residuals**2).sum() * n / (n - 1)) / sizes.sum())
