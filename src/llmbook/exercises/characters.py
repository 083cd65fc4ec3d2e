"""The checks of the exercises on language models of characters."""

import numpy as np

from llmbook.exercises.answers import WrongAnswer, check_with, demand
from llmbook.math_foundations.softmax import softmax


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on language models of characters.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _rulers(rulers) -> None:
    """rulers(nats, symbols) -> nats and bits a symbol, and the perplexity.

    nats (N,) is what each name cost, symbols (N,) how many it has.
    """
    rng = np.random.default_rng(0)
    for n in (3, 1, 8):
        symbols = rng.integers(1, 12, n)
        nats = symbols * rng.uniform(0.5, 4, n)
        given = nats.copy(), symbols.copy()
        got = np.asarray(rulers(*given), float)
        demand(
            np.array_equal(nats, given[0])
            and np.array_equal(symbols, given[1]),
            "one of the arrays that your function was given has changed",
        )
        demand(
            got.shape == (3,),
            "three numbers are wanted: nats, bits and perplexity; "
            f"got shape {got.shape}",
        )
        mean, by_name = nats.sum() / symbols.sum(), nats / symbols
        if n > 1 and np.isclose(got[0], by_name.mean(), 1e-4):
            raise WrongAnswer(
                "a mean of means: a short name counts as much as a long one; "
                "divide all nats by all symbols"
            )
        demand(
            np.isclose(got[0], mean, 1e-4),
            f"{nats.round(3)} nats for {symbols} symbols are {mean:.4f} nats "
            f"a symbol; got {got[0]:.4f}",
        )
        demand(
            np.isclose(got[1], mean / np.log(2), 1e-4),
            f"{mean:.4f} nats are {mean / np.log(2):.4f} bits, of ln 2 nats "
            f"each; got {got[1]:.4f}",
        )
        if n > 1 and np.isclose(got[2], np.exp(by_name).mean(), 1e-4):
            raise WrongAnswer(
                "a mean of perplexities: take e to the power of the mean"
            )
        demand(
            np.isclose(got[2], np.exp(mean), 1e-4),
            f"{mean:.4f} nats have the perplexity {np.exp(mean):.4f}, e to "
            f"their power; got {got[2]:.4f}",
        )


def _choose(choose) -> None:
    """choose(logits, rng, temperature) -> ids (B,), one for each row (B, V)."""
    rng = np.random.default_rng(1)
    n = 20_000
    for V, temperature, offset in ((4, 1.0, 0), (3, 0.5, 0), (5, 2.0, 3000)):
        z = rng.standard_normal(V) * 1.5 + offset
        logits = np.tile(z, (n, 1))
        given = logits.copy()
        ids = np.asarray(choose(given, rng, temperature))
        demand(
            np.array_equal(given, logits),
            "the logits that your function was given have changed",
        )
        demand(
            ids.shape == (n,) and ids.dtype.kind in "iu",
            f"logits {logits.shape} need {n} whole numbers, one for each row; "
            f"got shape {ids.shape} of {ids.dtype}",
        )
        demand(
            0 <= ids.min() and ids.max() < V,
            f"ids are from 0 to {V - 1}; got {ids.min()} to {ids.max()}",
        )
        shares = np.bincount(ids, minlength=V) / n
        right, _ = softmax(z / temperature)
        if np.allclose(shares, right, atol=0.02):
            continue
        wrong = {
            "the temperature is not used": softmax(z)[0],
            "divide the logits by the temperature, do not multiply": (
                softmax(z * temperature)[0]
            ),
            "every row got the same symbol: draw one for each, and see that "
            "no exponential overflows": np.eye(V)[ids[0]],
        }
        for hint, shares_of_it in wrong.items():
            if np.allclose(shares, shares_of_it, atol=0.02):
                raise WrongAnswer(hint)
        raise WrongAnswer(
            f"at temperature {temperature} the shares of logits "
            f"{(z - z.max()).round(2)} are {right.round(3)}; of {n} draws, "
            f"yours were {shares.round(3)}"
        )


CHECKS = {"rulers": _rulers, "choose": _choose}
