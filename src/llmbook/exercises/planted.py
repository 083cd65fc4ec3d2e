"""Seven wrong pullbacks, each planted on purpose: chapter 5's bug museum.

The values are right in all of them, so no forward pass shows a thing.
:func:`loss_and_gradients` chains a network with a residual sum and centering,
so that every bug has a place; ``BUGS`` lists which rule each one replaces.
"""

import numpy as np

from llmbook.feedforward.activations import relu, tanh
from llmbook.feedforward.rules import (
    add,
    center,
    linear,
    reshape,
    take,
)
from llmbook.math_foundations.softmax import cross_entropy


def mean_forgotten(logits, targets):
    """The loss is a mean over N positions; the gradient is that of a sum."""
    loss, right = cross_entropy(logits, targets)
    return loss, lambda dloss: (right(dloss)[0] * targets.size, None)


def bias_averaged(x, W, b):
    """The bias was stretched over N rows; its gradient is their mean."""
    y, right = linear(x, W, b)

    def pullback(dy):
        dx, dW, _ = right(dy)
        return dx, dW, dy.mean(axis=0)

    return y, pullback


def lookups_overwritten(table, token_ids):
    """A row that was looked up twice receives the last gradient only."""
    rows, _ = take(table, token_ids)

    def pullback(dy):
        dtable = np.zeros_like(table)
        dtable[token_ids] += dy
        return dtable, None

    return rows, pullback


def slope_of_output(x):
    """The slope 1 - tanh(x)^2 is taken at the output instead of the input."""
    y, _ = tanh(x)
    return y, lambda dy: (dy * (1 - np.tanh(y) ** 2),)


def mean_held_fixed(x):
    """The mean is treated as if it did not move with the entries."""
    y, _ = center(x)
    return y, lambda dy: (dy,)


def writes_into_dy(x):
    """The gradient that arrived is changed in place."""
    y, _ = relu(x)

    def pullback(dy):
        dy[x < 0] = 0
        return (dy,)

    return y, pullback


def last_path_only(x):
    """A value that was used twice receives the gradient of one use."""

    def pullback(dleft, dright):
        return (np.zeros_like(x) if dright is None else dright,)

    return (x, x), pullback


def twice(x):
    """Use a value in two places: the gradients of both uses add up."""

    def pullback(*gradients):
        return (sum(g for g in gradients if g is not None),)

    return (x, x), pullback


BUGS = {
    "mean forgotten": {"cross_entropy": mean_forgotten},
    "bias averaged": {"linear": bias_averaged},
    "lookups overwritten": {"take": lookups_overwritten},
    "slope of the output": {"tanh": slope_of_output},
    "mean held fixed": {"center": mean_held_fixed},
    "writes into dy": {"relu": writes_into_dy},
    "last path only": {"twice": last_path_only},
}

RULES = {
    "take": take,
    "linear": linear,
    "tanh": tanh,
    "center": center,
    "relu": relu,
    "twice": twice,
    "cross_entropy": cross_entropy,
}


def draw_params(rng, *, vocab_size=27, context_length=3, d_model=10, d_hidden):
    """Draw the network's parameters, in float64; the last layer's are small."""
    D, F, V = context_length * d_model, d_hidden, vocab_size
    return {
        "table": rng.standard_normal((V, d_model)),
        "W_1": rng.standard_normal((D, F)) * D**-0.5,
        "b_1": np.zeros(F),
        "W_2": rng.standard_normal((F, F)) * F**-0.5,
        "b_2": np.zeros(F),
        "W_3": rng.standard_normal((F, V)) * 0.1 * F**-0.5,
        "b_3": np.zeros(V),
    }


def loss_and_gradients(params, before, targets, replaced=None):
    """Run the network forward and backward, with some rules replaced.

    h = center(tanh(x W_1 + b_1)); logits = (h + relu(h W_2 + b_2)) W_3 + b_3,
    where x are the looked-up rows of ``before`` (N, C), side by side.

    Returns:
        The loss in nats, and a gradient for every parameter.
    """
    use = RULES | (replaced or {})
    table, W_1, b_1, W_2, b_2, W_3, b_3 = params.values()

    rows, back_rows = use["take"](table, before)
    x, back_x = reshape(rows, shape=(len(before), -1))
    a, back_a = use["linear"](x, W_1, b_1)
    t, back_t = use["tanh"](a)
    h, back_h = use["center"](t)
    (left, right), back_use = use["twice"](h)
    z, back_z = use["linear"](right, W_2, b_2)
    r, back_r = use["relu"](z)
    s, back_s = add(left, r)
    logits, back_logits = use["linear"](s, W_3, b_3)
    loss, back_loss = use["cross_entropy"](logits, targets)

    dlogits, _ = back_loss(1.0)
    ds, dW_3, db_3 = back_logits(dlogits)
    dleft, dr = back_s(ds)
    (dz,) = back_r(dr)
    dright, dW_2, db_2 = back_z(dz)
    (dh,) = back_use(dleft, dright)
    (dt,) = back_h(dh)
    (da,) = back_t(dt)
    dx, dW_1, db_1 = back_a(da)
    (drows,) = back_x(dx)
    dtable, _ = back_rows(drows)

    gradients = (dtable, dW_1, db_1, dW_2, db_2, dW_3, db_3)
    return loss, dict(zip(params, gradients, strict=True))
