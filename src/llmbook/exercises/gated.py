"""The checks of the exercises on gated recurrent networks."""

import math
from itertools import permutations

import numpy as np

from llmbook.exercises.answers import (
    WrongAnswer,
    called,
    check_with,
    demand,
    shaped,
)
from llmbook.feedforward.activations import sigmoid
from llmbook.lstm_gru.gru import gru
from llmbook.lstm_gru.lstm import lstm


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on gated recurrent networks.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _forget_bias(forget_bias) -> None:
    """forget_bias(n) -> the bias b for which sigmoid(b)**n is 1/2."""
    for n in (1, 2, 10, 100, 1e4, 0.5):
        b = forget_bias(n)
        demand(np.ndim(b) == 0, f"a bias is one number; you returned {b!r}")
        b = float(b)
        kept = sigmoid(b)[0] ** n
        if abs(kept - 0.5) < 1e-3:
            continue
        right = -math.log(math.expm1(math.log(2) / n))
        wrong = {
            "the sign: the longer a cell is to be kept, the larger the bias of "
            "its forget gate": -right,
            "that keeps 1/e, not 1/2": -math.log(math.expm1(1 / n)),
            "that is the gate; the bias is the number of which it is the "
            "sigmoid": 2 ** (-1 / n),
            "a gate of 1/2 keeps half after one step, and 2**-n after n": 0.0,
            "log(n) is a usual approximation: it keeps n / (n + 1) at each "
            "step, which in the end leaves 1/e": math.log(n),
            "log(n / log 2) is close where n is large; here the exact bias is "
            "wanted, for any n": math.log(n / math.log(2)),
        }
        for hint, bias in wrong.items():
            demand(not np.isclose(b, bias, rtol=1e-4), hint)
        raise WrongAnswer(
            f"n = {n:g}: with a bias of {b:.4f} a cell keeps {kept:.4f} of "
            "what it held, not 1/2"
        )


def _reorder(reorder) -> None:
    """reorder(array, before, after) -> the array, its blocks in another order.

    array (D, 4H), (H, 4H) or (4H,) has blocks of H columns in the order of the
    letters of before; they are to be in the order of those of after.
    """
    rng = np.random.default_rng(0)
    for before, after, rows, H in (
        ("ifgo", "iofg", (4,), 4),
        ("iofg", "fogi", (3,), 2),
        ("gifo", "ogif", (), 3),
        ("fogi", "fogi", (2,), 1),
    ):
        array = rng.standard_normal((*rows, 4 * H))
        got = called(lambda a, b=before, c=after: reorder(a, b, c), array)
        got = shaped([got], array.shape)
        order = [before.index(letter) for letter in after]
        back = [after.index(letter) for letter in before]
        columns = array.reshape(*rows, H, 4)[..., order].reshape(array.shape)
        wrong = {
            "that is the way back: the block that comes first is to be the one "
            "whose letter is first in after": [_blocks(array, back)],
            "a gate's H columns stand side by side; you moved single columns, "
            "as if the letters took turns": [columns],
        }
        if rows == (4,):
            hint = "the blocks lie along the last axis; you moved rows"
            wrong[hint] = [array[order]]
        _judge(
            got,
            [_blocks(array, order)],
            wrong,
            f"from {before!r} to {after!r}, with an array {array.shape}, the "
            "blocks are not in the order of after",
        )
        demand(
            _close(reorder(got[0].copy(), after, before), array),
            f"from {after!r} back to {before!r} the array is not as it was",
        )


def _blocks(array, order):
    return np.concatenate([np.split(array, 4, axis=-1)[k] for k in order], -1)


def _coupled(coupled_step) -> None:
    """coupled_step(x, h, c, W_x, W_h, b) -> (h, c): the input gate is 1 - f.

    (B, D), (B, H), (B, H) -> (B, H), (B, H); three blocks of columns: f, g, o.
    """
    rng = np.random.default_rng(1)
    for B, D, H, bias in (
        (3, 3, 2, 50.0),
        (2, 4, 3, -50.0),
        (4, 2, 4, 0.0),
        (1, 1, 3, 1.0),
    ):
        shapes = (B, D), (B, H), (B, H), (D, 3 * H), (H, 3 * H), (3 * H,)
        x, h, c, W_x, W_h, b = (rng.standard_normal(shape) for shape in shapes)
        b[:H] += bias  # of the forget gate
        got = called(coupled_step, x, h, c, W_x, W_h, b)
        got = shaped(got, (B, H), (B, H))
        c_new = got[1]
        # an LSTM with i = sigmoid(-a) where f = sigmoid(a)
        four = (np.concatenate([-w[..., :H], w], -1) for w in (W_x, W_h, b))
        (_, *right), _ = lstm(x[:, None], h, c, *four)
        a = x @ W_x + h @ W_h + b
        g = np.tanh(a[:, H : 2 * H])
        low, high = np.minimum(c, g) - 1e-5, np.maximum(c, g) + 1e-5
        lacking = "h must be o tanh(c), with the new c"
        if not _close(c_new, right[1]):
            lacking = "c must be f c + (1 - f) g"
        if not ((low < c_new) & (c_new < high)).all():
            lacking = "each new c must lie between the old one and g"
        if bias == 50 and not _close(c_new, c):
            lacking = "where f is near 1 the cell must stay as it was"
        if bias == -50 and not _close(c_new, g):
            lacking = "where f is near 0 the cell must become g"
        _judge(got, right, _mistaken_cells(a, c), lacking)


def _mistaken_cells(a, c):
    def cell(f, i, g, o):
        c_new = f * c + i * g
        return o * np.tanh(c_new), c_new

    blocks = np.split(a, 3, axis=-1)
    f, no_tanh, o = (sigmoid(block)[0] for block in blocks)
    g = np.tanh(blocks[1])
    h_new, c_new = cell(f, 1 - f, g, o)
    wrong = {
        "f keeps the cell and 1 - f lets g in; yours are swapped": (
            cell(1 - f, f, g, o)
        ),
        "g is a tanh; the sigmoid is for gates": cell(f, 1 - f, no_tanh, o),
        "g must be weighed by 1 - f": cell(f, 1, g, o),
        "h is o tanh(c), not o c": (o * c_new, c_new),
        "h comes first, then c": (c_new, h_new),
    }
    for order in list(permutations("fgo"))[1:]:
        f, g, o = (blocks[order.index(letter)] for letter in "fgo")
        f, g, o = sigmoid(f)[0], np.tanh(g), sigmoid(o)[0]
        hint = f"the blocks are f, g, o; you took them for {', '.join(order)}"
        wrong[hint] = cell(f, 1 - f, g, o)
    return wrong


def _merge(merge) -> None:
    """merge(b_ih, b_hh) -> (b_x, b_h) of a GRU, with all that can be in b_x.

    All are (3H,), blocks of H in the order r, z, n.
    """
    rng = np.random.default_rng(2)
    for B, T, D, H in (3, 4, 2, 3), (1, 6, 3, 1), (2, 3, 1, 4):
        shapes = (B, T, D), (B, H), (D, 3 * H), (H, 3 * H), (3 * H,), (3 * H,)
        x, h, W_x, W_h, *biases = (rng.standard_normal(s) for s in shapes)
        b_ih, b_hh = biases
        got = called(merge, b_ih, b_hh)
        got = shaped(got, (3 * H,), (3 * H,))
        both, block = b_ih + b_hh, np.repeat([0, 1, 2], H)
        wrong = {
            "the outputs stay the same, but nothing was merged: for r and z "
            "only the sum of the two biases matters": (b_ih, b_hh),
            "n has no sum of the two: r multiplies the bias in b_h, and not "
            "the one in b_x": (both, 0 * both),
            "for r and z b_hh is counted twice: where it went into b_x, b_h "
            "must be 0": (np.where(block < 2, both, b_ih), b_hh),
            "the order is r, z, n: n is the last block, not the first": (
                np.where(block > 0, both, b_ih),
                np.where(block > 0, 0, b_hh),
            ),
        }
        (y, _), _ = gru(x, h, W_x, W_h, b_ih, b_hh)
        (merged, _), _ = gru(x, h, W_x, W_h, *got)
        _hint(got, wrong)
        demand(
            _close(merged, y),
            "with the merged biases the outputs of the GRU change by up to "
            f"{abs(merged - y).max():.2g}",
        )
        demand(
            _close(got[1][: 2 * H], np.zeros(2 * H)),
            "the outputs stay the same, but b_h is not 0 for r and z",
        )


def _gru_before(gru_step) -> None:
    """gru_step(x, h, W_x, W_h, b) -> h: a GRU that resets before the product.

    (B, D), (B, H) -> (B, H); three blocks of columns: r, z, n.
    """
    rng = np.random.default_rng(3)
    for B, T, D, H in (3, 1, 2, 4), (1, 5, 3, 2), (2, 4, 4, 3):
        shapes = (B, T, D), (B, H), (D, 3 * H), (H, 3 * H), (3 * H,)
        x, h, W_x, W_h, b = (rng.standard_normal(shape) for shape in shapes)
        (y, _), _ = gru(x, h, W_x, W_h, b, 0 * b, reset_after=False)
        for t in range(T):
            new = called(gru_step, x[:, t], h, W_x, W_h, b)
            [new] = shaped([new], (B, H))
            _judge(
                [new],
                [y[:, t]],
                _mistaken_states(x[:, t], h, W_x, W_h, b),
                f"the state after step {t + 1} differs from that of the GRU "
                f"by up to {abs(new - y[:, t]).max():.2g}",
            )
            h = new


def _mistaken_states(x, h, W_x, W_h, b):
    u_r, u_z, u_n = np.split(x @ W_x + b, 3, axis=-1)
    W_r, W_z, W_n = np.split(W_h, 3, axis=-1)
    r, z = sigmoid(u_r + h @ W_r)[0], sigmoid(u_z + h @ W_z)[0]

    def mixed(s, z):
        return [(1 - z) * np.tanh(u_n + s) + z * h]

    return {
        "the reset comes after the product: multiply h by r, then by W_n": (
            mixed(r * (h @ W_n), z)
        ),
        "z keeps h and 1 - z lets n in; yours are swapped": (
            mixed((r * h) @ W_n, 1 - z)
        ),
        "the reset is missing: n must see r h": mixed(h @ W_n, z),
        "r and z are swapped: the order is r, z, n": mixed((z * h) @ W_n, r),
    }


def _close(got, right):
    return np.shape(got) == np.shape(right) and np.allclose(
        got, right, rtol=1e-4, atol=1e-5
    )


def _judge(got, right, wrong, lacking):
    """Raise, unless got is right, the hint of the mistake that was made."""
    if not all(map(_close, got, right)):
        _hint(got, wrong)
        raise WrongAnswer(lacking)


def _hint(got, wrong):
    for hint, arrays in wrong.items():
        demand(not all(map(_close, got, arrays)), hint)


CHECKS = {
    "forget-bias": _forget_bias,
    "reorder": _reorder,
    "coupled": _coupled,
    "merge-biases": _merge,
    "gru-before": _gru_before,
}
