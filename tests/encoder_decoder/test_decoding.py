from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbook.encoder_decoder.attention import DotAttention
from llmbook.encoder_decoder.decoding import beam_search, greedy_decode, take_rows
from llmbook.encoder_decoder.seq2seq import Seq2Seq
from llmbook.feedforward.language_model import NeuralNGram
from llmbook.lstm_gru.lstm import LSTM
from llmbook.math_foundations.softmax import log_softmax
from llmbook.rnn.rnn import RNNLanguageModel

V, STOP, START, SIZE = 4, 0, 3, 5


def seq2seq(rng, source=None):
    """A model with an opinion, given sources."""
    how = {"d_model": 4, "d_hidden": 6, "rng": rng, "recurrent": LSTM, "attention": DotAttention}
    model = Seq2Seq(SIZE, V, dtype=np.float64, **how)
    model.output.W.data[...] *= 30
    return model.given(rng.integers(SIZE, size=(1, 3)) if source is None else source)


def log_p(model, ids):
    """Log-probability of ids after the start, from one call without a cache."""
    logits = model.logits(np.array([[START, *ids[:-1]]]))
    return log_softmax(logits)[0][0, np.arange(len(ids)), ids].sum()


def every_hypothesis(n_tokens):
    """All rows that end with the stop, and those that are full without it."""
    for n in range(1, n_tokens + 1):
        for ids in product(range(V), repeat=n):
            if STOP not in ids[:-1] and (ids[-1] == STOP or n == n_tokens):
                yield ids


def test_greedy_takes_the_likeliest_symbol_until_the_stop(rng):
    source = rng.integers(SIZE, size=(20, 3))
    model = seq2seq(rng, source)
    written = greedy_decode(model, np.full((20, 1), START), n_tokens=8, stop=STOP)
    lengths = {len(ids) for ids in written}
    assert len(lengths) > 2 and max(lengths) <= 8
    for row, ids in enumerate(written):
        assert STOP not in ids[:-1] and (ids[-1] == STOP or len(ids) == 8)
        logits = model.logits(np.full((20, 1), START) if len(ids) == 1 else fill(ids, row, 20))
        np.testing.assert_array_equal(logits[row].argmax(axis=-1), ids)


def fill(ids, row, n):
    """The start and all but the last of ids in one row, starts in the others."""
    read = np.full((n, len(ids)), START)
    read[row, 1:] = ids[:-1]
    return read


def test_a_row_goes_on_without_the_others(rng):
    source = rng.integers(SIZE, size=(10, 3))
    model = seq2seq(rng, source)
    together = greedy_decode(model, np.full((10, 1), START), n_tokens=8, stop=STOP)
    for row, ids in enumerate(together):
        alone = type(model)(model.model, source[row : row + 1])
        [same] = greedy_decode(alone, np.array([[START]]), n_tokens=8, stop=STOP)
        np.testing.assert_array_equal(same, ids)


@given(st.integers(0, 99), st.integers(1, 8), st.sampled_from([0.0, 0.6, 2.0]))
def test_a_beam_of_one_is_greedy(seed, n_tokens, length_penalty):
    model = seq2seq(np.random.default_rng(seed))
    [greedy] = greedy_decode(model, np.array([[START]]), n_tokens=n_tokens, stop=STOP)
    how = {"n_tokens": n_tokens, "stop": STOP, "length_penalty": length_penalty}
    [found] = beam_search(model, np.array([START]), width=1, **how)
    np.testing.assert_array_equal(found.token_ids, greedy)


@given(st.integers(0, 99), st.integers(1, 4), st.sampled_from([0.0, 0.6, 2.0]))
def test_a_beam_that_drops_nothing_finds_the_best_of_all(seed, n_tokens, length_penalty):
    model = seq2seq(np.random.default_rng(seed))
    how = {"n_tokens": n_tokens, "stop": STOP, "length_penalty": length_penalty}
    best, *_ = beam_search(model, np.array([START]), width=V**n_tokens, **how)

    def score(ids):
        return log_p(model, ids) / ((5 + len(ids)) / 6) ** length_penalty

    exhaustive = max(every_hypothesis(n_tokens), key=score)
    assert tuple(best.token_ids) == exhaustive
    assert best.score == pytest.approx(score(exhaustive), rel=1e-9)
    assert best.log_p == pytest.approx(log_p(model, exhaustive), rel=1e-9)


def test_a_wider_beam_finds_what_greedy_misses():
    """On some models only, and on the average over many."""
    greedy, wide = np.empty((2, 50))
    for seed in range(50):
        model = seq2seq(np.random.default_rng(seed))
        how = {"n_tokens": 5, "stop": STOP}
        greedy[seed], wide[seed] = (
            beam_search(model, np.array([START]), width=width, **how)[0].log_p for width in (1, 5)
        )
    assert wide.mean() > greedy.mean() and (wide > greedy + 1e-9).sum() > 5


def test_hypotheses_are_distinct_complete_and_in_order(rng):
    model = seq2seq(rng)
    found = beam_search(model, np.array([START]), width=5, n_tokens=6, stop=STOP, length_penalty=1.0)
    assert len({tuple(h.token_ids) for h in found}) == len(found) > 1
    scores = [h.score for h in found]
    assert scores == sorted(scores, reverse=True)
    for h in found:
        assert STOP not in h.token_ids[:-1] and (h.token_ids[-1] == STOP or len(h.token_ids) == 6)
        assert h.log_p == pytest.approx(log_p(model, h.token_ids), rel=1e-9)
        assert h.score == pytest.approx(h.log_p / ((5 + len(h.token_ids)) / 6), rel=1e-12)


class Chances:
    """A model with the same probabilities at every step, which counts its calls."""

    def __init__(self, *p):
        self.logits_of_a_step, self.calls = np.log(p), 0

    def logits(self, token_ids, *, cache):
        self.calls += 1
        return np.tile(self.logits_of_a_step, (*token_ids.shape, 1))


@pytest.mark.parametrize(("length_penalty", "best"), [(0.0, [0]), (1.78, [0]), (1.8, [1, 1, 1])])
def test_the_penalty_decides_between_short_and_long(length_penalty, best):
    """log 0.4 = -0.916, and 3 log 0.6 = -1.532, which (8 / 6)^a makes equal at a = 1.788."""
    how = {"width": 20, "n_tokens": 3, "stop": 0, "length_penalty": length_penalty}
    found, *_ = beam_search(Chances(0.4, 0.6), np.array([1]), **how)
    assert found.token_ids.tolist() == best


def test_it_stops_as_soon_as_nothing_can_overtake():
    """The stop has probability 0.9 at once, so that one step decides."""

    model = Chances(0.9, 0.1)
    found = beam_search(model, np.array([1]), width=2, n_tokens=50, stop=0)
    assert model.calls == 1 and [h.token_ids.tolist() for h in found] == [[0]]
    beam_search(model, np.array([1]), width=2, n_tokens=50, stop=0, length_penalty=3.0)
    assert model.calls > 2  # a long one may now overtake


@pytest.mark.parametrize("model", ["rnn", "lstm", "ngram"])
def test_any_language_model_can_be_searched(model, rng):
    """A beginning of several symbols, and caches of other kinds."""
    how = {"d_model": 3, "d_hidden": 5, "rng": rng, "dtype": np.float64}
    models = {
        "rnn": lambda: RNNLanguageModel(V, n_layers=2, **how),
        "lstm": lambda: RNNLanguageModel(V, recurrent=LSTM, **how),
        "ngram": lambda: NeuralNGram(V, context_length=2, **how),
    }
    network = models[model]()
    network.output.W.data[...] *= 30
    begin = np.array([2, START, 1])
    best, *_ = beam_search(network, begin, width=V**3, n_tokens=3, stop=STOP)

    def score(ids):
        logits = network.logits(np.array([[*begin, *ids[:-1]]]))[0, len(begin) - 1 :]
        return log_softmax(logits)[0][np.arange(len(ids)), ids].sum()

    exhaustive = max(every_hypothesis(3), key=score)
    assert tuple(best.token_ids) == exhaustive
    assert best.log_p == pytest.approx(score(exhaustive), rel=1e-9)


def test_rows_are_taken_of_every_array():
    a = np.arange(6).reshape(3, 2)
    cache = {"state": [(a, a + 1), (a,)], "ids": a[:, 0], "none": None}
    found = take_rows(cache, [2, 2, 0, 1])
    np.testing.assert_array_equal(found["state"][0][1], [[5, 6], [5, 6], [1, 2], [3, 4]])
    np.testing.assert_array_equal(found["ids"], [4, 4, 0, 2])
    assert found["none"] is None and isinstance(found["state"][1], tuple)


RIGHT = {"width": 2, "n_tokens": 3, "stop": STOP}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width is 0; it must be at least 1"),
        ({"width": -1}, "width is -1; it must be at least 1"),
        ({"n_tokens": 0}, "n_tokens is 0; it must be at least 1"),
        ({"length_penalty": -0.5}, "length_penalty is -0.5; it must not be negative"),
        ({"length_penalty": np.nan}, "length_penalty is nan"),
        ({"token_ids": [[START]]}, r"token_ids have shape \(1, 1\); they must be a row"),
        ({"token_ids": []}, r"token_ids have shape \(0,\); .* one symbol at least"),
        ({"token_ids": [V]}, r"token_ids run from 4 to 4; they must lie in 0\.\.3"),
    ],
)
def test_a_beam_that_cannot_be_is_named(change, message, rng):
    with pytest.raises(ValueError, match=message):
        beam_search(seq2seq(rng), **{"token_ids": [START]} | RIGHT | change)


@pytest.mark.parametrize(
    ("token_ids", "n_tokens", "message"),
    [
        ([START], 3, r"token_ids have shape \(1,\); they must be a batch"),
        (np.empty((2, 0), int), 3, r"token_ids have shape \(2, 0\); .* one symbol at least"),
        ([[START]], 0, "n_tokens is 0; it must be at least 1"),
    ],
)
def test_a_beginning_that_does_not_fit_is_named(token_ids, n_tokens, message, rng):
    with pytest.raises(ValueError, match=message):
        greedy_decode(seq2seq(rng), token_ids, n_tokens=n_tokens, stop=STOP)
