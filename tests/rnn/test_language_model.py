import math

import numpy as np
import pytest

from llmbook.data import padded
from llmbook.feedforward import ops
from llmbook.feedforward.language_model import generate
from llmbook.math_foundations.calculus import numerical_gradient
from llmbook.math_foundations.evaluation import score
from llmbook.optimization.optimizers import Adam
from llmbook.optimization.training import train
from llmbook.rnn.rnn import RNN, RNNLanguageModel

V = 11


def model(rng, **options):
    return RNNLanguageModel(V, d_model=4, d_hidden=8, rng=rng, **options)


def sequences(rng):
    return [rng.integers(0, V, n) for n in (5, 3, 7)]


def test_first_loss_is_nearly_ln_v(rng):
    ids = rng.integers(0, V, (50, 9))
    assert abs(float(model(rng).loss(ids[:, :-1], ids[:, 1:])) - math.log(V)) < 0.02


def test_every_gradient_of_the_loss_agrees_with_finite_differences(rng):
    network = model(rng, n_layers=2, dtype=np.float64)
    batch = padded(sequences(rng))
    network.loss(*batch).backward()
    assert len(network.tensors()) == 1 + 2 * 3 + 2
    for name, tensor in network.tensors().items():

        def value(at, tensor=tensor):
            tensor.data, kept = at, tensor.data
            try:
                return float(network.loss(*batch))
            finally:
                tensor.data = kept

        np.testing.assert_allclose(
            network.grads()[name], numerical_gradient(value, tensor.data), rtol=1e-5, atol=1e-9, err_msg=name
        )


def test_the_ruler_reads_it_and_agrees_with_its_loss(rng):
    network, some = model(rng), sequences(rng)
    assert score(network, some).mean == pytest.approx(float(network.loss(*padded(some))), rel=1e-5)


def test_logits_depend_on_all_that_was_read_and_on_nothing_else(rng):
    network, ids = model(rng, dtype=np.float64), rng.integers(0, V, (1, 8))
    before = network.logits(ids)
    for t in range(8):
        other = ids.copy()
        other[0, t] = (other[0, t] + 1) % V
        changed = (network.logits(other) != before).any(axis=-1)[0]
        np.testing.assert_array_equal(changed, np.arange(8) >= t)


def test_it_reads_on_from_its_cache(rng):
    network, ids = model(rng, n_layers=2, dtype=np.float64), rng.integers(0, V, (3, 9))
    cache = {}
    parts = [network.logits(part, cache=cache) for part in np.split(ids, [1, 2, 6], axis=1)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), network.logits(ids), rtol=1e-12)


def test_it_writes_as_if_it_read_everything_again(rng):
    network = model(rng, dtype=np.float64)
    written = [1, 2]
    for token_id in generate(network, np.array(written), n_tokens=6):
        assert token_id == network.logits(np.array([written]))[0, -1].argmax()
        written.append(token_id)


def test_a_window_goes_on_from_the_last_one_without_a_gradient_into_it(rng):
    network, ids = model(rng, dtype=np.float64), rng.integers(0, V, (3, 9))
    cache = {}
    network.forward(ids[:, :4], cache=cache)
    state = cache["state"]
    assert all(isinstance(s, np.ndarray) for layer in state for s in layer)
    ops.cross_entropy(network.forward(ids[:, 4:8], cache=cache), ids[:, 5:]).backward()
    stateful = network.grads()

    network.zero_grad()
    y, _ = network.recurrent(network.embedding(ids[:, 4:8]), state)
    ops.cross_entropy(network.output(y), ids[:, 5:]).backward()
    for name, grad in network.grads().items():
        np.testing.assert_array_equal(stateful[name], grad)


def test_it_learns_a_batch_by_heart(rng):
    network, batch = model(rng), padded(sequences(rng))
    train(network, lambda rng: batch, Adam(0.02), steps=150, rng=rng)
    assert float(network.loss(*batch)) < 0.2  # the first symbols alone do not tell the second


def test_dropout_acts_only_where_rng_is_passed_and_never_on_the_state(rng):
    network, ids = model(rng, dropout_rate=0.5), rng.integers(0, V, (20, 9))
    plain = [float(network.loss(ids[:, :-1], ids[:, 1:])) for _ in range(2)]
    dropped = [float(network.loss(ids[:, :-1], ids[:, 1:], rng=rng)) for _ in range(2)]
    assert plain[0] == plain[1] and len({*plain, *dropped}) == 3
    cache = {}
    network.forward(ids, rng=rng, cache=cache)
    assert (cache["state"][0][0] != 0).all()


def test_all_is_float32(rng):
    network = model(rng, n_layers=2)
    network.loss(*padded(sequences(rng))).backward()
    assert {g.dtype for g in network.grads().values()} == {np.dtype("float32")}
    assert network.logits(np.zeros((1, 2), dtype=int)).dtype == np.float32


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.array([[0, V]]), rf"token_ids run from 0 to {V}; they must lie in 0\.\.{V - 1}"),
        (np.array([[0, -1]]), "token_ids run from -1 to 0"),
        (np.array([[0.0, 1.0]]), "token_ids have dtype float64"),
        (np.array([0, 1]), r"token_ids have shape \(2,\); a model reads a batch"),
        (np.zeros((1, 0), dtype=int), r"token_ids have shape \(1, 0\); .* one symbol at least"),
    ],
)
def test_mistakes_are_named(ids, message, rng):
    with pytest.raises(ValueError, match=message):
        model(rng).logits(ids)
    with pytest.raises(ValueError, match=message):
        model(rng).loss(ids, ids)


def test_a_cache_of_another_batch_is_named(rng):
    network, cache = model(rng), {}
    network.logits(np.zeros((3, 2), dtype=int), cache=cache)
    with pytest.raises(ValueError, match=r"h0 has shape \(3, 8\); beside x \(2, 1, 4\) .* needs \(2, 8\)"):
        network.logits(np.zeros((2, 1), dtype=int), cache=cache)


@pytest.mark.parametrize(
    "state", [[], [(1, 2)], [(np.zeros((2, 4)),)] * 2, np.zeros((2, 4)), [np.zeros((2, 4))]]
)
def test_a_state_of_other_layers_is_named(rng, state):
    with pytest.raises(ValueError, match=r"state is a \w+ of \d; .* each of the 1 layers, a tuple of 1"):
        RNN(3, 4, rng=rng)(np.zeros((2, 5, 3), dtype=np.float32), state)
