import math

import numpy as np
import pytest

from llmbook.data import padded
from llmbook.feedforward.language_model import LanguageModel, NeuralNGram, contexts
from llmbook.math_foundations.calculus import numerical_gradient
from llmbook.math_foundations.evaluation import score


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
