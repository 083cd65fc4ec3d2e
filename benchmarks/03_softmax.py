"""Chapter 3: softmax and cross-entropy, forward and backward, beside PyTorch's."""

import numpy as np
import torch
import torch.nn.functional as F
from benchmarks.side_by_side import differentiable, side_by_side

from llmbook.book import experiment
from llmbook.math_foundations.softmax import cross_entropy, softmax


def softmax_pair(size, rng):
    """Softmax of scores, and the gradient of these."""
    x, dp = rng.standard_normal((2, *size), dtype=np.float32)
    (x_peer,), dp_peer = differentiable(x), torch.from_numpy(dp)

    def ours():
        _, pullback = softmax(x)
        return pullback(dp)

    return ours, lambda: torch.autograd.grad(torch.softmax(x_peer, -1), x_peer, dp_peer)


def cross_entropy_pair(size, rng):
    """The loss of scores, and the gradient of these."""
    x, targets = rng.standard_normal(size, dtype=np.float32), rng.integers(size[1], size=size[0])
    x_peer, targets_peer = differentiable(x, targets)

    def ours():
        loss, pullback = cross_entropy(x, targets)
        return loss, pullback(np.float32(1))[0]

    def peer():
        loss = F.cross_entropy(x_peer, targets_peer)
        return loss.detach(), *torch.autograd.grad(loss, x_peer)

    return ours, peer


PAIRS = {"softmax": softmax_pair, "cross_entropy": cross_entropy_pair}


@experiment(
    "bench-03-softmax",
    seeds=range(15),
    rules=list(PAIRS),
    sizes=[[1024, 27], [1024, 1024], [1024, 4096]],
)
def bench(seed, *, rules, sizes):
    """Scores of 1,024 positions, for vocabularies of three sizes."""
    return side_by_side(lambda rule, size, rng: PAIRS[rule](size, rng), seed, rules, sizes)
