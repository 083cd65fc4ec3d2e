"""Chapter 3: softmax and cross-entropy, forward and backward, beside PyTorch's on one thread."""

from timeit import timeit

import numpy as np
import torch
import torch.nn.functional as F

from llmbook.book import experiment
from llmbook.book.page import machine
from llmbook.math_foundations.softmax import cross_entropy, softmax

torch.set_num_threads(1)


def softmax_pair(x, rng):
    """Return our call and the peer's; each computes softmax and the gradient of x."""
    dp = rng.standard_normal(x.shape, dtype=np.float32)
    x_peer, dp_peer = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dp)

    def ours():
        _, pullback = softmax(x)
        return pullback(dp)[0]

    def peer():
        return torch.autograd.grad(torch.softmax(x_peer, -1), x_peer, dp_peer)[0]

    return ours, peer


def cross_entropy_pair(x, rng):
    """Return our call and the peer's; each computes the loss and the gradient of the logits x."""
    targets = rng.integers(x.shape[-1], size=len(x))
    x_peer, targets_peer = torch.from_numpy(x).requires_grad_(), torch.from_numpy(targets)

    def ours():
        _, pullback = cross_entropy(x, targets)
        return pullback(np.float32(1))[0]

    def peer():
        return torch.autograd.grad(F.cross_entropy(x_peer, targets_peer), x_peer)[0]

    return ours, peer


PAIRS = {"softmax": softmax_pair, "cross_entropy": cross_entropy_pair}


@experiment(
    "bench-03-softmax",
    seeds=range(15),
    rules=list(PAIRS),
    sizes=[[1024, 27], [1024, 1024], [1024, 4096]],
    entries=2_000_000,
)
def bench(seed, *, rules, sizes, entries):
    """Time both sides once, one right after the other, in seconds per call. (rules, sizes)

    A timing covers as many calls as it takes to see about `entries` numbers. Repeats are the seeds, so over
    them the two sides take turns.
    """
    rng = np.random.default_rng(seed)
    seconds = {"ours": np.zeros((len(rules), len(sizes))), "peer": np.zeros((len(rules), len(sizes)))}
    for i, rule in enumerate(rules):
        for j, size in enumerate(sizes):
            ours, peer = PAIRS[rule](rng.standard_normal(size, dtype=np.float32), rng)
            np.testing.assert_allclose(ours(), peer().numpy(), rtol=1e-3, atol=1e-6)  # also the warm-up
            calls = max(1, entries // (size[0] * size[1]))
            seconds["ours"][i, j] = timeit(ours, number=calls) / calls
            seconds["peer"][i, j] = timeit(peer, number=calls) / calls
    return {**seconds, "peer name": f"PyTorch {torch.__version__}", "machine": machine()}
