"""What functions take: integers of any size, lists, and what is refused with a message."""

import numpy as np
import pytest

from llmbook.feedforward import activations, rules
from llmbook.feedforward.tape import Tensor
from llmbook.math_foundations import linalg, softmax
from llmbook.math_foundations.arrays import as_floats, as_ids, as_pair
from llmbook.math_foundations.evaluation import evaluate
from llmbook.math_foundations.ngram import NGram, add_k, kneser_ney

INTEGERS = [np.uint8, np.int8, np.uint16, np.int32, np.uint64]
ROWS = [[100, 100, 3], [1, 2, 120]]  # products and sums overflow in 8 bits


def first(rule):
    return lambda *args: rule(*args)[0]


ONE = {
    "logsumexp": first(softmax.logsumexp),
    "softmax": first(softmax.softmax),
    "log_softmax": first(softmax.log_softmax),
    "entropy": softmax.entropy,
    "online_logsumexp": lambda x: softmax.online_logsumexp([x, x]),
    "cross_entropy": lambda x: softmax.cross_entropy(x, [0, 2])[0],
    "perplexity": lambda x: softmax.perplexity(x),
    "bits": softmax.bits,
    "low_rank": lambda x: np.matmul(*linalg.low_rank(x, 1)),
    **{name: first(getattr(activations, name)) for name in ("relu", "tanh", "sigmoid", "silu", "gelu")},
    **{name: first(getattr(rules, name)) for name in ("exp", "total", "mean", "center", "transpose")},
    "clip": lambda x: rules.clip(x, low=-1, high=101)[0],
    "reshape": lambda x: rules.reshape(x, shape=(3, 2))[0],
    "take": lambda x: rules.take(x, [1, 0, 1])[0],
}
TWO = {
    "cosine_similarity": linalg.cosine_similarity,
    "matmul_loops": lambda a, b: linalg.matmul_loops(a, np.transpose(b)),
    "kl_divergence": softmax.kl_divergence,
    "add": first(rules.add),
    "multiply": first(rules.multiply),
    "divide": first(rules.divide),
    "minimum": first(rules.minimum),
    "concatenate": first(rules.concatenate),
    "matmul": lambda a, b: rules.matmul(a, np.transpose(b))[0],
    "linear": lambda a, b: rules.linear(a, np.transpose(b))[0],
}


@pytest.mark.parametrize("dtype", [*INTEGERS, list])
@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_integers_of_any_size_give_what_floats_give(name, dtype):
    given = ROWS if dtype is list else np.array(ROWS, dtype=dtype)
    floats = np.array(ROWS, dtype=np.float64)
    function, n = (ONE[name], 1) if name in ONE else (TWO[name], 2)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(function(*[given] * n), function(*[floats] * n), rtol=1e-12)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("order", [3, 4, 5])
@pytest.mark.parametrize("smoothing", [add_k(0.5), kneser_ney(0.75)])
def test_counts_do_not_depend_on_how_wide_the_ids_are(rng, dtype, order, smoothing):
    wide = [rng.integers(0, 27, n) for n in rng.integers(2, 12, 200)]
    narrow = [ids.astype(dtype) for ids in wide]
    model, other = (NGram(order, 27, smoothing).fit(ids) for ids in (wide, narrow))
    assert evaluate(model, wide) == evaluate(other, narrow) == evaluate(other, wide)


def test_floats_stay_as_they_are():
    x = np.ones(3, dtype=np.float32)
    assert as_floats(x) is x
    a, b = as_pair(x, np.array([True, False, True]))
    assert a is x and b.dtype == np.float32
    assert as_floats([1, 2]).dtype == as_floats(True).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: softmax.softmax(["a", "b"]), "x is a list of dtype <U1; it must hold real numbers"),
        (lambda: softmax.softmax([[1, 2], [3]]), "x is no array: .*inhomogeneous"),
        (lambda: softmax.softmax(np.ones(2, complex)), "x is a ndarray of dtype complex128"),
        (lambda: softmax.softmax(None), "x is a NoneType"),
        (lambda: activations.relu(Tensor(np.ones(2))), "x is a Tensor .*the rules in ops take Tensors"),
        (lambda: rules.add(Tensor(np.ones(2)), 1.0), "a is a Tensor"),
        (lambda: linalg.cosine_similarity([["a"]], [["b"]]), "A is a list of dtype <U1"),
        (lambda: as_ids([0, 3], 3), r"token_ids run from 0 to 3; they must lie in 0\.\.2"),
        (lambda: as_ids(np.array([-1]), 3), "run from -1"),
        (lambda: as_ids([0.0], 3), "token_ids have dtype float64; they must be integers"),
        (lambda: as_ids([True], 3), "token_ids have dtype bool"),
        (lambda: as_ids("ab", 3), "token_ids have dtype <U2"),
    ],
)
def test_what_holds_no_numbers_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_ids_become_int64():
    for ids in ([1, 2], np.array([1, 2], np.uint8), np.array([], dtype=float)):
        assert as_ids(ids, 3).dtype == np.int64
