import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbook.math_foundations import scalar
from llmbook.math_foundations.calculus import numerical_gradient
from llmbook.math_foundations.scalar import Scalar, lift

numbers = st.floats(-2, 2)


def gradient(f, *values):
    xs = [Scalar(v) for v in values]
    f(*xs).backward()
    return [x.grad for x in xs]


@given(numbers, numbers)
def test_operations_have_their_schoolbook_derivatives(a, b):
    assert gradient(lambda x, y: x + y, a, b) == [1, 1]
    assert gradient(lambda x, y: x - y, a, b) == [1, -1]
    assert gradient(lambda x, y: x * y, a, b) == [b, a]
    assert gradient(lambda x: x**3, a) == [3 * a**2]
    assert gradient(lambda x: x.exp(), a) == [math.exp(a)]
    assert gradient(lambda x: x.tanh(), a) == [1 - math.tanh(a) ** 2]


@given(st.floats(0.1, 5), st.floats(0.1, 5))
def test_log_and_division(a, b):
    assert gradient(lambda x: x.log(), a) == [1 / a]
    np.testing.assert_allclose(gradient(lambda x, y: x / y, a, b), [1 / b, -a / b**2])


def test_plain_numbers_on_either_side():
    assert gradient(lambda x: 2 * x + 1, 3.0) == gradient(lambda x: x * 2 + 1, 3.0) == [2]
    assert (1 + Scalar(2.0) * 3).value == 7
    assert isinstance(lift(np.float32(2)).value, float)


def test_where_paths_meet_gradients_add():
    assert gradient(lambda x: x * x + x, 3.0) == [7]
    assert gradient(lambda x: (x + x) * (x + x), 3.0) == [24]


def test_an_ingredient_used_deep_and_shallow_waits_for_all_its_paths():
    def f(x):
        y = x * x  # used twice, at different depths
        return y.exp() * y

    assert gradient(f, 0.7)[0] == pytest.approx((2 * 0.7 + 2 * 0.7**3) * math.exp(0.49))


def test_a_second_backward_adds_exactly_once_more():
    x = Scalar(3.0)
    y = (x * x) * x
    y.backward()
    y.backward()
    assert x.grad == 2 * 27


def test_a_chain_of_any_depth():
    x = y = Scalar(1.0)
    for _ in range(20_000):
        y = y * 1.0001
    y.backward()
    assert x.grad == pytest.approx(1.0001**20_000)


@given(st.integers(0, 2**32 - 1))
def test_random_expressions_agree_with_central_differences(seed):
    rng = np.random.default_rng(seed)
    plan = rng.integers(0, 5, 8), rng.integers(0, 2**31, (8, 2))

    def f(xs):
        nodes = list(xs)
        for operation, (i, j) in zip(*plan, strict=True):
            a, b = nodes[i % len(nodes)], nodes[j % len(nodes)]
            tanh = a.tanh() if isinstance(a, Scalar) else np.tanh(a)
            nodes.append([a + b, a * b, a - b, tanh, a * 0.5][operation])
        return nodes[-1]

    x = rng.uniform(-1, 1, 3)
    xs = [Scalar(v) for v in x]
    f(xs).backward()
    np.testing.assert_allclose([v.grad for v in xs], numerical_gradient(f, x), rtol=1e-6, atol=1e-8)


def test_the_machine_fits_on_a_page():
    source = Path(scalar.__file__).read_text(encoding="utf-8")
    assert len(source[source.index("class Scalar") :].splitlines()) <= 85


def test_numbers_before_a_minus_and_a_slash():
    assert gradient(lambda x: 1 - x, 3.0) == gradient(lambda x: -x, 3.0) == [-1]
    assert (1 - Scalar(3.0)).value == -2 and (-Scalar(3.0)).value == -3
    assert gradient(lambda x: 2 / x, 4.0) == [-1 / 8] and (2 / Scalar(4.0)).value == 0.5


def test_the_power_zero_is_flat_even_at_zero():
    assert gradient(lambda x: x**0, 0.0) == [0] and (Scalar(0.0) ** 0).value == 1
