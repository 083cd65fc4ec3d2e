import math

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


def test_scoring_keeps_the_memory_of_its_batches(monkeypatch):
    called = []
    monkeypatch.setattr(evaluation, "keep_memory", lambda: called.append(True))
    score(Echo(), SEQUENCES)
    assert called
