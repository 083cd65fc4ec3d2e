import numpy as np
import pytest

from llmbook.encoder_decoder.positional import sinusoidal

D = 16
SPEEDS = 10_000.0 ** (-np.arange(0, D, 2) / D)


def test_columns_are_sines_and_cosines_in_turn():
    encoding = sinusoidal(100, D, dtype=np.float64)
    for i, w in enumerate(SPEEDS):
        np.testing.assert_allclose(encoding[:, 2 * i], np.sin(w * np.arange(100)), atol=1e-12)
        np.testing.assert_allclose(encoding[:, 2 * i + 1], np.cos(w * np.arange(100)), atol=1e-12)
    np.testing.assert_array_equal(encoding[0], [0, 1] * (D // 2))


@pytest.mark.parametrize("k", [0, 1, 7, 100, -3])
def test_a_shift_is_one_rotation_wherever_it_starts(k):
    R = np.zeros((D, D))
    for i, w in enumerate(SPEEDS):  # sin(a + b) = sin a cos b + cos a sin b
        c, s = np.cos(w * k), np.sin(w * k)
        R[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, s], [-s, c]]
    np.testing.assert_allclose(R @ R.T, np.eye(D), atol=1e-15)
    assert np.linalg.det(R) == pytest.approx(1, abs=1e-12)
    encoding = sinusoidal(300, D, dtype=np.float64)
    start, end = max(0, -k), 300 - max(0, k)
    np.testing.assert_allclose(encoding[start + k : end + k], encoding[start:end] @ R.T, atol=1e-12)


def test_the_product_of_two_positions_depends_on_their_distance_only():
    encoding = sinusoidal(50, D, dtype=np.float64)
    products = encoding @ encoding.T
    for distance in range(50):
        expected = np.cos(SPEEDS * distance).sum()
        np.testing.assert_allclose(products.diagonal(distance), expected, atol=1e-12)


def test_float32_is_the_rounded_float64():
    encoding = sinusoidal(5000, D)
    assert encoding.dtype == np.float32
    np.testing.assert_array_equal(encoding, sinusoidal(5000, D, dtype=np.float64).astype(np.float32))


@pytest.mark.parametrize(
    ("T", "d_model", "message"),
    [
        (0, D, "T is 0; it must be at least 1"),
        (3, 5, "d_model is 5; it must be a positive even number"),
        (3, 0, "d_model is 0; it must be a positive even number"),
    ],
)
def test_sizes_that_do_not_work_are_named(T, d_model, message):
    with pytest.raises(ValueError, match=message):
        sinusoidal(T, d_model)
