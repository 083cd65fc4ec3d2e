"""Make tests/golden/<section>.npz: PyTorch's values and gradients for the table of rules.

    python tests/golden/make_golden.py

Needs the reference packages (pip install -e ".[reference]").  Running it twice changes no value.
"""

from importlib import import_module
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from llmbook.book.certificate import Case, received_gradients

SECTIONS = ["math_foundations", "feedforward"]


def _masked_cross_entropy(logits, targets, mask):
    return F.cross_entropy(logits[mask], targets[mask])


PEERS = {
    "logsumexp": lambda x: torch.logsumexp(x, -1),
    "softmax": lambda x: torch.softmax(x, -1),
    "log_softmax": lambda x: torch.log_softmax(x, -1),
    "cross_entropy": lambda logits, targets: F.cross_entropy(logits.flatten(0, -2), targets.flatten()),
    "cross_entropy, masked": _masked_cross_entropy,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "add, broadcast": torch.add,
    "multiply, broadcast": torch.mul,
    "matmul": torch.matmul,
    "matmul, batched": torch.matmul,
    "linear": lambda x, W, b: F.linear(x, W.T, b),
    "center": lambda x: x - x.mean(-1, keepdim=True),
    "take": lambda table, token_ids: F.embedding(token_ids, table),
    "reshape": torch.reshape,
}


def run_torch(case: Case) -> dict[str, np.ndarray]:
    """Value and gradients of PyTorch's counterpart at the case's fixed inputs, in float64."""
    args, options = case.draw(np.random.default_rng(0))
    tensors = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in args]
    outputs = PEERS[case.name](
        *tensors, **{k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    )
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    received = received_gradients([o.detach().numpy() for o in outputs])
    torch.autograd.backward(outputs, [torch.tensor(g) for g in received])
    named = {f"value {i}": o.detach() for i, o in enumerate(outputs)}
    named |= {f"gradient {i}": t.grad for i, t in enumerate(tensors) if t.grad is not None}
    return {f"{case.name}: {key}": tensor.numpy() for key, tensor in named.items()}


if __name__ == "__main__":
    for section in SECTIONS:
        cases = import_module(f"llmbook.book.rules.{section}").CASES
        golden = {key: array for case in cases for key, array in run_torch(case).items()}
        np.savez_compressed(Path(__file__).parent / f"{section}.npz", **golden)
        print(f"{section}.npz: {len(golden)} arrays")
