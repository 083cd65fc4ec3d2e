"""The checks of the exercises on fair comparisons, and on the scan."""

import sys
from itertools import combinations, product
from types import SimpleNamespace

import numpy as np

from llmbook.exercises.answers import (
    WrongAnswer,
    called,
    check_with,
    demand,
    shaped,
)
from llmbook.lstm_gru.mingru import linear_loop


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on comparing recurrent networks.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


GROUPS = (
    ([1.1, 1.1, 1.3, 1.7], [0.7, 1.3, 0.9, 0.9]),
    ([0.1, 1.4, 0.3, 1.4, 0.5], [1.8, 1.5, 0.6]),
    ([0.3, 0.2], [1.6, 1.1, 1.3, 1.2]),  # apart: no other way is as far
    ([0.1, 0.2, 0.4], [0.1, 0.2, 0.4]),  # equal: every way is as far
    ([0.7], [0.1, 0.4, 0.2]),
)


def _permutation_test(p_value) -> None:
    """p_value(a, b) -> the exact two-sided p of a difference of means.

    Of all ways to deal the values of both into groups of len(a) and len(b), it
    is the share whose absolute difference of means is at least the observed.
    """
    for a, b in GROUPS:
        p = _share(p_value, a, b)
        demand(
            p == _share(p_value, a, b),
            "p differs when called again: deals drawn at random are not exact; "
            "count all the ways, each once",
        )
        _judge_share(p, a, b)
        for change, groups in {
            "as arrays, which + adds and does not join": map(np.array, (a, b)),
            "with a and b swapped": (b, a),
            "with 1 added": [[x + 1 for x in group] for group in (a, b)],
            "with all times -2": [[-2 * x for x in group] for group in (a, b)],
        }.items():
            hint = f"p is right for {a} and {b}, but not {change}"
            try:
                changed = _share(p_value, *groups)
            except Exception as error:
                raise WrongAnswer(f"{hint}: {error}") from error
            demand(abs(changed - p) < 1e-6, f"{hint}: {changed}, not {p}")


def _share(p_value, a, b):
    p = called(p_value, a, b)
    demand(np.ndim(p) == 0, f"p is one number; you returned {p!r}")
    demand(
        0 < p <= 1 + 1e-6,
        "p is above 0, for the observed split counts itself, and at most 1; "
        f"you returned {p}",
    )
    return float(p)


def _judge_share(p, a, b):
    values, n = np.array(a + b), len(a)
    ways = [list(way) for way in combinations(range(len(values)), n)]
    first = values[ways]  # its first row is a
    second = np.array([np.delete(values, way) for way in ways])
    d = first.mean(axis=1) - second.mean(axis=1)
    medians = np.median(first, axis=1) - np.median(second, axis=1)
    pairs = np.array([x - y for x, y in zip(a, b, strict=False)])
    signs = np.array(list(product((1, -1), repeat=len(pairs))))
    right, more = _at_least(abs(d)), np.mean(abs(d) > abs(d[0]) + 1e-9)
    sides = _at_least(d), _at_least(-d)
    C, k, counted = len(ways), round(right * len(ways)), round(p * len(ways))
    wrong = {
        "that is one side, or twice one side: count absolute differences": (
            [*sides, 2 * min(sides)]
        ),
        "a difference equal to the observed one counts as well, and so the "
        "observed split itself: at least, not more than": more,
        "these are medians; compare means": _at_least(abs(medians)),
        "that flips signs in pairs; deal all values anew": (
            _at_least(abs(signs @ pairs))
        ),
        f"{p:g} is near {k} / {C}, but p must be exact: count all the ways, and"
        " do not round": [round(right, digits) for digits in range(2, 6)],
    }
    if abs(p - right) < 1e-6:
        return
    for hint, shares in wrong.items():
        demand(not np.isclose(p, shares, rtol=0, atol=1e-6).any(), hint)
    demand(
        abs(p * C - counted) < 1e-4,
        f"p must be a whole number of the {C} ways; {p:.6f} is {p * C:.3f} of "
        "them. A normal or t distribution, and deals drawn at random, are not "
        "exact: count all the ways, each once",
    )
    demand(
        not more < p < right,
        f"{k} of {C} ways are at least as far as the observed one, you count "
        f"{counted}: equal differences may differ in their last digits; compare"
        " with a tolerance",
    )
    raise WrongAnswer(
        f"{k} of {C} ways to deal {a} and {b} have an absolute difference of "
        f"means of at least {abs(d[0]):.4f}; you count {counted}"
    )


def _at_least(differences):
    """The share that is at least the first, the observed one."""
    return np.mean(differences >= differences[0] - 1e-9)


def _equal_width(width) -> None:
    """width(n_params, make) -> the units with most nearly n_params.

    make(units) has n_params, which grow with units; one unit at least.
    """
    for count, units in (
        (lambda H: 3 * H**2 + 7 * H + 2, 20),
        (lambda H: 3 * H**2 + 7 * H + 2, 1),
        (lambda H: 5 * H + 90 * (H // 4) + 40, 7),  # every fourth step is large
        (lambda H: 5 * H + 90 * (H // 4) + 40, 10),
        (lambda H: 11 * H + 30, 4),
        (lambda H: 2 * H**2 + 13 * H + 5, 1500),
    ):
        n, step = count(units), count(units + 1) - count(units)
        for wanted in n + step // 3, n + 2 * step // 3, n, count(1) // 2:
            _nearest(width(wanted, _maker(count)), wanted, count)


def _maker(count):
    calls = 0

    def make(units):
        nonlocal calls
        calls += 1
        demand(
            calls <= 100_000, "make was called 100,000 times: an endless search"
        )
        demand(_whole(units), f"units are an int; make was given {units!r}")
        demand(
            units >= 1, f"a model has at least 1 unit; make was given {units}"
        )
        return SimpleNamespace(n_params=count(int(units)))

    return make


def _whole(number):
    return np.ndim(number) == 0 and np.asarray(number).dtype.kind in "iu"


def _nearest(got, wanted, count):
    demand(_whole(got), f"units are an int; you returned {got!r}")
    demand(got >= 1, f"a model has at least 1 unit; you returned {got}")
    got = int(got)
    near = [H for H in (got, got - 1, got + 1) if H >= 1]
    better = min(near, key=lambda H: abs(count(H) - wanted))
    if better == got:
        return
    have = (
        f"{got} units have {count(got)} parameters and {better} have "
        f"{count(better)}, which is nearer to {wanted}"
    )
    demand(
        not count(got - 1) < wanted < count(got),
        f"that is the first width at or above n_params: {have}",
    )
    demand(
        not count(got) < wanted < count(got + 1),
        f"that rounds down, to the last width below n_params: {have}",
    )
    demand(
        abs(got - (wanted / 4) ** 0.5) > 1,
        f"4 H^2 is not what this model has; count by make(units): {have}",
    )
    raise WrongAnswer(have)


def _scan(scan) -> None:
    """scan(a, b) -> h, all h_t = a_t h_{t-1} + b_t from h_0 = 0, (T, H) each.

    Fewer than T lines of Python may be run.
    """
    rng = np.random.default_rng(0)
    for T, H in (4, 2), (8, 3):
        _recur(scan, *rng.uniform(-1.5, 1.5, (2, T, H)))
    for T, H in (1, 2), (3, 1), (6, 4), (100, 2):
        try:
            _recur(scan, *rng.uniform(-1.5, 1.5, (2, T, H)))
        except Exception as error:
            raise WrongAnswer(
                f"right for T = 4 and 8, but T may be any number from 1 on, and"
                f" not only a power of two; T = {T}: {error}"
            ) from error
    a, b = rng.uniform(-1.5, 1.5, (2, 7, 3))
    a[2], a[4, 1] = 0, 0
    _recur(scan, a, b)
    T = 2000
    b = rng.standard_normal((T, 2))
    lines = _recur(scan, np.full_like(b, 0.5), b)
    demand(
        lines < T,
        f"the values are right, but {lines} lines of Python were run for {T} "
        "steps; a scan takes about log2(T) rounds, each over whole arrays",
    )


def _recur(scan, a, b):
    """See that an answer keeps the recurrence; count its lines of Python."""
    with np.errstate(all="ignore"):
        h, lines = _count_lines(lambda: called(scan, a, b))
    [h] = shaped([h], b.shape)
    finite = np.isfinite(h).all(axis=1)
    demand(
        finite.all(),
        f"h is not finite at step {finite.argmin() + 1}: dividing by products "
        "of a fails where they become 0, and logarithms where a is negative",
    )
    before = np.concatenate([0 * h[:1], h[:-1]])
    off = abs(h - (a * before + b)).max(axis=1) > 1e-4 * (1 + abs(h).max())
    if off.any():
        for hint, mistaken in _mistaken_states(a, b).items():
            demand(not np.allclose(h, mistaken, rtol=1e-4, atol=1e-4), hint)
        demand(not off[0], "the first state must be b_1, for h_0 = 0")
        raise WrongAnswer(
            f"at step {off.argmax() + 1} your h_t is not a_t h_(t-1) + b_t with"
            " your own h_(t-1); two steps in one are a_2 a_1 and a_2 b_1 + b_2"
        )
    return lines


def _mistaken_states(a, b):
    def loop(a, b):
        return linear_loop(a[None], b[None], 0 * b[:1])[0]

    one = np.ones_like(a[:1])
    return {
        "that is the sum of b; what came before a step must be multiplied by "
        "the a of that step": np.cumsum(b, axis=0),
        "composed in the wrong order: step 1, then step 2 is a_2 a_1 and a_2 "
        "b_1 + b_2, not a_1 b_2 + b_1": (
            np.cumsum(
                np.cumprod(np.concatenate([one, a[:-1]]), axis=0) * b, axis=0
            )
        ),
        "h_t has a_t as the factor of h_(t-1), not a_(t-1)": (
            loop(np.concatenate([one, a[:-1]]), b)
        ),
        "a_t multiplies h_(t-1) only, not b_t": loop(a, a * b),
        "the states begin with h_1, not with h_0": (
            np.concatenate([0 * b[:1], loop(a, b)[:-1]])
        ),
        "that runs from the last step to the first": (
            loop(a[::-1], b[::-1])[::-1]
        ),
    }


def _count_lines(answer):
    """Call an answer; count the lines of Python it runs outside NumPy."""
    lines = 0

    def trace(frame, event, _):
        nonlocal lines
        if frame.f_globals.get("__name__", "").split(".")[0] == "numpy":
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return answer(), lines
    finally:
        sys.settrace(before)


CHECKS = {
    "permutation-test": _permutation_test,
    "equal-width": _equal_width,
    "scan": _scan,
}
