"""Toy tasks of chapters 15 to 18: strings in another order."""

import string
from collections.abc import Callable

import numpy as np

from llmbook.data.pairs import Pairs, TokenVocabulary, hold_out


def reversal(
    n: int,
    length: int,
    *,
    rng: np.random.Generator,
    shortest: int | None = None,
    symbols: str = string.ascii_lowercase,
) -> Pairs:
    """Draw n strings; the target is the string backwards.

    80% are to train, 10% to choose by, 10% to score once. No two have the same
    target.

    >>> reversal(10, 5, rng=np.random.default_rng(0)).test
    [('rnqgq', 'qgqnr')]

    Args:
        n: how many pairs in all.
        length: symbols of each, or of the longest where ``shortest`` is given.
        rng: draws them.
        shortest: lengths are uniform from here to ``length``.
        symbols: what the strings are made of; both vocabularies have just
            these, in this order.

    Raises:
        ValueError: ``n`` is below 10, ``length`` or ``shortest`` below 1,
            ``shortest`` above ``length``, ``symbols`` are none or not distinct,
            or there are too few different targets.
    """
    return _draw(n, length, shortest, symbols, rng, lambda text: text[::-1])


def sorting(
    n: int,
    length: int,
    *,
    rng: np.random.Generator,
    shortest: int | None = None,
    symbols: str = string.ascii_lowercase,
) -> Pairs:
    """Draw n strings; the target has their symbols in the order of ``symbols``.

    Everything else is as in :func:`reversal`. Of strings with the same symbols
    only the first is kept, so where these are many, in short strings or of few
    symbols, repeated symbols are more frequent than by chance.

    >>> sorting(10, 5, rng=np.random.default_rng(0)).test
    [('rnqgq', 'gnqqr')]
    """
    return _draw(
        n,
        length,
        shortest,
        symbols,
        rng,
        lambda text: "".join(sorted(text, key=symbols.index)),
    )


def _draw(
    n: int,
    length: int,
    shortest: int | None,
    symbols: str,
    rng: np.random.Generator,
    change: Callable[[str], str],
) -> Pairs:
    shortest = length if shortest is None else shortest
    if n < 10:
        raise ValueError(f"n is {n}; it must be at least 10")
    if not symbols:
        raise ValueError("symbols are ''; there must be one at least")
    if not 1 <= shortest <= length:
        raise ValueError(
            f"strings have {shortest} to {length} symbols; "
            "they must have 1 at least, and shortest must not exceed length"
        )
    vocabulary = TokenVocabulary(symbols)
    source_of: dict[str, str] = {}  # by target
    for _ in range(10):  # rounds, so that it ends if there are too few targets
        lengths = rng.integers(shortest, length + 1, n)
        ids = rng.integers(0, len(symbols), (n, length))
        for row, size in zip(ids, lengths, strict=True):
            source = "".join(symbols[i] for i in row[:size])
            source_of.setdefault(change(source), source)
        if len(source_of) >= n:
            pairs = [(source, target) for target, source in source_of.items()]
            return hold_out(pairs[:n], n // 10, vocabulary, vocabulary)
    raise ValueError(
        f"n is {n}; {10 * n} draws of {shortest} to {length} of "
        f"{len(symbols)} symbols gave only {len(source_of)} different targets"
    )
