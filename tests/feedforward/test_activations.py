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
