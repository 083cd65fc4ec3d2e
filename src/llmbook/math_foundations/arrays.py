"""Chapter 1: what arrives at a function, made the array that it computes with.

Functions of real numbers compute with floats, functions of symbols with int64;
what is neither is refused.  An 8-bit integer would overflow in silence.
"""

import numpy as np


def as_floats(x, name: str = "x") -> np.ndarray:
    """Return an array of floats as it is, and anything else that holds numbers
    as float64.

    Raises:
        ValueError: ``x`` holds something else, such as a Tensor, text, or rows
            of different lengths.
    """
    array = _real(x, name)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def as_pair(a, b) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays of floats, of the dtype that NumPy gives their sum.

    Raises:
        ValueError: one of them holds no real numbers.
    """
    x, y = (_real(value, name) for value, name in ((a, "a"), (b, "b")))
    dtype = np.result_type(x, y)
    dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
    return x.astype(dtype, copy=False), y.astype(dtype, copy=False)


def as_ids(token_ids, vocab_size: int, name: str = "token_ids") -> np.ndarray:
    """Return symbol ids as an int64 array.

    Raises:
        ValueError: they are not integers, or lie outside 0..vocab_size-1.
    """
    array = _array(token_ids, name)
    if array.dtype.kind not in "iu" and array.size:
        raise ValueError(
            f"{name} have dtype {array.dtype}; they must be integers"
        )
    if array.size and (array.min() < 0 or array.max() >= vocab_size):
        raise ValueError(
            f"{name} run from {array.min()} to {array.max()}; "
            f"they must lie in 0..{vocab_size - 1}"
        )
    return array.astype(np.int64, copy=False)


def _real(x, name) -> np.ndarray:
    array = _array(x, name)
    if array.dtype.kind not in "fiub":
        got = type(x).__name__
        hint = " (the rules in ops take Tensors)" if got == "Tensor" else ""
        raise ValueError(
            f"{name} is a {got} of dtype {array.dtype}; "
            f"it must hold real numbers{hint}"
        )
    return array


def _array(x, name) -> np.ndarray:
    try:
        return np.asarray(x)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} is no array: {error}") from error
