"""Chapter 12: the gates of an LSTM, seen, and replaced by others."""

import numpy as np

from llmbook.feedforward.activations import sigmoid, tanh


def lstm_gates(x, h0, y, W_x, W_h, b):
    """Compute the gates of a sequence whose outputs y are known.

    (B, T, D), (B, H), (B, T, H) -> i, f, g, o, each (B, T, H)

    Each step's gates need the state before it.  Once all are known there is
    nothing to wait for, and all steps are computed at once.
    """
    before = np.concatenate([h0[:, None], y[:, :-1]], axis=1)
    i, f, g, o = np.split(x @ W_x + before @ W_h + b, 4, axis=-1)
    return sigmoid(i)[0], sigmoid(f)[0], tanh(g)[0], sigmoid(o)[0]


def replay(i, f, g, o, c0):
    """Run a cell on gates that are given: nothing is fed back into them.

    (B, T, H) four times, (B, H) -> outputs y and cells c, each (B, T, H)

    On the gates of :func:`lstm_gates` it returns what the network computed.  On
    others it shows what they are good for.
    """
    c, cells = c0, np.empty_like(i)
    for t in range(i.shape[1]):
        cells[:, t] = c = f[:, t] * c + i[:, t] * g[:, t]
    return o * np.tanh(cells), cells
