"""Chapter 12: the gates of an LSTM, seen, and replaced by others."""

import numpy as np

from llmbook.feedforward.activations import sigmoid, tanh
from llmbook.math_foundations.arrays import as_floats
from llmbook.rnn.sequences import fitting


def lstm_gates(x, h0, y, W_x, W_h, b):
    """Compute the gates of a sequence whose outputs y are known.

    (B, T, D), (B, H), (B, T, H) -> i, f, g, o, each (B, T, H)

    Each step's gates need the state before it.  Once all are known there is
    nothing to wait for, and all steps are computed at once.

    Raises:
        ValueError: the shapes do not fit, or there is no step.
    """
    x, h0, W_x, W_h, b = fitting(blocks=4, x=x, h0=h0, W_x=W_x, W_h=W_h, b=b)
    y = _shaped("y", y, (*x.shape[:2], len(W_h)))
    before = np.concatenate([h0[:, None], y[:, :-1]], axis=1)
    i, f, g, o = np.split(x @ W_x + before @ W_h + b, 4, axis=-1)
    return sigmoid(i)[0], sigmoid(f)[0], tanh(g)[0], sigmoid(o)[0]


def replay(i, f, g, o, c0):
    """Run a cell on gates that are given: nothing is fed back into them.

    (B, T, H) four times, (B, H) -> outputs y and cells c, each (B, T, H)

    On the gates of :func:`lstm_gates` it returns what the network computed.  On
    others it shows what they are good for.

    Raises:
        ValueError: the shapes do not fit, or there is no step.
    """
    i = as_floats(i, "i")
    if i.ndim != 3 or i.shape[1] == 0:
        raise ValueError(
            f"i has shape {i.shape}; it needs (B, T, H), with one step at least"
        )
    B, T, H = i.shape
    f, g, o = (
        _shaped(name, gate, i.shape)
        for name, gate in (("f", f), ("g", g), ("o", o))
    )
    c, steps = _shaped("c0", c0, (B, H)), []
    for t in range(T):
        c = f[:, t] * c + i[:, t] * g[:, t]
        steps.append(c)
    cells = np.stack(steps, axis=1)  # (B, T, H)
    return o * np.tanh(cells), cells


def _shaped(name, array, shape):
    array = as_floats(array, name)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; it needs {shape}")
    return array
