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
    lengths = np.array([len(s) - 1 for s in sequences])
    token_ids = np.zeros((len(sequences), lengths.max() + 1), dtype=np.int64)
    for row, sequence in zip(token_ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    mask = np.arange(lengths.max()) < lengths[:, None]
    return token_ids[:, :-1], token_ids[:, 1:], mask
