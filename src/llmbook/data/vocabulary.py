"""Characters as ids: the vocabulary of every character-level model."""

from collections.abc import Sequence

import numpy as np


class CharVocabulary:
    """Number distinct characters in the order they are given.

    An end mark, where there is one, has id 0 and is a character like any other;
    the book pads the start of a sequence with the same id.

    >>> vocabulary = CharVocabulary("abc", end=".")
    >>> vocabulary.encode("cab.")
    array([3, 1, 2, 0])
    >>> vocabulary.decode([3, 1, 2, 0])
    'cab.'

    Raises:
        ValueError: a character is given twice, or the end mark is not one
            character.
    """

    def __init__(self, characters: str, end: str | None = None) -> None:
        if end is not None and len(end) != 1:
            raise ValueError(f"end must be one character, got {end!r}")
        self.end = end
        self.characters = (end or "") + characters
        self._ids = {c: i for i, c in enumerate(self.characters)}
        if len(self._ids) < len(self.characters):
            raise ValueError(
                f"characters must be distinct, got {self.characters!r}"
            )

    def __len__(self) -> int:
        """Return the size V of the vocabulary, the end mark included."""
        return len(self.characters)

    def encode(self, text: str) -> np.ndarray:
        """Return the ids of a text of T characters.  -> (T,), int64

        Raises:
            ValueError: a character is outside the vocabulary.
        """
        try:
            return np.array([self._ids[c] for c in text], dtype=np.int64)
        except KeyError as error:
            raise ValueError(
                f"text has the character {error.args[0]!r}, "
                f"outside {self.characters!r}"
            ) from None

    def decode(self, token_ids: Sequence[int] | np.ndarray) -> str:
        """Return the text of ids.  (T,) -> T characters

        Raises:
            ValueError: the ids are not a row of integers in 0..V-1.
        """
        ids = np.asarray(token_ids)
        is_integer = np.issubdtype(ids.dtype, np.integer)
        if ids.ndim != 1 or (ids.size and not is_integer):
            raise ValueError(
                "token_ids must be integers of shape (T,), "
                f"got {ids.dtype} of shape {ids.shape}"
            )
        if ids.size and (ids.min() < 0 or ids.max() >= len(self)):
            raise ValueError(
                f"token_ids must lie in 0 to {len(self) - 1}, "
                f"got {ids.min()} to {ids.max()}"
            )
        return "".join(self.characters[i] for i in ids)
