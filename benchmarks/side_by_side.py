"""What the benchmarks share: two sides that compute the same take turns, each on one thread."""

from timeit import timeit

import numpy as np
import torch
from threadpoolctl import threadpool_info

from llmbook.book.page import machine
from llmbook.math_foundations.memory import keep_memory


def side_by_side(pair, seed, rules, sizes, *, peer=f"PyTorch {torch.__version__}", seconds=0.02):
    """Time ours and the peer's once, one right after the other, in seconds per call. (rules, sizes)

    `pair(rule, size, rng)` returns two functions without arguments, ours and the peer's, which return arrays.
    The first call of each is the warm-up, and there the arrays must agree. A timing covers as many calls as
    ours makes in about `seconds`. Repeats are the seeds, so over them the two sides take turns.
    """
    keep_memory()
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    found = {side: np.zeros((len(rules), len(sizes))) for side in ("ours", "peer")}
    for i, rule in enumerate(rules):
        for j, size in enumerate(sizes):
            ours, theirs = pair(rule, size, rng)
            for a, b in zip(ours(), theirs(), strict=True):
                a, b = np.asarray(a), np.asarray(b)
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * abs(b).max(), err_msg=rule)
            calls = 1 + int(seconds / timeit(ours, number=1))
            found["ours"][i, j] = timeit(ours, number=calls) / calls
            found["peer"][i, j] = timeit(theirs, number=calls) / calls
    return {**found, "peer name": peer, "machine": machine(), "blas": blas()}


def blas():
    """Name NumPy's BLAS, and the core that it computes for: "OpenBLAS 0.3.31, SkylakeX core"."""
    for library in threadpool_info():
        if library["internal_api"] == "openblas":
            return f"OpenBLAS {library['version']}, {library['architecture']} core"
    return "another BLAS than OpenBLAS"


def differentiable(*arrays):
    """Give arrays to PyTorch, those of floats as what is differentiated by."""
    tensors = [torch.from_numpy(a) for a in arrays]
    return [t.requires_grad_(t.is_floating_point()) for t in tensors]
