"""Chapter 3: n-gram models, language models that only count.

An n-gram model of order n predicts a symbol from the n - 1 before it.  Order 0
knows nothing (every symbol is equally likely), order 1 knows how common each
symbol is, order 2 also looks at the symbol before.  How counts become
probabilities, above all for what was never seen, is the model's *smoothing*.
"""

from collections.abc import Callable, Sequence

import numpy as np

from llmbook.data import as_sequences
from llmbook.math_foundations.arrays import as_ids

# counts (N, V), lower (N, V) -> p (N, V)
Smoothing = Callable[[np.ndarray, np.ndarray], np.ndarray]


def add_k(k: float) -> Smoothing:
    """Pretend that every symbol was seen k times more in every context.

    p(w | c) = (count(c w) + k) / (count(c) + k V).
    Shorter contexts are not consulted.

    Raises:
        ValueError: ``k`` is not positive.
    """
    if not k > 0:
        raise ValueError(
            f"k is {k}; it must be positive, "
            "or a context never seen has no probabilities"
        )

    def smooth(counts, lower):
        total = counts.sum(axis=-1, keepdims=True)
        V = counts.shape[-1]
        return (counts + k) / (total + k * V)

    return smooth


def kneser_ney(discount: float) -> Smoothing:
    """Take a little from every count, and give it to a shorter context.

    p(w | c) = (max(count(c w) - d, 0) + d types(c) p_lower(w)) / count(c):
    interpolated Kneser-Ney, where types(c) is how many different symbols
    followed c, and p_lower is the model with one symbol of context less.
    Below the highest order, what is counted is contexts, not occurrences; see
    :meth:`NGram.fit`.

    Raises:
        ValueError: ``discount`` is not above 0 and at most 1.

    Source: Kneser and Ney (1995), interpolated as in Chen and Goodman (1999).
    """
    if not 0 < discount <= 1:
        raise ValueError(
            f"discount is {discount}; "
            "it must be above 0 and at most 1, the smallest count"
        )

    def smooth(counts, lower):
        total = counts.sum(axis=-1, keepdims=True)
        types = (counts > 0).sum(axis=-1, keepdims=True)
        kept = np.maximum(counts - discount, 0)
        p = (kept + discount * types * lower) / np.maximum(total, 1)
        return np.where(total > 0, p, lower)

    return smooth


def continued(token_ids, cache: dict | None, length: int) -> np.ndarray:
    """Put the symbols of the calls before in front.  (..., T) -> (..., C + T)

    The cache keeps the last ``length`` symbols, which are all that a model of
    so short a memory needs; without a cache, nothing came before.
    """
    token_ids = np.asarray(token_ids)
    if cache is None:
        return token_ids
    if "token_ids" in cache:
        earlier = cache["token_ids"]
        token_ids = np.concatenate([earlier, token_ids], axis=-1)
    forgotten = max(0, token_ids.shape[-1] - max(0, length))
    cache["token_ids"] = token_ids[..., forgotten:]
    return token_ids


class NGram:
    """Predict each symbol from the ``order - 1`` before it, by counting.

    >>> sequence = np.array([0, 1, 2, 0])
    >>> model = NGram(2, vocab_size=3, smoothing=add_k(1.0)).fit([sequence])
    >>> np.exp(model.log_probs([1]))  # after 1 came 2, once
    array([0.25, 0.25, 0.5 ])

    Context that lies before a sequence begins is filled with a mark outside the
    vocabulary, so that a beginning is a context like any other.

    Args:
        order: n; 0 is the uniform model.
        vocab_size: V; symbols are 0..V-1.
        smoothing: ``add_k(k)`` or ``kneser_ney(discount)``; an order of 0 or 1
            needs one too.

    Raises:
        ValueError: an order below 0 or too large to number its n-grams in 64
            bits.
    """

    def __init__(self, order: int, vocab_size: int, smoothing: Smoothing):
        self.base = vocab_size + 1  # the symbols, and the mark before them
        if order < 0 or self.base**order > 2**63:
            limit = int(63 / np.log2(self.base))
            raise ValueError(
                f"order is {order}; "
                f"with vocab_size {vocab_size} it must lie in 0..{limit}"
            )
        self.order = order
        self.vocab_size = vocab_size
        self.smoothing = smoothing

    def fit(self, sequences: Sequence[np.ndarray]) -> "NGram":
        """Count the n-grams of sequences of symbol ids.

        The first symbol of each sequence is given, not predicted.

        At the highest order an n-gram counts as often as it occurs.  Below it,
        an n-gram counts once for each different symbol found before it: a
        continuation count (Kneser and Ney, 1995), because a lower order is
        asked where the higher one has not seen enough.

        Raises:
            ValueError: there is nothing to predict, or an id outside 0..V-1.
        """
        sequences = as_sequences(sequences)
        if max(map(len, sequences), default=0) < 2:
            raise ValueError(
                "the sequences hold nothing to predict; "
                "fit needs one of two symbols at least"
            )
        V = self.vocab_size
        ids = np.concatenate([as_ids(s, V, "ids") for s in sequences])
        position = np.concatenate([np.arange(len(s)) for s in sequences])
        contexts = self._contexts(ids, position)
        follows = position[1:] > 0  # the next symbol is of the same sequence
        # For each order: the sorted codes of its n-grams, and their counts.
        self.tables: list[tuple[np.ndarray, np.ndarray]] = []
        for n in range(self.order, 0, -1):
            if n == self.order:
                before = contexts[n - 1][:-1]
                grams = (before * self.base + ids[1:])[follows]
            else:
                longer, _ = self.tables[0]
                grams = longer % self.base**n  # without their first symbol
            self.tables.insert(0, np.unique(grams, return_counts=True))
        return self

    def logits(self, token_ids: np.ndarray, *, cache=None) -> np.ndarray:
        """Predict the symbol after each position.  (..., T) -> (..., T, V)

        Predictions are log-probabilities, in nats.  With a ``cache``, a
        dictionary, the ids go on from those of the calls before.

        Raises:
            ValueError: an id outside 0..V-1, or a model that was not fitted.
        """
        ids = as_ids(token_ids, self.vocab_size)
        ids = continued(ids, cache, self.order - 1)
        first = (
            ids.shape[-1] - np.shape(token_ids)[-1]
        )  # those before are known
        position = np.broadcast_to(np.arange(ids.shape[-1]), ids.shape)
        contexts = self._contexts(ids.ravel(), position.ravel())
        tables = self._fitted()
        V = self.vocab_size
        p = np.full((ids.size, V), 1 / V)  # order 0
        for context, (codes, counts) in zip(contexts, tables, strict=True):
            grams = context[:, None] * self.base + np.arange(V)  # (N, V)
            place = np.searchsorted(codes, grams).clip(max=len(codes) - 1)
            found = np.where(codes[place] == grams, counts[place], 0)
            p = self.smoothing(found, p)
        return np.log(p).reshape(*ids.shape, V)[..., first:, :]

    def log_probs(self, context: Sequence[int]) -> np.ndarray:
        """Predict the symbol after a context.  (T,) -> (V,)

        The prediction is log-probabilities, in nats; the context holds at least
        one symbol.
        """
        if len(context) == 0:
            raise ValueError(
                "context is empty; it needs one symbol at least, "
                "such as the mark that begins a name"
            )
        return self.logits(np.asarray(context))[-1]

    @property
    def n_params(self) -> int:
        """How many counts the model stores."""
        return sum(len(codes) for codes, _ in self._fitted())

    def _contexts(self, ids, position) -> list[np.ndarray]:
        """Number the contexts of lengths 0..order-1 that end at each symbol."""
        mark = self.vocab_size  # stands before the beginning
        codes = [np.zeros(len(ids), dtype=np.int64)]
        for back in range(self.order - 1):
            symbol = np.where(position >= back, np.roll(ids, back), mark)
            codes.append(codes[-1] + symbol * self.base**back)
        return codes[: self.order]

    def _fitted(self):
        if not hasattr(self, "tables"):
            raise ValueError(
                "this NGram has counted nothing yet; call fit(sequences) first"
            )
        return self.tables
