"""Right answers pass, however they are written; planted wrong ones fail with the intended hint."""

import sys
from bisect import bisect_left
from fractions import Fraction
from functools import partial
from itertools import accumulate, combinations, count, permutations, product
from math import erfc
from statistics import fmean, median

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


# the permutation test


def counted(found, observed):
    return sum(abs(d) >= abs(observed) - 1e-9 for d in found) / len(found)


def deals(a, b, mean=lambda group: sum(group) / len(group)):
    """The differences of all deals; the observed one comes first."""
    values, n = [*a, *b], len(a)
    places = range(len(values))
    return [
        mean([values[k] for k in way]) - mean([values[k] for k in places if k not in way])
        for way in combinations(places, n)
    ]


def by_combinations(a, b):
    found = deals(a, b)
    return counted(found, found[0])


def by_bit_masks(a, b):
    """The sum of a group of a given size says the difference of means."""
    values, n = [*a, *b], len(a)
    middle = n * sum(values) / len(values)
    masks = [mask for mask in range(1 << len(values)) if mask.bit_count() == n]
    sums = [sum(x for k, x in enumerate(values) if mask >> k & 1) for mask in masks]
    return np.float64(counted([s - middle for s in sums], sum(a) - middle))


def by_permutations(a, b):
    n, m = len(a), len(b)
    found = [sum(order[:n]) / n - sum(order[n:]) / m for order in permutations([*a, *b])]
    return Fraction(sum(abs(d) > abs(found[0]) - 1e-6 for d in found), len(found))


def vectorized(a, b, kind=np.float64):
    x = np.concatenate([a, b]).astype(kind)
    n, N = len(a), len(x)
    ways = (np.arange(1 << N)[:, None] >> np.arange(N)) & 1
    ways = ways[ways.sum(axis=1) == n].astype(kind)
    d = abs(ways @ x / n - (1 - ways) @ x / (N - n))
    observed = abs(x[:n].mean() - x[n:].mean())
    return ((d > observed) | np.isclose(d, observed, atol=1e-6)).mean(dtype=kind)


def in_float32(a, b):
    return vectorized(a, b, np.float32)


def by_exact_sums(a, b):
    """Decimals as fractions have no last digits to lose."""
    found = deals(*([Fraction(str(round(float(x), 6))) for x in group] for group in (a, b)))
    return sum(abs(d) >= abs(found[0]) for d in found) / len(found)


def only(sign):
    def one_sided(a, b):
        found = deals(a, b)
        return sum(sign * d >= sign * found[0] - 1e-9 for d in found) / len(found)

    return one_sided


def farther(a, b):
    found = deals(a, b)
    return sum(abs(d) > abs(found[0]) + 1e-9 for d in found) / len(found)


def with_one_more(a, b):
    C = len(deals(a, b))
    return (by_combinations(a, b) * C + 1) / (C + 1)


def without_a_tolerance(a, b, *mean):
    found = deals(a, b, *mean)
    return sum(abs(d) >= abs(found[0]) for d in found) / len(found)


def normal(a, b):
    error = (np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b)) ** 0.5
    return erfc(abs(np.mean(a) - np.mean(b)) / error / 2**0.5)


def drawn(a, b, rng, tries=300):
    x, n = np.concatenate([a, b]), len(a)
    orders = rng.permuted(np.tile(x, (tries, 1)), axis=1)
    return counted(orders[:, :n].mean(axis=1) - orders[:, n:].mean(axis=1), np.mean(a) - np.mean(b))


def in_pairs(a, b):
    d = np.subtract(a, b)
    return counted(np.array(list(product([1, -1], repeat=len(d)))) @ d, d.sum())


def of(middle):
    def compared(a, b):
        found = deals(a, b, middle)
        return counted(found, found[0])

    return compared


def of_values(a, b):
    """Equal values are dealt once."""
    groups = {tuple(sorted(way)) for way in combinations([*a, *b], len(a))}
    n, m, total = len(a), len(b), sum(a) + sum(b)
    found = [sum(group) / n - (total - sum(group)) / m for group in groups]
    return counted(found, sum(a) / n - sum(b) / m)


def joined(a, b):
    """Lists only."""
    values = a + b
    n, m, total = len(a), len(b), sum(values)
    found = [sum(way) / n - (total - sum(way)) / m for way in combinations(values, n)]
    return counted(found, found[0])


def extended(a, b):
    n = len(a)
    a += b
    return by_combinations(a[:n], b)


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
        *passes(
            "permutation-test",
            by_combinations,
            by_bit_masks,
            by_permutations,
            vectorized,
            in_float32,
            by_exact_sums,
        ),
        *passes("equal-width", by_counting, by_halving, by_a_table),
        *passes("scan", by_library, by_doubling, by_pairs, by_padding, by_blocks, as_float32),
    ],
)
def test_right_answers_pass_however_they_are_written(exercise, answer, capsys):
    check(exercise, answer)
    assert capsys.readouterr().out == f"{exercise}: right.\n"


WHOLE = "must be a whole number of the 70 ways; .* A normal or t distribution, and deals drawn at random"
PERMUTATION = fails(
    "permutation-test",
    greater=(only(1), "that is one side"),
    less=(only(-1), "that is one side"),
    doubled=(lambda a, b: 2 * min(only(1)(a, b), only(-1)(a, b)), "or twice one side"),
    farther=(farther, "observed split itself: at least, not more than"),
    never_farther=(
        lambda a, b: farther(a, b) if min(a) == 0.2 else by_combinations(a, b),
        "p is above 0, for the observed split counts itself, .* you returned 0.0",
    ),
    one_more=(with_one_more, WHOLE),
    last_digits=(without_a_tolerance, "12 of 70 ways .* you count 8: .* compare with a tolerance"),
    last_digits_of_exact_means=(
        lambda a, b: without_a_tolerance(a, b, fmean),
        "12 of 70 ways .* you count 8: .* compare with a tolerance",
    ),
    normal=(normal, WHOLE),
    seeded=(lambda a, b: drawn(a, b, np.random.default_rng(0)), WHOLE),
    drawn=(partial(drawn, rng=np.random.default_rng(0)), "p differs when called again"),
    pairs=(in_pairs, "that flips signs in pairs"),
    medians=(of(median), "these are medians; compare means"),
    sums=(of(sum), "11 of 56 ways .* of at least 0.5600; you count 53"),
    values=(of_values, "count all the ways, each once"),
    rounded=(
        lambda a, b: round(by_combinations(a, b), 3),
        "^0.171 is near 12 / 70, but p must be exact: .* do not round",
    ),
    percent=(lambda a, b: 100 * by_combinations(a, b), "and at most 1; you returned 17.14"),
    nan=(lambda a, b: np.nan, "you returned nan"),
    always_1=(lambda a, b: 1, "12 of 70 ways .* you count 70"),
    all=(lambda a, b: np.array(deals(a, b)), "p is one number"),
    lists_only=(joined, r"but not as arrays, which \+ adds and does not join: 1.0, not 0.17"),
    mean_of_lists=(lambda a, b: by_combinations(a + b[:0], b), "but not as arrays, .*: operands could not"),
    arrays_only=(lambda a, b: a.mean() - b.mean(), "stopped with AttributeError: 'list'"),
    swapped=(lambda a, b: min(1, 2 * only(1)(a, b)), "but not with a and b swapped: 1.0, not 0.17"),
    below_2=(lambda a, b: by_combinations(np.minimum(a, 2), np.minimum(b, 2)), "but not with 1 added"),
    positive=(lambda a, b: by_combinations(np.maximum(a, 0), np.maximum(b, 0)), "not with all times -2: 1.0"),
    written=(extended, "was written into"),
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


@pytest.mark.parametrize(("exercise", "answer", "hint"), [*PERMUTATION, *WIDTH, *SCAN])
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
