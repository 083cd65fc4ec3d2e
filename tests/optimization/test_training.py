import json

import numpy as np
import pytest

from llmbook.feedforward import ops
from llmbook.feedforward.language_model import NeuralNGram
from llmbook.feedforward.layers import Module
from llmbook.feedforward.tape import Tensor
from llmbook.optimization import checkpoint, training
from llmbook.optimization.muon import Muon
from llmbook.optimization.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Momentum, RMSProp
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import Diverged, train


class Bowl(Module):
    """A surface over two numbers, x² + 10 y²."""

    def __init__(self, x=1.0, y=1.0):
        self.at = Tensor(np.array([[x, y]]))
        self.idle = Tensor(np.zeros(()))

    def loss(self, *, rng=None):
        curved = self.at * self.at * np.array([[1.0, 10.0]])
        return ops.reshape(curved @ np.ones((2, 1)), shape=()) + self.idle * 0.0


def nothing(rng):
    return ()


def symbols(rng):
    token_ids = rng.integers(5, size=(8, 7))
    return token_ids, (2 * token_ids + 1) % 5


def ngram(dropout_rate=0.3):
    rng = np.random.default_rng(1)
    return NeuralNGram(5, context_length=2, d_model=4, d_hidden=16, rng=rng, dropout_rate=dropout_rate)


def test_a_surface_of_two_numbers(rng, capsys):
    model, optimizer = Bowl(), SGD(0.05)
    history = train(model, nothing, optimizer, steps=3, rng=rng)
    np.testing.assert_allclose(model.params()["at"], [[0.9**3, 0]], atol=1e-12)
    np.testing.assert_allclose(history["loss"], [11, 0.81, 0.81**2], rtol=1e-12)
    assert history["step"] == [1, 2, 3] and history["lr"] == [0.05] * 3
    assert history["gradient_norm"][0] == pytest.approx(404**0.5)
    assert history["evaluated"] == history["value"] == []
    assert capsys.readouterr() == ("", "")


def test_a_language_model_learns_and_is_evaluated(rng):
    model, optimizer = ngram(0.0), Adam(0.02)
    fixed = symbols(np.random.default_rng(9))
    history = train(
        model,
        symbols,
        optimizer,
        steps=250,
        rng=rng,
        schedule=warmup_cosine(10, 250),
        max_norm=1.0,
        evaluate=lambda model: float(model.loss(*fixed)),
        evaluate_every=100,
    )
    assert history["evaluated"] == [100, 200, 250]
    assert history["value"][-1] < 0.05 < np.log(5) * 0.9 < history["loss"][0]
    assert history["lr"][9] == 0.02 == max(history["lr"]) == optimizer.lr
    assert json.loads(json.dumps(history)) == history


def test_the_gradient_is_clipped(rng):
    model = Bowl()
    history = train(model, nothing, SGD(1.0), steps=1, rng=rng, max_norm=0.1)
    assert history["gradient_norm"][0] > 20
    assert np.linalg.norm(model.params()["at"] - 1) == pytest.approx(0.1)


class Stopped(Exception):
    pass


def stopping_at(call, function):
    """The function, but its call of this number raises."""
    calls = iter(range(1, 10**6))

    def wrapped(*args):
        if next(calls) == call:
            raise Stopped
        return function(*args)

    return wrapped


@pytest.mark.parametrize("where", ["batches", "evaluate"])
@pytest.mark.parametrize("make", [lambda: AdamW(0.02), lambda: Momentum(0.1), lambda: Muon(0.01)])
def test_resuming_is_exact(where, make, tmp_path):
    def measure(model):
        return float(model.loss(*symbols(np.random.default_rng(9))))

    def run(path, again=False, batches=symbols, evaluate=measure):
        model, optimizer = ngram(), make()
        rng = np.random.default_rng(99 if again else 5)  # a resumed rng is the checkpoint's
        options = {"steps": 25, "schedule": warmup_cosine(3, 25), "max_norm": 0.5}
        options |= {"evaluate": evaluate, "evaluate_every": 4, "save_to": path, "save_every": 6}
        history = train(model, batches, optimizer, rng=rng, **options)
        return history, model.params(), rng.random()

    history, params, drawn = run(tmp_path / "whole.npz")
    call, function = {"batches": (16, symbols), "evaluate": (4, measure)}[where]
    path = tmp_path / "parts.npz"
    with pytest.raises(Stopped):
        run(path, **{where: stopping_at(call, function)})
    assert len(checkpoint.load(path)[1]["history"]["step"]) == 12
    again = run(path, again=True)
    assert again[0] == history and again[2] == drawn
    for name, array in params.items():
        np.testing.assert_array_equal(again[1][name], array)
    third = run(path, again=True)  # nothing is left to do
    assert third[0] == history
    for name, array in params.items():
        np.testing.assert_array_equal(third[1][name], array)


class Poisoned(Bowl):
    """The surface, whose loss is not finite from one call on."""

    def __init__(self, call, factor):
        super().__init__()
        self.calls, self.call, self.factor = 0, call, factor

    def loss(self, *, rng=None):
        self.calls += 1
        return super().loss() * (self.factor if self.calls >= self.call else 1.0)


def test_a_loss_that_is_no_number_stops_and_keeps_the_checkpoint(rng, tmp_path):
    model, path, optimizer = Poisoned(8, np.nan), tmp_path / "bowl.npz", SGD(0.01)
    with pytest.raises(
        Diverged, match=r"the loss at step 8 is nan; the largest gradient is at's, with norm \d"
    ):
        train(model, nothing, optimizer, steps=20, rng=rng, save_to=path, save_every=3)
    arrays, info = checkpoint.load(path)
    assert len(info["history"]["step"]) == 6
    np.testing.assert_allclose(arrays["params/at"], [[0.98**6, 0.8**6]], rtol=1e-12)
    assert optimizer.lr == 0.01


def test_an_infinite_loss_at_the_first_step(rng):
    with pytest.raises(Diverged, match="the loss at step 1 is inf; there was no gradient before"):
        train(Poisoned(1, np.inf), nothing, SGD(0.01), steps=2, rng=rng)


class Steep(Bowl):
    """The surface, as high as asked for."""

    def __init__(self, height):
        super().__init__()
        self.height = height

    def loss(self, *, rng=None):
        return super().loss() * self.height


def test_a_gradient_that_is_not_finite_stops_before_the_parameters_move(rng):
    model = Steep(1e200)  # the loss is finite, the square of the gradient is not
    with pytest.raises(Diverged, match=r"the gradient's norm at step 1 is inf; the largest gradient is at's"):
        train(model, nothing, SGD(1.0), steps=2, rng=rng)
    np.testing.assert_array_equal(model.params()["at"], [[1, 1]])


def test_a_parameter_that_overflows_is_never_saved(rng, tmp_path):
    path = tmp_path / "bowl.npz"
    with pytest.raises(Diverged, match="step 1 made at infinite"):
        train(Steep(1e100), nothing, SGD(1e250), steps=2, rng=rng, save_to=path, save_every=1)
    assert not path.exists()


def test_divergence_is_seen_on_the_way(rng):
    with pytest.raises(Diverged, match=r"at step \d+"):
        train(Bowl(), nothing, SGD(1.0), steps=1000, rng=rng)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": -1}, "steps is -1; it must be at least 1"),
        ({"steps": 1, "evaluate_every": 0}, "evaluate_every is 0"),
        ({"steps": 1, "save_every": 0}, "save_every is 0"),
        ({"steps": 1, "max_norm": 0.0}, "max_norm is 0.0; it must be positive"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message, rng):
    with pytest.raises(ValueError, match=message):
        train(Bowl(), nothing, SGD(0.1), rng=rng, **options)


def test_a_checkpoint_of_something_else_is_refused(rng, tmp_path):
    path = tmp_path / "bowl.npz"
    train(Bowl(), nothing, SGD(0.01), steps=5, rng=rng, save_to=path)
    with pytest.raises(ValueError, match=r"steps is 4, but .*bowl\.npz is at step 5"):
        train(Bowl(), nothing, SGD(0.01), steps=4, rng=rng, save_to=path)
    with pytest.raises(ValueError, match=r"holds the parameters \['at', 'idle'\]; the model trains \['embed"):
        train(ngram(), symbols, SGD(0.01), steps=9, rng=rng, save_to=path)
    with pytest.raises(ValueError, match=r"the optimizer's state lacks \['m.at', 'm.idle'\]"):
        train(Bowl(), nothing, Lion(0.01), steps=9, rng=rng, save_to=path)
    checkpoint.save(path, {}, {"step": 3})
    with pytest.raises(ValueError, match=r"bowl\.npz is no checkpoint of train"):
        train(Bowl(), nothing, SGD(0.01), steps=9, rng=rng, save_to=path)


def test_what_is_frozen_is_neither_moved_nor_saved(rng, tmp_path):
    model, path = ngram(), tmp_path / "part.npz"
    model.embedding.freeze()
    before = {name: array.copy() for name, array in model.params().items()}
    history = train(model, symbols, AdamW(0.02), steps=6, rng=rng, save_to=path, save_every=3)
    for name, array in model.params().items():
        assert np.array_equal(array, before[name]) is (name == "embedding.table"), name
    assert {name for name in checkpoint.load(path)[0] if "embedding" in name} == set()

    resumed = ngram()  # the same draws
    resumed.embedding.freeze()
    assert train(resumed, symbols, AdamW(0.02), steps=6, rng=rng, save_to=path) == history
    for name, array in resumed.params().items():
        np.testing.assert_array_equal(array, model.params()[name])
    with pytest.raises(ValueError, match=r"the model trains \['embedding.table', 'hidden.W'"):
        train(ngram(), symbols, AdamW(0.02), steps=6, rng=rng, save_to=path)


def test_a_model_with_nothing_to_train_is_refused(rng):
    model = ngram()
    model.freeze()
    with pytest.raises(ValueError, match="the model has no parameter that is trained"):
        train(model, symbols, SGD(0.1), steps=1, rng=rng)


def test_reduce_sees_the_gradients_before_they_are_clipped(rng):
    seen = []

    def halve(value, grads):
        seen.append((value, grads["at"].copy()))
        return value / 2, {name: grad / 2 for name, grad in grads.items()}

    model = Bowl()
    history = train(model, nothing, SGD(0.05), steps=1, rng=rng, max_norm=5.0, reduce=halve)
    assert history["loss"] == [5.5] and seen[0][0] == 11
    np.testing.assert_array_equal(seen[0][1], [[2, 20]])
    assert history["gradient_norm"][0] == pytest.approx(101**0.5)
    assert np.linalg.norm(model.params()["at"] - 1) == pytest.approx(0.05 * 5)


def test_shares_that_drop_draw_the_same_batches_only_if_they_have_equal_shapes():
    def drawn(rows, dropout_rate):
        seen = []

        def share(rng):
            token_ids, targets = symbols(rng)
            seen.append(token_ids)
            return token_ids[rows], targets[rows]

        rng = np.random.default_rng(3)
        train(ngram(dropout_rate), share, SGD(0.1), steps=3, rng=rng, reduce=lambda *both: both)
        return seen

    first, equal, smaller = slice(4), slice(4, 8), slice(5, 8)
    np.testing.assert_array_equal(drawn(first, 0.3), drawn(equal, 0.3))
    np.testing.assert_array_equal(drawn(first, 0.0), drawn(smaller, 0.0))
    same = [np.array_equal(a, b) for a, b in zip(drawn(first, 0.3), drawn(smaller, 0.3), strict=True)]
    assert same == [True, False, False]


def test_a_share_that_counts_no_position_is_refused_before_reduce(rng):
    def empty(rng):
        token_ids, targets = symbols(rng)
        return token_ids, targets, np.zeros(targets.shape, bool)

    met = []
    with pytest.raises(ValueError, match="no position counts"):
        train(ngram(), empty, SGD(0.1), steps=1, rng=rng, reduce=lambda *both: met.append(both))
    assert met == []


@pytest.mark.parametrize("broken", ["value", "grads"])
def test_what_is_not_finite_on_another_machine_stops_this_one(rng, broken):
    def reduce(value, grads):
        if broken == "value":
            return np.nan, grads
        return value, {name: grad + np.inf for name, grad in grads.items()}

    model = Bowl()
    message = {"value": "the loss at step 1 is nan", "grads": "the gradient's norm at step 1 is"}[broken]
    with pytest.raises(Diverged, match=message):
        train(model, nothing, SGD(0.05), steps=1, rng=rng, reduce=reduce)
    np.testing.assert_array_equal(model.params()["at"], [[1, 1]])


def test_training_keeps_the_memory_of_its_steps(rng, monkeypatch):
    called = []
    monkeypatch.setattr(training, "keep_memory", lambda: called.append(True))
    train(Bowl(), nothing, SGD(0.05), steps=1, rng=rng)
    assert called


@pytest.mark.parametrize("make", [Adam, AdamW, Adagrad, RMSProp])
@pytest.mark.parametrize("size", [1e21, 1e30])
def test_a_gradient_whose_square_overflows_stops_training(rng, make, size):
    """In float32 the moment would be infinite, every later step zero, and the loss would say nothing."""

    class Spike(Module):
        def __init__(self):
            self.at = Tensor(np.zeros(2, dtype=np.float32))

        def loss(self, *, rng=None):
            return ops.total(self.at * np.array([1.0, size], dtype=np.float32))

    with pytest.raises(Diverged, match=r"step 1 made [vs]\.at infinite; the largest gradient is at's"):
        train(Spike(), nothing, make(0.01), steps=3, rng=rng)


def test_what_could_not_be_saved_is_refused_before_the_first_step(rng, tmp_path):
    calls = []
    options = {"steps": 3, "save_to": tmp_path / "nowhere" / "c.npz"}
    with pytest.raises(ValueError, match=r"save_to is .*nowhere.*; there is no such folder"):
        train(Bowl(), calls.append, SGD(0.1), rng=rng, **options)
    twister = np.random.Generator(np.random.MT19937(0))
    options["save_to"] = tmp_path / "c.npz"
    with pytest.raises(ValueError, match="rng draws by MT19937, whose state a checkpoint cannot hold"):
        train(Bowl(), calls.append, SGD(0.1), rng=twister, **options)
    assert calls == []
