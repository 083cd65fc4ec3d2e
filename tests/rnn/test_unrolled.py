import numpy as np
import pytest

from llmbook.data import length_mask, parity
from llmbook.feedforward.tape import no_grad
from llmbook.rnn.rnn import rnn
from llmbook.rnn.unrolled import UnrolledRNN

B, T, D, H, V = 3, 5, 2, 4, 3


@pytest.fixture
def network(rng):
    return UnrolledRNN(D, H, V, rng=rng, dtype=np.float64)


def test_its_states_are_those_of_the_rule_that_reads_a_sequence(network, rng):
    x, h = rng.standard_normal((B, T, D)), rng.standard_normal((B, H))
    p = network.params()
    (y, _), _ = rnn(x, h, p["W_x"], p["W_h"], p["b"])
    with no_grad():
        np.testing.assert_allclose(np.stack(network.states(x, h), axis=1), y, rtol=1e-12)
        np.testing.assert_allclose(network(x, h), y @ p["output.W"] + p["output.b"], rtol=1e-12)


def test_reading_in_two_pieces_is_reading_in_one(network, rng):
    x = rng.standard_normal((B, T, D))
    with no_grad():
        first = network.states(x[:, :2])
        second = network(x[:, 2:], first[-1])
        np.testing.assert_array_equal(second, network(x)[:, 2:])


def test_padding_reaches_neither_the_loss_nor_a_gradient(network, rng):
    x, targets = rng.standard_normal((B, T, D)), rng.integers(0, V, (B, T))
    mask = length_mask([2, 5, 3], T)
    results = []
    for filler in (0.0, 9.0):
        network.zero_grad()
        loss = network.loss(np.where(mask[..., None], x, filler), np.where(mask, targets, 0), mask)
        loss.backward()
        results.append((float(loss), network.grads()))
    assert results[0][0] == results[1][0]
    for name, gradient in results[0][1].items():
        np.testing.assert_array_equal(gradient, results[1][1][name])
        assert abs(gradient).max() > 0


def test_chapter_6s_units_fed_back_compute_parity(rng):
    bits, odd = parity(50, 30, rng=rng)
    h = np.zeros((50, 2))
    for t in range(30):
        h = np.maximum(bits[:, t : t + 1] + h @ [[1, 1], [-2, -2]] + [0, -1], 0)
        np.testing.assert_array_equal(h @ [1, -2], odd[:, t])


@pytest.mark.parametrize("shape", [(T, D), (B, 0, D), (B,)])
def test_what_is_no_batch_of_sequences_is_refused(network, shape):
    with pytest.raises(ValueError, match=r"it needs \(B, T, D\)"):
        network(np.zeros(shape))


def test_a_state_of_another_batch_is_refused(network):
    with pytest.raises(ValueError):
        network(np.zeros((B, T, D)), np.zeros((B + 1, H)))
