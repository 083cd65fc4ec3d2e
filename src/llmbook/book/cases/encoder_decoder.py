"""Section 6's rows of the table of rules."""

import numpy as np

from llmbook.book.certificate import Case
from llmbook.encoder_decoder.attention import (
    additive_attention,
    dot_attention,
    soft_lookup,
)
from llmbook.encoder_decoder.bidirectional import reverse

B, T, S, K, D = 3, 4, 5, 2, 3


def _drawn(*shapes, masked=False, **options):
    """Draw arrays; of a mask, rows of 3, 5 and 1 positions that count."""

    def draw(rng):
        args = tuple(rng.standard_normal(shape) for shape in shapes)
        mask = np.arange(S) < np.array([[3], [5], [1]])
        return args, options | ({"mask": mask} if masked else {})

    return draw


def _soft_lookup(torch, scores, values, *, mask=None):
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None], -torch.inf)
    weights = torch.softmax(scores, dim=-1)
    return torch.einsum("bts,bsd->btd", weights, values), weights


def _dot_attention(torch, queries, keys, values, *, mask=None, scale=1.0):
    """PyTorch's own; the weights are what it makes of one-hot values."""
    allowed = None if mask is None else mask[:, None]
    attend = torch.nn.functional.scaled_dot_product_attention
    one_hot = torch.eye(S, dtype=values.dtype).expand(B, S, S)
    means, weights = (
        attend(queries, keys, v, attn_mask=allowed, scale=scale)
        for v in (values, one_hot)
    )
    return means, weights


def _additive_attention(torch, queries, keys, values, v, *, mask=None):
    scores = torch.tanh(queries[:, :, None] + keys[:, None]) @ v
    return _soft_lookup(torch, scores, values, mask=mask)


_QUERIES, _KEYS, _VALUES, _SCORES = (B, T, K), (B, S, K), (B, S, D), (B, T, S)
CASES = [
    Case(
        "reverse",
        reverse,
        _drawn(_VALUES),
        peer=lambda torch, x: torch.flip(x, [1]),
    ),
    Case(
        "soft_lookup",
        soft_lookup,
        _drawn(_SCORES, _VALUES),
        peer=_soft_lookup,
    ),
    Case(
        "soft_lookup, masked",
        soft_lookup,
        _drawn(_SCORES, _VALUES, masked=True),
        peer=_soft_lookup,
    ),
    Case(
        "dot_attention",
        dot_attention,
        _drawn(_QUERIES, _KEYS, _VALUES),
        peer=_dot_attention,
    ),
    Case(
        "dot, scaled and masked",
        dot_attention,
        _drawn(_QUERIES, _KEYS, _VALUES, masked=True, scale=K**-0.5),
        peer=_dot_attention,
    ),
    Case(
        "additive_attention",
        additive_attention,
        _drawn(_QUERIES, _KEYS, _VALUES, (K,)),
        peer=_additive_attention,
    ),
    Case(
        "additive, masked",
        additive_attention,
        _drawn(_QUERIES, _KEYS, _VALUES, (K,), masked=True),
        peer=_additive_attention,
    ),
]
