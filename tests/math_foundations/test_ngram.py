import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbook.math_foundations.ngram import NGram, add_k, kneser_ney

V = 4
sequences = st.lists(
    st.lists(st.integers(1, V - 1), max_size=6).map(lambda inner: np.array([0, *inner, 0])),
    min_size=1,
    max_size=8,
)


def grams(sequences, n):
    """Every n-gram as a tuple, with 'start' before the beginning, one for each predicted symbol."""
    for s in sequences:
        padded = ["start"] * (n - 1) + list(map(int, s))
        yield from (tuple(padded[i : i + n]) for i in range(1, len(padded) - n + 1))


def kneser_ney_by_dictionary(sequences, order, discount, context, symbol):
    """Interpolated Kneser-Ney straight from its definition: slow, and independent of the library's tables."""
    counts = {order: Counter(grams(sequences, order))}
    for n in range(order - 1, 0, -1):
        befores = defaultdict(set)
        for gram in counts[n + 1]:
            befores[gram[1:]].add(gram[0])
        counts[n] = {gram: len(b) for gram, b in befores.items()}

    def p(n, context):
        if n == 0:
            return 1 / V
        here = {w: counts[n].get((*context, w), 0) for w in range(V)}
        total = sum(here.values())
        lower = p(n - 1, context[1:])
        if total == 0:
            return lower
        types = sum(c > 0 for c in here.values())
        return (max(here[symbol] - discount, 0) + discount * types * lower) / total

    padded = ["start"] * (order - 1) + list(context)
    return p(order, tuple(padded[len(padded) - order + 1 :]))


@given(sequences, st.integers(1, 4), st.sampled_from([0.3, 0.75, 1.0]))
def test_kneser_ney_equals_its_definition(sequences, order, discount):
    model = NGram(order, V, kneser_ney(discount)).fit(sequences)
    for context in [(0,), (0, 1), (0, 1, 2), (0, 3, 3, 1), (2, 2)]:
        expected = [kneser_ney_by_dictionary(sequences, order, discount, context, w) for w in range(V)]
        np.testing.assert_allclose(np.exp(model.log_probs(context)), expected, rtol=1e-12, atol=1e-300)


@given(sequences, st.integers(1, 4), st.sampled_from([0.01, 1.0]))
def test_add_k_equals_its_definition(sequences, order, k):
    model = NGram(order, V, add_k(k)).fit(sequences)
    counts = Counter(grams(sequences, order))
    for context in [(0,), (0, 1), (0, 1, 2)]:
        padded = (["start"] * (order - 1) + list(context))[len(context) :]
        here = np.array([counts[(*padded[len(padded) - order + 1 :], w)] for w in range(V)])
        np.testing.assert_allclose(
            np.exp(model.log_probs(context)), (here + k) / (here.sum() + k * V), rtol=1e-12
        )


@given(sequences, st.integers(0, 5))
def test_every_context_gets_a_distribution(sequences, order):
    for smoothing in (add_k(0.1), kneser_ney(0.9)):
        model = NGram(order, V, smoothing).fit(sequences)
        every = np.array(list(itertools.product(range(V), repeat=3)))
        np.testing.assert_allclose(np.exp(model.logits(every)).sum(-1), 1, rtol=1e-12)


def test_logits_of_a_batch_are_those_of_its_rows(rng):
    data = [np.array([0, *rng.integers(1, V, 5), 0]) for _ in range(20)]
    model = NGram(3, V, kneser_ney(0.75)).fit(data)
    batch = np.array(data)
    logits = model.logits(batch)
    assert logits.shape == (20, 7, V)
    for row, row_logits in zip(batch, logits, strict=True):
        for t in range(1, 8):
            np.testing.assert_allclose(model.log_probs(row[:t]), row_logits[t - 1], rtol=1e-12)


def test_prediction_looks_back_order_minus_one_symbols_and_no_further(rng):
    model = NGram(3, V, kneser_ney(0.75)).fit([rng.integers(0, V, 200)])
    np.testing.assert_array_equal(model.log_probs([0, 1, 2, 3]), model.log_probs([3, 2, 2, 3]))
    assert not np.array_equal(model.log_probs([0, 1, 2, 3]), model.log_probs([0, 1, 3, 3]))


def test_order_zero_is_uniform():
    model = NGram(0, V, add_k(1)).fit([np.array([0, 1, 0])])
    np.testing.assert_allclose(np.exp(model.log_probs([0])), 1 / V)
    assert model.n_params == 0


def test_n_params_counts_the_stored_counts():
    # 2-grams of 0120: 01 12 20; continuations: 1 2 0
    assert NGram(2, V, add_k(1)).fit([np.array([0, 1, 2, 0])]).n_params == 6


def test_sequences_do_not_run_into_each_other():
    model = NGram(2, V, kneser_ney(1.0)).fit([np.array([0, 1]), np.array([2, 3])])
    assert np.exp(model.log_probs([1])) == pytest.approx(
        np.exp(model.log_probs([3]))
    )  # both ended: never followed


def test_fitting_again_forgets(rng):
    model = NGram(2, V, add_k(1)).fit([rng.integers(0, V, 50)])
    again = model.fit([np.array([0, 1])]).n_params
    assert again == NGram(2, V, add_k(1)).fit([np.array([0, 1])]).n_params


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: add_k(0), "k is 0; it must be positive"),
        (lambda: kneser_ney(0), "discount is 0"),
        (lambda: kneser_ney(1.5), "discount is 1.5; it must be above 0 and at most 1"),
        (lambda: NGram(-1, V, add_k(1)), r"order is -1; with vocab_size 4 it must lie in 0\.\.27"),
        (lambda: NGram(28, V, add_k(1)), "order is 28"),
        (lambda: NGram(2, V, add_k(1)).log_probs([0]), "call fit"),
        (
            lambda: NGram(2, V, add_k(1)).fit([np.array([0, V])]),
            r"ids run from 0 to 4; they must lie in 0\.\.3",
        ),
        (lambda: NGram(2, V, add_k(1)).fit([]), "nothing to predict"),
        (lambda: NGram(2, V, add_k(1)).fit([np.array([0])]), "needs one of two symbols"),
        (lambda: NGram(2, V, add_k(1)).fit([np.array([0, 1])]).logits(np.array([-1])), "ids run from -1"),
        (lambda: NGram(2, V, add_k(1)).fit([np.array([0, 1])]).log_probs([]), "context is empty"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_largest_order_still_counts_right():
    model = NGram(27, V, kneser_ney(0.5)).fit([np.full(40, 3)])
    assert np.exp(model.log_probs([3] * 26))[3] > 0.9
