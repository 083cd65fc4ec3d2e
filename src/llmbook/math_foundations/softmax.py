"""Chapter 3: from scores to probabilities, from these to a loss, and back.

Four rules (``logsumexp``, ``softmax``, ``log_softmax``, ``cross_entropy``),
each with its derivative beside it, and the quantities they are read in: nats,
bits, perplexity.  V is the number of symbols; it is always the last axis, and
``...`` stands for any axes before it.
"""

import math
from collections.abc import Iterable

import numpy as np

from llmbook.math_foundations.arrays import as_floats, as_ids


def logsumexp(x):
    """Sum exponentials over the last axis, and take the log.  (..., V) -> (...)

    log sum_i exp(x_i) = m + log sum_i exp(x_i - m), with m the largest score:
    no exponent is above 0.  A row that is -inf throughout, an empty sum, gives
    -inf, and its gradient is zero.
    """
    x = as_floats(x)
    peak = _finite(x.max(axis=-1, keepdims=True))  # (..., 1)
    e = np.exp(x - peak)
    total = e.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):  # log 0 = -inf is right
        value = (peak + np.log(total))[..., 0]

    def pullback(dvalue):
        p = e / np.where(total > 0, total, 1)
        return (np.asarray(dvalue, e.dtype)[..., None] * p,)

    return value, pullback


def softmax(x):
    """Turn scores into probabilities over the last axis.  (..., V) -> (..., V)

    p_i = exp(x_i) / sum_j exp(x_j), computed from x - max(x).
    """
    x = as_floats(x)
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)

    def pullback(dp):
        return (p * (dp - np.vecdot(dp, p)[..., None]),)

    return p, pullback


def log_softmax(x):
    """Turn scores into log-probabilities, in nats.  (..., V) -> (..., V)

    log p_i = x_i - logsumexp(x), over the last axis: no probability is rounded
    to 0 before its logarithm is taken.  The maximum is subtracted first, so
    that two large numbers of little difference never meet.
    """
    x = as_floats(x)
    shifted = x - x.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    def pullback(dlog_p):
        return (dlog_p - np.exp(log_p) * dlog_p.sum(axis=-1, keepdims=True),)

    return log_p, pullback


def cross_entropy(logits, targets, *, mask=None):
    """Average the surprise at targets, in nats.  (..., V), (...) -> a number

    The mean, over the positions that count, of -log softmax(logits)[target].
    ``mask`` (...) is True where a position counts; by default all do.  Scores
    at the others are never looked at, so they may be nan.

    Raises:
        ValueError: targets or mask have another shape than the logits without
            their last axis, a target is not an integer in 0..V-1, or no
            position counts.
    """
    logits = as_floats(logits, "logits")
    targets, mask = check_targets(logits.shape, targets, mask)
    counted = slice(None) if mask is None else mask.ravel()
    rows = logits.reshape(-1, logits.shape[-1])[counted]  # (N, V)
    n = len(rows)
    at_target = np.arange(n), targets.ravel()[counted]
    shifted = rows - rows.max(axis=-1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=-1, keepdims=True)  # (N, 1)
    loss = (np.log(total[:, 0]) - shifted[at_target]).sum() / n

    def pullback(dloss):
        drows = e * (dloss / n / total)
        drows[at_target] -= dloss / n  # p - y
        if mask is None:
            return drows.reshape(logits.shape), None
        dlogits = np.zeros_like(logits)
        dlogits[mask] = drows
        return dlogits, None

    return loss, pullback


def check_targets(shape, targets, mask):
    """Return targets as int64 and the mask, if both fit logits of a shape.

    Raises:
        ValueError: see :func:`cross_entropy`.
    """
    *positions, V = shape
    targets = as_ids(targets, V, "targets")
    if targets.shape != tuple(positions):
        raise ValueError(
            f"targets have shape {targets.shape}; "
            f"logits {shape} need {tuple(positions)}"
        )
    mask = None if mask is None else np.asarray(mask)
    if mask is not None and (mask.shape != targets.shape or mask.dtype != bool):
        raise ValueError(
            f"mask is {mask.dtype} of shape {mask.shape}; "
            f"it must be bool of shape {targets.shape}"
        )
    if targets.size == 0 or (mask is not None and not mask.any()):
        raise ValueError(
            "no position counts: "
            "the mean over the counted targets does not exist"
        )
    return targets, mask


def online_logsumexp(blocks: Iterable[np.ndarray]):
    """Take the log-sum-exp of a stream of blocks.  blocks of (..., v) -> (...)

    Each block of scores is read once.  A running maximum m and a running total
    s = sum exp(x - m) are kept; when the maximum moves from m to m', everything
    summed so far is worth exp(m - m') of itself.

    Raises:
        ValueError: there is no block.

    Source: Milakov and Gimelshein (2018), algorithm 3.
    """
    peak, total = -np.inf, None
    for block in map(as_floats, blocks):
        new_peak = np.maximum(peak, block.max(axis=-1, initial=-np.inf))
        shift = _finite(new_peak)
        e_sum = np.exp(block - shift[..., None]).sum(axis=-1)
        before = 0 if total is None else total * np.exp(peak - shift)
        peak, total = new_peak, before + e_sum
    if total is None:
        raise ValueError(
            "blocks is empty; log-sum-exp needs one score at least"
        )
    with np.errstate(divide="ignore"):  # log 0 = -inf is right
        return _finite(peak) + np.log(total)


def _finite(peak):
    """Take 0 for the largest score of a row that has none: -inf throughout."""
    return np.where(np.isfinite(peak), peak, np.zeros_like(peak))


def entropy(p):
    """Average a distribution's surprise at itself, in nats.  (..., V) -> (...)

    H(p) = - sum_i p_i log p_i, with 0 log 0 = 0.
    Source: Shannon (1948), section 6.
    """
    p = as_floats(p, "p")
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1)


def kl_divergence(p, q):
    """Compare q with the true p, in nats.  (..., V), (..., V) -> (...)

    KL(p || q) = sum_i p_i log(p_i / q_i), the extra surprise of one who expects
    q where p is true; infinite where q rules out what p allows.
    Source: Kullback and Leibler (1951).
    """
    p, q = as_floats(p, "p"), as_floats(q, "q")
    with np.errstate(divide="ignore"):  # log 0 = -inf is right where q is 0
        ratio = np.log(np.where(p > 0, p, 1)) - np.log(np.where(p > 0, q, 1))
    return (p * ratio).sum(axis=-1)


def perplexity(nats):
    """Count the equally likely symbols that surprise as much: exp(nats)."""
    return np.exp(as_floats(nats, "nats"))


def bits(nats):
    """Convert a surprise to bits: nats / ln 2."""
    return as_floats(nats, "nats") / math.log(2)
