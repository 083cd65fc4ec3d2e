import gc
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbook.feedforward import ops
from llmbook.feedforward.activations import tanh
from llmbook.feedforward.rules import linear
from llmbook.feedforward.tape import Tensor, no_grad, record
from llmbook.math_foundations.calculus import numerical_gradient
from llmbook.math_foundations.softmax import cross_entropy


def leaf(rng, *shape):
    return Tensor(rng.standard_normal(shape))


def test_a_layer_without_a_bias_is_replayed(rng):
    x, W = leaf(rng, 2, 3), leaf(rng, 3, 4)
    dy = rng.standard_normal((2, 4))
    ops.linear(x, W).backward(dy)
    np.testing.assert_array_equal(x.grad, linear(x.data, W.data)[1](dy)[0])
    np.testing.assert_array_equal(W.grad, linear(x.data, W.data)[1](dy)[1])


def test_an_mlp_has_the_gradients_of_its_pullbacks_chained_by_hand(rng):
    x, targets = rng.standard_normal((7, 3)), rng.integers(0, 4, 7)
    W1, b1, W2, b2 = rng.standard_normal((3, 5)), np.zeros(5), rng.standard_normal((5, 4)), np.zeros(4)
    a, back_a = linear(x, W1, b1)
    h, back_h = tanh(a)
    z, back_z = linear(h, W2, b2)
    loss, back_loss = cross_entropy(z, targets)
    dz, _ = back_loss(1.0)
    dh, dW2, db2 = back_z(dz)
    (da,) = back_h(dh)
    _, dW1, db1 = back_a(da)

    leaves = [Tensor(p) for p in (W1, b1, W2, b2)]
    t1, c1, t2, c2 = leaves
    taped = ops.cross_entropy(ops.linear(ops.tanh(ops.linear(x, t1, c1)), t2, c2), targets)
    taped.backward()
    assert float(taped) == loss
    for tensor, by_hand in zip(leaves, (dW1, db1, dW2, db2), strict=True):
        np.testing.assert_array_equal(tensor.grad, by_hand)


@given(st.lists(st.sampled_from("+-r*t@"), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_random_expressions_agree_with_finite_differences(operations, seed):
    rng = np.random.default_rng(seed)
    constant, square = rng.standard_normal((2, 3)), rng.standard_normal((3, 3)) / 3
    picks = rng.integers(0, 100, (len(operations), 2))

    def build(x):
        made = [x, constant + x]
        for operation, (i, j) in zip(operations, picks, strict=True):
            a, b = made[i % len(made)], made[j % len(made)]
            made.append(
                {
                    "+": lambda a, b: a + b,
                    "-": lambda a, b: a - b,
                    "r": lambda a, b: 0.5 - a,
                    "*": lambda a, b: ops.tanh(a) * b,
                    "t": lambda a, b: ops.tanh(a) * 2.0,
                    "@": lambda a, b: a @ square,
                }[operation](a, b)
            )
        return made[-1]

    weights = rng.standard_normal((2, 3))
    x = Tensor(rng.standard_normal((2, 3)))
    build(x).backward(weights)

    def value(at):
        return (build(at) * weights).sum()

    np.testing.assert_allclose(x.grad, numerical_gradient(value, x.data), rtol=1e-6, atol=1e-6)


def test_a_graph_of_20_000_steps_differentiates(rng):
    x = leaf(rng, 3)
    y = x
    for _ in range(20_000):
        y = y + 1.0
    y.backward(np.ones(3))
    np.testing.assert_array_equal(x.grad, np.ones(3))
    del y  # and is freed without deep recursion
    gc.collect()


def test_many_paths_cost_one_visit_each(rng):
    x = Tensor(np.array(1.0))
    y = x
    for _ in range(64):  # 2^64 paths
        y = y + y
    y.backward()
    assert x.grad == 2.0**64


def test_a_layer_used_twice_before_backward_is_right(rng):
    W, b = leaf(rng, 3, 3), leaf(rng, 3)
    x = rng.standard_normal((4, 3))

    def twice(W, b):
        return ops.linear(ops.tanh(ops.linear(x, W, b)), W, b)

    twice(W, b).backward(np.ones((4, 3)))
    np.testing.assert_allclose(
        W.grad, numerical_gradient(lambda at: twice(at, b.data).sum(), W.data), rtol=1e-7
    )
    np.testing.assert_allclose(
        b.grad, numerical_gradient(lambda at: twice(W.data, at).sum(), b.data), rtol=1e-7
    )


def test_a_second_backward_adds_the_same_once_more(rng):
    x = leaf(rng, 2, 3)
    y = ops.tanh(x) * x
    y.backward(np.ones((2, 3)))
    first = x.grad
    kept = first.copy()
    y.backward(np.ones((2, 3)))
    np.testing.assert_array_equal(x.grad, 2 * kept)
    np.testing.assert_array_equal(first, kept)  # and the array handed out before was not written to


def test_a_received_gradient_is_not_written_to(rng):
    x = leaf(rng, 3)
    y = x + x * 2.0
    gradient = np.ones(3)
    y.backward(gradient)
    np.testing.assert_array_equal(gradient, np.ones(3))
    np.testing.assert_array_equal(x.grad, 3 * np.ones(3))


def test_only_leaves_keep_a_gradient(rng):
    x = leaf(rng, 3)
    h = ops.tanh(x)
    (h * h).backward(np.ones(3))
    assert h.grad is None and x.grad is not None


def split(x):
    """A rule with two values."""

    def pullback(dleft, dright):
        dleft, dright = (np.zeros_like(x[0]) if d is None else d for d in (dleft, dright))
        return (np.stack([dleft, dright]),)

    return (x[0] * 1, x[1] * 1), pullback


@pytest.mark.parametrize("used", [(1, 0), (0, 1), (2, 3)])
def test_a_rule_with_two_values_receives_a_gradient_or_none_for_each(rng, used):
    x = leaf(rng, 2, 3)
    left, right = record(split)(x)
    terms = [value * float(weight) for value, weight in zip((left, right), used, strict=True) if weight]
    sum(terms[1:], terms[0]).backward(np.ones(3))
    np.testing.assert_array_equal(x.grad, np.array(used, float)[:, None] * np.ones(3))


def test_what_no_gradient_reaches_is_passed_over(rng):
    def rounded(x):
        return np.round(x), lambda dy: (None,)

    x = leaf(rng, 3)
    (ops.tanh(record(rounded)(ops.tanh(x))) + x).backward(np.ones(3))
    np.testing.assert_array_equal(x.grad, np.ones(3))


def test_constants_stay_off_the_tape(rng):
    x = rng.standard_normal((2, 3))
    y = ops.tanh(x)
    assert isinstance(y, np.ndarray)
    z = x + Tensor(x)
    assert isinstance(z, Tensor), "an array on the left must leave the sum to the Tensor"


def test_no_grad_keeps_nothing_alive(rng):
    class Watched(np.ndarray):
        pass

    def watched(x):
        y = x.view(Watched)
        alive.append(weakref.ref(y))
        return y, lambda dy: (dy * y,)

    alive = []
    x = leaf(rng, 1000)
    kept = ops.tanh(record(watched)(x))
    assert alive[-1]() is not None, "the tape must hold what the pullback needs"
    del kept
    assert alive[-1]() is None, "no cycle may keep a dropped tape alive"
    with no_grad():
        bare = ops.tanh(record(watched)(x))
    assert alive[-1]() is None and isinstance(bare, np.ndarray)


def test_no_grad_ends_with_its_block_even_after_an_error(rng):
    x = leaf(rng, 3)
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    with no_grad():
        with no_grad():
            pass
        assert isinstance(ops.tanh(x), np.ndarray)
    assert isinstance(ops.tanh(x), Tensor)


def test_plain_numbers_keep_float32():
    x = Tensor(np.ones(3, dtype=np.float32))
    y = ops.tanh(2.0 * x - 1.0) * 0.5 + 1
    y.backward(np.ones(3, dtype=np.float32))
    assert y.data.dtype == x.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.backward(), "not made by a recorded rule"),
        (lambda x: ops.tanh(x).backward(), r"shape \(2, 3\); only a single number"),
        (lambda x: ops.tanh(x).backward(np.ones(3)), r"gradient has shape \(3,\); .* \(2, 3\)"),
    ],
)
def test_mistakes_are_named(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(leaf(rng, 2, 3))


def test_a_frozen_leaf_is_a_constant(rng):
    x, W = leaf(rng, 4, 3), leaf(rng, 3, 2)
    W.frozen = True
    ops.tanh(x @ W).backward(np.ones((4, 2)))
    slope = 1 - np.tanh(x.data @ W.data) ** 2
    np.testing.assert_allclose(x.grad, slope @ W.data.T, rtol=1e-12)
    assert W.grad is None
    x.frozen = True
    assert isinstance(x @ W, np.ndarray), "where all is constant, nothing is recorded"


def test_a_frozen_leaf_is_not_kept_alive(rng):
    x, W = leaf(rng, 3), leaf(rng, 3)
    W.frozen = True
    y = x + W  # addition needs neither to go back
    dropped = weakref.ref(W)
    del W
    assert dropped() is None
    y.backward(np.ones(3))


def test_minus_and_division(rng):
    a, b = leaf(rng, 2, 3), Tensor(rng.uniform(1, 2, (2, 3)))
    weights = rng.standard_normal((2, 3))
    (-a / b + 2 / b - 1.5 / (b * 2)).backward(weights)

    def value(a, b):
        return ((-a / b + 2 / b - 1.5 / (b * 2)) * weights).sum()

    np.testing.assert_allclose(
        a.grad, numerical_gradient(lambda at: value(at, b.data), a.data), rtol=1e-7, atol=1e-9
    )
    np.testing.assert_allclose(
        b.grad, numerical_gradient(lambda at: value(a.data, at), b.data), rtol=1e-7, atol=1e-9
    )


def test_minus_and_division_keep_float32():
    x = Tensor(np.ones(3, dtype=np.float32))
    y = -x / 3 + 2 / x
    assert y.dtype == x.dtype == np.float32
    y.backward(np.ones(3, dtype=np.float32))
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    "data", [[1.0, 2.0], np.float64(3), 3.0, np.arange(3), np.array([True]), np.array(["a"])]
)
def test_a_leaf_that_could_not_be_trained_is_refused(data):
    with pytest.raises(ValueError, match=r"data is .*; a Tensor must hold an array of floats"):
        Tensor(data)


def test_a_frozen_leaf_may_hold_integers():
    codes = Tensor(np.arange(4, dtype=np.int8), frozen=True)
    np.testing.assert_array_equal(codes * 0.5, [0, 0.5, 1, 1.5])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: ops.linear(x, np.ones((3, 2)), b=Tensor(np.zeros(2))), "linear got a Tensor as b="),
        (lambda x: ops.clip(x, low=Tensor(np.zeros(3)), high=1.0), "clip got a Tensor as low="),
        (lambda x: ops.total(np.ones(3), mask=x), "total got a Tensor as mask="),
    ],
)
def test_a_tensor_as_an_option_is_refused_at_the_call(rng, call, name):
    with pytest.raises(ValueError, match=f"{name}; options are not differentiated: pass it by position"):
        call(leaf(rng, 3))


def test_no_grad_in_one_thread_leaves_the_others_alone(rng):
    x = leaf(rng, 3)
    inside, done = threading.Event(), threading.Event()

    def generate():
        with no_grad():
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=generate)
    thread.start()
    assert inside.wait(10)
    recorded = ops.tanh(x)
    done.set()
    thread.join()
    assert isinstance(recorded, Tensor)


def test_each_leaf_has_a_gradient_of_its_own(rng):
    a, b, gradient = leaf(rng, 3), leaf(rng, 3), np.ones(3)
    (a + b).backward(gradient)
    a.grad *= 100
    np.testing.assert_array_equal(b.grad, [1, 1, 1])
    np.testing.assert_array_equal(gradient, [1, 1, 1])
