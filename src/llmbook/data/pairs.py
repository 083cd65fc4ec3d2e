"""Pairs of sequences of chapters 15 to 18: a source, and what it becomes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from llmbook.data.batches import as_sequences, length_mask, padded

Pair = tuple[str, str]


class TokenVocabulary:
    """Number the tokens of texts: <pad> 0, <bos> 1, <eos> 2, then the others.

    A token is a character or, with ``words``, a word; a space stands between
    two words.

    >>> vocabulary = TokenVocabulary(["apple", "red"], words=True)
    >>> vocabulary.encode("red apple")
    array([4, 3])
    >>> vocabulary.decode([1, 4, 3, 2, 0, 0])
    'red apple'

    Raises:
        ValueError: a token is given twice, or is no single character or word.
    """

    pad, bos, eos = 0, 1, 2

    def __init__(self, tokens: Iterable[str], *, words: bool = False) -> None:
        self.words = words
        tokens = list(tokens)
        for token in tokens:
            if self.split(token) != [token]:
                kind = "word" if words else "character"
                raise ValueError(f"tokens have {token!r}, which is no {kind}")
        self.tokens = ["<pad>", "<bos>", "<eos>", *tokens]
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self._ids) < len(self.tokens):
            twice = next(t for t in tokens if self.tokens.count(t) > 1)
            raise ValueError(f"tokens must be distinct, got {twice!r} twice")

    @classmethod
    def of(
        cls, texts: Iterable[str], *, words: bool = False
    ) -> "TokenVocabulary":
        """Return the vocabulary of all tokens of texts, in sorted order."""
        split = cls([], words=words).split
        tokens = {token for text in texts for token in split(text)}
        return cls(sorted(tokens), words=words)

    def __len__(self) -> int:
        """Return the size V of the vocabulary, the three marks included."""
        return len(self.tokens)

    def split(self, text: str) -> list[str]:
        """Split a text into its tokens."""
        return text.split() if self.words else list(text)

    def encode(self, text: str) -> np.ndarray:
        """Return the ids of a text of T tokens, without marks.  -> (T,), int64

        Raises:
            ValueError: a token is outside the vocabulary.
        """
        tokens = self.split(text)
        if unknown := [t for t in tokens if t not in self._ids]:
            raise ValueError(
                f"text has {unknown[0]!r}, outside the vocabulary's "
                f"{len(self)} tokens"
            )
        return np.array([self._ids[t] for t in tokens], dtype=np.int64)

    def decode(self, token_ids: Sequence[int] | np.ndarray) -> str:
        """Return the text before the first <eos>.  (T,) -> a text

        A <bos> at the start is dropped; any other mark before <eos> is a
        mistake of whatever wrote it, and is shown.

        Raises:
            ValueError: the ids are not a row of integers in 0..V-1.
        """
        ids = np.asarray(token_ids)
        if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
            raise ValueError(
                "token_ids must be integers of shape (T,), "
                f"got {ids.dtype} of shape {ids.shape}"
            )
        if ids.size and (ids.min() < 0 or ids.max() >= len(self)):
            raise ValueError(
                f"token_ids must lie in 0 to {len(self) - 1}, "
                f"got {ids.min()} to {ids.max()}"
            )
        tokens = [self.tokens[i] for i in ids]
        if "<eos>" in tokens:
            tokens = tokens[: tokens.index("<eos>")]
        if tokens[:1] == ["<bos>"]:
            tokens = tokens[1:]
        return (" " if self.words else "").join(tokens)


@dataclass(frozen=True)
class Pairs:
    """Pairs (source, target) of texts, in three splits, and their vocabularies.

    No two pairs have the same source or the same target, so none stands in two
    splits.
    """

    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]
    source_vocabulary: TokenVocabulary
    target_vocabulary: TokenVocabulary

    def __post_init__(self) -> None:
        """Refuse what would leak.

        Raises:
            ValueError: a source or a target stands in two pairs.
        """
        pairs = self.train + self.validation + self.test
        for side, name in enumerate(("source", "target")):
            if len({pair[side] for pair in pairs}) < len(pairs):
                raise ValueError(f"two pairs have the same {name}")

    def encode(
        self, pairs: Sequence[Pair]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the ids of pairs, with their marks, for :func:`padded_pairs`.

        A source of n tokens ends with <eos>: (n + 1,). A target of n stands
        between <bos> and <eos>: (n + 2,).

        Raises:
            ValueError: ``pairs`` is one pair, or a text has a token outside its
                vocabulary.
        """
        if any(isinstance(pair, str) for pair in pairs):
            raise ValueError(f"pairs is {pairs!r}; it must be a list of pairs")
        bos, eos = TokenVocabulary.bos, TokenVocabulary.eos
        sources = [self.source_vocabulary.encode(source) for source, _ in pairs]
        targets = [self.target_vocabulary.encode(target) for _, target in pairs]
        return (
            [np.array([*ids, eos]) for ids in sources],
            [np.array([bos, *ids, eos]) for ids in targets],
        )


def hold_out(
    pairs: list[Pair],
    n: int,
    source_vocabulary: TokenVocabulary,
    target_vocabulary: TokenVocabulary,
) -> Pairs:
    """Hold out the last 2n pairs: n to choose by, and n to score once."""
    return Pairs(
        train=pairs[: -2 * n],
        validation=pairs[-2 * n : -n],
        test=pairs[-n:],
        source_vocabulary=source_vocabulary,
        target_vocabulary=target_vocabulary,
    )


def padded_pairs(
    sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Arrange B pairs of ids as a batch of an encoder and a decoder.

    B sources of at most S symbols, B targets of at most T + 1 -> source,
    source_mask, each (B, S), and token_ids, targets, mask, each (B, T): what
    the decoder reads, what comes next, and what counts. Shorter ones are filled
    up with 0, <pad>. ``mask`` is False where no target is, so also where a
    shorter row of ``token_ids`` reads its <eos>.

    Raises:
        ValueError: there is not one target for each source, a source is empty,
            or a target has fewer than two symbols; see also
            :func:`~llmbook.data.batches.as_sequences`.
    """
    sources = as_sequences(sources)
    if len(sources) != len(targets):
        raise ValueError(
            f"sources are {len(sources)} and targets {len(targets)}; "
            "each source needs one target"
        )
    lengths = [len(s) for s in sources]
    if min(lengths, default=0) < 1:
        raise ValueError(
            "sources must hold at least one, each of one symbol or more"
        )
    source_mask = length_mask(lengths, max(lengths))
    source = np.zeros(source_mask.shape, dtype=np.int64)
    source[source_mask] = np.concatenate(sources)
    return source, source_mask, *padded(targets)
