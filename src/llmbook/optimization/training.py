"""Chapter 8: the book's one training loop."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from llmbook.math_foundations.memory import keep_memory
from llmbook.optimization import checkpoint
from llmbook.optimization.optimizers import clip_by_global_norm
from llmbook.optimization.schedules import Schedule, constant
from llmbook.optimization.stepping import Optimizer

Grads = dict[str, np.ndarray]


class Diverged(ValueError):
    """Training came to numbers that are infinite, or none."""


def train(
    model: Any,
    batches: Callable[[np.random.Generator], tuple],
    optimizer: Optimizer,
    *,
    steps: int,
    rng: np.random.Generator,
    schedule: Schedule | None = None,
    max_norm: float | None = None,
    evaluate: Callable[[Any], float] | None = None,
    evaluate_every: int = 100,
    save_to: str | Path | None = None,
    save_every: int = 100,
    reduce: Callable[[float, Grads], tuple[float, Grads]] | None = None,
) -> dict[str, list]:
    """Train a model for a number of steps, and return what happened.

    If ``save_to`` names a checkpoint, training goes on from there; the result
    is bit for bit that of a training that was never interrupted.  What is
    frozen is neither moved nor saved.

    Args:
        model: a Module with ``loss(*batch, rng=rng) -> Tensor``.
        batches: draws the next batch, the arguments of ``model.loss``.
        optimizer: its ``lr`` is the peak; it is the same again afterwards.
        steps: how many steps the whole training has.
        rng: draws the batches, and what the model drops.
        schedule: the factor of the learning rate at each step, by default 1.
        max_norm: the gradient is clipped to this norm, by default not at all.
        evaluate: measures the model, every ``evaluate_every`` steps and after
            the last.
        save_to: a checkpoint's path, written every ``save_every`` steps and
            after the last.
        reduce: where several machines meet: maps the loss and the gradients of
            this one to those of all.  Losses are means over counted positions,
            so each machine's are weighted by how many it counted.  A share that
            counts none raises ValueError on its machine alone: others wait.
            Dropout draws from ``rng`` too: machines go on drawing the same
            batches only if their shares have equal shapes, or nothing drops.

    Returns:
        A history, lists by name; ``step`` (counted from 1), ``loss`` before
        that step, ``gradient_norm`` before clipping, ``lr``; ``evaluated``
        (the steps after which ``evaluate`` was called) and ``value``.

    Raises:
        Diverged: a loss, a gradient or a parameter is not finite; the message
            names the step and the largest gradient.  The checkpoint is the last
            one before.
        ValueError: an argument is out of its range, the model has nothing to
            train, or the checkpoint is damaged or of another training.
    """
    if save_to and not Path(save_to).parent.is_dir():
        raise ValueError(f"save_to is {save_to}; there is no such folder")
    try:
        json.dumps(rng.bit_generator.state)
    except TypeError as error:
        raise ValueError(
            f"rng draws by {type(rng.bit_generator).__name__}, whose state a "
            "checkpoint cannot hold; np.random.default_rng(seed) will do"
        ) from error
    for name, value in [
        ("steps", steps),
        ("evaluate_every", evaluate_every),
        ("save_every", save_every),
    ]:
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1")
    if max_norm is not None and not max_norm > 0:
        raise ValueError(f"max_norm is {max_norm}; it must be positive")
    if not model.trained():
        raise ValueError("the model has no parameter that is trained")
    keep_memory()
    schedule = schedule or constant()
    history: dict[str, list] = {
        key: [] for key in "step loss gradient_norm lr evaluated value".split()
    }
    if save_to and Path(save_to).exists():
        history = _resume(save_to, model, optimizer, rng, steps)
    first, peak = len(history["step"]) + 1, optimizer.lr
    try:
        for step in tqdm(range(first, steps + 1), disable=None):
            optimizer.lr = peak * schedule(step)
            batch = batches(rng)
            loss, norm = _step(
                step, model, batch, optimizer, max_norm, rng, reduce
            )
            history["step"].append(step)
            history["loss"].append(loss)
            history["gradient_norm"].append(norm)
            history["lr"].append(optimizer.lr)
            if evaluate and (step % evaluate_every == 0 or step == steps):
                history["evaluated"].append(step)
                history["value"].append(float(evaluate(model)))
            if save_to and (step % save_every == 0 or step == steps):
                _save(save_to, model, optimizer, rng, history)
    finally:
        optimizer.lr = peak
    return history


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _step(step, model, batch, optimizer, max_norm, rng, reduce):
    """Take one step; return the loss before it, and the gradient's norm."""
    loss = model.loss(*batch, rng=rng)
    value = float(loss)
    if reduce is None:  # the gradients are still those of the step before
        _check_finite(value, f"the loss at step {step}", model)
    model.zero_grad()
    loss.backward()
    grads = model.grads()
    if reduce is not None:  # what is not finite on one machine is so on all
        value, grads = reduce(value, grads)
        _check_finite(value, f"the loss at step {step}", model)
    grads, norm = clip_by_global_norm(grads, max_norm or math.inf)
    _check_finite(norm, f"the gradient's norm at step {step}", model)
    params = model.trained()
    optimizer.step(params, grads)
    for name, array in (params | optimizer.kept).items():
        if not np.isfinite(array).all():
            raise Diverged(
                f"step {step} made {name} infinite; {_largest(model)}"
            )
    return value, norm


def _check_finite(value, what, model):
    if not math.isfinite(value):
        raise Diverged(f"{what} is {value}; {_largest(model)}")


def _largest(model):
    """Name the parameter with the largest gradient; NaN is above all."""
    norms = {
        name: float(np.linalg.norm(tensor.grad.astype(np.float64)))
        for name, tensor in model.tensors().items()
        if tensor.grad is not None
    }
    if not norms:
        return "there was no gradient before"
    name = max(norms, key=lambda name: (math.isnan(norms[name]), norms[name]))
    return f"the largest gradient is {name}'s, with norm {norms[name]:.3g}"


def _save(path, model, optimizer, rng, history):
    arrays = {f"params/{k}": v for k, v in model.trained().items()}
    arrays |= {f"optimizer/{k}": v for k, v in optimizer.state().items()}
    info = {"rng": rng.bit_generator.state, "history": history}
    checkpoint.save(path, arrays, info)


def _resume(path, model, optimizer, rng, steps):
    """Load what :func:`_save` wrote, and return the history."""
    arrays, info = checkpoint.load(path)
    if not isinstance(info, dict) or info.keys() != {"rng", "history"}:
        raise ValueError(f"{path} is no checkpoint of train")
    done = len(info["history"]["step"])
    if done > steps:
        raise ValueError(f"steps is {steps}, but {path} is at step {done}")
    params = _under("params/", arrays)
    if params.keys() != model.trained().keys():
        raise ValueError(
            f"{path} holds the parameters {sorted(params)}; "
            f"the model trains {sorted(model.trained())}"
        )
    model.load(model.params() | params)
    optimizer.load_state(_under("optimizer/", arrays))
    rng.bit_generator.state = info["rng"]
    return info["history"]


def _under(prefix, arrays):
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
