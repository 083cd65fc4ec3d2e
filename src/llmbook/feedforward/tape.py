"""Chapter 5: the tape, which remembers the pullbacks for us.

:func:`record` lifts a rule from arrays to Tensors; a :class:`Tensor` knows the
step that made it, and :meth:`Tensor.backward` replays the steps, last first.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps

import numpy as np

from llmbook.feedforward.rules import add, divide, matmul, multiply


class Tensor:
    """An array, with what is needed to differentiate by it.

    One made by hand, such as a parameter, is a leaf: it keeps its gradient,
    unless it is frozen, which makes it a constant.
    One made by a recorded rule holds the step that made it.

    Between the forward pass and ``backward`` nothing may write into ``data``:
    the pullbacks hold the same array, and the gradient would be wrong without
    a word.  A training loop moves parameters after ``backward``.

    >>> x = Tensor(np.array([1.0, 2.0]))
    >>> (x * x + x).backward(np.array([1.0, 10.0]))
    >>> x.grad  # 2x + 1, times what was received
    array([ 3., 50.])

    Raises:
        ValueError: a leaf is no array of floats (a frozen one may hold
            integers).
    """

    __array_ufunc__ = None  # array + tensor is the tensor's business

    def __init__(self, data, step=None, output=0, *, frozen=False):
        if step is None:
            _check_leaf(data, frozen)
        self.data = data
        self.step = step
        self.output = output  # which of the step's values this is
        self.grad = None
        self.frozen = frozen  # a frozen leaf is a constant to every rule

    def backward(self, gradient=None):
        """Add to the ``grad`` of every leaf how the loss changes with it.

        Args:
            gradient: how the loss changes with this Tensor, in its shape; by
                default 1, for a Tensor that is the loss.

        Raises:
            ValueError: no rule made this Tensor, ``gradient`` has another
                shape, or it is missing where there is more than one number.
        """
        received = {(self.step, self.output): self._start(gradient)}
        for step in reversed(ordered(self.step)):
            outputs = range(step.n_outputs)
            dvalues = [received.pop((step, i), None) for i in outputs]
            if all(dvalue is None for dvalue in dvalues):
                continue  # the loss does not change with it
            gradients = step.pullback(*dvalues)
            for source, g in zip(step.sources, gradients, strict=True):
                if source is None or g is None:
                    continue  # a constant
                if source.step is None:
                    old = 0 if source.grad is None else source.grad
                    source.grad = old + g  # a new array, which no one else has
                else:
                    key = source.step, source.output
                    received[key] = received[key] + g if key in received else g

    def _start(self, gradient):
        if self.step is None:
            raise ValueError("this Tensor was not made by a recorded rule")
        if gradient is None and self.data.size != 1:
            raise ValueError(
                f"the Tensor has shape {self.shape}; only a single number "
                "can go without a gradient"
            )
        if gradient is None:
            return np.ones_like(self.data)
        if np.shape(gradient) != self.shape:
            raise ValueError(
                f"gradient has shape {np.shape(gradient)}; it must have the "
                f"Tensor's, {self.shape}"
            )
        return gradient

    @property
    def shape(self):
        return self.data.shape

    @property
    def dtype(self):
        return self.data.dtype

    def __float__(self):
        return float(self.data)

    def __add__(self, other):
        return _add(self, self._array(other))

    def __mul__(self, other):
        return _multiply(self, self._array(other))

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other):
        return self + other * -1

    def __rsub__(self, other):
        return self * -1 + other

    def __neg__(self):
        return self * -1

    def __truediv__(self, other):
        return _divide(self, self._array(other))

    def __rtruediv__(self, other):
        return _divide(self._array(other), self)

    def __matmul__(self, other):
        return _matmul(self, other)

    def __rmatmul__(self, other):
        return _matmul(other, self)

    def _array(self, other):
        """Give a plain number this Tensor's dtype, so that float32 stays."""
        if isinstance(other, int | float) and self.dtype.kind == "f":
            return np.asarray(other, self.dtype)
        return other


def _check_leaf(data, frozen):
    is_array = isinstance(data, np.ndarray)
    if not is_array or (data.dtype.kind != "f" and not frozen):
        got = f"an array of {data.dtype}" if is_array else type(data).__name__
        raise ValueError(
            f"data is {got}; a Tensor must hold an array of floats "
            "(or of integers, if frozen=True)"
        )


class Step:
    """One rule at work: the Tensors that went in, and the pullback.

    ``sources`` has None in the place of a constant.
    """

    def __init__(self, sources, pullback, n_outputs):
        self.sources, self.pullback = sources, pullback
        self.n_outputs = n_outputs


def record(rule):
    """Lift a rule to Tensors: the same arguments, the same options.

    Arrays and frozen Tensors are constants.  Where all arguments are, or inside
    :func:`no_grad`, the result is the rule's bare value, and nothing is kept.
    """

    @wraps(rule)
    def recorded(*args, **options):
        for name, option in options.items():
            if isinstance(option, Tensor):
                raise ValueError(
                    f"{rule.__name__} got a Tensor as {name}=; options are not "
                    "differentiated: pass it by position, or its data"
                )
        arrays = [a.data if isinstance(a, Tensor) else a for a in args]
        value, pullback = rule(*arrays, **options)
        sources = [
            a if isinstance(a, Tensor) and not a.frozen else None for a in args
        ]
        if not _recording.get() or all(source is None for source in sources):
            return value
        if not isinstance(value, tuple):
            return Tensor(value, Step(sources, pullback, 1))
        step = Step(sources, pullback, len(value))
        return tuple(Tensor(v, step, i) for i, v in enumerate(value))

    return recorded


_recording = ContextVar("recording", default=True)  # each thread has its own
_add, _multiply, _divide = record(add), record(multiply), record(divide)
_matmul = record(matmul)


@contextmanager
def no_grad():
    """Compute bare values inside this block, and keep nothing for later.

    Other threads go on recording.  A generator must not pause inside the block:
    its caller would find recording switched off.
    """
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


def ordered(last):
    """List the steps that led to a step, each after those it needs.

    Without recursion, which Python limits to a thousand calls.
    """
    order, seen, todo = [], set(), [(last, False)]
    while todo:
        step, complete = todo.pop()
        if complete:
            order.append(step)
        elif step not in seen:
            seen.add(step)
            todo.append((step, True))  # once its sources are through
            todo += [
                (source.step, False)
                for source in step.sources
                if source is not None and source.step is not None
            ]
    return order
