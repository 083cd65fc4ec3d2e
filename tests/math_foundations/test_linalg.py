import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbook.math_foundations.linalg import cosine_similarity, low_rank, matmul_loops

sizes = st.integers(1, 6)


@given(sizes, sizes, sizes, st.integers(0, 2**32 - 1))
def test_loops_equal_numpy(M, K, N, seed):
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((M, K)), rng.standard_normal((K, N))
    np.testing.assert_allclose(matmul_loops(A, B), A @ B, rtol=1e-12, atol=1e-12)


def test_loops_keep_float32(rng):
    A, B = rng.standard_normal((2, 5, 5), dtype=np.float32)
    assert matmul_loops(A, B).dtype == np.float32


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3)), ((3,), (3, 2)), ((2, 3), (3,)), ((1, 2, 3), (3, 2))])
def test_shapes_that_do_not_chain_are_named(shapes):
    with pytest.raises(ValueError, match=r"need \(M, K\), \(K, N\)"):
        matmul_loops(*map(np.zeros, shapes))


def test_cosine_of_known_angles():
    A = np.array([[1.0, 0.0], [0.0, 3.0]])
    B = np.array([[5.0, 0.0], [1.0, 1.0], [-2.0, 0.0]])
    np.testing.assert_allclose(cosine_similarity(A, B), [[1, 0.5**0.5, -1], [0, 0.5**0.5, 0]], atol=1e-15)


def test_cosine_does_not_see_lengths(rng):
    A, B = rng.standard_normal((2, 4, 7))
    scales = rng.uniform(0.01, 100, (4, 1))
    np.testing.assert_allclose(cosine_similarity(A * scales, B), cosine_similarity(A, B), rtol=1e-12)
    assert (np.abs(cosine_similarity(A, B)) <= 1).all()


@pytest.mark.parametrize(
    ("A", "B", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), r"need \(M, K\), \(N, K\)"),
        (np.ones(3), np.ones((2, 3)), r"A is \(3,\)"),
        (np.array([[1.0], [0.0]]), np.ones((1, 1)), "row 1 of A is zero"),
        (np.ones((1, 2)), np.zeros((3, 2)), "row 0 of B is zero"),
    ],
)
def test_vectors_without_a_direction_are_named(A, B, message):
    with pytest.raises(ValueError, match=message):
        cosine_similarity(A, B)


@given(sizes, sizes, st.integers(0, 2**32 - 1))
def test_error_of_low_rank_is_the_rest_of_the_singular_values(M, N, seed):
    A = np.random.default_rng(seed).standard_normal((M, N))
    s = np.linalg.svd(A, compute_uv=False)
    for rank in range(1, min(M, N) + 1):
        left, right = low_rank(A, rank)
        assert left.shape == (M, rank) and right.shape == (rank, N)
        np.testing.assert_allclose(
            np.linalg.norm(A - left @ right), np.sqrt((s[rank:] ** 2).sum()), atol=1e-12
        )


def test_no_other_matrix_of_the_rank_is_nearer(rng):
    A = rng.standard_normal((6, 5))
    left, right = low_rank(A, 2)
    best = np.linalg.norm(A - left @ right)
    for _ in range(200):
        Q, _ = np.linalg.qr(left + 0.1 * rng.standard_normal(left.shape))
        assert np.linalg.norm(A - Q @ (Q.T @ A)) >= best


@pytest.mark.parametrize("rank", [0, 4])
def test_rank_must_fit(rank):
    with pytest.raises(ValueError, match=rf"rank is {rank}; it must lie in 1\.\.3"):
        low_rank(np.ones((3, 5)), rank)


def test_only_a_matrix_has_a_low_rank():
    with pytest.raises(ValueError, match=r"A has shape \(3,\)"):
        low_rank(np.ones(3), 1)


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1.0, 1e160, 1e200])
def test_cosines_do_not_depend_on_lengths_however_extreme(rng, scale):
    A, B = rng.standard_normal((4, 5)), rng.standard_normal((3, 5))
    np.testing.assert_allclose(cosine_similarity(scale * A, B / scale), cosine_similarity(A, B), rtol=1e-12)


def test_no_cosine_is_beyond_one(rng):
    for n in range(2, 60):
        A = rng.standard_normal((20, n)).astype(np.float32)
        C = cosine_similarity(A, 3 * A)
        assert abs(C).max() <= 1 and np.isfinite(np.arccos(C)).all()
        np.testing.assert_allclose(np.diag(C), 1, atol=1e-6)
