"""Strings backwards and sorted."""

import math

import numpy as np
import pytest

from llmbook.data import reversal, sorting


def everything(data):
    return data.train + data.validation + data.test


@pytest.mark.parametrize(
    ("task", "change"), [(reversal, lambda s: s[::-1]), (sorting, lambda s: "".join(sorted(s)))]
)
def test_the_target_is_right_at_every_length(task, change, rng):
    data = task(1_003, 9, rng=rng, shortest=4)
    assert [len(data.train), len(data.validation), len(data.test)] == [803, 100, 100]
    assert all(target == change(source) for source, target in everything(data))
    assert {len(source) for source, _ in data.test} == set(range(4, 10))
    assert {len(source) for source, _ in everything(task(20, 9, rng=rng))} == {9}


def test_symbols_are_sorted_in_their_own_order(rng):
    data = sorting(30, 9, rng=rng, symbols="zyx")
    assert data.source_vocabulary.tokens[3:] == data.target_vocabulary.tokens[3:] == ["z", "y", "x"]
    for source, target in everything(data):
        assert target == "".join(symbol * source.count(symbol) for symbol in "zyx")


def test_every_symbol_is_as_frequent(rng):
    text = "".join(source for source, _ in everything(reversal(2_000, 10, rng=rng)))
    symbols, counts = np.unique(list(text), return_counts=True)
    mean = 20_000 / 26
    assert len(symbols) == 26 and abs(counts - mean).max() < 4 * math.sqrt(mean)


@pytest.mark.parametrize("task", [reversal, sorting])
@pytest.mark.parametrize(
    ("n", "length", "options", "message"),
    [
        (9, 5, {}, "n is 9; it must be at least 10"),
        (10, 0, {}, "strings have 0 to 0 symbols; they must have 1 at least"),
        (10, 5, {"shortest": 0}, "strings have 0 to 5 symbols"),
        (10, 5, {"shortest": 6}, "strings have 6 to 5 symbols"),
        (10, 5, {"symbols": ""}, "symbols are ''; there must be one at least"),
        (10, 5, {"symbols": "aba"}, "distinct, got 'a' twice"),
        (40, 1, {}, "n is 40; 400 draws of 1 to 1 of 26 symbols gave only 26 different targets"),
    ],
)
def test_mistakes_are_named(task, n, length, options, message, rng):
    with pytest.raises(ValueError, match=message):
        task(n, length, rng=rng, **options)
