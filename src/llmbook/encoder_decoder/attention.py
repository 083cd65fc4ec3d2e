"""Chapter 16: attention, a lookup that is soft.

A query is compared with S keys, and the values that stand with the keys are
averaged, each by how well its key fits.  T queries are looked up at once.
"""

from functools import partial

import numpy as np

from llmbook.feedforward import ops
from llmbook.feedforward.layers import Module, normal
from llmbook.feedforward.tape import Tensor, record
from llmbook.math_foundations.arrays import as_floats
from llmbook.math_foundations.softmax import softmax
from llmbook.rnn.sequences import or_zeros


def soft_lookup(scores, values, *, mask=None):
    """Average values by the softmax of scores.

    (B, T, S), (B, S, D) -> means (B, T, D), weights (B, T, S)

    The weights of a row are softmax(scores), and its mean is their sum over the
    S values, each times its weight.  Where ``mask`` (B, S) is False a position
    may not be attended to: its weight is 0, and nothing depends on what stands
    there, as long as it is a finite number.

    Raises:
        ValueError: the shapes do not fit, there is no position, or ``mask`` is
            not boolean, has another shape or a row that allows nothing.

    Source: Bahdanau et al. (2015).  With the logarithm of a kernel as scores it
    is the estimator of Nadaraya (1964) and Watson (1964).
    """
    scores, values = as_floats(scores, "scores"), as_floats(values, "values")
    B, _, S = scores.shape if scores.ndim == 3 else (0, 0, 0)
    if S == 0 or values.ndim != 3 or values.shape[:2] != (B, S):
        raise ValueError(
            f"scores are {scores.shape} and values {values.shape}; need "
            "(B, T, S), (B, S, D), with one position at least"
        )
    if mask is not None:
        mask = attendable(mask, (B, S))
        scores = np.where(mask[:, None], scores, -np.inf)
    weights, softmax_back = softmax(scores)

    def pullback(dmeans, dweights):
        dmeans = or_zeros(dmeans, means)
        dvalues = weights.swapaxes(1, 2) @ dmeans  # (B, S, D)
        to_weights = dmeans @ values.swapaxes(1, 2)  # (B, T, S)
        if dweights is not None:
            to_weights = to_weights + dweights
        return *softmax_back(to_weights), dvalues

    means = weights @ values
    return (means, weights), pullback


def dot_attention(queries, keys, values, *, mask=None, scale=1.0):
    """Look up by dot products: the score of a key is scale q . k.

    (B, T, K), (B, S, K), (B, S, D) -> means (B, T, D), weights (B, T, S)

    See :func:`soft_lookup` for the values and for ``mask`` (B, S).  Where
    ``scale`` is 0, every position that may be attended to gets the same weight.

    Raises:
        ValueError: see :func:`soft_lookup`.

    Source: Luong et al. (2015); Vaswani et al. (2017), equation 1, for the
    scale.
    """
    queries, keys = _fitting(queries, keys)
    scale = float(scale)  # one of NumPy's would turn float32 into float64
    scores = scale * (queries @ keys.swapaxes(1, 2))  # (B, T, S)
    value, lookup_back = soft_lookup(scores, values, mask=mask)

    def pullback(dmeans, dweights):
        dscores, dvalues = lookup_back(dmeans, dweights)
        dscores = scale * dscores
        return dscores @ keys, dscores.swapaxes(1, 2) @ queries, dvalues

    return value, pullback


def additive_attention(queries, keys, values, v, *, mask=None):
    """Look up by a small network: the score of a key is v . tanh(q + k).

    (B, T, A), (B, S, A), (B, S, D), (A,) -> means (B, T, D), weights (B, T, S)

    Queries and keys are what the linear layer of each made of them.  See
    :func:`soft_lookup` for the values and for ``mask`` (B, S).  The pullback
    holds A numbers for each pair of a query and a key.

    Raises:
        ValueError: see :func:`soft_lookup`.

    Source: Bahdanau et al. (2015).
    """
    queries, keys = _fitting(queries, keys)
    v = as_floats(v, "v")
    if v.shape != keys.shape[2:]:
        raise ValueError(
            f"v has shape {v.shape}; keys {keys.shape} need {keys.shape[2:]}"
        )
    hidden = np.tanh(queries[:, :, None] + keys[:, None])  # (B, T, S, A)
    value, lookup_back = soft_lookup(hidden @ v, values, mask=mask)

    def pullback(dmeans, dweights):
        dscores, dvalues = lookup_back(dmeans, dweights)
        dsums = dscores[..., None] * v * (1 - hidden * hidden)
        dv = np.tensordot(dscores, hidden, axes=3)
        return dsums.sum(axis=2), dsums.sum(axis=1), dvalues, dv

    return value, pullback


class DotAttention(Module):
    """Attention by the dot products of queries and projected keys.

    queries (B, T, Q), memory (B, S, M) -> means (B, T, M), weights (B, T, S)

    The memory is both what is compared, as memory W_k, and what is averaged.
    With ``scale=0`` it averages without looking, the control of an experiment.

    Source: Luong et al. (2015), whose name for this score is "general".
    """

    rule = staticmethod(record(dot_attention))

    def __init__(self, d_query, d_memory, *, scale=1.0, rng, dtype=np.float32):
        shape, std = (d_memory, d_query), d_memory**-0.5
        self.W_k = Tensor(normal(shape, rng=rng, std=std, dtype=dtype))
        self.scale = scale

    def __call__(self, queries, memory, mask=None):
        keys = ops.linear(memory, self.W_k)
        return self.rule(queries, keys, memory, mask=mask, scale=self.scale)


class AdditiveAttention(Module):
    """Attention by a network of one hidden layer, as wide as the queries.

    queries (B, T, Q), memory (B, S, M) -> means (B, T, M), weights (B, T, S)

    The memory is both what is compared and what is averaged.  Where v is zero,
    and frozen, it averages without looking.

    Source: Bahdanau et al. (2015).
    """

    rule = staticmethod(record(additive_attention))

    def __init__(self, d_query, d_memory, *, rng, dtype=np.float32):
        drawn = partial(normal, rng=rng, dtype=dtype)
        Q, M = d_query, d_memory
        self.W_q = Tensor(drawn((Q, Q), std=Q**-0.5))
        self.W_k = Tensor(drawn((M, Q), std=M**-0.5))
        self.v = Tensor(drawn((Q,), std=Q**-0.5))

    def __call__(self, queries, memory, mask=None):
        queries = ops.linear(queries, self.W_q)
        keys = ops.linear(memory, self.W_k)
        return self.rule(queries, keys, memory, self.v, mask=mask)


def attendable(mask, shape):
    """Return a mask of sources, if each has a position that counts.

    Raises:
        ValueError: it is not boolean, has another shape than (B, S), or has a
            row that allows nothing.
    """
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape != shape:
        raise ValueError(
            f"the mask of the sources is {mask.dtype} of shape {mask.shape}; "
            f"it must be bool of shape {shape}"
        )
    (empty,) = np.nonzero(~mask.any(axis=1))
    if empty.size:
        raise ValueError(
            f"row {empty[0]} of the mask of the sources allows nothing; "
            "there must be a position to attend to"
        )
    return mask


def _fitting(queries, keys):
    queries, keys = as_floats(queries, "queries"), as_floats(keys, "keys")
    sizes = [(a.shape[0], a.shape[2]) for a in (queries, keys) if a.ndim == 3]
    if len(sizes) < 2 or sizes[0] != sizes[1]:
        raise ValueError(
            f"queries are {queries.shape} and keys {keys.shape}; "
            "need (B, T, K), (B, S, K)"
        )
    return queries, keys
