"""Chapter 15: what a model writes, searched for: greedily, or with a beam."""

from typing import Any, NamedTuple

import numpy as np

from llmbook.feedforward.language_model import generate
from llmbook.math_foundations.memory import keep_memory
from llmbook.math_foundations.softmax import log_softmax


def greedy_decode(model, token_ids, *, n_tokens, stop) -> list[np.ndarray]:
    """Write each row on with the likeliest symbol, step by step, to its stop.

    Args:
        model: anything with ``logits(token_ids, *, cache)``.
        token_ids: (B, T), the beginnings, such as a mark in each row.
        n_tokens: at most so many are written.
        stop: the id after which a row has ended.

    Returns:
        For each row the ids written, with the stop where there is one.

    Raises:
        ValueError: ``token_ids`` are no batch, or empty, or ``n_tokens`` is
            below 1.
    """
    token_ids = np.asarray(token_ids)
    if token_ids.ndim != 2 or token_ids.size == 0:
        raise ValueError(
            f"token_ids have shape {token_ids.shape}; they must be a batch of "
            "rows, with one symbol at least"
        )
    _at_least_one(n_tokens=n_tokens)
    steps = generate(model, token_ids, n_tokens=n_tokens, stop=stop)
    rows = np.stack(list(steps), axis=1)  # (B, n)
    stops = rows == stop
    kept = stops.cumsum(axis=1) == stops  # no stop came before
    return [row[counts] for row, counts in zip(rows, kept, strict=True)]


class Hypothesis(NamedTuple):
    """What a beam search found: ids, their log-probability, and their score.

    The ids end with the stop, unless there were too many.
    """

    token_ids: np.ndarray
    log_p: float
    score: float


def beam_search(
    model,
    token_ids,
    *,
    width,
    n_tokens,
    stop,
    length_penalty=0.0,
) -> list[Hypothesis]:
    """Write on, keeping the ``width`` likeliest beginnings at each step.

    A beginning becomes a hypothesis when it ends with the stop, or has
    ``n_tokens`` symbols.  One of n symbols and probability P is scored by
    log P / ((5 + n) / 6)^a, where a is ``length_penalty``.  With a = 0 that
    favors short ones, of which P has fewer factors below 1.  The search ends
    when no beginning can overtake the best hypothesis any more.

    A beam of 1 writes what :func:`greedy_decode` does; one as wide as there are
    beginnings finds the best of all.

    Args:
        model: anything with ``logits(token_ids, *, cache)`` whose cache is made
            of dictionaries, lists and tuples of arrays, a row a sequence.
        token_ids: (T,), the beginning, such as a mark.
        width: how many are kept.
        n_tokens: at most so many are written.
        stop: the id that ends a hypothesis.
        length_penalty: a.

    Returns:
        The hypotheses that the search came upon, the best one first.

    Raises:
        ValueError: ``token_ids`` are no row, or empty, ``width`` or
            ``n_tokens`` is below 1, or ``length_penalty`` below 0.

    Source: Sutskever et al. (2014); Wu et al. (2016) for the penalty.
    """
    read = np.asarray(token_ids)
    if read.ndim != 1 or read.size == 0:
        raise ValueError(
            f"token_ids have shape {read.shape}; they must be a row, "
            "with one symbol at least"
        )
    _at_least_one(width=width, n_tokens=n_tokens)
    if not length_penalty >= 0:
        raise ValueError(
            f"length_penalty is {length_penalty}; it must not be negative"
        )
    keep_memory()

    def score(log_p, length):
        return log_p / ((5 + length) / 6) ** length_penalty

    cache: dict[Any, Any] = {}
    read, log_p = read[None], np.zeros(1)  # (n, T), (n,) for n beginnings
    written = np.empty((1, 0), dtype=np.int64)  # (n, t)
    found: list[Hypothesis] = []
    for length in range(1, n_tokens + 1):
        step, _ = log_softmax(model.logits(read, cache=cache)[:, -1])  # (n, V)
        totals = log_p[:, None] + step
        best = np.argsort(-totals, axis=None, kind="stable")[:width]
        rows, symbols = np.divmod(best, totals.shape[1])
        written = np.column_stack([written[rows], symbols])
        log_p = totals[rows, symbols]
        ended = (symbols == stop) | (length == n_tokens)
        for ids, p in zip(written[ended], log_p[ended], strict=True):
            found.append(Hypothesis(ids, float(p), float(score(p, length))))
        rows, written, log_p = rows[~ended], written[~ended], log_p[~ended]
        best_found = max((h.score for h in found), default=-np.inf)
        if best_found >= score(log_p, n_tokens).max(initial=-np.inf):
            break
        cache, read = take_rows(cache, rows), written[:, -1:]
    return sorted(found, key=lambda h: -h.score)


def take_rows(part, rows):
    """Take rows of every array in dictionaries, lists and tuples."""
    if isinstance(part, dict):
        return {key: take_rows(value, rows) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return type(part)(take_rows(value, rows) for value in part)
    return part if part is None else part[rows]


def _at_least_one(**values):
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1")
