"""Chapter 11, deep dive: a recurrent language model of Shakespeare's plays, beside Kneser-Ney."""

import time
from functools import cache

import numpy as np

from llmbook.book import experiment
from llmbook.data import load_shakespeare
from llmbook.feedforward import ops
from llmbook.feedforward.language_model import generate
from llmbook.math_foundations.evaluation import evaluate, score
from llmbook.math_foundations.ngram import NGram, kneser_ney
from llmbook.math_foundations.softmax import log_softmax, softmax
from llmbook.optimization.optimizers import Adam
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import train
from llmbook.rnn.rnn import RNNLanguageModel


@cache
def plays():
    """The training plays as one text of ids, the validation and the test plays, the vocabulary."""
    plays = load_shakespeare()
    encode = plays.vocabulary.encode
    held_out = [[encode(play) for play in part.values()] for part in (plays.validation, plays.test)]
    return encode("\n".join(plays.train.values())), *held_out, plays.vocabulary


def rows(plays, length):
    """Cut plays into rows of so many symbols, each predicted but the first; what is left over is lost."""
    return [row for play in plays for row in play[: len(play) // length * length].reshape(-1, length)]


@experiment(
    "11-shakespeare-counts", seeds=[0], orders=[2, 3, 4, 5, 6, 7, 8, 9], discounts=[0.7, 0.8, 0.9, 0.95]
)
def counts(seed, *, orders, discounts):
    """Kneser-Ney, its discount chosen on 20,000 symbols of a validation play: {what: a value an order}."""
    text, validation, test, vocabulary = plays()
    results = {}
    for order in orders:
        models = [NGram(order, len(vocabulary), kneser_ney(d)) for d in discounts]
        start = time.process_time()
        models[0].fit([text])
        seconds = time.process_time() - start
        for model in models[1:]:
            model.tables = models[0].tables
        nats = [evaluate(model, [validation[0][:20_000]]) for model in models]
        best = models[int(np.argmin(nats))]
        row = {
            "discount": discounts[int(np.argmin(nats))],
            "validation": evaluate(best, validation),
            "validation, rows of 200": evaluate(best, rows(validation, 200)),
            "test": evaluate(best, test),
            "test, rows of 200": evaluate(best, rows(test, 200)),
            "by context": by_context(best, validation, [order - 1])[0],
            "training": evaluate(best, [text[:200_000]]),
            "counts": best.n_params,
            "seconds": seconds,
        }
        for name, value in row.items():
            results.setdefault(name, []).append(value)
    return results


class Streaming(RNNLanguageModel):
    """A language model that is trained on windows, each of which goes on where the last one ended."""

    def __init__(self, *args, **how):
        super().__init__(*args, **how)
        self.cache = {}

    def loss(self, token_ids, targets, mask=None, *, rng=None):
        return ops.cross_entropy(self.forward(token_ids, cache=self.cache), targets)


def following(text, rng, batch, T):
    """Draw the windows of a batch of readers, who begin anywhere and go on."""
    at = rng.integers(len(text), size=batch)[:, None]

    def draw(rng):
        ids = text[(at + np.arange(T + 1)) % len(text)]
        at[:] += T
        return ids[:, :-1], ids[:, 1:]

    return draw


def by_context(model, plays, lengths, n=10_000):
    """Nats at n positions of a play, each predicted from the last so many symbols alone."""
    play = plays[0]
    at = np.random.default_rng(0).integers(200, len(play), n)
    nats = []
    for length in lengths:
        before = play[at[:, None] - np.arange(length, 0, -1)]
        logits = np.concatenate([model.logits(part)[:, -1] for part in np.array_split(before, 20)])
        log_p, _ = log_softmax(logits)
        nats.append(-log_p[np.arange(n), play[at]].mean(dtype=float))
    return nats


def sampled(model, rng, n=200):
    """Write n symbols after a blank line."""
    vocabulary = plays()[-1]

    def choose(logits):
        return rng.choice(len(logits), p=softmax(logits.astype(float))[0])

    ids = generate(model, vocabulary.encode("\n\n"), n_tokens=n, choose=choose)
    return vocabulary.decode(list(ids))


def trained(seed, *, d_model, d_hidden, batch, T, steps, lr, **how):
    """Train on the plays; the model and the history."""
    text, *_, vocabulary = plays()
    rng = np.random.default_rng(seed)
    model = Streaming(len(vocabulary), d_model=d_model, d_hidden=d_hidden, rng=rng)
    how |= {"steps": steps, "rng": rng, "max_norm": 1.0, "schedule": warmup_cosine(steps // 20, steps)}
    return model, train(model, following(text, rng, batch, T), Adam(lr), **how)


SIZES = {"d_model": 64, "d_hidden": 256, "batch": 32, "T": 64}


@experiment("11-shakespeare-rate", seeds=[101], **SIZES, steps=1500, lrs=[0.002, 0.004, 0.008, 0.016])
def rates(seed, *, lrs, **how):
    """Validation nats by learning rate, in rows of 200 from fresh states."""
    models = [trained(seed, lr=lr, **how)[0] for lr in lrs]
    return {"validation": [evaluate(model, rows(plays()[1], 200)) for model in models]}


@experiment(
    "11-shakespeare",
    seeds=range(1, 4),
    **SIZES,
    steps=12_000,
    lr=0.003,
    every=1500,
    contexts=[1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 50, 100, 200],
)
def recurrent(seed, *, every, contexts, **how):
    """An RNN on the plays: nats and samples along the way, how far back it reads, and its seconds.

    Held-out plays are read from end to end with the state carried on, and in rows of 200 from fresh states.
    """
    text, validation, test, _ = plays()
    samples = []

    def watch(model):
        samples.append(sampled(model, np.random.default_rng(seed)))
        return evaluate(model, rows(validation, 200)[:100])

    start = time.process_time()
    model, history = trained(seed, evaluate=watch, evaluate_every=every, **how)
    seconds = time.process_time() - start
    once = score(model, rows(test, 200))
    return {
        "along": history["value"],
        "samples": samples,
        "validation": evaluate(model, validation),
        "validation, rows of 200": evaluate(model, rows(validation, 200)),
        "test": evaluate(model, test),
        "test, rows of 200": once.mean,
        "standard error": once.standard_error,
        "training": evaluate(model, [text[:200_000]]),
        "by context": by_context(model, validation, contexts),
        "seconds": seconds,
    }
