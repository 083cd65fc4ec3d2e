import math

import numpy as np
import pytest

from llmbook.data import padded
from llmbook.feedforward import language_model
from llmbook.feedforward.language_model import LanguageModel, NeuralNGram, contexts, generate, pairs
from llmbook.math_foundations.calculus import numerical_gradient
from llmbook.math_foundations.evaluation import score
from llmbook.math_foundations.ngram import NGram, kneser_ney


def model(rng, **options):
    return NeuralNGram(27, context_length=3, d_model=4, d_hidden=16, rng=rng, **options)


def test_first_loss_is_nearly_ln_v(rng):
    ids = rng.integers(0, 27, (50, 9))
    assert abs(float(model(rng).loss(ids[:, :-1], ids[:, 1:])) - math.log(27)) < 0.02


def test_contexts_begin_with_the_mark():
    np.testing.assert_array_equal(
        contexts(np.array([[0, 5, 6, 7]]), 3), [[[0, 0, 0], [0, 0, 5], [0, 5, 6], [5, 6, 7]]]
    )


def test_logits_depend_on_the_last_three_symbols_and_nothing_else(rng):
    network = model(rng)
    ids = rng.integers(0, 27, (1, 8))
    before = network.logits(ids)
    assert isinstance(before, np.ndarray) and before.shape == (1, 8, 27)
    for t in range(8):
        other = ids.copy()
        other[0, t] = (other[0, t] + 1) % 27
        changed = (network.logits(other) != before).any(axis=-1)[0]
        np.testing.assert_array_equal(changed, [t <= i < t + 3 for i in range(8)])


def test_every_gradient_of_the_loss_agrees_with_finite_differences(rng):
    network = model(rng, dtype=np.float64)
    token_ids, targets, mask = padded([rng.integers(0, 27, n) for n in (5, 3, 7)])
    network.loss(token_ids, targets, mask).backward()
    for name, tensor in network.tensors().items():

        def value(at, tensor=tensor):
            tensor.data, kept = at, tensor.data
            try:
                return float(network.loss(token_ids, targets, mask))
            finally:
                tensor.data = kept

        np.testing.assert_allclose(
            network.grads()[name], numerical_gradient(value, tensor.data), rtol=1e-5, atol=1e-9, err_msg=name
        )


def test_the_shortcut_past_padding_changes_no_loss(rng):
    network = model(rng, dtype=np.float64)
    token_ids, targets, mask = padded([rng.integers(0, 27, n) for n in (5, 3, 7)])
    general = LanguageModel.loss(network, token_ids, targets, mask)
    assert float(network.loss(token_ids, targets, mask)) == pytest.approx(float(general), rel=1e-12)


def test_the_ruler_reads_it_and_agrees_with_its_loss(rng):
    network = model(rng)
    sequences = [rng.integers(0, 27, n) for n in (5, 3, 7)]
    assert score(network, sequences).mean == pytest.approx(float(network.loss(*padded(sequences))), rel=1e-5)


def test_dropout_acts_only_where_rng_is_passed(rng):
    network = model(rng, dropout_rate=0.5)
    ids = rng.integers(0, 27, (20, 9))
    plain = [float(network.loss(ids[:, :-1], ids[:, 1:])) for _ in range(2)]
    dropped = [float(network.loss(ids[:, :-1], ids[:, 1:], rng=rng)) for _ in range(2)]
    assert plain[0] == plain[1] and len({*plain, *dropped}) == 3


def test_a_model_without_forward_says_so():
    with pytest.raises(NotImplementedError):
        LanguageModel().logits(np.zeros((1, 1), dtype=int))


def test_pairs_are_the_contexts_that_count_and_what_came_next():
    X, Y = pairs([np.array([0, 5, 0]), np.array([0, 7, 8, 0])], 2)
    np.testing.assert_array_equal(X, [[0, 0], [0, 5], [0, 0], [0, 7], [7, 8]])
    np.testing.assert_array_equal(Y, [5, 0, 7, 8, 0])
    with pytest.raises(ValueError, match="two symbols or more"):
        pairs([np.array([0])], 2)


def test_the_loss_of_contexts_is_that_of_their_sequences(rng):
    network = model(rng, dtype=np.float64)
    sequences = [rng.integers(0, 27, n) for n in (5, 3, 7)]
    whole, parts = network.loss(*padded(sequences)), network.loss(*pairs(sequences, 3))
    assert float(parts) == pytest.approx(float(whole), rel=1e-12)
    X, Y = pairs(sequences, 3)
    some = rng.random(len(Y)) < 0.5
    assert float(network.loss(X, Y, some)) == pytest.approx(float(network.loss(X[some], Y[some])), rel=1e-12)


def test_generate_keeps_the_memory_of_its_steps(monkeypatch):
    called = []
    monkeypatch.setattr(language_model, "keep_memory", lambda: called.append(True))
    generate(Counter(), np.array([3]), n_tokens=1)
    assert called


MISTAKES = {
    "a mask of integers": (lambda ids, mask: (ids, ids, mask.astype(int)), "mask is int64 of shape"),
    "a mask of rows": (
        lambda ids, mask: (ids, ids, mask[:, 0]),
        r"bool of shape \(2,\); it must be .* \(2, 4\)",
    ),
    "a mask that counts nothing": (lambda ids, mask: (ids, ids, mask & False), "no position counts"),
    "targets of another length": (lambda ids, mask: (ids, ids[:, 1:], None), "targets have shape"),
    "targets of another length, masked": (lambda ids, mask: (ids, ids[:, 1:], mask), "targets have shape"),
    "both of another length": (lambda ids, mask: (ids, ids[:, 1:], mask[:, 1:]), "targets have shape"),
    "targets that are no ids": (lambda ids, mask: (ids, ids * 1.0, None), "targets have dtype float64"),
    "contexts of another length": (lambda ids, mask: (ids, ids[:, 0], None), r"x is \(2, 16\)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_shortcut_refuses_what_does_not_fit(rng, mistake):
    make, message = MISTAKES[mistake]
    ids, mask = rng.integers(0, 27, (2, 4)), np.ones((2, 4), dtype=bool)
    with pytest.raises(ValueError, match=message):
        model(rng).loss(*make(ids, mask))


def n_gram():
    sequences = [np.array([0, 1, 2, 3, 1, 0]), np.array([0, 3, 2, 1, 1, 2, 0])]
    return NGram(3, 27, kneser_ney(0.75)).fit(sequences)


@pytest.mark.parametrize("make", [lambda rng: model(rng, dtype=np.float64), lambda rng: n_gram()])
@pytest.mark.parametrize("cuts", [[], [1], [3], [1, 2, 3, 4, 5, 6], [2, 6]])
def test_a_sequence_in_pieces_has_the_logits_of_the_whole(rng, make, cuts):
    reader, ids, cache = make(rng), rng.integers(0, 4, (2, 7)), {}
    pieces = [reader.logits(piece, cache=cache) for piece in np.split(ids, cuts, axis=1)]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), reader.logits(ids), rtol=1e-12, atol=1e-12)


class Counter(LanguageModel):
    """Says one more than it read last, modulo 10; counts how many symbols it read."""

    def __init__(self):
        self.read = []

    def forward(self, token_ids, *, rng=None, cache=None):
        self.read.append(token_ids.shape)
        cache["n"] = cache.get("n", 0) + token_ids.shape[1]
        return np.eye(10)[(token_ids + 1) % 10]


def test_generate_reads_the_beginning_once_and_then_token_by_token():
    counter = Counter()
    writing = generate(counter, np.array([3, 4, 5]), n_tokens=4)
    assert counter.read == []  # nothing is done before it is asked for
    assert next(writing) == 6 and counter.read == [(1, 3)]
    assert list(writing) == [7, 8, 9] and counter.read == [(1, 3), (1, 1), (1, 1), (1, 1)]


def test_generate_ends_with_the_token_that_stops_it():
    assert list(generate(Counter(), np.array([6]), n_tokens=9, stop=9)) == [7, 8, 9]
    assert list(generate(Counter(), np.array([6]), n_tokens=2, stop=9)) == [7, 8]
    assert list(generate(Counter(), np.array([6]), n_tokens=0)) == []


def test_a_batch_ends_when_every_row_has_stopped():
    rows = list(generate(Counter(), np.array([[6], [4]]), n_tokens=9, stop=8))
    np.testing.assert_array_equal(np.stack(rows, axis=1), [[7, 8, 9, 0], [5, 6, 7, 8]])


def test_choose_picks_by_the_logits_of_the_last_position(rng):
    seen = []

    def second(logits):
        seen.append(logits.shape)
        return np.argsort(logits, axis=-1)[..., -2]

    network = model(rng)
    ids = list(generate(network, np.array([0, 1]), n_tokens=3, choose=second))
    assert all(type(i) is int for i in ids) and seen == [(27,)] * 3
    for n, token_id in enumerate(ids):
        logits = network.logits(np.array([[0, 1, *ids[:n]]]))[0, -1]
        assert token_id == np.argsort(logits)[-2]
    rows = list(generate(network, np.array([[0, 1], [0, 2]]), n_tokens=3, choose=second))
    assert seen[3:] == [(2, 27)] * 3 and [row[0] for row in rows] == ids


@pytest.mark.parametrize(
    ("token_ids", "n_tokens", "message"),
    [
        (np.array([], dtype=int), 3, r"token_ids have shape \(0,\)"),
        (np.zeros((1, 1, 1), dtype=int), 3, r"token_ids have shape \(1, 1, 1\)"),
        (np.array(3), 3, r"token_ids have shape \(\)"),
        (np.array([3]), -1, "n_tokens is -1; it must not be negative"),
    ],
)
def test_generate_refuses_at_once(token_ids, n_tokens, message):
    with pytest.raises(ValueError, match=message):
        generate(Counter(), token_ids, n_tokens=n_tokens)


@pytest.mark.parametrize("read", ["logits", "loss", "forward"])
def test_one_sequence_is_no_batch(rng, read):
    ids = rng.integers(0, 27, 6)
    network = model(rng)
    arguments = (ids, ids[None]) if read == "loss" else (ids,)
    with pytest.raises(ValueError, match=r"token_ids have shape \(6,\); a model reads a batch, \(B, T\)"):
        getattr(network, read)(*arguments)
    with pytest.raises(ValueError, match="a model reads a batch"):
        Counter().logits(ids)


def test_lists_are_read(rng):
    network, X, Y = model(rng), [[1, 2, 3], [0, 1, 2]], [4, 3]
    assert float(network.loss(X, Y)) == float(network.loss(np.array(X), np.array(Y)))
    np.testing.assert_array_equal(network.logits(X), network.logits(np.array(X)))
