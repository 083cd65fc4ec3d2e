"""Chapter 5: layers, which hold parameters and write only the way forward.

Parameters are leaves of the tape.  Outside, they are a flat dictionary of
arrays, named by where they stand: ``{"hidden.W": array, "hidden.b": array}``.
"""

import math
from typing import Any

import numpy as np

from llmbook.feedforward import ops
from llmbook.feedforward.tape import Tensor


class Module:
    """Anything with parameters: its Tensors, and those of Modules inside it.

    They are found among the attributes, and in lists, tuples and dictionaries
    there.  A Tensor that
    stands in two places is one parameter, under the first of its names.  What
    is frozen is a parameter, but is not trained.
    """

    def tensors(self) -> dict[str, Tensor]:
        """Name the parameters, as Tensors."""
        first: dict[int, tuple[str, Tensor]] = {}
        for name, tensor in _tensors(self, ""):
            first.setdefault(id(tensor), (name, tensor))
        return dict(first.values())

    def params(self) -> dict[str, np.ndarray]:
        """Name the parameters' arrays; to write into one changes the model."""
        return {name: t.data for name, t in self.tensors().items()}

    def trained(self) -> dict[str, np.ndarray]:
        """Name the arrays of the parameters that are not frozen."""
        tensors = self.tensors().items()
        return {name: t.data for name, t in tensors if not t.frozen}

    def grads(self) -> dict[str, np.ndarray]:
        """Name the gradients that ``backward`` added up, of what is trained.

        Raises:
            ValueError: a parameter has none; the message names it.
        """
        tensors = self.tensors().items()
        grads: dict[str, Any] = {
            name: t.grad for name, t in tensors if not t.frozen
        }
        missing = [name for name, grad in grads.items() if grad is None]
        if missing:
            raise ValueError(
                f"no gradient for {', '.join(missing)}: was backward() called, "
                "and does the loss depend on it?"
            )
        return grads

    def zero_grad(self) -> None:
        """Forget the gradients, as before a new step."""
        for tensor in self.tensors().values():
            tensor.grad = None

    def freeze(self) -> None:
        """Hold every parameter fixed: to the tape it becomes a constant."""
        for tensor in self.tensors().values():
            tensor.frozen, tensor.grad = True, None

    def load(self, params: dict[str, np.ndarray]) -> None:
        """Copy arrays into the parameters of the same names.

        Raises:
            ValueError: names are missing or unknown, a shape differs, or an
                array holds another kind of number; then nothing was copied.
        """
        matching = self._matching(params)
        for name, tensor, array in matching:
            if array.dtype.kind != tensor.dtype.kind:
                raise ValueError(
                    f"{name} has dtype {array.dtype}; "
                    f"the model's is {tensor.dtype}"
                )
        for _, tensor, array in matching:
            tensor.data[...] = array

    def adopt(self, params: dict[str, np.ndarray]) -> None:
        """Make arrays the parameters of the same names, without a copy.

        The model then has their dtypes, and to write into one changes the
        model.  Only what is read-only is copied.

        Raises:
            ValueError: names are missing or unknown, a shape differs, or what
                is trained would not be floats; then nothing was adopted.
        """
        matching = self._matching(params)
        for name, tensor, array in matching:
            if not tensor.frozen and array.dtype.kind != "f":
                raise ValueError(
                    f"{name} has dtype {array.dtype}; "
                    "a parameter that is trained must hold floats"
                )
        for _, tensor, array in matching:
            tensor.data = array if array.flags.writeable else array.copy()

    def _matching(self, params):
        own = self.tensors()
        params = {name: np.asarray(array) for name, array in params.items()}
        if params.keys() != own.keys():
            raise ValueError(
                f"missing: {sorted(own.keys() - params.keys())}, "
                f"unknown: {sorted(params.keys() - own.keys())}"
            )
        for name, tensor in own.items():
            if params[name].shape != tensor.shape:
                raise ValueError(
                    f"{name} has shape {params[name].shape}; "
                    f"the model's has {tensor.shape}"
                )
        return [(name, own[name], params[name]) for name in own]

    @property
    def n_params(self) -> int:
        """How many numbers the parameters hold, the frozen ones included."""
        return sum(array.size for array in self.params().values())


def _tensors(part, prefix):
    """Name the Tensors inside a Module, a list, a tuple or a dictionary."""
    held = vars(part) if isinstance(part, Module) else part
    items = held.items() if isinstance(held, dict) else enumerate(held)
    for name, value in items:
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value
        elif isinstance(value, Module | list | tuple | dict):
            yield from _tensors(value, f"{prefix}{name}.")


def normal(shape, *, rng, std=1.0, dtype=np.float32) -> np.ndarray:
    """Draw normal numbers of mean 0; without an ``rng``, take zeros."""
    if rng is None:
        return np.zeros(shape, dtype)
    return rng.standard_normal(shape, dtype) * std


class Linear(Module):
    """A layer x W + b.  (..., D) -> (..., F)

    W is drawn with standard deviation gain / sqrt(D), so that outputs vary as
    much as inputs where gain is 1; b is zero.  With ``rng=None`` W is zero too,
    to be loaded.
    """

    def __init__(self, d_in, d_out, *, rng, gain=1.0, dtype=np.float32):
        std = gain * d_in**-0.5
        self.W = Tensor(normal((d_in, d_out), rng=rng, std=std, dtype=dtype))
        self.b = Tensor(np.zeros(d_out, dtype=dtype))

    def __call__(self, x):
        return ops.linear(x, self.W, self.b)


class Embedding(Module):
    """A row of D numbers for each of V ids.  (...) -> (..., D)

    The rows are standard normal; with ``rng=None`` they are zero, to be loaded.
    """

    def __init__(self, vocab_size, d_model, *, rng, dtype=np.float32):
        self.table = Tensor(normal((vocab_size, d_model), rng=rng, dtype=dtype))

    def __call__(self, token_ids):
        return ops.take(self.table, token_ids)


class MLP(Module):
    """Linear layers and activations in turn: a multilayer perceptron.

    ``sizes`` lists the widths from input to output; (..., D) -> (..., F).  The
    gain of the hidden layers suits the activation: sqrt(2) for relu, which
    drops half of what it receives, and 1 for others; ``gain`` is the last
    layer's.  With ``rng=None`` all is zero, to be loaded.

    Source: He et al. (2015), equation 10, for relu; Glorot and Bengio (2010)
    for tanh.
    """

    def __init__(
        self, sizes, *, rng, activation=ops.relu, gain=1.0, dtype=np.float32
    ):
        check_activation(activation)
        hidden = math.sqrt(2) if activation is ops.relu else 1.0
        gains = [hidden] * (len(sizes) - 2) + [gain]
        self.activation = activation
        self.layers = [
            Linear(d_in, d_out, rng=rng, gain=g, dtype=dtype)
            for d_in, d_out, g in zip(sizes, sizes[1:], gains, strict=False)
        ]

    def __call__(self, x):
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


def check_activation(activation) -> None:
    """Refuse a bare rule, which returns a pullback too, as an activation.

    Raises:
        ValueError: see above.
    """
    if isinstance(activation(np.zeros(1)), tuple):
        name = getattr(activation, "__name__", "the activation")
        raise ValueError(
            f"activation is {name}, a rule for arrays, which returns a value "
            f"and a pullback; a layer needs the recorded one, ops.{name}"
        )


def dropout(x, rate, rng):
    """Set a share of the entries to zero, and enlarge the rest to make up.

    Each entry is dropped with probability ``rate`` and otherwise divided by
    1 - rate, so that its mean stays.  Without an ``rng``, nothing happens: a
    model drops only while it is trained.

    Raises:
        ValueError: ``rate`` is not in [0, 1).

    Source: Srivastava et al. (2014).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate is {rate}; it must be in [0, 1)")
    if rng is None or rate == 0:
        return x
    dtype = x.data.dtype if isinstance(x, Tensor) else x.dtype
    kept = rng.random(x.shape, dtype=np.float32) >= rate
    return ops.multiply(x, kept.astype(dtype) / (1 - rate))
