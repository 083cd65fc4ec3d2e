"""Chapter 4: activations, the bends between the layers of a network.

Each works entry by entry on an array of any shape.
"""

import math

import numpy as np


def relu(x):
    """Keep what is positive: max(x, 0).  (...) -> (...)"""
    y = np.maximum(x, 0)

    def pullback(dy):
        return (dy * (x > 0),)

    return y, pullback


def tanh(x):
    """Squash to (-1, 1): the hyperbolic tangent.  (...) -> (...)"""
    y = np.tanh(x)

    def pullback(dy):
        return (dy * (1 - y * y),)

    return y, pullback


def sigmoid(x):
    """Squash to (0, 1): 1 / (1 + exp(-x)).  (...) -> (...)

    Computed as (1 + tanh(x / 2)) / 2, which cannot overflow.
    """
    y = (1 + np.tanh(x / 2)) / 2

    def pullback(dy):
        return (dy * y * (1 - y),)

    return y, pullback


def silu(x):
    """Let x through in proportion to its sigmoid: x sigmoid(x).

    (...) -> (...).  Source: Elfwing et al. (2018); also called swish.
    """
    gate = (1 + np.tanh(x / 2)) / 2

    def pullback(dy):
        return (dy * (gate * (1 + x * (1 - gate))),)

    return x * gate, pullback


def gelu(x):
    """Let x through in proportion to the normal distribution below it.

    (...) -> (...).  x Phi(x), with Phi approximated as in GPT-2:
    (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    Source: Hendrycks and Gimpel (2016).
    """
    c, a = math.sqrt(2 / math.pi), 0.044715
    t = (c * a) * x  # what follows is written over it
    t *= x
    t += c
    t *= x
    t = np.tanh(t)
    y = 1 + t
    y *= x
    y *= 0.5

    def pullback(dy):
        dx = (3 * c * a) * x
        dx *= x
        dx += c
        dx *= 1 - t * t  # how t changes with x
        dx *= x
        dx += 1 + t
        dx *= dy
        dx *= 0.5
        return (dx,)

    return y, pullback
