"""Chapter 14: recurrent networks of as many parameters on the surnames, each at its own learning rate."""

import time
from functools import cache

import numpy as np

from llmbook.book import experiment
from llmbook.data import load_names, padded
from llmbook.lstm_gru.gru import GRU
from llmbook.lstm_gru.lstm import LSTM
from llmbook.lstm_gru.mingru import MinGRU
from llmbook.math_foundations.evaluation import evaluate, score
from llmbook.math_foundations.ngram import NGram, kneser_ney
from llmbook.optimization.optimizers import Adam
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import train
from llmbook.rnn.rnn import RNN, RNNLanguageModel

CELLS = {"RNN": RNN, "GRU": GRU, "LSTM": LSTM, "minGRU": MinGRU}
UNITS = {"RNN": 128, "GRU": 70, "LSTM": 60, "minGRU": 88}  # about 25,000 parameters each


@cache
def surnames():
    """The training, the validation and the test names as ids."""
    names = load_names()
    return [names.encode(part) for part in (names.train, names.validation, names.test)]


def draw(rng):
    names, *_ = surnames()
    return padded([names[i] for i in rng.integers(len(names), size=128)])


def learned(seed, kind, *, steps, lr):
    """Train a network on batches of 128 names; the model, and seconds a step."""
    rng = np.random.default_rng(seed)
    sizes = {"d_model": 32, "d_hidden": UNITS[kind], "n_layers": 2 if kind == "minGRU" else 1}
    model = RNNLanguageModel(27, **sizes, rng=rng, recurrent=CELLS[kind])
    how = {"steps": steps, "rng": rng, "max_norm": 1.0, "schedule": warmup_cosine(steps // 20, steps)}
    start = time.process_time()
    train(model, draw, Adam(lr), **how)
    return model, (time.process_time() - start) / steps


@experiment("14-names-tune", seeds=[101], units=UNITS, steps=3000, lrs=[0.002, 0.004, 0.008, 0.016, 0.032])
def tune(seed, *, units, steps, lrs):
    """The same learning rates for all: validation nats {kind: by lr}."""
    _, validation, _ = surnames()
    return {
        kind: [evaluate(learned(seed, kind, steps=steps, lr=lr)[0], validation) for lr in lrs]
        for kind in units
    }


# The best rates in "14-names-tune"; steps that take as many seconds as the RNN's 3,000, by "step seconds".
LRS = {"RNN": 0.008, "GRU": 0.008, "LSTM": 0.016, "minGRU": 0.016}
SAME_COST = {"RNN": 3000, "GRU": 2200, "LSTM": 2300, "minGRU": 2100}


@experiment("14-names", seeds=range(1, 4), units=UNITS, steps=3000, same_cost=SAME_COST, lrs=LRS)
def compared(seed, *, units, steps, same_cost, lrs):
    """Nats after as many steps, and as many seconds, as the RNN: {kind: {what: [steps, seconds]}}.

    The leads are on the test names: of the RNN, and of Kneser-Ney of order 7.
    """
    names, validation, test = surnames()
    counts = score(NGram(7, 27, kneser_ney(0.95)).fit(names), test)
    results, plain = {}, None
    for kind in units:
        ends = []
        for n in (steps, same_cost[kind]):
            model, seconds = learned(seed, kind, steps=n, lr=lrs[kind])
            once = score(model, test)
            plain = plain or once
            ends.append(
                {
                    "validation": evaluate(model, validation),
                    "test": once.mean,
                    "behind the RNN": once.minus(plain),
                    "behind Kneser-Ney": once.minus(counts),
                    "step seconds": seconds,
                }
            )
        results[kind] = {key: [end[key] for end in ends] for key in ends[0]}
        results[kind]["parameters"] = model.n_params
    return results
