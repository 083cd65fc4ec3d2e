"""Planted wrong answers fail with the intended hint.  (The right ones are the solutions the chapters run.)"""

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.ngram import check


def witten_bell(counts, lower):
    types = (counts > 0).sum(axis=-1, keepdims=True)
    total = counts.sum(axis=-1, keepdims=True)
    return np.where(total > 0, (counts + types * lower) / np.maximum(total + types, 1), lower)


def test_a_right_smoothing_passes():
    check("witten-bell", witten_bell)


def absolute(counts, lower):
    return (counts + 0.1 * lower) / (counts.sum(-1, keepdims=True) + 0.1)


def all_rows(counts, lower):
    types = (counts > 0).sum()
    return (counts + types * lower) / (counts.sum(-1, keepdims=True) + types)


def fixed_types(counts, lower):
    p = witten_bell(counts, lower)
    p[2] = (counts[2] + 2 * lower[2]) / 11
    return p


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        ("witten-bell", lambda counts, lower: lower[:1], "p must have shape"),
        ("witten-bell", lambda counts, lower: counts / counts.sum(-1, keepdims=True), "gives 0/0"),
        ("witten-bell", lambda counts, lower: np.full(counts.shape, 0.25), "must be the shorter context's"),
        (
            "witten-bell",
            lambda counts, lower: np.where(counts.sum(-1, keepdims=True) > 0, counts, lower),
            "where is lower",
        ),
        ("witten-bell", lambda counts, lower: counts + lower, "not to 1"),
        ("witten-bell", absolute, "2 of 6 parts"),
        ("witten-bell", all_rows, "2 of 6 parts"),
        ("witten-bell", fixed_types, "in each row by itself"),
    ],
)
def test_wrong_answers_get_the_intended_hint(exercise, answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check(exercise, answer)
