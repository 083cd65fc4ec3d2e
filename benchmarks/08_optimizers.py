"""Chapter 8: one step of the optimizers for a million parameters, beside PyTorch's on one thread."""

from timeit import timeit

import numpy as np
import torch

from llmbook.book import experiment
from llmbook.book.page import machine
from llmbook.optimization.optimizers import SGD, Adam, AdamW, Momentum, RMSProp

torch.set_num_threads(1)

PAIRS = {
    "SGD": (SGD, torch.optim.SGD, {}),
    "Momentum": (Momentum, torch.optim.SGD, {"momentum": 0.9}),
    "RMSProp": (RMSProp, torch.optim.RMSprop, {}),
    "Adam": (Adam, torch.optim.Adam, {}),
    "AdamW": (AdamW, torch.optim.AdamW, {}),
}


@experiment(
    "bench-08-optimizers",
    seeds=range(15),
    rules=list(PAIRS),
    sizes=[[1024, 1024], [256, 4096]],
    calls=5,
)
def bench(seed, *, rules, sizes, calls):
    """Time both sides once, one right after the other, in seconds per step. (rules, sizes)

    PyTorch's side is its default implementation. Repeats are the seeds, so over them both take turns.
    """
    rng = np.random.default_rng(seed)
    seconds = {"ours": np.zeros((len(rules), len(sizes))), "peer": np.zeros((len(rules), len(sizes)))}
    for i, rule in enumerate(rules):
        for j, size in enumerate(sizes):
            own, peers, settings = PAIRS[rule]
            p, g = rng.standard_normal((2, *size), dtype=np.float32)
            tensor = torch.nn.Parameter(torch.tensor(p))
            tensor.grad = torch.tensor(g)
            optimizer, peer = own(1e-3), peers([tensor], lr=1e-3, **settings)
            params, grads = {"p": p}, {"p": g}
            for _ in range(3):  # also the warm-up
                optimizer.step(params, grads)
                peer.step()
            np.testing.assert_allclose(p, tensor.detach().numpy(), rtol=1e-4, atol=1e-6)
            seconds["ours"][i, j] = timeit(lambda: optimizer.step(params, grads), number=calls) / calls  # noqa: B023
            seconds["peer"][i, j] = timeit(peer.step, number=calls) / calls
    return {**seconds, "peer name": f"PyTorch {torch.__version__}", "machine": machine()}
