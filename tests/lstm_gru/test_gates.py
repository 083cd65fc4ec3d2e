import numpy as np
import pytest

from llmbook.lstm_gru.gates import lstm_gates, replay
from llmbook.lstm_gru.lstm import lstm

B, T, D, H = 3, 5, 2, 4


def arguments(rng, T=T, dtype=np.float64):
    """The arguments of lstm, none of them zero."""
    shapes = {
        "x": (B, T, D),
        "h0": (B, H),
        "c0": (B, H),
        "W_x": (D, 4 * H),
        "W_h": (H, 4 * H),
        "b": (4 * H,),
    }
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def computed(a):
    """The arguments of lstm_gates, from those of lstm."""
    (y, _, _), _ = lstm(**a)
    return {name: array for name, array in a.items() if name != "c0"} | {"y": y}


@pytest.mark.parametrize("length", [1, T])
def test_a_replay_of_its_own_gates_is_the_lstm(rng, length):
    a = arguments(rng, length)
    (y, h_T, c_T), _ = lstm(**a)
    again, cells = replay(*lstm_gates(**computed(a)), a["c0"])
    np.testing.assert_allclose(again, y, rtol=0, atol=1e-12)
    np.testing.assert_allclose(again[:, -1], h_T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(cells[:, -1], c_T, rtol=0, atol=1e-12)


def test_each_cell_follows_from_the_one_before(rng):
    a = arguments(rng)
    _, cells = replay(*lstm_gates(**computed(a)), a["c0"])
    for t in range(T):
        (_, _, c), _ = lstm(**a | {"x": a["x"][:, : t + 1]})
        np.testing.assert_allclose(cells[:, t], c, rtol=0, atol=1e-12)


def test_gates_by_hand():
    ones = np.ones((1, 2, 1))
    y, cells = replay(i=ones / 2, f=ones / 4, g=ones * 3, o=ones / 4, c0=np.array([[8.0]]))
    np.testing.assert_array_equal(cells, [[[3.5], [2.375]]])
    np.testing.assert_array_equal(y, np.tanh(cells) / 4)


def test_gates_that_are_given_may_be_any_numbers(rng):
    """Open and closed written as integers must not cut the cells to integers."""
    a = arguments(rng)
    _, _, g, o = lstm_gates(**computed(a))
    opened = np.ones_like(g, dtype=int)
    _, summed = replay(opened, opened, g, o, a["c0"])
    np.testing.assert_allclose(summed, a["c0"][:, None] + g.cumsum(axis=1))
    _, kept = replay((0 * opened).tolist(), opened, g, o, a["c0"])
    np.testing.assert_array_equal(kept, np.repeat(a["c0"][:, None], T, axis=1))


def test_arguments_stay_as_they_are_and_float32_stays_float32(rng):
    a = arguments(rng, dtype=np.float32)
    given = computed(a)
    copies = {name: array.copy() for name, array in given.items()}
    gates = lstm_gates(**given)
    kept = [gate.copy() for gate in gates]
    results = replay(*gates, a["c0"])
    assert {array.dtype for array in (*gates, *results)} == {np.dtype(np.float32)}
    for name, array in copies.items():
        np.testing.assert_array_equal(given[name], array, err_msg=name)
    for gate, copy in zip(gates, kept, strict=True):
        np.testing.assert_array_equal(gate, copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((B, D))}, r"x has shape \(3, 2\); it needs \(B, T, D\)"),
        ({"x": np.zeros((B, 0, D))}, r"x has shape \(3, 0, 2\); .* one step at least"),
        ({"h0": np.zeros(H)}, r"h0 has shape \(4,\); .* needs \(3, 4\)"),
        ({"W_x": np.zeros((D, 3 * H))}, r"W_x has shape \(2, 12\); .* needs \(2, 16\)"),
        ({"b": np.zeros(H)}, r"b has shape \(4,\); .* needs \(16,\)"),
        ({"y": np.zeros((B, H))}, r"y has shape \(3, 4\); it needs \(3, 5, 4\)"),
        ({"y": np.zeros((B, T + 1, H))}, r"y has shape \(3, 6, 4\); it needs \(3, 5, 4\)"),
        ({"y": np.zeros((1, T, H))}, r"y has shape \(1, 5, 4\); it needs \(3, 5, 4\)"),
        ({"y": "abc"}, "y is a str"),
    ],
)
def test_mistakes_with_a_sequence_are_named(rng, change, message):
    with pytest.raises(ValueError, match=message):
        lstm_gates(**computed(arguments(rng)) | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"i": np.ones((B, H))}, r"i has shape \(3, 4\); it needs \(B, T, H\)"),
        ({"i": np.ones((B, 0, H))}, r"i has shape \(3, 0, 4\); .* one step at least"),
        ({"f": 1.0}, r"f has shape \(\); it needs \(3, 5, 4\)"),
        ({"g": np.ones((B, 1, H))}, r"g has shape \(3, 1, 4\); it needs \(3, 5, 4\)"),
        ({"o": np.ones((1, T, H))}, r"o has shape \(1, 5, 4\); it needs \(3, 5, 4\)"),
        ({"c0": np.ones(H)}, r"c0 has shape \(4,\); it needs \(3, 4\)"),
        ({"c0": None}, "c0 is a NoneType"),
    ],
)
def test_mistakes_with_gates_are_named(change, message):
    gates = {name: np.ones((B, T, H)) for name in "ifgo"} | {"c0": np.ones((B, H))}
    with pytest.raises(ValueError, match=message):
        replay(**gates | change)
