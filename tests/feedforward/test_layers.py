import numpy as np
import pytest

from llmbook.feedforward import activations, ops
from llmbook.feedforward.language_model import NeuralNGram
from llmbook.feedforward.layers import MLP, Embedding, Linear, Module, dropout
from llmbook.feedforward.tape import Tensor
from llmbook.math_foundations.calculus import numerical_gradient


class Nested(Module):
    def __init__(self, rng):
        self.first = Linear(3, 4, rng=rng)
        self.rest = [Linear(4, 4, rng=rng), Linear(4, 2, rng=rng)]
        self.gain = Tensor(np.ones(2, dtype=np.float32))
        self.alias = self.first
        self.name = "not a parameter"


def test_parameters_are_named_by_where_they_stand(rng):
    assert list(Nested(rng).params()) == [
        "first.W",
        "first.b",
        "rest.0.W",
        "rest.0.b",
        "rest.1.W",
        "rest.1.b",
        "gain",
    ]


def test_a_shared_layer_counts_once(rng):
    assert Nested(rng).n_params == 3 * 4 + 4 + 4 * 4 + 4 + 4 * 2 + 2 + 2


def test_writing_into_params_changes_the_model(rng):
    layer = Linear(3, 2, rng=rng)
    before = layer(np.ones(3, dtype=np.float32)).data
    layer.params()["b"][...] += 1
    np.testing.assert_allclose(layer(np.ones(3, dtype=np.float32)).data, before + 1, rtol=1e-6)


def test_load_copies_and_keeps_the_dtype(rng):
    layer = Linear(3, 2, rng=rng)
    new = {"W": np.ones((3, 2)), "b": np.full(2, 5.0)}
    layer.load(new)
    new["b"][...] = 0
    np.testing.assert_array_equal(layer.b.data, [5, 5])
    assert layer.W.data.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("b"), r"missing: \['b'\]"),
        (lambda p: p.update(c=p["b"]), r"unknown: \['c'\]"),
        (lambda p: p.update(b=np.ones(3)), r"b has shape \(3,\); the model's has \(2,\)"),
    ],
)
def test_load_refuses_what_does_not_fit_and_changes_nothing(rng, change, message):
    layer = Linear(3, 2, rng=rng)
    params = {name: np.ones_like(array) for name, array in layer.params().items()}
    change(params)
    before = layer.W.data.copy()
    with pytest.raises(ValueError, match=message):
        layer.load(params)
    np.testing.assert_array_equal(layer.W.data, before)


def test_a_parameter_without_gradient_is_named(rng):
    model = Nested(rng)
    model.first(np.ones((1, 3), dtype=np.float32)).backward(np.ones((1, 4), dtype=np.float32))
    with pytest.raises(ValueError, match=r"no gradient for rest\.0\.W, .*gain: was backward"):
        model.grads()


def test_gradients_add_up_until_they_are_forgotten(rng):
    layer, x, dy = Linear(3, 2, rng=rng), np.ones((1, 3), dtype=np.float32), np.ones((1, 2), dtype=np.float32)
    layer(x).backward(dy)
    layer(x).backward(dy)
    np.testing.assert_array_equal(layer.grads()["b"], [2, 2])
    layer.zero_grad()
    layer(x).backward(dy)
    np.testing.assert_array_equal(layer.grads()["b"], [1, 1])


def test_layers_and_gradients_are_float32(rng):
    model = MLP([3, 5, 2], rng=rng)
    y = model(rng.standard_normal((4, 3), dtype=np.float32))
    y.backward(np.ones((4, 2), dtype=np.float32))
    assert y.data.dtype == np.float32
    assert {g.dtype for g in model.grads().values()} == {np.dtype("float32")}


@pytest.mark.parametrize("activation", [ops.relu, ops.tanh, ops.gelu])
def test_mlp_agrees_with_finite_differences(rng, activation):
    model = MLP([3, 6, 4, 2], rng=rng, activation=activation, dtype=np.float64)
    x, weights = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    model(x).backward(weights)
    for name, tensor in model.tensors().items():

        def value(at, tensor=tensor):
            tensor.data, kept = at, tensor.data
            try:
                return (model(x).data * weights).sum()
            finally:
                tensor.data = kept

        np.testing.assert_allclose(
            model.grads()[name], numerical_gradient(value, tensor.data), rtol=1e-6, atol=1e-8, err_msg=name
        )


def test_signals_keep_their_size_through_twenty_layers(rng):
    x = rng.standard_normal((500, 256), dtype=np.float32)
    for layer in MLP([256] * 21, rng=rng).layers:
        x = ops.relu(layer(x)).data
    assert 0.3 < np.sqrt((x**2).mean()) < 3  # He: the mean square stays near 1


def test_embedding_looks_rows_up(rng):
    embedding = Embedding(5, 3, rng=rng)
    ids = np.array([[4, 0], [1, 4]])
    np.testing.assert_array_equal(embedding(ids).data, embedding.table.data[ids])


def test_dropout_keeps_the_mean_and_drops_the_share(rng):
    x = Tensor(np.ones((400, 500), dtype=np.float32))
    y = dropout(x, 0.3, rng)
    assert y.data.dtype == np.float32
    assert set(np.unique(y.data)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs((y.data == 0).mean() - 0.3) < 0.005
    assert abs(y.data.mean() - 1) < 0.01
    y.backward(np.ones(x.shape, dtype=np.float32))
    np.testing.assert_array_equal(x.grad, y.data)  # what was dropped gets no gradient


def test_dropout_does_nothing_without_rng(rng):
    x = Tensor(np.ones(3))
    assert dropout(x, 0.5, None) is x and dropout(x, 0.0, rng) is x


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5])
def test_dropout_rate_must_be_a_share(rng, rate):
    with pytest.raises(ValueError, match=r"rate is .*; it must be in \[0, 1\)"):
        dropout(Tensor(np.ones(3)), rate, rng)


def test_freeze_leaves_the_parameters_and_takes_the_gradients(rng):
    model = Nested(rng)
    model.rest[0].freeze()
    x = np.ones((1, 3), dtype=np.float32)
    y = model.rest[1](model.rest[0](model.first(x))) * model.gain
    y.backward(np.ones((1, 2), dtype=np.float32))
    assert (
        list(model.grads()) == list(model.trained()) == ["first.W", "first.b", "rest.1.W", "rest.1.b", "gain"]
    )
    assert "rest.0.W" in model.params() and model.n_params == 48
    model.freeze()
    assert model.grads() == {} == model.trained()


def test_load_refuses_another_kind_of_number(rng):
    layer = Linear(3, 2, rng=rng)
    before = layer.W.data.copy()
    with pytest.raises(ValueError, match=r"W has dtype int64; the model's is float32"):
        layer.load({"W": np.ones((3, 2), dtype=np.int64), "b": np.ones(2)})
    layer.freeze()
    layer.W.data = np.zeros((3, 2), dtype=np.int8)
    with pytest.raises(ValueError, match=r"W has dtype float64; the model's is int8"):
        layer.load({"W": np.full((3, 2), 0.7), "b": np.ones(2)})
    assert not layer.W.data.any() and before.any()


def test_adopt_takes_the_arrays_themselves_and_their_dtype(rng):
    layer = Linear(3, 2, rng=None)
    assert not layer.W.data.any()
    arrays = {"W": rng.standard_normal((3, 2)), "b": np.ones(2)}
    arrays["b"].flags.writeable = False
    layer.adopt(arrays)
    assert layer.W.data is arrays["W"] and layer.W.dtype == np.float64
    assert layer.b.data is not arrays["b"] and layer.b.data.flags.writeable
    np.testing.assert_array_equal(layer.b.data, [1, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("b"), r"missing: \['b'\]"),
        (lambda p: p.update(b=np.ones(3)), r"b has shape \(3,\); the model's has \(2,\)"),
        (lambda p: p.update(b=np.ones(2, dtype=int)), "b has dtype int64; a parameter that is trained"),
    ],
)
def test_adopt_refuses_what_does_not_fit_and_changes_nothing(rng, change, message):
    layer = Linear(3, 2, rng=rng)
    params = {name: np.ones_like(array) for name, array in layer.params().items()}
    change(params)
    before = layer.W.data
    with pytest.raises(ValueError, match=message):
        layer.adopt(params)
    assert layer.W.data is before


def test_a_frozen_parameter_may_hold_integers(rng):
    layer = Linear(3, 2, rng=rng)
    layer.freeze()
    layer.adopt({"W": np.ones((3, 2), dtype=np.int8), "b": np.zeros(2)})
    np.testing.assert_array_equal(layer(np.ones((1, 3))), [[3, 3]])


def test_without_rng_all_parameters_are_zero_and_of_the_dtype():
    for model in (MLP([3, 4, 2], rng=None, dtype=np.float64), Embedding(5, 3, rng=None, dtype=np.float64)):
        for array in model.params().values():
            assert array.dtype == np.float64 and not array.any()


class Scattered(Module):
    """Layers in a tuple, a dictionary, and both inside each other."""

    def __init__(self, rng):
        self.pair = (Linear(2, 2, rng=rng), Linear(2, 2, rng=rng))
        self.named = {"left": Linear(2, 2, rng=rng), "more": [Tensor(np.ones(2)), (Linear(2, 2, rng=rng),)]}


def test_layers_in_tuples_and_dictionaries_are_found(rng):
    layers = ["pair.0", "pair.1", "named.left", "named.more.1.0"]
    expected = [f"{layer}.{name}" for layer in layers for name in "Wb"]
    assert sorted(Scattered(rng).params()) == sorted([*expected, "named.more.0"])


def test_a_bare_rule_is_no_activation(rng):
    for make in (
        lambda activation: MLP([3, 4, 2], rng=rng, activation=activation),
        lambda activation: NeuralNGram(
            5, context_length=2, d_model=2, d_hidden=3, rng=rng, activation=activation
        ),
    ):
        with pytest.raises(
            ValueError, match=r"activation is relu, a rule .* needs the recorded one, ops\.relu"
        ):
            make(activations.relu)
        make(ops.relu)
        make(lambda x: ops.relu(x) * 0.5)


def test_lists_are_loaded(rng):
    layer = Linear(2, 1, rng=rng)
    layer.load({"W": [[1.0], [2.0]], "b": [3.0]})
    np.testing.assert_array_equal(layer(np.ones((1, 2), dtype=np.float32)).data, [[6]])
