"""Sequences of different lengths, side by side in one array."""

from collections.abc import Sequence

import numpy as np


def padded(
    sequences: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Arrange sequences as what is read, what comes next, and what counts.

    B sequences of at most T + 1 symbols -> token_ids, targets, mask, each
    (B, T).  Shorter ones are filled up with 0, and the mask is False there.

    Raises:
        ValueError: there is no sequence, or one has fewer than two symbols.
    """
    if not len(sequences) or min(map(len, sequences)) < 2:
        raise ValueError(
            "sequences must hold at least one, each of two symbols or more"
        )
    lengths = np.array([len(s) - 1 for s in sequences])
    token_ids = np.zeros((len(sequences), lengths.max() + 1), dtype=np.int64)
    for row, sequence in zip(token_ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    mask = np.arange(lengths.max()) < lengths[:, None]
    return token_ids[:, :-1], token_ids[:, 1:], mask
