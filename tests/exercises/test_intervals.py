"""Planted wrong answers fail with the intended hint.  (The right ones are the solutions the chapters run.)"""

import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.intervals import check


def wilson(k, n, z=1.96, root=True):
    share = k / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    spread = share * (1 - share) / n + z * z / (4 * n * n)
    half = z * (spread**0.5 if root else spread) / (1 + z * z / n)
    return middle - half, middle + half


def wald(k, n):
    half = 1.96 * (k / n * (1 - k / n) / n) ** 0.5
    return k / n - half, k / n + half


def test_a_right_interval_passes():
    check("wilson", wilson)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (wald, "taken at the share itself"),
        (lambda k, n: wilson(k, n, z=1.0), "1.00 of its own standard errors"),
        (lambda k, n: wilson(k, n, root=False), "not 1.96"),
        (lambda k, n: wilson(k, n)[::-1], r"a share is in \[0, 1\]"),
    ],
)
def test_wrong_intervals_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("wilson", answer)
