"""Make tests/golden/<section>.npz: PyTorch's values and gradients for the table of rules, and
optimization.npz: the ways of its optimizers.

    python tests/golden/make_golden.py

Needs the reference packages (pip install -e ".[reference]").  Running it twice changes no value.
"""

import pkgutil
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

import llmbook.book.cases
from llmbook.book.certificate import Case, received_gradients


def run_torch(case: Case) -> dict[str, np.ndarray]:
    """Value and gradients of PyTorch's counterpart at the case's fixed inputs, in float64."""
    args, options = case.draw(np.random.default_rng(0))
    tensors = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in args]
    options = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    outputs = case.peer(torch, *tensors, **options)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    received = received_gradients([o.detach().numpy() for o in outputs])
    torch.autograd.backward(outputs, [torch.tensor(g) for g in received])
    named = {f"value {i}": o.detach() for i, o in enumerate(outputs)}
    named |= {f"gradient {i}": t.grad for i, t in enumerate(tensors) if t.grad is not None}
    return {f"{case.name}: {key}": tensor.numpy() for key, tensor in named.items()}


OPTIMIZERS = {
    "SGD": lambda params: torch.optim.SGD(params, lr=0.02),
    "Momentum": lambda params: torch.optim.SGD(params, lr=0.02, momentum=0.9),
    "Nesterov": lambda params: torch.optim.SGD(params, lr=0.02, momentum=0.9, nesterov=True),
    "Adagrad": lambda params: torch.optim.Adagrad(params, lr=0.02),
    "RMSProp": lambda params: torch.optim.RMSprop(params, lr=0.02),
    "Adam": lambda params: torch.optim.Adam(params, lr=0.02),
    "Adam, l2": lambda params: torch.optim.Adam(params, lr=0.02, weight_decay=0.3),
    "AdamW": lambda params: torch.optim.AdamW(params, lr=0.02, weight_decay=0.3),
    "Muon": lambda params: torch.optim.Muon(
        params, lr=0.02, weight_decay=0.3, adjust_lr_fn="match_rms_adamw"
    ),
}


def follow_torch(name: str) -> dict[str, np.ndarray]:
    """Where one of PyTorch's optimizers stands after every tenth of 100 steps, in float64.

    Muon moves matrices only. PyTorch rounds its products to bfloat16; here that cast does nothing, so that
    the algorithm itself is compared.
    """
    rng = np.random.default_rng(3)
    shapes = {"W": (5, 4), "V": (3, 6)} | ({} if name == "Muon" else {"b": (4,), "s": ()})
    start = {key: rng.standard_normal(shape) for key, shape in shapes.items()}
    curvature = {key: rng.uniform(0.1, 3.0, shape) for key, shape in shapes.items()}
    params = {key: torch.nn.Parameter(torch.tensor(p)) for key, p in start.items()}
    optimizer = OPTIMIZERS[name](list(params.values()))
    way: dict[str, list[np.ndarray]] = {key: [] for key in shapes}
    bfloat16, torch.Tensor.bfloat16 = torch.Tensor.bfloat16, torch.Tensor.clone
    try:
        for step in range(1, 101):
            for key, p in params.items():
                p.grad = torch.tensor(curvature[key]) * p.detach() + torch.sin(3 * p.detach())
            optimizer.step()
            for key, p in params.items() if step % 10 == 0 else ():
                way[key].append(p.detach().numpy().copy())
    finally:
        torch.Tensor.bfloat16 = bfloat16
    named = {"start": start, "curvature": curvature, "way": {k: np.array(v) for k, v in way.items()}}
    return {f"{name}: {what} {key}": a for what, arrays in named.items() for key, a in arrays.items()}


if __name__ == "__main__":
    golden = {"optimization": [follow_torch(name) for name in OPTIMIZERS]}
    for _, section, _ in pkgutil.iter_modules(llmbook.book.cases.__path__):
        cases = import_module(f"llmbook.book.cases.{section}").CASES
        golden[section] = [run_torch(case) for case in cases]
    for name, parts in golden.items():
        arrays = {key: array for part in parts for key, array in part.items()}
        np.savez_compressed(Path(__file__).parent / f"{name}.npz", **arrays)
        print(f"{name}.npz: {len(arrays)} arrays")
