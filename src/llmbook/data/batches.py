"""Sequences of different lengths, side by side in one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def as_sequences(sequences: Sequence[Any]) -> list[np.ndarray]:
    """Return sequences of ids as a list of int64 arrays.

    Raises:
        ValueError: they are one sequence or one text instead of a list of
            sequences, or one of them is not a row of integers.
    """
    if isinstance(sequences, str) or any(np.ndim(s) == 0 for s in sequences):
        raise ValueError(
            f"sequences are a {type(sequences).__name__} of single symbols or "
            "texts; they must be a list of arrays of ids, such as [token_ids]"
        )
    arrays = [np.asarray(s) for s in sequences]
    for array in arrays:
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise ValueError(
                f"a sequence has dtype {array.dtype} and shape {array.shape}; "
                "it must be a row of integers"
            )
    return [array.astype(np.int64, copy=False) for array in arrays]


def padded(
    sequences: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Arrange sequences as what is read, what comes next, and what counts.

    B sequences of at most T + 1 symbols -> token_ids, targets, mask, each
    (B, T).  Shorter ones are filled up with 0, and the mask is False there.

    Raises:
        ValueError: there is no sequence, or one has fewer than two symbols;
            see also :func:`as_sequences`.
    """
    sequences = as_sequences(sequences)
    if min(map(len, sequences), default=0) < 2:
        raise ValueError(
            "sequences must hold at least one, each of two symbols or more"
        )
    lengths = [len(s) - 1 for s in sequences]
    T = max(lengths)
    token_ids = np.zeros((len(sequences), T + 1), dtype=np.int64)
    for row, sequence in zip(token_ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return token_ids[:, :-1], token_ids[:, 1:], length_mask(lengths, T)


def length_mask(lengths: Sequence[int] | np.ndarray, T: int) -> np.ndarray:
    """Mark what counts of B sequences in T places: the first ones.  -> (B, T)

    >>> length_mask([1, 3], 3)
    array([[ True, False, False],
           [ True,  True,  True]])

    Raises:
        ValueError: ``lengths`` are not a row of integers from 1 to T.
    """
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise ValueError(
            f"lengths have dtype {lengths.dtype} and shape {lengths.shape}; "
            "they must be a row of integers"
        )
    if lengths.min(initial=1) < 1 or lengths.max(initial=T) > T:
        raise ValueError(
            f"lengths run from {lengths.min()} to {lengths.max()}; "
            f"they must lie in 1..{T}"
        )
    return np.arange(T) < lengths[:, None]
