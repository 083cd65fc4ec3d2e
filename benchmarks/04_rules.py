"""Chapters 4 and 5: a layer, an activation and an embedding, forward and backward, beside PyTorch's."""

import numpy as np
import torch
import torch.nn.functional as F
from benchmarks.side_by_side import differentiable, side_by_side

from llmbook.book import experiment
from llmbook.feedforward.activations import gelu
from llmbook.feedforward.rules import linear, take

ROWS = 1000  # of the table


def pair(rule, size, rng):
    """A rule on N positions of D numbers, and the gradients of all that it is given."""
    N, D = size
    x, dy = rng.standard_normal((2, N, D), dtype=np.float32)
    W, b = rng.standard_normal((D, D), dtype=np.float32), rng.standard_normal(D, dtype=np.float32)
    table, token_ids = rng.standard_normal((ROWS, D), dtype=np.float32), rng.integers(ROWS, size=N)
    function, peer_function, arguments = {
        "linear": (linear, lambda x, W, b: torch.addmm(b, x, W), (x, W, b)),
        "gelu": (gelu, lambda x: F.gelu(x, approximate="tanh"), (x,)),
        "take": (take, lambda table, token_ids: F.embedding(token_ids, table), (table, token_ids)),
    }[rule]
    tensors, dy_peer = differentiable(*arguments), torch.from_numpy(dy)
    floats = [t for t in tensors if t.requires_grad]

    def ours():
        _, pullback = function(*arguments)
        return pullback(dy)[: len(floats)]

    return ours, lambda: torch.autograd.grad(peer_function(*tensors), floats, dy_peer)


@experiment(
    "bench-04-rules",
    seeds=range(15),
    rules=["linear", "gelu", "take"],
    sizes=[[32, 128], [1024, 128], [1024, 512]],
)
def bench(seed, *, rules, sizes):
    """N positions of D numbers; the layer has D outputs."""
    return side_by_side(pair, seed, rules, sizes)
