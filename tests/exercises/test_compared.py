"""Right answers pass, however they are written; planted wrong ones fail with the intended hint."""

import sys
from bisect import bisect_left
from itertools import accumulate, count

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.compared import check
from llmbook.lstm_gru.mingru import linear_scan


def passes(exercise, *answers):
    return [pytest.param(exercise, answer, id=f"{exercise} {k}") for k, answer in enumerate(answers)]


def fails(exercise, **answers):
    """Wrong answers by a word for each, with its hint."""
    return [pytest.param(exercise, *pair, id=f"{exercise} {word}") for word, pair in answers.items()]


# the interval


def by_formula(k, n, z=1.96, *, squares=2, power=0.5):
    u = z**squares
    middle = (k / n + u / (2 * n)) / (1 + u / n)
    half = z * (k / n * (1 - k / n) / n + u / (4 * n * n)) ** power / (1 + u / n)
    return middle - half, middle + half


def by_roots(k, n, z=1.959964):
    p, c = k / n, z * z / n
    return np.sort(np.roots([1 + c, -(2 * p + c), p * p]).real)


def by_bisection(k, n, z=1.96):
    def end(inside, outside):
        while abs(outside - inside) > 1e-9:
            p = (inside + outside) / 2
            within = (k / n - p) ** 2 < z**2 * p * (1 - p) / n
            inside, outside = (p, outside) if within else (inside, p)
        return inside

    middle = by_formula(k, n, z)
    return [end(sum(middle) / 2, 0.0), end(sum(middle) / 2, 1.0)]


def in_float32(k, n, z=1.96):
    return tuple(np.float32(end) for end in by_formula(np.float32(k), np.float32(n), np.float32(z)))


def wald(k, n, z=1.96):
    half = z * (k / n * (1 - k / n) / n) ** 0.5
    return k / n - half, k / n + half


def agresti_coull(k, n, z=1.96):
    return wald(k + z * z / 2, n + z * z, z)


def middle_and_half(k, n, z=1.96):
    low, high = by_formula(k, n, z)
    return (low + high) / 2, (high - low) / 2


def one_z_too_few(k, n, z=1.96):
    """z in place of z * z in the middle only."""
    low, high = by_formula(k, n, z)
    shift = (z * z - z) / (2 * n) / (1 + z * z / n)
    return low - shift, high - shift


def above_only(k, n, z=1.96):
    return (by_formula if 2 * k >= n else wald)(k, n, z)


def from_ten_on(k, n, z=1.96):
    """Right for small samples only, whose width it then keeps."""
    return by_formula(k, n, z) if n < 11 else by_formula(k / n * 10, 10, z)


# the width


def at_or_above(n, make):
    return next(units for units in count(1) if make(units).n_params >= n)


def by_counting(n, make):
    units = at_or_above(n, make)
    return min([units, max(units - 1, 1)], key=lambda units: abs(make(units).n_params - n))


def by_halving(n, make):
    high = 1
    while make(high).n_params < n:
        high *= 2
    above = bisect_left(range(high + 1), n, lo=1, key=lambda units: make(units).n_params)
    off = {abs(make(units).n_params - n): units for units in (above, above - 1) if units}
    return np.int64(off[min(off)])


def by_a_table(n, make):
    params = np.array([make(units).n_params for units in range(1, 2000)], dtype=np.float32)
    return np.argmin(abs(params - n)) + 1


def down(n, make):
    return next(units for units in count(1) if make(units + 1).n_params > n)


def by_a_parabola(n, make):
    params = [make(units).n_params for units in (1, 2, 3)]
    curve = np.polyfit([1, 2, 3], params, 2)
    return int(np.argmin(abs(np.polyval(curve, np.arange(1, 2000)) - n))) + 1


def exactly(n, make):
    return next(units for units in count(1) if make(units).n_params == n)


# the scan


def by_library(a, b):
    return linear_scan(a[None], b[None], 0 * b[:1])[0][0]


def by_doubling(a, b):
    """Each round reaches twice as far back."""
    far = 1
    while far < len(a):
        b = np.concatenate([b[:far], a[far:] * b[:-far] + b[far:]])
        a = np.concatenate([a[:far], a[far:] * a[:-far]])
        far *= 2
    return b


def by_pairs(a, b):
    """The states of even t are a recurrence half as long."""
    if len(a) == 1:
        return b.copy()
    h = np.empty_like(b)
    m = len(a) // 2
    h[1::2] = by_pairs(a[1::2] * a[: 2 * m : 2], a[1::2] * b[: 2 * m : 2] + b[1::2])
    h[0] = b[0]
    h[2::2] = a[2::2] * h[1:-1:2] + b[2::2]
    return h


def by_padding(a, b):
    """np.pad and np.roll run much Python of NumPy's own."""
    T, far = len(a), 1
    length = 1 << (T - 1).bit_length()
    a, b = (np.pad(x, ((0, length - T), (0, 0))) for x in (a, b))
    while far < length:
        old = (np.arange(length) >= far)[:, None]
        b = b + np.where(old, a * np.roll(b, far, axis=0), 0)
        a = a * np.where(old, np.roll(a, far, axis=0), 1)
        far *= 2
    return tuple(b[:T])


def by_blocks(a, b):
    """Steps of whole blocks: 50 positions, and then as many block ends."""
    T, H = a.shape
    n = max(int(T**0.5), 1)
    m = -(-T // n)
    A, B = (np.concatenate([x, np.zeros((n * m - T, H))]).reshape(m, n, H) for x in (a, b))
    for t in range(1, n):
        B[:, t] += A[:, t] * B[:, t - 1]
        A[:, t] *= A[:, t - 1]
    for k in range(1, m):
        B[k] += A[k] * B[k - 1, -1]
    return B.reshape(-1, H)[:T].tolist()


def as_float32(a, b):
    return by_doubling(a.astype(np.float32), b.astype(np.float32))


def loop(a, b):
    h = np.zeros_like(b)
    for t in range(len(b)):
        h[t] = a[t] * h[t - 1] + b[t]
    return h


def in_one_line(a, b):
    h = 0 * b[0]
    return np.array([h := a_t * h + b_t for a_t, b_t in zip(a, b, strict=True)])


def accumulated(a, b):
    steps = accumulate(zip(a, b, strict=True), lambda one, two: (two[0], two[0] * one[1] + two[1]))
    return np.array([h for _, h in steps])


def as_a_ufunc(a, b):
    """Complex numbers carry both a and b through NumPy's own loop."""
    step = np.frompyfunc(lambda one, two: two.real * one.imag * 1j + two.imag * 1j, 2, 1)
    return step.accumulate((a + 1j * b).astype(object), axis=0).astype(complex).imag


def products(a, b):
    P = np.cumprod(a, axis=0)
    return P * np.cumsum(b / P, axis=0)


def guarded(a, b):
    P = np.cumprod(a, axis=0)
    P = np.where(abs(P) < 1e-9, 1e-9, P)
    return P * np.cumsum(b / P, axis=0)


def logarithms(a, b):
    P = np.cumsum(np.log(a), axis=0)
    return np.exp(P) * np.cumsum(b * np.exp(-P), axis=0)


def wrong_order(a, b):
    far = 1
    while far < len(a):
        b = np.concatenate([b[:far], a[:-far] * b[far:] + b[:-far]])
        a = np.concatenate([a[:far], a[far:] * a[:-far]])
        far *= 2
    return b


def pairs_wrong(a, b):
    """Only the pairs are composed wrongly; the states between them are right."""
    if len(a) == 1:
        return b.copy()
    h = np.empty_like(b)
    m = len(a) // 2
    h[1::2] = pairs_wrong(a[1::2] * a[: 2 * m : 2], b[: 2 * m : 2] + b[1::2])
    h[0] = b[0]
    h[2::2] = a[2::2] * h[1:-1:2] + b[2::2]
    return h


def powers_only(a, b):
    """Up and down a tree, with no place for a last step without a partner."""
    if len(a) == 1:
        return b.copy()
    (a1, a2), (b1, b2) = (x.reshape(-1, 2, x.shape[-1]).swapaxes(0, 1) for x in (a, b))
    h = np.empty_like(b)
    h[1::2] = powers_only(a2 * a1, a2 * b1 + b2)
    h[::2] = b1 + a1 * np.concatenate([0 * b1[:1], h[1:-1:2]])
    return h


def rounds_too_few(a, b):
    """As many rounds as T has whole powers of two."""
    for far in 2 ** np.arange(int(np.log2(len(a)))):
        b = np.concatenate([b[:far], a[far:] * b[:-far] + b[far:]])
        a = np.concatenate([a[:far], a[far:] * a[:-far]])
    return b


def in_place(a, b):
    b[:] = by_doubling(a, b)
    return b


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        *passes("score-interval", by_formula, by_roots, by_bisection, in_float32),
        *passes("equal-width", by_counting, by_halving, by_a_table),
        *passes("scan", by_library, by_doubling, by_pairs, by_padding, by_blocks, as_float32),
    ],
)
def test_right_answers_pass_however_they_are_written(exercise, answer, capsys):
    check(exercise, answer)
    assert capsys.readouterr().out == f"{exercise}: right.\n"


INTERVAL = fails(
    "score-interval",
    wald=(wald, r"\(Wald's interval\); the errors must be those of each end"),
    clipped=(lambda *args: np.clip(wald(*args), 0, 1), "clipping Wald's interval only hides"),
    no_square=(lambda *args: by_formula(*args, squares=1), "a z is not squared"),
    one_square=(one_z_too_few, "a z is not squared"),
    no_root=(lambda *args: by_formula(*args, power=1), r"it must be z sqrt"),
    half=(lambda *args: middle_and_half(*args)[1], r"return the two ends, \(low, high\)"),
    middle=(middle_and_half, "that is the middle and half the width"),
    agresti_coull=(agresti_coull, "Agresti and Coull"),
    z_unused=(
        lambda k, n, z=1.96: by_formula(k, n),
        "must give a wider interval with z = 1.5 than with z = 1",
    ),
    n_unused=(from_ten_on, "584 of 800 must give a narrower interval than 146 of 200"),
    one_sided=(above_only, "the ends of 54 of 200 must be"),
    reversed=(lambda *args: by_formula(*args)[::-1], "low must be less than high"),
    default=(
        lambda k, n, z=1.0: by_formula(k, n, z),
        "for 9 of 10 and z = 1.96 the end p = 0.7661 is 0.1339 from k / n",
    ),
    all=(lambda k, n, z=1.96: (0, 1), "from k / n; it must be"),
    no_z=(lambda k, n: by_formula(k, n), "stopped with TypeError"),
)
WIDTH = fails(
    "equal-width",
    above=(at_or_above, "that is the first width at or above n_params"),
    below=(lambda n, make: max(down(n, make), 1), "that rounds down"),
    formula=(lambda n, make: max(round((n / 4) ** 0.5), 1), r"4 H\^2 is not what this model has"),
    parabola=(by_a_parabola, "31 units have 825 parameters and 30 have 820, which is nearer to 196"),
    two_more=(
        lambda n, make: by_counting(n, make) + 2,
        "^22 units have 1608 parameters and 21 have 1472, which",
    ),
    bounded=(lambda n, make: min(by_counting(n, make), 499), "499 units have .* and 500 have"),
    endless=(exactly, "make was called 100,000 times"),
    zero=(lambda n, make: make(0), "make was given 0"),
    none=(lambda n, make: by_counting(n, make) - (n < 12), "at least 1 unit; you returned 0"),
    half_units=(lambda n, make: make(n / 4), "make was given 346.25"),
    floats=(lambda n, make: float(by_counting(n, make)), "units are an int; you returned 20.0"),
    model=(lambda n, make: make(by_counting(n, make)), "units are an int; you returned namespace"),
)
SCAN = fails(
    "scan",
    products=(products, "not finite at step 3: dividing by products of a"),
    products_of_positive=(lambda a, b: np.where(a == 0.5, products(a, b), by_doubling(a, b)), "at step 1024"),
    guarded=(guarded, "is not a_t h_"),
    logarithms=(logarithms, "logarithms where a is negative"),
    order=(wrong_order, "composed in the wrong order"),
    cumsum=(lambda a, b: np.cumsum(b, axis=0), "that is the sum of b"),
    pairs=(pairs_wrong, "at step 2 your h_t .* two steps in one are"),
    early=(lambda a, b: by_doubling(np.roll(a, 1, axis=0), b), r"not a_\(t-1\)"),
    both=(lambda a, b: by_doubling(a, a * b), "not b_t"),
    backward=(lambda a, b: by_doubling(a[::-1], b[::-1])[::-1], "from the last step to the first"),
    h_0=(lambda a, b: np.vstack([0 * b[:1], by_doubling(a, b)[:-1]]), "begin with h_1"),
    h_0_too=(lambda a, b: np.vstack([0 * b[:1], by_doubling(a, b)]), r"shape \(4, 2\); it has \(5, 2\)"),
    started=(lambda a, b: by_doubling(a, np.vstack([a[:1] + b[:1], b[1:]])), "must be b_1, for h_0 = 0"),
    powers=(powers_only, "T may be any number from 1 on, .*; T = 3: cannot reshape"),
    rounds=(rounds_too_few, "right for T = 4 and 8, .* T = 3: at step 3"),
    written=(in_place, "was written into"),
    loop=(loop, "the values are right, but 4015 lines of Python were run for 2000 steps"),
    in_one_line=(in_one_line, "lines of Python were run for 2000 steps"),
    as_a_ufunc=(as_a_ufunc, "lines of Python were run for 2000 steps"),
    accumulated=(accumulated, "lines of Python were run for 2000 steps"),
)


@pytest.mark.parametrize(("exercise", "answer", "hint"), [*INTERVAL, *WIDTH, *SCAN])
def test_wrong_answers_get_the_intended_hint(exercise, answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check(exercise, answer)


def test_counting_lines_leaves_a_debugger_in_place():
    def debugger(frame, event, arg):
        return None

    before = sys.gettrace()
    sys.settrace(debugger)
    try:
        check("scan", by_doubling)
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(before)
