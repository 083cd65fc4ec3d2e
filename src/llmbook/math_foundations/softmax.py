"""Chapter 3: from scores to probabilities, from these to a loss, and back.

Four rules (``logsumexp``, ``softmax``, ``log_softmax``, ``cross_entropy``),
each with its derivative beside it, and the quantities they are read in: nats,
bits, perplexity.  V is the number of symbols; it is always the last axis, and
``...`` stands for any axes before it.
"""

import math
from collections.abc import Iterable

import numpy as np


def logsumexp(x):
    """Sum exponentials over the last axis, and take the log.  (..., V) -> (...)

    log sum_i exp(x_i) = m + log sum_i exp(x_i - m), with m the largest score:
    no exponent is above 0.  A row that is -inf throughout gives nan.
    """
    peak = x.max(axis=-1, keepdims=True)  # (..., 1)
    e = np.exp(x - peak)
    total = e.sum(axis=-1, keepdims=True)
    value = (peak + np.log(total))[..., 0]

    def pullback(dvalue):
        return (dvalue[..., None] * (e / total),)

    return value, pullback


def softmax(x):
    """Turn scores into probabilities over the last axis.  (..., V) -> (..., V)

    p_i = exp(x_i) / sum_j exp(x_j), computed from x - max(x).
    """
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
    check_targets(logits.shape, targets, mask)
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


def check_targets(shape, targets, mask) -> None:
    """Refuse targets and a mask that do not fit logits of this shape.

    Raises:
        ValueError: see :func:`cross_entropy`.
    """
    *positions, V = shape
    if targets.shape != tuple(positions):
        raise ValueError(
            f"targets have shape {targets.shape}; "
            f"logits {shape} need {tuple(positions)}"
        )
    if targets.dtype.kind not in "iu":
        raise ValueError(
            f"targets have dtype {targets.dtype}; "
            "they must be integers, one symbol id per position"
        )
    if targets.size and (targets.min() < 0 or targets.max() >= V):
        raise ValueError(
            f"targets run from {targets.min()} to {targets.max()}; "
            f"they must lie in 0..{V - 1}"
        )
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


def online_logsumexp(blocks: Iterable[np.ndarray]):
    """Take the log-sum-exp of a stream of blocks.  blocks of (..., v) -> (...)

    Each block of scores is read once.  A running maximum m and a running total
    s = sum exp(x - m) are kept; when the maximum moves from m to m', everything
    summed so far is worth exp(m - m') of itself.

    Raises:
        ValueError: there is no block.

    Source: Milakov and Gimelshein (2018), algorithm 3.
    """
    peak, total = None, 0.0
    for block in blocks:
        block_peak = block.max(axis=-1)
        if peak is None:
            peak = block_peak
        new_peak = np.maximum(peak, block_peak)
        e = np.exp(block - new_peak[..., None])
        total = total * np.exp(peak - new_peak) + e.sum(axis=-1)
        peak = new_peak
    if peak is None:
        raise ValueError(
            "blocks is empty; log-sum-exp needs one score at least"
        )
    return peak + np.log(total)


def entropy(p):
    """Average a distribution's surprise at itself, in nats.  (..., V) -> (...)

    H(p) = - sum_i p_i log p_i, with 0 log 0 = 0.
    Source: Shannon (1948), section 6.
    """
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=-1)


def kl_divergence(p, q):
    """Compare q with the true p, in nats.  (..., V), (..., V) -> (...)

    KL(p || q) = sum_i p_i log(p_i / q_i), the extra surprise of one who expects
    q where p is true; infinite where q rules out what p allows.
    Source: Kullback and Leibler (1951).
    """
    with np.errstate(divide="ignore"):  # log 0 = -inf is right where q is 0
        ratio = np.log(np.where(p > 0, p, 1)) - np.log(np.where(p > 0, q, 1))
    return (p * ratio).sum(axis=-1)


def perplexity(nats):
    """Count the equally likely symbols that surprise as much: exp(nats)."""
    return np.exp(nats)


def bits(nats):
    """Convert a surprise to bits: nats / ln 2."""
    return nats / math.log(2)
