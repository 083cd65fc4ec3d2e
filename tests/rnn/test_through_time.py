import tracemalloc

import numpy as np
import pytest

from llmbook.math_foundations.calculus import numerical_gradient
from llmbook.rnn.rnn import rnn, rnn_step
from llmbook.rnn.through_time import chained, checkpointed, jacobians, truncated, windowed

B, T, D, H = 3, 7, 2, 4


def arguments(rng, T=T, dtype=np.float64):
    shapes = {"x": (B, T, D), "h0": (B, H), "W_x": (D, H), "W_h": (H, H), "b": (H,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def close(ours, theirs, rtol=1e-12):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14)


def test_a_jacobian_holds_the_derivative_of_a_step(rng):
    a = arguments(rng)
    (y, _), _ = rnn(**a)
    J = jacobians(y, a["W_h"])
    assert J.shape == (B, T, H, H)
    h = y[1:2, 2].copy()
    for i in range(H):
        row = numerical_gradient(
            lambda h, i=i: rnn_step(a["x"][1:2, 3], h, a["W_x"], a["W_h"], a["b"])[0, i], h
        )
        np.testing.assert_allclose(J[1, 3, i], row[0], rtol=1e-6, atol=1e-9)


def test_the_product_of_the_jacobians_carries_the_gradient_back(rng):
    a = arguments(rng)
    (y, _), pullback = rnn(**a)
    products = chained(jacobians(y, a["W_h"]))
    dh_T = rng.standard_normal((B, H))
    np.testing.assert_array_equal(products[:, 0], np.broadcast_to(np.eye(H), (B, H, H)))
    np.testing.assert_allclose(np.einsum("bi,bij->bj", dh_T, products[:, T]), pullback(None, dh_T)[1])
    (_, _), last_two = rnn(a["x"][:, -2:], y[:, -3], *list(a.values())[2:])
    np.testing.assert_allclose(np.einsum("bi,bij->bj", dh_T, products[:, 2]), last_two(None, dh_T)[1])


@pytest.mark.parametrize("function", [truncated, windowed])
@pytest.mark.parametrize("k", [T, T + 3])
def test_a_window_of_all_steps_truncates_nothing(rng, function, k):
    a, dy = arguments(rng), rng.standard_normal((B, T, H))
    close(function(**a, dy=dy, k=k), rnn(**a)[1](dy, None)[2:])


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_each_loss_goes_back_k_steps(rng, k):
    a, dy = arguments(rng), rng.standard_normal((B, T, H))
    (y, _), _ = rnn(**a)
    sums = (0, 0, 0)
    for t in range(T):  # the loss of step t alone, from the state k steps before
        first = max(0, t + 1 - k)
        h = y[:, first - 1] if first else a["h0"]
        _, pullback = rnn(a["x"][:, first : t + 1], h, a["W_x"], a["W_h"], a["b"])
        sums = [s + g for s, g in zip(sums, pullback(None, dy[:, t])[2:], strict=True)]
    close(truncated(**a, dy=dy, k=k), sums)


def test_a_window_of_one_step_is_the_same_cut_both_ways(rng):
    a, dy = arguments(rng), rng.standard_normal((B, T, H))
    close(truncated(**a, dy=dy, k=1), windowed(**a, dy=dy, k=1))
    assert not np.allclose(truncated(**a, dy=dy, k=3)[1], windowed(**a, dy=dy, k=3)[1])


def test_windows_cut_the_gradient_and_carry_the_state(rng):
    a, dy = arguments(rng), rng.standard_normal((B, T, H))
    weights = a["W_x"], a["W_h"], a["b"]
    (_, h), first = rnn(a["x"][:, :4], a["h0"], *weights)
    _, second = rnn(a["x"][:, 4:], h, *weights)
    parts = zip(first(dy[:, :4], None)[2:], second(dy[:, 4:], None)[2:], strict=True)
    close(windowed(**a, dy=dy, k=4), [f + s for f, s in parts])


@pytest.mark.parametrize("segment", [1, 2, 3, T, T + 3])
def test_checkpoints_change_nothing(rng, segment):
    a, r = arguments(rng), rng.standard_normal((B, T, H))
    kept = {name: array.copy() for name, array in a.items()}
    (y, _), pullback = rnn(**a)
    _, *gradients = pullback(r * y, None)
    close(checkpointed(**a, gradient=lambda y, steps: r[:, steps] * y, segment=segment), gradients)
    for name, array in a.items():
        np.testing.assert_array_equal(array, kept[name])


def peak(function):
    tracemalloc.start()
    function()
    bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return bytes


def test_checkpoints_save_memory(rng):
    a = arguments(rng, T=400)
    whole = peak(lambda: checkpointed(**a, gradient=lambda y, steps: y, segment=400))
    assert peak(lambda: checkpointed(**a, gradient=lambda y, steps: y, segment=20)) < 0.3 * whole


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(rng, dtype):
    a = arguments(rng, dtype=dtype)
    (y, _), _ = rnn(**a)
    dy = np.ones_like(y)
    results = [jacobians(y, a["W_h"]), chained(jacobians(y, a["W_h"]))]
    results += truncated(**a, dy=dy, k=2)
    results += windowed(**a, dy=dy, k=2)
    results += checkpointed(**a, gradient=lambda y, steps: y, segment=2)
    assert {result.dtype for result in results} == {np.dtype(dtype)}


def test_mistakes_are_named(rng):
    a, dy = arguments(rng), np.ones((B, T, H))
    with pytest.raises(ValueError, match="k is 0; it must be at least 1"):
        truncated(**a, dy=dy, k=0)
    with pytest.raises(ValueError, match="k is -1; it must be at least 1"):
        windowed(**a, dy=dy, k=-1)
    with pytest.raises(ValueError, match="segment is 0; it must be at least 1"):
        checkpointed(**a, gradient=lambda y, steps: y, segment=0)
    with pytest.raises(ValueError, match=r"h0 has shape \(2, 4\)"):
        truncated(**a | {"h0": np.zeros((2, H))}, dy=dy, k=2)
