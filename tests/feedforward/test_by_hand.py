import numpy as np
import pytest

from llmbook.feedforward.by_hand import loss_and_gradients
from llmbook.feedforward.language_model import NeuralNGram
from llmbook.math_foundations.calculus import numerical_gradient


def setting(rng, dtype=np.float64):
    network = NeuralNGram(9, context_length=3, d_model=4, d_hidden=6, rng=rng, dtype=dtype)
    return network, rng.integers(0, 9, (11, 3)), rng.integers(0, 9, 11)


def test_every_entry_agrees_with_finite_differences(rng):
    network, before, targets = setting(rng)
    params = network.params()
    _, gradients = loss_and_gradients(params, before, targets)
    for name, array in params.items():
        measured = numerical_gradient(
            lambda at, name=name: loss_and_gradients(params | {name: at}, before, targets)[0], array
        )
        np.testing.assert_allclose(gradients[name], measured, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_tape_has_the_same_loss_and_gradients_to_the_last_bit(rng, dtype):
    network, before, targets = setting(rng, dtype)
    by_hand, gradients = loss_and_gradients(network.params(), before, targets)
    loss = network.loss(before, targets)
    loss.backward()
    assert loss.data == by_hand
    for name, gradient in network.grads().items():
        assert gradient.dtype == dtype
        np.testing.assert_array_equal(gradient, gradients[name], err_msg=name)


def test_agrees_with_pytorch(rng):
    torch = pytest.importorskip("torch")
    network, before, targets = setting(rng)
    params = network.params()
    loss, gradients = loss_and_gradients(params, before, targets)
    theirs = {name: torch.tensor(array, requires_grad=True) for name, array in params.items()}
    table, W_1, b_1, W_2, b_2 = theirs.values()
    x = table[torch.tensor(before)].reshape(len(before), -1)
    peer = torch.nn.functional.cross_entropy(torch.tanh(x @ W_1 + b_1) @ W_2 + b_2, torch.tensor(targets))
    peer.backward()
    assert float(loss) == pytest.approx(peer.item(), rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, theirs[name].grad.numpy(), rtol=1e-6, atol=1e-14, err_msg=name)
