from functools import partial

import numpy as np
import pytest

from llmbook.feedforward.tape import Tensor
from llmbook.lstm_gru.gru import GRU
from llmbook.lstm_gru.lstm import LSTM
from llmbook.lstm_gru.mingru import MinGRU
from llmbook.math_foundations.calculus import numerical_gradient
from llmbook.math_foundations.softmax import cross_entropy
from llmbook.rnn.reader import Reader
from llmbook.rnn.rnn import RNN

B, T, D, H, V = 4, 5, 3, 4, 2
CELLS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU, "MinGRU": MinGRU, "two layers": partial(LSTM, n_layers=2)}
every_cell = pytest.mark.parametrize("cell", CELLS)


def reader(cell, rng, dtype=np.float64):
    return Reader(CELLS[cell](D, H, rng=rng, dtype=dtype), V, rng=rng)


def drawn(rng, kind, dtype=np.float64):
    """x, and targets of a kind."""
    x = rng.standard_normal((B, T, D)).astype(dtype)
    classes = np.array([0, 1, 1, 0])
    return x, classes if kind == "classes" else rng.standard_normal((B, V)).astype(dtype)


@every_cell
def test_it_answers_once_with_what_the_last_layer_holds_after_the_last_step(cell, rng):
    model, (x, _) = reader(cell, rng), drawn(rng, "classes")
    y, _ = model.recurrent(x)
    answers = model(x)
    assert answers.shape == (B, V)
    np.testing.assert_array_equal(answers.data, model.output(y.data[:, -1]).data)


@every_cell
def test_a_masked_batch_is_each_sequence_alone(cell, rng):
    model, (x, targets) = reader(cell, rng), drawn(rng, "floats")
    lengths = np.array([5, 1, 3, 4])
    mask = np.arange(T) < lengths[:, None]
    answers = model(x, mask).data
    alone = [model(x[k : k + 1, :n]).data for k, n in enumerate(lengths)]
    np.testing.assert_allclose(answers, np.concatenate(alone), rtol=1e-12)
    assert float(model.loss(x, targets, mask)) == pytest.approx(((answers - targets) ** 2).mean(), rel=1e-12)


def test_integers_are_classes_and_floats_are_answers(rng):
    model, (x, classes) = reader("RNN", rng), drawn(rng, "classes")
    surprise, _ = cross_entropy(model(x).data, classes)
    for targets in (classes, classes.astype(np.uint8), classes.tolist()):
        assert float(model.loss(x, targets)) == pytest.approx(surprise, rel=1e-14)
    floats = rng.standard_normal((B, V))
    squared = ((model(x).data - floats) ** 2).mean()
    for targets in (floats, floats.tolist()):
        assert float(model.loss(x, targets)) == pytest.approx(squared, rel=1e-14)


@every_cell
@pytest.mark.parametrize("kind", ["classes", "floats"])
def test_the_gradients_are_those_of_finite_differences(cell, kind, rng):
    model, (x, targets) = reader(cell, rng), drawn(rng, kind)
    mask = np.arange(T) < np.array([5, 1, 3, 4])[:, None]
    leaf = Tensor(x)
    model.loss(leaf, targets, mask).backward()
    gradients = model.grads()
    assert gradients.keys() == model.params().keys()

    def loss_at(array, values):
        array[...] = values
        return float(model.loss(x, targets, mask))

    for array, gradient in [*((model.params()[k], g) for k, g in gradients.items()), (x, leaf.grad)]:
        start = array.copy()
        measured = numerical_gradient(partial(loss_at, array), start)
        array[...] = start
        np.testing.assert_allclose(gradient, measured, rtol=1e-6, atol=1e-9)
        assert gradient.any()


@every_cell
@pytest.mark.parametrize("kind", ["classes", "floats"])
def test_float32_stays_float32_in_both_directions(cell, kind, rng):
    model, (x, targets) = reader(cell, rng, np.float32), drawn(rng, kind, np.float32)
    leaf = Tensor(x)
    loss = model.loss(leaf, targets)
    loss.backward()
    arrays = [model(x), loss, leaf.grad, *model.grads().values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"targets": np.zeros(B)},
            r"targets are float64 of shape \(4,\); beside x \(4, 5, 3\) they must be "
            r"integers of shape \(4,\), the classes, or floats of shape \(4, 1\)",
        ),
        ({"targets": np.zeros((1, 1))}, r"targets are float64 of shape \(1, 1\)"),
        ({"targets": 0.5}, r"targets are float64 of shape \(\)"),
        (
            {"targets": np.zeros((B, 1), dtype=int)},
            r"targets are int64 of shape \(4, 1\); .* integers of shape",
        ),
        ({"targets": np.zeros(B + 1, dtype=int)}, r"targets are int64 of shape \(5,\)"),
        ({"targets": np.ones(B, dtype=int)}, r"targets run from 1 to 1; they must lie in 0\.\.0"),
        ({"mask": np.ones((B, T), dtype=int)}, r"mask is int64 .* must be bool of shape \(4, 5\)"),
        ({"mask": np.ones((B, T + 1), dtype=bool)}, r"mask is bool of shape \(4, 6\); .* \(4, 5\)"),
        ({"x": np.zeros((B, D))}, r"x is a ndarray of shape \(4, 3\); it must be an array \(B, T, D\)"),
        ({"x": np.zeros((B, 0, D))}, "with one step at least"),
        ({"x": np.zeros((B, T, D + 1))}, r"W_x has shape \(3, 4\); .* needs \(4, 4\)"),
        ({"x": np.zeros((B, T, D)).tolist()}, r"x is a list of shape \(4, 5, 3\); it must be an array"),
    ],
)
def test_mistakes_are_named(change, message, rng):
    """With one answer, floats (B,) would silently be compared with every answer of the batch."""
    model = Reader(RNN(D, H, rng=rng), 1, rng=rng)
    right = {"x": np.zeros((B, T, D)), "targets": np.zeros((B, 1))}
    assert float(model.loss(**right)) == 0
    with pytest.raises(ValueError, match=message):
        model.loss(**right | change)


def test_the_targets_are_checked_before_any_work_is_done(rng, monkeypatch):
    model = reader("RNN", rng)
    monkeypatch.setattr(Reader, "__call__", lambda *given: pytest.fail("the sequence was read"))
    with pytest.raises(ValueError, match="targets are"):
        model.loss(np.zeros((B, T, D)), np.zeros(B))
