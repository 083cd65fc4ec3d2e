import numpy as np
import pytest

from llmbook.feedforward import ops as elementary
from llmbook.feedforward.tape import Tensor
from llmbook.rnn import ops
from llmbook.rnn.rnn import RNN, detached, rnn, rnn_step
from llmbook.rnn.sequences import or_zeros

B, T, D, H = 3, 5, 2, 4


def arguments(rng, T=T, dtype=np.float64):
    shapes = {"x": (B, T, D), "h0": (B, H), "W_x": (D, H), "W_h": (H, H), "b": (H,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def test_a_step_by_hand():
    x, h = np.array([[1.0, 2.0]]), np.array([[0.5]])
    W_x, W_h, b = np.array([[3.0], [-1.0]]), np.array([[2.0]]), np.array([0.25])
    np.testing.assert_allclose(rnn_step(x, h, W_x, W_h, b), [[np.tanh(3 - 2 + 1 + 0.25)]])


def test_a_step_is_one_step_of_the_sequence(rng):
    a = arguments(rng, T=1)
    (y, h_T), _ = rnn(**a)
    step = rnn_step(a["x"][:, 0], *list(a.values())[1:])
    np.testing.assert_allclose(y[:, 0], step, rtol=1e-14)
    np.testing.assert_array_equal(h_T, y[:, 0])


def test_backpropagation_through_time_is_the_tape_replaying_the_steps(rng):
    a = arguments(rng)
    whole, steps = ({name: Tensor(array) for name, array in a.items()} for _ in range(2))
    dy, dh_T = rng.standard_normal((B, T, H)), rng.standard_normal((B, H))
    y, h_T = ops.rnn(*whole.values())
    (elementary.total(y * dy) + elementary.total(h_T * dh_T)).backward()

    columns = [Tensor(a["x"][:, t].copy()) for t in range(T)]
    h, loss = steps["h0"], 0
    for t, x in enumerate(columns):
        h = rnn_step(x, h, steps["W_x"], steps["W_h"], steps["b"])
        loss = loss + elementary.total(h * dy[:, t])
        np.testing.assert_allclose(h.data, y.data[:, t], rtol=1e-13)
    (loss + elementary.total(h * dh_T)).backward()
    for name in ("h0", "W_x", "W_h", "b"):
        np.testing.assert_allclose(whole[name].grad, steps[name].grad, rtol=1e-10, err_msg=name)
    np.testing.assert_allclose(whole["x"].grad, np.stack([x.grad for x in columns], axis=1), rtol=1e-10)


def test_the_pullback_can_be_called_twice_and_writes_into_nothing(rng):
    a = arguments(rng)
    (y, h_T), pullback = rnn(**a, mask=rng.random((B, T)) < 0.7)
    dy, dh_T = rng.standard_normal(y.shape), rng.standard_normal(h_T.shape)
    received = dy.copy(), dh_T.copy()
    for first, second in zip(pullback(dy, dh_T), pullback(dy, dh_T), strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(received[0], dy)
    np.testing.assert_array_equal(received[1], dh_T)


def test_numbers_of_any_kind_are_read(rng):
    a = arguments(rng)
    ones = np.ones((B, T, D), dtype=int)
    (y, _), _ = rnn(**a | {"x": ones.tolist()})
    np.testing.assert_array_equal(y, rnn(**a | {"x": ones * 1.0})[0][0])


def test_the_eigenvalues_of_new_layers_fill_the_unit_circle(rng):
    eigenvalues = np.linalg.eigvals(RNN(3, 400, rng=rng).params()["layers.0.W_h"])
    assert 0.9 < abs(eigenvalues).max() < 1.15
    assert (abs(eigenvalues) < 0.5).mean() == pytest.approx(0.25, abs=0.06)  # the area


def test_without_rng_all_parameters_are_zero():
    assert not any(p.any() for p in RNN(3, 4, n_layers=2, rng=None).params().values())


def test_there_is_a_layer_at_least(rng):
    with pytest.raises(ValueError, match="n_layers is 0; it must be at least 1"):
        RNN(3, 4, n_layers=0, rng=rng)


def test_no_gradient_goes_back_beyond_a_detached_state(rng):
    layer = RNN(D, H, n_layers=2, rng=rng, dtype=np.float64)
    x = Tensor(rng.standard_normal((B, T, D)))
    _, state = layer(x)
    assert [[type(s) for s in one] for one in detached(state)] == [[np.ndarray]] * 2
    layer(rng.standard_normal((B, T, D)), detached(state))[0].backward(np.ones((B, T, H)))
    assert x.grad is None
    layer(rng.standard_normal((B, T, D)), state)[0].backward(np.ones((B, T, H)))
    assert x.grad.any()
    for kept, s in zip(detached(detached(state)), state, strict=True):
        np.testing.assert_array_equal(kept[0], s[0].data)


def test_what_is_not_used_has_the_gradient_zero():
    value, gradient = np.ones((2, 3), dtype=np.float32), np.full((2, 3), 5.0)
    assert or_zeros(gradient, value) is gradient
    zeros = or_zeros(None, value)
    assert zeros.shape == (2, 3) and zeros.dtype == np.float32 and not zeros.any()


MISTAKES = {
    "one sequence": ({"x": np.zeros((T, D))}, r"x has shape \(5, 2\); it needs \(B, T, D\)"),
    "no step": ({"x": np.zeros((B, 0, D))}, r"x has shape \(3, 0, 2\); .* one step at least"),
    "a state of another batch": ({"h0": np.zeros((2, H))}, r"h0 has shape \(2, 4\); .* needs \(3, 4\)"),
    "a state of another width": ({"h0": np.zeros((B, 5))}, r"h0 has shape \(3, 5\); .* needs \(3, 4\)"),
    "x of another width": ({"x": np.zeros((B, T, 6))}, r"W_x has shape \(2, 4\); .* needs \(6, 4\)"),
    "W_x transposed": ({"W_x": np.zeros((H, D))}, r"W_x has shape \(4, 2\); .* needs \(2, 4\)"),
    "W_h not square": ({"W_h": np.zeros((H, 3 * H))}, r"W_h has shape \(4, 12\); .* needs \(4, 4\)"),
    "a bias too long": ({"b": np.zeros(5)}, r"b has shape \(5,\); .* needs \(4,\)"),
    "text": ({"x": "abc"}, "x is a str"),
    "a mask of integers": ({"mask": np.ones((B, T), dtype=int)}, r"mask is int64 .* must be bool"),
    "a mask that is too long": ({"mask": np.ones((B, T + 1), dtype=bool)}, r"shape \(3, 6\); .* \(3, 5\)"),
    "a mask of another batch": ({"mask": np.ones((2, T), dtype=bool)}, r"shape \(2, 5\); .* \(3, 5\)"),
    "lengths as a mask": ({"mask": [5, 4, 1]}, r"mask is int64 of shape \(3,\)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(rng, mistake):
    change, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match=message):
        rnn(**arguments(rng) | change)
