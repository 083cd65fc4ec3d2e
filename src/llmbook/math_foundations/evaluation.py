"""Chapter 3: the book's one ruler.

Every language model of the book, from counts to quantized transformers, is
scored by :func:`score`: in nats per symbol, on sequences it was not trained on,
each from a fresh start.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llmbook.data import as_sequences
from llmbook.math_foundations.memory import keep_memory
from llmbook.math_foundations.softmax import log_softmax

# What a batch holds at most, unless one sequence alone is more.
POSITIONS = 2_048
LOGITS = 2**21


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


def score(
    model: Any,
    sequences: Sequence[np.ndarray],
    *,
    given: Sequence[np.ndarray] | None = None,
    symbols: np.ndarray | None = None,
) -> Score:
    """Score a model on sequences of symbol ids.

    A model is anything with ``logits(token_ids)``, (B, T) -> (B, T, V).
    The first symbol of each sequence is given; every later one is predicted
    from all before it.

    Args:
        model: what is scored.
        sequences: N arrays of ids.
        given: what the model is conditioned on, arrays with a row for each
            sequence, such as the sources of a translation and their mask; a
            batch is read by ``model.given(*rows)``.
        symbols: (N,) how many symbols each sequence counts as, such as its
            bytes; by default its predicted ids.

    Raises:
        ValueError: there is no sequence, one has fewer than two symbols, or an
            array of ``given`` or ``symbols`` does not have a row for each; see
            also :func:`~llmbook.data.batches.as_sequences`.
    """
    sequences = as_sequences(sequences)
    if min(map(len, sequences), default=0) < 2:
        raise ValueError(
            "sequences must hold one sequence at least, "
            "each of two symbols or more"
        )
    _check_rows(len(sequences), given, symbols)
    keep_memory()

    def conditioned(rows):
        return (
            model if given is None else model.given(*(g[rows] for g in given))
        )

    start = np.array(sequences[0])[None, :1]  # (1, 1)
    V = conditioned([0]).logits(start).shape[-1]
    nats = np.empty(len(sequences))
    for rows in _batches(sequences, V):
        token_ids = np.stack([sequences[i] for i in rows])  # (B, T + 1)
        inputs, targets = token_ids[:, :-1], token_ids[:, 1:]  # each (B, T)
        log_p, _ = log_softmax(conditioned(rows).logits(inputs))  # (B, T, V)
        at_target = np.take_along_axis(log_p, targets[..., None], axis=-1)
        nats[rows] = -at_target[..., 0].sum(axis=-1, dtype=np.float64)
    if symbols is None:
        symbols = np.array([len(s) - 1 for s in sequences])
    return Score(nats, symbols)


def evaluate(model: Any, sequences: Sequence[np.ndarray]) -> float:
    """Return a model's nats per symbol on sequences; see :func:`score`."""
    return score(model, sequences).mean


def _batches(sequences, V) -> Iterator[np.ndarray]:
    """Yield indices of sequences, all of one length and not too many.

    One length needs no padding and no mask.  What a batch needs grows with its
    positions and, for the logits, with V times as many.
    """
    positions = min(POSITIONS, LOGITS // V)
    lengths = np.array([len(s) for s in sequences])
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        size = max(1, positions // (length - 1))
        for i in range(0, len(rows), size):
            yield rows[i : i + size]


def _check_rows(n, given, symbols) -> None:
    by_row = {f"given[{i}]": rows for i, rows in enumerate(given or ())}
    if symbols is not None:
        by_row["symbols"] = symbols
    for name, rows in by_row.items():
        if len(rows) != n:
            raise ValueError(
                f"{name} has {len(rows)} rows; it needs one for each of the "
                f"{n} sequences"
            )


def _ratio_error(values: np.ndarray, sizes: np.ndarray) -> float:
    n = len(values)
    if n < 2:
        raise ValueError("one sequence has no standard error; it needs two")
    residuals = values - values.sum() / sizes.sum() * sizes
    return float(np.sqrt((residuals**2).sum() * n / (n - 1)) / sizes.sum())
