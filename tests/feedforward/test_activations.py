import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbook.feedforward.activations import gelu, relu, sigmoid, silu, tanh

numbers = st.floats(-50, 50)


@given(numbers)
def test_values_are_their_definitions(x):
    at = np.array([x])
    logistic = 1 / (1 + math.exp(-x))
    assert relu(at)[0] == max(x, 0)
    assert tanh(at)[0] == pytest.approx(math.tanh(x))
    assert sigmoid(at)[0] == pytest.approx(logistic, abs=1e-15)
    assert silu(at)[0] == pytest.approx(x * logistic, abs=1e-13)


@given(numbers)
def test_gelu_is_near_the_normal_distribution_it_approximates(x):
    exact = x * (1 + math.erf(x / math.sqrt(2))) / 2
    assert abs(gelu(np.array([x]))[0][0] - exact) < 5e-4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", [relu, tanh, sigmoid, silu, gelu])
def test_no_input_overflows(activation, dtype):
    x = np.array([-1e4, -100, 0, 100, 1e4], dtype=dtype)
    y, pullback = activation(x)
    assert np.isfinite(y).all() and np.isfinite(pullback(np.ones_like(x))[0]).all()


def test_relu_lets_no_gradient_through_at_and_below_zero():
    x = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_array_equal(relu(x)[1](np.ones(3))[0], [0, 0, 1])


def test_the_difference_of_two_sigmoids_is_symmetric():
    x = np.linspace(-9, 9, 19)
    np.testing.assert_allclose(sigmoid(-x)[0], 1 - sigmoid(x)[0], atol=1e-15)


def former(activation, x):
    """Value and derivative, as the formulas stand in the book."""
    if activation is silu:
        gate = (1 + np.tanh(x / 2)) / 2
        return x * gate, gate * (1 + x * (1 - gate))
    c, a = math.sqrt(2 / math.pi), 0.044715
    t = np.tanh(c * x * (1 + a * x * x))
    return x * (1 + t) / 2, (1 + t) / 2 + x * (1 - t * t) * c * (1 + 3 * a * x * x) / 2


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-6), (np.float64, 2e-15)])
@pytest.mark.parametrize("activation", [silu, gelu])
def test_the_order_of_operations_changes_only_last_digits(activation, dtype, rtol, rng):
    far = np.array([0, 1e-30, 1e-3, 6, 30, 1e3, 1e6, 1e12, 1e18])
    x = np.concatenate([-far, far, 3 * rng.standard_normal(1000)]).astype(dtype)
    dy = rng.standard_normal(x.shape).astype(dtype)
    before = x.copy(), dy.copy()
    with np.errstate(over="ignore"):  # x³ is beyond float32 where x is 1e18
        y, pullback = activation(x)
        (dx,) = pullback(dy)
    value, derivative = former(activation, x.astype(np.float64))
    # below zero both are differences of nearly equal numbers, so errors are measured beside x and 1
    np.testing.assert_array_less(abs(y - value), rtol * (abs(x) + 1e-30))
    np.testing.assert_array_less(abs(dx - dy * derivative), 8 * rtol * abs(dy) * (1 + x * x * (abs(x) < 10)))
    assert y.dtype == dx.dtype == dtype
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dy, before[1])


@pytest.mark.parametrize("activation", [relu, tanh, sigmoid, silu, gelu])
def test_activations_take_any_shape_and_layout(activation, rng):
    for x in (
        rng.standard_normal((3, 4)).T,
        np.array(0.5),
        np.zeros((0, 2)),
        rng.standard_normal((600, 600))[::2, ::2],
    ):
        y, pullback = activation(x)
        (dx,) = pullback(np.ones(x.shape))
        same, its_pullback = activation(x.copy())
        np.testing.assert_allclose(y, same, rtol=1e-14)
        np.testing.assert_allclose(dx, its_pullback(np.ones(x.shape))[0], rtol=1e-14)
        assert y.shape == dx.shape == x.shape
    np.testing.assert_array_equal(activation(np.array([2]))[0], activation(np.array([2.0]))[0])


@pytest.mark.parametrize("rule", [gelu, silu])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out_they_are_the_line_or_zero(rule, dtype):
    x = np.array([-np.inf, -np.finfo(dtype).max, -1e20, -1e3, 1e3, 1e20, np.finfo(dtype).max, np.inf], dtype)
    y, pullback = rule(x)
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    np.testing.assert_array_equal(pullback(np.ones_like(x))[0], x > 0)
    assert np.isnan(rule(np.array([np.nan]))[0]).all()
