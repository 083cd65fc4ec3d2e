"""Chapter 1: vectors, matrices, and what they are multiplied for."""

import numpy as np

from llmbook.math_foundations.arrays import as_floats


def matmul_loops(A, B):
    """Multiply matrices number by number.  (M, K), (K, N) -> (M, N)

    C_ij = sum_k A_ik B_kj.  Slow on purpose: this is what ``A @ B`` means.

    Raises:
        ValueError: not two matrices, or the inner sizes differ.
    """
    A, B = as_floats(A, "A"), as_floats(B, "B")
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0]:
        raise ValueError(f"A is {A.shape} and B {B.shape}; need (M, K), (K, N)")
    M, K = A.shape
    N = B.shape[1]
    C = np.zeros((M, N), dtype=np.result_type(A, B))
    for i in range(M):
        for j in range(N):
            for k in range(K):
                C[i, j] += A[i, k] * B[k, j]
    return C


def cosine_similarity(A, B):
    """Compare each row of A with each of B.  (M, K), (N, K) -> (M, N)

    a . b over the product of the lengths: 1 for one direction, 0 for right
    angles, -1 for opposite directions, whatever the lengths are.

    Raises:
        ValueError: not two matrices with rows of one length, or a row of
            length zero, which has no direction.
    """
    A, B = as_floats(A, "A"), as_floats(B, "B")
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[1]:
        raise ValueError(f"A is {A.shape} and B {B.shape}; need (M, K), (N, K)")
    cosines = unit_rows(A, "A") @ unit_rows(B, "B").T
    return cosines.clip(-1, 1)  # where rounding went beyond


def unit_rows(A, name="A"):
    """Divide each row by its length.  (M, K) -> (M, K)

    By its largest entry first, so that no square overflows or vanishes.

    Raises:
        ValueError: a row is zero; the message says which, of ``name``.
    """
    largest = abs(A).max(axis=1, keepdims=True)  # (M, 1)
    if not largest.all():
        row = int(np.flatnonzero(largest == 0)[0])
        raise ValueError(f"row {row} of {name} is zero: it has no direction")
    A = A / largest
    return A / np.linalg.norm(A, axis=1, keepdims=True)


def low_rank(A, rank):
    """Split A into two thin factors whose product is the nearest of that rank.

    (M, N) -> (M, rank), (rank, N), from the singular value decomposition
    A = U diag(s) V^T: left = U diag(s) and right = V^T, cut after ``rank``.
    The error, as a root of summed squares, is that of the singular values
    left out.  Source: Eckart and Young (1936).

    Raises:
        ValueError: not a matrix, or a rank outside 1..min(M, N).
    """
    A = as_floats(A, "A")
    if A.ndim != 2:
        raise ValueError(f"A has shape {A.shape}; it must be a matrix")
    if not 1 <= rank <= min(A.shape):
        raise ValueError(f"rank is {rank}; it must lie in 1..{min(A.shape)}")
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    return U[:, :rank] * s[:rank], Vt[:rank]
