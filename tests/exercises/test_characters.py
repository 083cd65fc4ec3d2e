"""Right answers written differently pass; planted wrong ones fail with the intended hint."""

import math

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.characters import check
from llmbook.math_foundations.softmax import softmax


def of_mean(mean):
    return mean, mean / np.log(2), np.exp(mean)


def by_loops(nats, symbols):
    total = sum(float(n) for n in nats) / sum(int(s) for s in symbols)
    bits = total * math.log2(math.e)
    return [total, bits, 2**bits]


def in_float32(nats, symbols):
    mean = (nats.astype(np.float32) / symbols.sum()).sum()
    return np.array(of_mean(mean), np.float32)


def adds_up(nats, symbols):
    nats /= symbols
    return of_mean((nats * symbols).sum() / symbols.sum())


def per_symbol(nats, symbols):
    return nats.sum() / symbols.sum()


@pytest.mark.parametrize("answer", [lambda n, s: of_mean(per_symbol(n, s)), by_loops, in_float32])
def test_right_rulers_pass(answer):
    check("rulers", answer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda n, s: of_mean((n / s).mean()), "a mean of means"),
        (lambda n, s: of_mean(n.mean()), "nats a symbol"),
        (lambda n, s: (per_symbol(n, s), per_symbol(n, s) * np.log(2), 1), "of ln 2 nats each"),
        (lambda n, s: (*of_mean(per_symbol(n, s))[:2], np.exp(n / s).mean()), "a mean of perplexities"),
        (lambda n, s: (*of_mean(per_symbol(n, s))[:2], 2 ** per_symbol(n, s)), "e to their power"),
        (lambda n, s: per_symbol(n, s), "three numbers are wanted"),
        (adds_up, "has changed"),
        (lambda n, s: n.missing, "stopped with AttributeError"),
    ],
)
def test_wrong_rulers_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("rulers", answer)


def cumulated(logits, rng, temperature):
    p, _ = softmax(logits / temperature)
    return (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1).clip(max=p.shape[1] - 1)


def gumbel(logits, rng, temperature):
    return (logits / temperature + rng.gumbel(size=logits.shape)).argmax(axis=1)


def row_by_row(logits, rng, temperature):
    rows = softmax(logits.astype(np.float32) / temperature)[0].astype(float)
    return [int(rng.choice(len(p), p=p / p.sum())) for p in rows]


@pytest.mark.parametrize("answer", [cumulated, gumbel, row_by_row])
def test_right_draws_pass(answer):
    check("choose", answer)


def writes(logits, rng, temperature):
    logits /= temperature
    return gumbel(logits, rng, 1)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda z, rng, t: z.argmax(axis=1), "every row got the same symbol"),
        (lambda z, rng, t: gumbel(z, rng, 1), "the temperature is not used"),
        (lambda z, rng, t: gumbel(z, rng, 1 / t), "do not multiply"),
        (lambda z, rng, t: np.full(len(z), gumbel(z[:1], rng, t)[0]), "every row got the same symbol"),
        (lambda z, rng, t: rng.integers(z.shape[1], size=len(z)), "the shares of logits"),
        (lambda z, rng, t: gumbel(z, rng, t)[:-1], "one for each row"),
        (lambda z, rng, t: gumbel(z, rng, t) * 1.0, "whole numbers"),
        (lambda z, rng, t: gumbel(z, rng, t) + 1, "ids are from 0 to 3"),
        (lambda z, rng, t: rng.choice(4, p=np.exp(z) / np.exp(z).sum()), "stopped with ValueError"),
        (writes, "have changed"),
    ],
)
def test_wrong_draws_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("choose", answer)


def test_an_answer_that_overflows_is_found():
    def naive(z, rng, t):
        with np.errstate(all="ignore"):
            p = np.exp(z / t)
            p /= p.sum(axis=1, keepdims=True)
        return (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1).clip(max=z.shape[1] - 1)

    with pytest.raises(WrongAnswer, match="no exponential overflows"):
        check("choose", naive)


def test_an_exercise_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="'samples'"):
        check("samples", gumbel)
