import numpy as np
import pytest

from llmbook.data import length_mask
from llmbook.encoder_decoder.bidirectional import Bidirectional, reverse
from llmbook.lstm_gru.gru import GRU
from llmbook.lstm_gru.lstm import LSTM

B, T, D, H, LENGTHS = 3, 5, 3, 4, [3, 5, 1]


def test_time_is_turned_round(rng):
    x = rng.standard_normal((B, T, D))
    y, pullback = reverse(x)
    np.testing.assert_array_equal(y[:, 0], x[:, -1])
    np.testing.assert_array_equal(pullback(y)[0], x)
    with pytest.raises(ValueError, match=r"x has shape \(5,\); it needs \(B, T, \.\.\.\)"):
        reverse(np.zeros(T))


def test_both_ends_are_two_layers_and_what_joins_them(rng):
    x, mask = rng.standard_normal((B, T, D)), length_mask(LENGTHS, T)
    layer = Bidirectional(D, H, recurrent=LSTM, rng=rng, dtype=np.float64)
    y, [(h, c)] = layer(x, mask=mask)
    onward, _ = layer.onward(x, mask=mask)
    assert y.shape == (B, T, 2 * H) and h.shape == c.shape == (B, H)
    np.testing.assert_array_equal(y.data[..., :H], onward.data)
    for row, n in enumerate(LENGTHS):
        back, [(h_back, c_back)] = layer.backward(x[row : row + 1, :n][:, ::-1])
        np.testing.assert_allclose(y.data[row, :n, H:], back.data[0, ::-1], rtol=1e-12)
        _, [(h_on, c_on)] = layer.onward(x[row : row + 1, :n])
        for end, both, bridge in zip((h, c), ((h_on, h_back), (c_on, c_back)), layer.bridges, strict=True):
            joined = np.concatenate([part.data for part in both], axis=1) @ bridge.W.data + bridge.b.data
            np.testing.assert_allclose(end.data[row], np.tanh(joined)[0], rtol=1e-12)


def test_each_output_knows_both_sides_and_the_state_knows_all(rng):
    layer = Bidirectional(D, H, recurrent=GRU, rng=rng, dtype=np.float64)
    x = rng.standard_normal((1, T, D))
    y, [(h,)] = layer(x)
    for t in range(T):
        moved = x.copy()
        moved[0, t] += 0.1
        other, [(h_other,)] = layer(moved)
        assert (y.data != other.data).any(axis=2).all() and (h.data != h_other.data).all()
