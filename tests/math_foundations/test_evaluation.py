import math
from types import SimpleNamespace

import numpy as np
import pytest

from llmbook.math_foundations import evaluation
from llmbook.math_foundations.evaluation import Score, evaluate, score
from llmbook.math_foundations.ngram import NGram, add_k


class Echo:
    """A model that expects each symbol again, with probability 0.7; its logits do not sum to one."""

    def logits(self, token_ids):
        assert token_ids.ndim == 2
        p = np.full((*token_ids.shape, 4), 0.1)
        np.put_along_axis(p, token_ids[..., None], 0.7, axis=-1)
        return np.log(p) + 5


SEQUENCES = [np.array([0, 0, 1]), np.array([2, 2]), np.array([3, 3, 3])]


def test_nats_are_summed_per_sequence_and_averaged_per_symbol():
    result = score(Echo(), SEQUENCES)
    hit, miss = -math.log(0.7), -math.log(0.1)
    np.testing.assert_allclose(result.nats, [hit + miss, hit, 2 * hit])
    np.testing.assert_array_equal(result.symbols, [2, 1, 2])
    assert result.mean == evaluate(Echo(), SEQUENCES) == pytest.approx((4 * hit + miss) / 5)


def test_an_unknowing_model_costs_ln_V():
    assert evaluate(NGram(0, 4, add_k(1)).fit(SEQUENCES), SEQUENCES) == pytest.approx(math.log(4))


def test_batches_do_not_change_the_score(rng):
    model = NGram(2, 4, add_k(0.5)).fit(SEQUENCES)
    many = [rng.integers(0, 4, 5) for _ in range(600)]
    assert evaluate(model, many) == pytest.approx(np.mean([evaluate(model, [s]) for s in many]))


def test_standard_error_is_the_spread_of_repeated_samples(rng):
    """Score samples of a population many times: the spread of the means is what one sample predicts."""
    symbols = rng.integers(2, 12, 20_000)
    nats = symbols * rng.normal(2, 0.5, 20_000) + rng.normal(0, 1, 20_000)
    samples = [Score(nats[i], symbols[i]) for i in rng.integers(0, 20_000, (400, 500))]
    spread = np.std([s.mean for s in samples])
    assert np.mean([s.standard_error for s in samples]) == pytest.approx(spread, rel=0.12)


def test_paired_difference_is_sharper_than_either_score(rng):
    symbols = rng.integers(2, 12, 500)
    difficulty = rng.normal(2, 0.5, 500)
    one = Score(symbols * difficulty, symbols)
    other = Score(symbols * (difficulty + 0.1 + rng.normal(0, 0.01, 500)), symbols)
    difference, error = other.minus(one)
    assert difference == pytest.approx(0.1, abs=4 * error)
    assert error < 0.1 * one.standard_error
    assert one.minus(one) == (0, 0)


def test_scores_of_different_sequences_are_not_subtracted():
    one, other = score(Echo(), SEQUENCES), score(Echo(), SEQUENCES[::-1])
    assert one.minus(other)  # the same lengths in the same order
    with pytest.raises(ValueError, match="different sequences"):
        one.minus(score(Echo(), SEQUENCES[:2]))


@pytest.mark.parametrize("sequences", [[], [np.array([0, 1]), np.array([0])]])
def test_sequences_must_have_something_to_predict(sequences):
    with pytest.raises(ValueError, match="two symbols or more"):
        score(Echo(), sequences)


def test_one_sequence_has_no_standard_error():
    with pytest.raises(ValueError, match="one sequence has no standard error"):
        score(Echo(), SEQUENCES[:1]).standard_error  # noqa: B018


class Translator:
    """A model that expects the symbols of the source, each with probability 0.7."""

    def given(self, source, certain):
        return SimpleNamespace(logits=lambda ids: self.expect(source[:, : ids.shape[1]], certain))

    def expect(self, expected, certain):
        p = np.full((*expected.shape, 4), 0.1)
        np.put_along_axis(p, expected[..., None], np.where(certain, 0.7, 0.1)[:, None, None], axis=-1)
        return np.log(p)


def test_a_conditioned_model_is_given_the_rows_of_each_batch(rng):
    sources = rng.integers(0, 4, (300, 5))
    certain = rng.random(300) < 0.5
    order = rng.permutation(300)
    sequences = [np.concatenate([[0], sources[i, : 2 + i % 4]]) for i in range(300)]
    model = Translator()
    result = score(model, sequences, given=(sources, certain))
    hit, miss = -math.log(0.7), -math.log(0.25)
    lengths = np.array([2 + i % 4 for i in range(300)])
    np.testing.assert_allclose(result.nats, lengths * np.where(certain, hit, miss))
    shuffled = score(model, [sequences[i] for i in order], given=(sources[order], certain[order]))
    np.testing.assert_allclose(shuffled.nats, result.nats[order])


def test_symbols_are_what_the_nats_are_divided_by():
    n_bytes = np.array([10, 4, 6])
    result = score(Echo(), SEQUENCES, symbols=n_bytes)
    assert result.mean == pytest.approx(score(Echo(), SEQUENCES).nats.sum() / 20)
    np.testing.assert_array_equal(result.symbols, n_bytes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"symbols": np.ones(2)}, "symbols has 2 rows; it needs one for each of the 3 sequences"),
        ({"given": (np.ones((3, 2)), np.ones(4))}, r"given\[1\] has 4 rows"),
    ],
)
def test_rows_must_be_as_many_as_sequences(options, message):
    with pytest.raises(ValueError, match=message):
        score(Echo(), SEQUENCES, **options)


@pytest.mark.parametrize("V", [4, 1_000, 50_000])
@pytest.mark.parametrize("length", [3, 65, 1_025])
def test_a_batch_is_bounded_by_its_positions_and_its_logits(V, length):
    sizes = []

    class Uniform:
        def logits(self, token_ids):
            sizes.append(token_ids.size)
            return np.broadcast_to(np.float32(0), (*token_ids.shape, V))

    n = 40
    score(Uniform(), [np.zeros(length, dtype=int)] * n)
    first, *batches = sizes
    assert first == 1 and sum(batches) == n * (length - 1)  # the first call asks how large V is
    limit = min(evaluation.POSITIONS, evaluation.LOGITS // V)
    assert max(batches) <= max(limit, length - 1)  # one sequence alone may be more
    assert len(batches) == 1 or batches[0] + length - 1 > limit


def test_scoring_keeps_the_memory_of_its_batches(monkeypatch):
    called = []
    monkeypatch.setattr(evaluation, "keep_memory", lambda: called.append(True))
    score(Echo(), SEQUENCES)
    assert called


def test_rows_of_one_length_may_stand_in_one_array():
    rows = np.array([[0, 0, 1], [2, 2, 2]])
    np.testing.assert_array_equal(score(Echo(), rows).nats, score(Echo(), list(rows)).nats)


@pytest.mark.parametrize(
    "sequences", ["smith", ["smith", "jones"], np.array([0, 1, 2]), [1.0, 2.0], [[0.5, 1.5]]]
)
def test_what_is_no_list_of_ids_is_refused(sequences):
    for read in (lambda: score(Echo(), sequences), lambda: NGram(2, 4, add_k(1)).fit(sequences)):
        with pytest.raises(ValueError, match=r"must be a list of arrays of ids|must be a row of integers"):
            read()
