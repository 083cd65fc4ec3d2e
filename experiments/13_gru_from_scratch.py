"""Chapter 13: two definitions of the GRU, its gates held, and the update bias as a time constant."""

from functools import cache, partial

import numpy as np

from llmbook.book import experiment
from llmbook.data import adding, load_names, padded, recall
from llmbook.feedforward.tape import no_grad
from llmbook.lstm_gru.gru import GRU
from llmbook.lstm_gru.lstm import LSTM
from llmbook.math_foundations.evaluation import score
from llmbook.optimization.optimizers import Adam
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import train
from llmbook.rnn.reader import Reader
from llmbook.rnn.rnn import RNNLanguageModel


class Biased(GRU):
    """A GRU whose update gates begin with a bias, so that they keep."""

    def __init__(self, d_in, d_hidden, *, update_bias, **how):
        super().__init__(d_in, d_hidden, **how)
        for layer in self.layers:
            layer["b_x"].data[d_hidden : 2 * d_hidden] = update_bias


class Held(GRU):
    """A GRU whose gates named, r or z, are sigmoid(bias), whatever is read, before and after training."""

    def __init__(self, d_in, d_hidden, *, biases, **how):
        super().__init__(d_in, d_hidden, **how)
        learned, fixed = np.ones((3, d_hidden), np.float32), np.zeros((3, d_hidden), np.float32)
        for gate, bias in biases.items():
            learned["rz".index(gate)] = 0
            fixed["rz".index(gate)] = bias
        learned, fixed, rule = learned.ravel(), fixed.ravel(), self.rule

        def held(x, h, W_x, W_h, b_x, b_h, *, mask=None):
            b_x, b_h = b_x * learned + fixed, b_h * learned
            return rule(x, h, W_x * learned, W_h * learned, b_x, b_h, mask=mask)

        self.rule = held


CELLS = {
    "reset after": GRU,
    "reset before": partial(GRU, reset_after=False),
    "update bias 1": partial(Biased, update_bias=1.0),
    "update bias 3": partial(Biased, update_bias=3.0),
    "no reset": partial(Held, biases={"r": 40.0}),  # in float32, sigmoid(40) is 1
    "no update": partial(Held, biases={"z": -40.0}),  # and sigmoid(-40) is nearly 0
    "update 1/2": partial(Held, biases={"z": 0.0}),
    "no update, no reset": partial(Held, biases={"z": -40.0, "r": 40.0}),  # a plain network
    "update 1/2, no reset": partial(Held, biases={"z": 0.0, "r": 40.0}),
}
ONE, BOTH = [*CELLS][:-2], [*CELLS][-2:]
RECALL = {"seeds": range(1, 7), "Ts": [20, 40, 80], "d_hidden": 32, "steps": 1000, "batch": 64, "lr": 0.003}


def learn(model, draw, rng, *, steps, lr, **how):
    how |= {"steps": steps, "rng": rng, "max_norm": 1.0, "schedule": warmup_cosine(steps // 20, steps)}
    return train(model, draw, Adam(lr), **how)


@experiment("13-recall", **RECALL, kinds=ONE)
@experiment("13-recall-both", **RECALL, kinds=BOTH)
def kept(seed, *, Ts, kinds, d_hidden, steps, batch, lr):
    """Recall a bit after noise, as in chapters 10 and 12: {kind: share right by T}."""
    results = {}
    for kind in kinds:
        for T in Ts:
            rng = np.random.default_rng(seed)
            model = Reader(CELLS[kind](3, d_hidden, rng=rng), 2, rng=rng)
            learn(model, lambda rng, T=T: recall(batch, T, rng=rng), rng, steps=steps, lr=lr)
            x, bits = recall(2000, T, rng=rng)
            with no_grad():
                right = float((model(x).argmax(axis=1) == bits).mean())
            results.setdefault(kind, []).append(right)
    return results


@experiment(
    "13-adding",
    seeds=range(1, 7),
    T=50,
    kinds=ONE,
    d_hidden=32,
    steps=1500,
    batch=32,
    lr=0.005,
    every=50,
)
def added(seed, *, T, kinds, d_hidden, steps, batch, lr, every):
    """The adding problem, as in chapter 12: {kind: squared error along training}."""
    new_x, new_sums = adding(2000, T, rng=np.random.default_rng(1000 + seed))

    def draw(rng):
        x, sums = adding(batch, T, rng=rng)
        return x, sums[:, None]

    def squared_error(model):
        with no_grad():
            return float(((model(new_x)[:, 0] - new_sums) ** 2).mean())

    results = {}
    for kind in kinds:
        rng = np.random.default_rng(seed)
        model = Reader(CELLS[kind](2, d_hidden, rng=rng), 1, rng=rng)
        how = {"steps": steps, "lr": lr, "evaluate": squared_error, "evaluate_every": every}
        results[kind] = learn(model, draw, rng, **how)["value"]
        results[f"{kind}, last"] = results[kind][-1]
    return results


@cache
def surnames():
    names = load_names()
    return names.encode(names.train), names.encode(names.validation)


NAMES = {
    "reset after": GRU,
    "reset before": CELLS["reset before"],
    "no reset": CELLS["no reset"],
    "no update": CELLS["no update"],
    "LSTM": LSTM,
}


@experiment("13-names", seeds=range(1, 4), d_hidden=128, steps=1500, batch=128, lr=0.004)
def on_names(seed, *, d_hidden, steps, batch, lr):
    """Surnames: validation nats {kind: nats}, and how far behind the first: [difference, paired error]."""
    training, validation = surnames()
    scores = {}
    for kind, cell in NAMES.items():
        rng = np.random.default_rng(seed)
        model = RNNLanguageModel(27, d_model=32, d_hidden=d_hidden, rng=rng, recurrent=cell)

        def draw(rng):
            return padded([training[i] for i in rng.integers(len(training), size=batch)])

        learn(model, draw, rng, steps=steps, lr=lr)
        scores[kind] = score(model, validation)
    first = scores["reset after"]
    return {
        "nats": {kind: s.mean for kind, s in scores.items()},
        "behind": {kind: s.minus(first) for kind, s in scores.items() if s is not first},
    }
