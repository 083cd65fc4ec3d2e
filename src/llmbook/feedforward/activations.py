"""Chapter 4: activation functions, between the layers of a network.

Each works entry by entry on an array of any shape.
"""

import math

import numpy as np

from llmbook.math_foundations.arrays import as_floats


def relu(x):
    """Keep what is positive: max(x, 0).  (...) -> (...)"""
    x = as_floats(x)
    y = np.maximum(x, 0)

    def pullback(dy):
        return (dy * (x > 0),)

    return y, pullback


def tanh(x):
    """Squash to (-1, 1): the hyperbolic tangent.  (...) -> (...)"""
    y = np.tanh(as_floats(x))

    def pullback(dy):
        return (dy * (1 - y * y),)

    return y, pullback


def sigmoid(x):
    """Squash to (0, 1): 1 / (1 + exp(-x)).  (...) -> (...)

    Computed as (1 + tanh(x / 2)) / 2, which cannot overflow.
    """
    y = (1 + np.tanh(as_floats(x) / 2)) / 2

    def pullback(dy):
        return (dy * y * (1 - y),)

    return y, pullback


def silu(x):
    """Let x through in proportion to its sigmoid: x sigmoid(x).

    (...) -> (...).  Source: Elfwing et al. (2018); also called swish.
    """
    x = as_floats(x)
    z = x.clip(-50, 50)  # further out the gate is 0 or 1 to the last digit
    gate = (1 + np.tanh(z / 2)) / 2

    def pullback(dy):
        return (dy * (gate * (1 + z * (1 - gate))),)

    return np.maximum(x, -50) * gate, pullback


def gelu(x):
    """Let x through in proportion to the normal distribution below it.

    (...) -> (...).  x Phi(x), with Phi approximated as in GPT-2:
    (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    Source: Hendrycks and Gimpel (2016).
    """
    c, a = math.sqrt(2 / math.pi), 0.044715
    x = as_floats(x)
    z = x.clip(-10, 10)  # further out t is -1 or 1 to the last digit
    t = (c * a) * z  # what follows is written over it
    t *= z
    t += c
    t *= z
    t = np.tanh(t)
    y = 1 + t
    y *= 0.5
    y *= np.maximum(x, -10)

    def pullback(dy):
        dx = (3 * c * a) * z
        dx *= z
        dx += c
        dx *= 1 - t * t  # how t changes with x
        dx *= z
        dx += 1 + t
        dx *= dy
        dx *= 0.5
        return (dx,)

    return y, pullback
