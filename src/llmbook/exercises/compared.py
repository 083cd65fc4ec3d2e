"""The checks of the exercises on fair comparisons, and on the scan."""

import sys
from itertools import product
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


def _score_interval(wilson) -> None:
    """wilson(k, n, z=1.96) -> (low, high): the p z errors from k / n.

    The errors are those of p: abs(k / n - p) = z sqrt(p (1 - p) / n).
    """
    first = _ends(wilson, 9, 10)
    for hint, ends in _mistaken_ends(9, 10, 1.96):
        demand(not np.allclose(first, ends, atol=1e-5), hint)
    _keep_equation(first, 9, 10, 1.96)
    for k, n, z in (
        (146, 200, 1.0),
        (0, 5, 2.576),
        (30, 30, 1.96),
        (1, 400, 3.0),
        (1, 1, 0.5),
    ):
        low, high = ends = _ends(wilson, k, n, z)
        demand(
            np.allclose(_ends(wilson, n - k, n, z), 1 - ends[::-1], atol=1e-5),
            f"{k} of {n} gives {low:.4f} to {high:.4f}; the ends of {n - k} of "
            f"{n} must be {1 - high:.4f} and {1 - low:.4f}",
        )
        demand(
            np.ptp(_ends(wilson, 4 * k, 4 * n, z)) < high - low,
            f"{4 * k} of {4 * n} must give a narrower interval than {k} of {n}",
        )
        demand(
            np.ptp(_ends(wilson, k, n, 1.5 * z)) > high - low,
            f"{k} of {n} must give a wider interval with z = {1.5 * z:g} than "
            f"with z = {z:g}",
        )
        _keep_equation(ends, k, n, z)


def _ends(wilson, k, n, *z):
    ends = np.asarray(wilson(k, n, *z), dtype=float)
    demand(
        ends.shape == (2,),
        f"return the two ends, (low, high); for {k} of {n} you returned {ends}",
    )
    return ends


def _keep_equation(ends, k, n, z):
    demand(
        -1e-6 <= ends[0] < ends[1] <= 1 + 1e-6,
        f"{k} of {n} gives {ends}; low must be less than high, both in [0, 1]",
    )
    for p in ends:
        if k in (0, n) and abs(p - k / n) < 1e-6:
            continue  # the border, where both sides of the equation are 0
        error = max(p * (1 - p) / n, 0) ** 0.5
        demand(
            np.isclose(abs(k / n - p), z * error, rtol=1e-3),
            f"for {k} of {n} and z = {z:g} the end p = {p:.4f} is "
            f"{abs(k / n - p):.4f} from k / n; it must be z sqrt(p (1 - p) / n)"
            f" = {z * error:.4f}",
        )


def _mistaken_ends(k, n, z):
    """Each mistake's hint and ends, for 0 < k < n and a z other than 1."""

    def around(middle, half):
        return np.array([middle - half, middle + half])

    p, q, m = k / n, (k + z * z / 2) / (n + z * z), n + z * z
    wald = around(p, z * (p * (1 - p) / n) ** 0.5)
    own = "the errors must be those of each end, with its own p (1 - p)"
    yield f"these are z standard errors of k / n (Wald's interval); {own}", wald
    yield (
        f"clipping Wald's interval only hides that it leaves [0, 1]; {own}",
        wald.clip(0, 1),
    )
    yield (
        "that is the interval of Agresti and Coull: its middle is right, but "
        "its ends are more than z of their own errors from k / n",
        around(q, z * (q * (1 - q) / m) ** 0.5),
    )
    for squares in product((z * z, z), repeat=3):
        u, v, w = squares  # in the middle, below the root, in the divisor
        middle = (p + u / (2 * n)) / (1 + w / n)
        under = p * (1 - p) / n + v / (4 * n * n)
        half = z * under**0.5 / (1 + w / n)
        if squares == (z * z,) * 3:
            yield "that is the middle and half the width", (middle, half)
        else:
            yield "a z is not squared that must be", around(middle, half)


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
    "score-interval": _score_interval,
    "equal-width": _equal_width,
    "scan": _scan,
}
