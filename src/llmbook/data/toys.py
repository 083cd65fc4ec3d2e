"""Toy tasks: made, not measured, each with one thing to remember."""

import numpy as np


def parity(
    n: int, length: int, *, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw bits, and whether the ones so far are odd in number.

    -> bits, targets, each (n, length), int64.  One wrong step spoils all that
    follow.

    >>> bits, targets = parity(1, 6, rng=np.random.default_rng(1))
    >>> print(bits, targets)
    [[0 1 1 1 0 0]] [[0 1 0 1 1 1]]

    Raises:
        ValueError: ``n`` or ``length`` is below 1.
    """
    _at_least(1, n=n, length=length)
    bits = rng.integers(0, 2, (n, length))
    return bits, bits.cumsum(axis=1) % 2


def adding(
    n: int, length: int, *, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw numbers of which two are marked, and the sum of these two.

    -> x (n, length, 2), sums (n,), float32.  The first column of x is uniform
    in [0, 1), the second is 1 at two steps, one in each half, and 0 elsewhere.
    Who always answers 1, the mean, has a mean squared error of 1/6.

    Raises:
        ValueError: ``n`` is below 1, or ``length`` below 2.

    Source: Hochreiter and Schmidhuber (1997), experiment 4, in the form of Le
    et al. (2015), with the marks placed as by Arjovsky et al. (2016).
    """
    _at_least(1, n=n)
    _at_least(2, length=length)
    half, rows = length // 2, np.arange(n)
    x = np.zeros((n, length, 2), dtype=np.float32)
    x[..., 0] = rng.random((n, length), dtype=np.float32)
    x[rows, rng.integers(0, half, n), 1] = 1
    x[rows, rng.integers(half, length, n), 1] = 1
    return x, x.prod(axis=2).sum(axis=1)


def recall(
    n: int, length: int, *, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a bit to keep, and noise after it.

    -> x (n, length, 3), float32, bits (n,), int64.  At the first step the bit
    is 1 in column 0 or 1 of x; at every later one, column 2 is 1 or -1.

    Raises:
        ValueError: ``n`` or ``length`` is below 1.
    """
    _at_least(1, n=n, length=length)
    bits = rng.integers(0, 2, n)
    x = np.zeros((n, length, 3), dtype=np.float32)
    x[np.arange(n), 0, bits] = 1
    x[:, 1:, 2] = rng.choice([-1.0, 1.0], (n, length - 1))
    return x, bits


def brackets(
    n: int,
    length: int,
    *,
    rng: np.random.Generator,
    kinds: str = "()[]{}",
    depth: int = 4,
) -> list[str]:
    """Draw n strings in which every bracket is closed by one of its kind.

    A bracket opens or closes with equal probability where both are possible:
    at most ``depth`` are open at once, and at the end none is.

    >>> brackets(2, 10, rng=np.random.default_rng(0), depth=3)
    ['{[()]}(){}', '{}[]{[{}]}']

    Args:
        n: how many.
        length: characters of each, an even number.
        rng: draws them.
        kinds: the opening and the closing bracket of each kind in turn.
        depth: the most that are open at once.

    Raises:
        ValueError: ``n``, ``length`` or ``depth`` is below 1, ``length`` is
            odd, or ``kinds`` are not pairs of distinct characters.
    """
    _at_least(1, n=n, length=length, depth=depth)
    if length % 2:
        raise ValueError(f"length is {length}; it must be even")
    if not kinds or len(kinds) % 2 or len(set(kinds)) < len(kinds):
        raise ValueError(
            f"kinds are {kinds!r}; they must be pairs of distinct characters"
        )
    return [_nested(length, rng, kinds, depth) for _ in range(n)]


def _nested(length, rng, kinds, depth):
    text, still_open = "", ""  # what would close the open ones, innermost last
    for left in range(length, 0, -1):
        may_close = len(still_open) > 0
        may_open = len(still_open) < min(depth, left)
        if may_open and (not may_close or rng.random() < 0.5):
            kind = 2 * int(rng.integers(len(kinds) // 2))
            text += kinds[kind]
            still_open += kinds[kind + 1]
        else:
            text += still_open[-1]
            still_open = still_open[:-1]
    return text


def _at_least(least, **values):
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} is {value}; it must be at least {least}")
