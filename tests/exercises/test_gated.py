"""Right answers pass, however they are written; planted wrong ones fail with the intended hint."""

import math

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.gated import check
from llmbook.lstm_gru.gru import gru


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def as_float32(answer, *, then=lambda result: result):
    """The same answer, computed in float32."""
    return lambda *arrays: then(answer(*(a.astype(np.float32) for a in arrays)))


def passes(exercise, *answers):
    return [pytest.param(exercise, answer, id=f"{exercise} {k}") for k, answer in enumerate(answers)]


def fails(exercise, **answers):
    """Wrong answers by a word for each, with its hint."""
    return [pytest.param(exercise, *pair, id=f"{exercise} {word}") for word, pair in answers.items()]


# the forget bias


def by_odds(n):
    kept = 2 ** (-1 / n)
    return math.log(kept / (1 - kept))


def by_bisection(n):
    low, high = -100.0, 100.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(middle) ** n < 0.5 else (low, middle)
    return np.array(low)


def odds_in_float32(n):
    kept = np.float32(0.5) ** np.float32(1 / n)
    return np.log(kept / (1 - kept))


def stable(n):
    return -np.log(np.expm1(np.log(2) / n))


# the order of blocks


def by_slices(array, before, after):
    H = array.shape[-1] // 4
    starts = {letter: k * H for k, letter in enumerate(before)}
    return np.concatenate([array[..., starts[k] : starts[k] + H] for k in after], axis=-1)


def by_reshape(array, before, after):
    blocks = array.reshape(*array.shape[:-1], 4, -1)
    return blocks[..., [before.index(letter) for letter in after], :].reshape(array.shape)


def by_columns(array, before, after):
    """As lists, one row at a time."""
    if array.ndim == 2:
        return [by_columns(row, before, after) for row in array]
    named = dict(zip(before, np.split(array.astype(np.float32), 4), strict=True))
    return tuple(number for letter in after for number in named[letter].tolist())


def way_back(array, before, after):
    return by_reshape(array, after, before)


def single_columns(array, before, after):
    columns = array.reshape(*array.shape[:-1], -1, 4)
    return columns[..., [before.index(letter) for letter in after]].reshape(array.shape)


def rows(array, before, after):
    return by_reshape(array.T, before, after).T


def in_place(array, before, after):
    array[...] = by_reshape(array, before, after)
    return array


# an LSTM whose input gate is 1 - f


def coupled(
    x, h, c, W_x, W_h, b, *, order="fgo", weights=lambda f: (f, 1 - f), candidate=np.tanh, out=np.tanh
):
    blocks = np.split(x @ W_x + h @ W_h + b, 3, axis=-1)
    f, g, o = (blocks[order.index(letter)] for letter in "fgo")
    old, new = weights(sigmoid(f))
    c = old * c + new * candidate(g)
    return sigmoid(o) * out(c), c


def coupled_by(**how):
    return lambda *arrays: coupled(*arrays, **how)


def as_a_move(x, h, c, W_x, W_h, b):
    """The cell goes a part of the way to g."""
    H = c.shape[-1]
    a = b + np.hstack([x, h]) @ np.vstack([W_x, W_h])
    g = np.tanh(a[:, H:-H])
    c = c + (g - c) * (0.5 - np.tanh(a[:, :H] / 2) / 2)
    return [np.tanh(c) / (1 + np.exp(-a[:, -H:])), c]


def cell_in_place(x, h, c, W_x, W_h, b):
    h, c[...] = coupled(x, h, c, W_x, W_h, b)
    return h, c.copy()


def without_c(x, h, c, W_x, W_h, b):
    return coupled(x, h, 0 * c, W_x, W_h, b)


# the biases of a GRU


def merged(b_ih, b_hh):
    b_x, b_h = b_ih.copy(), b_hh.copy()
    H2 = 2 * len(b_x) // 3
    b_x[:H2] += b_h[:H2]
    b_h[:H2] = 0
    return b_x, b_h


def by_blocks(b_ih, b_hh):
    (r, z, n), (r_h, z_h, n_h) = np.split(b_ih, 3), np.split(b_hh, 3)
    return np.concatenate([r + r_h, z_h + z, n]).tolist(), [*(r - r), *(z - z), *n_h]


def by_a_mask(b_ih, b_hh):
    moved = b_hh * np.repeat([1, 1, 0], len(b_hh) // 3)
    return np.stack([b_ih + moved, b_hh - moved])


def merge_in_place(b_ih, b_hh):
    H2 = 2 * len(b_ih) // 3
    b_ih[:H2] += b_hh[:H2]
    return b_ih, np.where(np.arange(len(b_hh)) < H2, 0, b_hh)


def counted_twice(b_ih, b_hh):
    return merged(b_ih, b_hh)[0], b_hh


def n_first(b_ih, b_hh):
    b_x, b_h = merged(b_ih[::-1], b_hh[::-1])
    return b_x[::-1], b_h[::-1]


def only_r(b_ih, b_hh):
    moved = b_hh * np.repeat([1, 0, 0], len(b_hh) // 3)
    return b_ih + moved, b_hh - moved


# a GRU that resets before the product


def before(
    x, h, W_x, W_h, b, *, order="rzn", after=False, reset=lambda r: r, mixed=lambda n, h, z: n + z * (h - n)
):
    u = dict(zip(order, np.split(x @ W_x + b, 3, axis=-1), strict=True))
    W = dict(zip(order, np.split(W_h, 3, axis=-1), strict=True))
    r, z = reset(sigmoid(u["r"] + h @ W["r"])), sigmoid(u["z"] + h @ W["z"])
    return mixed(np.tanh(u["n"] + (r * (h @ W["n"]) if after else (r * h) @ W["n"])), h, z)


def before_by(**how):
    return lambda *arrays: before(*arrays, **how)


def as_in_the_paper(x, h, W_x, W_h, b):
    """Both gates in one product, and z for what comes in."""
    H = h.shape[-1]
    gates = sigmoid(h @ W_h[:, : 2 * H] + x @ W_x[:, : 2 * H] + b[: 2 * H])
    r, z = gates[:, :H], 1 - gates[:, H:]
    return ((1 - z) * h + z * np.tanh((h * r) @ W_h[:, -H:] + (x @ W_x + b)[:, -H:])).tolist()


def by_rule(x, h, W_x, W_h, b):
    return gru(x[:, None], h, W_x, W_h, 0 * b, b, reset_after=False)[0][1]


def state_in_place(x, h, W_x, W_h, b):
    h[...] = before(x, h, W_x, W_h, b)
    return h


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        *passes("forget-bias", by_odds, by_bisection, odds_in_float32, stable),
        *passes("reorder", by_slices, by_reshape, by_columns),
        *passes("coupled", coupled, as_a_move, as_float32(coupled, then=list)),
        *passes("merge-biases", merged, by_blocks, by_a_mask, as_float32(merged, then=list)),
        *passes("gru-before", before, as_in_the_paper, by_rule, as_float32(before)),
    ],
)
def test_right_answers_pass_however_they_are_written(exercise, answer, capsys):
    check(exercise, answer)
    assert capsys.readouterr().out == f"{exercise}: right.\n"


FORGET_BIAS = fails(
    "forget-bias",
    approximate=(math.log, r"log\(n\) is a usual approximation"),
    large_n=(lambda n: math.log(n / math.log(2)), r"close where n is large"),
    sign=(lambda n: -by_odds(n), "the sign: the longer"),
    e_folding=(lambda n: -math.log(math.expm1(1 / n)), "keeps 1/e, not 1/2"),
    the_gate=(lambda n: 0.5 ** (1 / n), "that is the gate"),
    no_n=(lambda n: 0.0, "a gate of 1/2 keeps half after one step"),
    another=(lambda n: np.array(math.log2(n)), "n = 2: with a bias of 1.0000 a cell keeps 0.5344"),
    infinite=(lambda n: np.inf, "keeps 1.0000"),
    small_n=(lambda n: by_odds(max(n, 0.75)), "n = 0.5: with a bias of -0.4186 a cell keeps"),
    array=(lambda n: [by_odds(n)], "a bias is one number"),
    nothing=(lambda n: None, "stopped with TypeError"),
)
REORDER = fails(
    "reorder",
    back=(way_back, "that is the way back"),
    single=(single_columns, "you moved single columns"),
    rows=(rows, "you moved rows"),
    unmoved=(lambda array, before, after: array, "are not in the order of after"),
    before_unused=(lambda a, before, after: by_reshape(a, "ifgo", after), "from 'iofg' back to 'ifgo'"),
    one_order=(lambda a, before, after: by_reshape(a, "ifgo", "iofg"), "from 'iofg' back to 'ifgo'"),
    listed=(
        lambda a, *orders: np.split(by_reshape(a, *orders), 4, axis=-1),
        r"shape \(4, 16\); it has \(4, 4, 4\)",
    ),
    written=(in_place, "was written into"),
)
COUPLED = fails(
    "coupled",
    swapped=(coupled_by(weights=lambda f: (1 - f, f)), "yours are swapped"),
    no_tanh=(coupled_by(out=lambda c: c), r"h is o tanh\(c\), not o c"),
    logistic=(coupled_by(candidate=sigmoid), "g is a tanh"),
    no_gate=(coupled_by(weights=lambda f: (f, 1)), "g must be weighed by 1 - f"),
    fog=(coupled_by(order="fog"), "you took them for f, o, g"),
    gof=(coupled_by(order="gof"), "you took them for g, o, f"),
    ogf=(coupled_by(order="ogf"), "you took them for o, g, f"),
    c_first=(lambda *arrays: coupled(*arrays)[::-1], "h comes first, then c"),
    written=(cell_in_place, "was written into"),
    forgets=(coupled_by(weights=lambda f: (0.9 * f, 1 - f)), "where f is near 1 the cell must stay"),
    starts_at_0=(without_c, "where f is near 1 the cell must stay"),
    minus=(coupled_by(weights=lambda f: (f, f - 1)), "where f is near 0 the cell must become g"),
    beyond=(coupled_by(weights=lambda f: (f, 1 - f**3)), "must lie between the old one and g"),
    square=(coupled_by(weights=lambda f: (f**2, 1 - f**2)), r"c must be f c \+ \(1 - f\) g"),
    h_of_sine=(coupled_by(out=np.sin), r"h must be o tanh\(c\), with the new c"),
    h_only=(lambda *arrays: coupled(*arrays)[:1], r"must have shape \(3, 2\) and \(3, 2\); it has \(3, 2\)"),
)
MERGE = fails(
    "merge-biases",
    none=(lambda b_ih, b_hh: (b_ih, b_hh), "nothing was merged"),
    all=(lambda b_ih, b_hh: (b_ih + b_hh, 0 * b_hh), "n has no sum of the two"),
    twice=(counted_twice, "b_hh is counted twice"),
    n_first=(n_first, "n is the last block, not the first"),
    into_b_h=(lambda *biases: merged(*biases[::-1])[::-1], "b_h is not 0 for r and z"),
    only_r=(only_r, "b_h is not 0 for r and z"),
    lost=(lambda b_ih, b_hh: (b_ih, merged(b_ih, b_hh)[1]), "the outputs of the GRU change by up to"),
    written=(merge_in_place, "was written into"),
    blocks=(lambda *biases: np.split(np.hstack(merged(*biases)), 6), "what you return must have shape"),
)
GRU_BEFORE = fails(
    "gru-before",
    after=(before_by(after=True), "the reset comes after the product"),
    z_swapped=(before_by(mixed=lambda n, h, z: z * n + (1 - z) * h), r"z keeps h .* yours are swapped"),
    no_reset=(before_by(reset=np.ones_like), "the reset is missing"),
    r_and_z=(before_by(order="zrn"), "r and z are swapped"),
    n_first=(before_by(order="nrz"), "the state after step 1 differs from that of the GRU by up to"),
    written=(state_in_place, "was written into"),
    steps=(lambda x, *arrays: before(x, *arrays)[:, None], r"must have shape \(3, 4\); it has \(3, 1, 4\)"),
)


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"), [*FORGET_BIAS, *REORDER, *COUPLED, *MERGE, *GRU_BEFORE]
)
def test_wrong_answers_get_the_intended_hint(exercise, answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check(exercise, answer)


def test_unknown_exercises_are_named():
    with pytest.raises(
        ValueError, match="there are: forget-bias, reorder, coupled, merge-biases, gru-before"
    ):
        check("no such", None)
