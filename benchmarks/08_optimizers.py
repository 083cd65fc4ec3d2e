"""Chapter 8: one step of the optimizers for a million parameters, beside PyTorch's."""

import numpy as np
import torch
from benchmarks.side_by_side import side_by_side

from llmbook.book import experiment
from llmbook.optimization.optimizers import SGD, Adam, AdamW, Momentum, RMSProp

PAIRS = {
    "SGD": (SGD, torch.optim.SGD, {}),
    "Momentum": (Momentum, torch.optim.SGD, {"momentum": 0.9}),
    "RMSProp": (RMSProp, torch.optim.RMSprop, {}),
    "Adam": (Adam, torch.optim.Adam, {}),
    "AdamW": (AdamW, torch.optim.AdamW, {}),
}


def pair(rule, size, rng):
    """One step of both, after two; PyTorch's side is its default implementation."""
    own, peers, settings = PAIRS[rule]
    p, g = rng.standard_normal((2, *size), dtype=np.float32)
    tensor = torch.nn.Parameter(torch.tensor(p))
    tensor.grad = torch.tensor(g)
    optimizer, peer = own(1e-3), peers([tensor], lr=1e-3, **settings)

    def ours():
        optimizer.step({"p": p}, {"p": g})
        return [p]

    def theirs():
        peer.step()
        return [tensor.detach()]

    for _ in range(2):
        ours(), theirs()
    return ours, theirs


@experiment(
    "bench-08-optimizers",
    seeds=range(15),
    rules=list(PAIRS),
    sizes=[[1024, 1024], [256, 4096]],
)
def bench(seed, *, rules, sizes):
    """A square matrix, and a wide one."""
    return side_by_side(pair, seed, rules, sizes)
