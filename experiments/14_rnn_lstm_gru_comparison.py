"""Chapter 14: recurrent networks compared at equal parameters, steps, seconds and tuning."""

import re
import time
from bisect import bisect_left
from collections import Counter
from functools import cache, partial

import numpy as np

from llmbook.book import experiment
from llmbook.data import adding, load_shakespeare, recall
from llmbook.feedforward.tape import no_grad
from llmbook.lstm_gru.gru import GRU
from llmbook.lstm_gru.lstm import LSTM
from llmbook.lstm_gru.mingru import MinGRU
from llmbook.math_foundations.evaluation import score
from llmbook.math_foundations.ngram import NGram, kneser_ney
from llmbook.math_foundations.softmax import log_softmax
from llmbook.optimization.optimizers import Adam
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import train
from llmbook.rnn.reader import Reader
from llmbook.rnn.rnn import RNN, RNNLanguageModel


class Orthogonal(RNN):
    """An RNN whose W_h begins as an orthogonal matrix, drawn uniformly."""

    def layer(self, d_in, rng, dtype):
        layer = super().layer(d_in, rng, dtype)
        Q, R = np.linalg.qr(layer["W_h"].data)
        layer["W_h"].data[:] = Q * np.sign(np.diag(R))
        return layer


class TwoLayers(MinGRU):
    """Two layers of minGRU: the gates of the second see the past, by the states of the first."""

    def __init__(self, d_in, d_hidden, **how):
        super().__init__(d_in, d_hidden, **how | {"n_layers": 2})


KINDS = {"RNN": RNN, "orthogonal": Orthogonal, "GRU": GRU, "LSTM": LSTM, "minGRU": TwoLayers}
BLANK, MARK = 8, 9  # the symbols to copy are 0 to 7


def sums(n, T, *, rng):
    x, targets = adding(n, T, rng=rng)
    return x, targets[:, None]


def copying(n, T, *, rng, length=5):
    """Draw symbols of 0..7, T blanks, and a mark after which the symbols are to be given again.

    -> token_ids, targets, mask, each (n, T + 2 length + 1).  The mask is True at the last ``length`` steps,
    where blanks are read.  Who only knows what the symbols are has a loss of ln 8.

    Source: Hochreiter and Schmidhuber (1997), in the form of Arjovsky et al. (2016).
    """
    symbols = rng.integers(0, BLANK, (n, length))
    token_ids = np.full((n, T + 2 * length + 1), BLANK)
    token_ids[:, :length] = symbols
    token_ids[:, -length - 1] = MARK
    targets, mask = np.full_like(token_ids, BLANK), np.zeros(token_ids.shape, bool)
    targets[:, -length:], mask[:, -length:] = symbols, True
    return token_ids, targets, mask


DRAWS = {"adding": sums, "recall": recall, "copying": copying}


def build(task, kind, d_hidden, rng=None):
    """Make the model of a task; without rng it is all zeros."""
    if task == "copying":
        return RNNLanguageModel(10, d_model=10, d_hidden=d_hidden, rng=rng, recurrent=KINDS[kind])
    d_in, d_out = {"adding": (2, 1), "recall": (3, 2)}[task]
    return Reader(KINDS[kind](d_in, d_hidden, rng=rng), d_out, rng=rng)


def width(n, make):
    """Find the number of units with which ``make(units)`` has most nearly n parameters."""
    units = bisect_left(range(500), n, lo=2, key=lambda units: make(units).n_params)
    return min(units - 1, units, key=lambda units: abs(make(units).n_params - n))


@cache
def units(task, kind, d_hidden):
    """How many units have as many parameters, the whole model counted, as an LSTM of d_hidden."""
    return width(build(task, "LSTM", d_hidden).n_params, partial(build, task, kind))


def batches(task, batch, T):
    return lambda rng: DRAWS[task](batch, T, rng=rng)


def learn(model, draw, rng, *, steps, lr, **how):
    how |= {"steps": steps, "rng": rng, "max_norm": 1.0, "schedule": warmup_cosine(steps // 20, steps)}
    return train(model, draw, Adam(lr), **how)


def measured(task, model, new):
    """The loss on new sequences, and the share of answers that are right where answers are symbols."""
    x, targets, *mask = new
    with no_grad():
        values = {"loss": float(model.loss(*new))}
        if task == "recall":
            values["right"] = float((model(x).argmax(axis=1) == targets).mean())
        if task == "copying":
            values["right"] = float((model.forward(x).argmax(axis=2) == targets)[mask[0]].mean())
    return values


KEEPS = {"GRU": ("b_x", 1), "LSTM": ("b", 1), "minGRU": ("b", 0)}  # where the gate that keeps has its bias


def learned(task, kind, T, seed, *, d_hidden, batch, n_new, steps, lr, every=None, chrono=False):
    """Train one network; what is measured on the way, {measure: values}.

    With chrono the gates that keep begin at the logarithms of lengths drawn up to T (Tallec and Ollivier,
    2018), without it where the class begins them.
    """
    rng = np.random.default_rng(seed)
    n = units(task, kind, d_hidden)
    model = build(task, kind, n, rng)
    if chrono:
        name, block = KEEPS[kind]
        for layer in model.recurrent.layers:
            layer[name].data[block * n : (block + 1) * n] = np.log(rng.uniform(1, T - 1, n))
    new = DRAWS[task](n_new, T, rng=np.random.default_rng(1000 + seed))
    along = []

    def watch(model):
        along.append(measured(task, model, new))
        return along[-1]["loss"]

    how = {"steps": steps, "lr": lr, "evaluate": watch, "evaluate_every": every or steps}
    learn(model, batches(task, batch, T), rng, **how)
    return {measure: [values[measure] for values in along] for measure in along[0]}


def last(runs):
    """What is measured at the end of each run: {measure: a value a run}."""
    return {measure: [run[measure][-1] for run in runs] for measure in runs[0]}


SIZES = {"d_hidden": 32, "batch": 32}  # of the LSTM
EQUAL = SIZES | {"n_new": 1000}


@experiment(
    "14-cost",
    seeds=[0],
    lengths={"adding": 50, "recall": 40, "copying": 30},
    steps=100,
    repeats=3,
    against=1500,
    **SIZES,
)
def cost(seed, *, lengths, steps, repeats, against, d_hidden, batch):
    """Seconds a step, and how many steps cost as much as so many of the LSTM's: {task: {kind: ...}}."""
    results = {}
    for task, T in lengths.items():
        rng = np.random.default_rng(seed)
        models = {kind: build(task, kind, units(task, kind, d_hidden), rng) for kind in KINDS}
        seconds = dict.fromkeys(KINDS, np.inf)
        for kind in [*KINDS] * repeats:
            start = time.process_time()
            learn(models[kind], batches(task, batch, T), rng, steps=steps, lr=0.001)
            seconds[kind] = min(seconds[kind], (time.process_time() - start) / steps)
        results[task] = {
            kind: {
                "units": model.recurrent.d_hidden,
                "parameters": model.n_params,
                "step seconds": seconds[kind],
                "steps in as many seconds": round(against * seconds["LSTM"] / seconds[kind]),
            }
            for kind, model in models.items()
        }
    return results


TUNE = EQUAL | {"seeds": [101, 102], "lengths": {"adding": 50, "recall": 40, "copying": 20}, "steps": 1500}


@experiment("14-tune", **TUNE, lrs=[0.0003, 0.001, 0.003, 0.01, 0.03, 0.1])
@experiment("14-tune-beyond", **TUNE, lrs=[0.3])
def tune(seed, *, lengths, lrs, **how):
    """The same learning rates for all, on seeds that no result uses: {task: {kind: {measure: by lr}}}."""
    return {
        task: {kind: last([learned(task, kind, T, seed, lr=lr, **how) for lr in lrs]) for kind in KINDS}
        for task, T in lengths.items()
    }


# The rates with the least mean loss in "14-tune".
LRS = {
    "adding": {"RNN": 0.001, "orthogonal": 0.001, "GRU": 0.1, "LSTM": 0.1, "minGRU": 0.1},
    "recall": {"RNN": 0.03, "orthogonal": 0.03, "GRU": 0.1, "LSTM": 0.01, "minGRU": 0.1},
    "copying": {"RNN": 0.003, "orthogonal": 0.01, "GRU": 0.03, "LSTM": 0.03, "minGRU": 0.1},
}
STEPS = dict.fromkeys(KINDS, 1500)
# Those that take as many seconds as 1,500 of the LSTM's, by "14-cost", to tens.
SAME_COST = {
    "adding": {"RNN": 3600, "orthogonal": 3600, "GRU": 1260, "minGRU": 2020},
    "recall": {"RNN": 3530, "orthogonal": 3530, "GRU": 1310, "minGRU": 1850},
    "copying": {"RNN": 2550, "orthogonal": 2550, "GRU": 1250, "minGRU": 1710},
}
ADDING, RECALL, COPYING = ({"task": task, "lrs": LRS[task], **EQUAL} for task in LRS)


@experiment("14-length-adding", seeds=range(1, 7), Ts=[25, 50, 100, 200], steps=STEPS, **ADDING)
@experiment("14-length-recall", seeds=range(1, 7), Ts=[20, 40, 80, 160], steps=STEPS, **RECALL)
@experiment("14-length-copying", seeds=range(1, 7), Ts=[10, 30, 100], steps=STEPS, **COPYING)
@experiment("14-compute-adding", seeds=range(1, 7), Ts=[25, 50, 100], steps=SAME_COST["adding"], **ADDING)
@experiment("14-compute-recall", seeds=range(1, 7), Ts=[20, 40, 80], steps=SAME_COST["recall"], **RECALL)
@experiment("14-compute-copying", seeds=range(1, 7), Ts=[10, 30, 100], steps=SAME_COST["copying"], **COPYING)
def by_length(seed, *, task, Ts, steps, lrs, **how):
    """Success against length, after so many steps of each kind: {kind: {measure: by T}}."""
    return {
        kind: last([learned(task, kind, T, seed, steps=n, lr=lrs[kind], **how) for T in Ts])
        for kind, n in steps.items()
    }


@experiment("14-plateau-adding", seeds=range(1, 4), T=100, steps=4500, every=500, **ADDING)
@experiment("14-plateau-recall", seeds=range(1, 4), T=80, steps=4500, every=500, **RECALL)
@experiment("14-plateau-copying", seeds=range(1, 4), T=30, steps=4500, every=500, **COPYING)
def plateau(seed, *, task, T, lrs, **how):
    """Three times the steps: {kind: {measure: values along training}}."""
    return {kind: learned(task, kind, T, seed, lr=lrs[kind], **how) for kind in KINDS}


@experiment("14-long", seeds=range(1, 4), T=500, steps=300, lrs=LRS["recall"], **EQUAL)
def long(seed, *, lrs, **how):
    """A bit over many steps: {kind: {measure: [as it begins, by chrono]}}."""
    starts = {kind: [False, True] if kind in KEEPS else [False] for kind in KINDS}
    return {
        kind: last([learned("recall", kind, seed=seed, lr=lrs[kind], chrono=c, **how) for c in starts[kind]])
        for kind in KINDS
    }


@cache
def words(n_words, T):
    """The training plays as one text of word ids, and the validation plays in rows of T + 1.

    A word is letters, with an apostrophe inside, or one mark of punctuation; id 0 is every rare one.
    """
    plays = load_shakespeare()
    splits = [
        re.findall(r"[a-z]+(?:'[a-z]+)*|[^a-z\s]", "\n".join(part.values()).lower())
        for part in (plays.train, plays.validation)
    ]
    ids = {word: i for i, (word, _) in enumerate(Counter(splits[0]).most_common(n_words), start=1)}
    text, validation = (np.array([ids.get(word, 0) for word in split]) for split in splits)
    return text, [*validation[: len(validation) // (T + 1) * (T + 1)].reshape(-1, T + 1)]


def by_context(model, rows, lengths):
    """Nats at every twentieth word, each predicted from the last so many words alone: by length."""
    text = np.concatenate(rows)
    at = np.arange(max(lengths), len(text), 20)
    nats = []
    for length in lengths:
        before = text[at[:, None] - np.arange(length, 0, -1)]
        with no_grad():
            y, _ = model.recurrent(model.embedding(before))
            log_p, _ = log_softmax(model.output(y[:, -1]))
        nats.append(-log_p[np.arange(len(at)), text[at]].mean(dtype=float))
    return nats


WORDS = {"n_words": 2000, "T": 32}


@experiment("14-words-counts", seeds=[0], orders=[1, 2, 3], discounts=[0.7, 0.8, 0.9, 0.95], **WORDS)
def counts(seed, *, orders, discounts, **how):
    """Kneser-Ney on the same rows, order 1 the unigrams: validation nats {order: by discount}."""
    text, validation = words(**how)
    results = {}
    for order in orders:
        model = NGram(order, how["n_words"] + 1, kneser_ney(discounts[0])).fit([text])
        results[str(order)] = []
        for discount in discounts:
            model.smoothing = kneser_ney(discount)
            results[str(order)].append(score(model, validation).mean)
    return results


NETWORK = {"d_model": 64, "d_hidden": 128, "batch": 32, "steps": 1200}  # an LSTM of 128 units


def reader_of_words(seed, kind, *, n_words, T, d_model, d_hidden, batch, steps, lr):
    """Train a model on windows of T words from fresh states; the model, and seconds a step.

    Of each kind it has as many parameters as with an LSTM of d_hidden units.
    """
    text, _ = words(n_words, T)

    def model_of(cell, units, rng=None):
        return RNNLanguageModel(n_words + 1, d_model=d_model, d_hidden=units, rng=rng, recurrent=cell)

    rng = np.random.default_rng(seed)
    units = width(model_of(LSTM, d_hidden).n_params, partial(model_of, KINDS[kind]))
    model = model_of(KINDS[kind], units, rng)

    def draw(rng):
        windows = text[rng.integers(len(text) - T, size=(batch, 1)) + np.arange(T + 1)]
        return windows[:, :-1], windows[:, 1:]

    start = time.process_time()
    learn(model, draw, rng, steps=steps, lr=lr)
    return model, (time.process_time() - start) / steps


@experiment("14-words-tune", seeds=[101], lrs=[0.003, 0.01, 0.03, 0.1], **WORDS, **NETWORK)
def tune_on_words(seed, *, lrs, **how):
    """The same learning rates for all: validation nats {kind: by lr}."""
    _, validation = words(how["n_words"], how["T"])
    return {
        kind: [score(reader_of_words(seed, kind, lr=lr, **how)[0], validation).mean for lr in lrs]
        for kind in KINDS
    }


# The best rate in "14-words-tune".
WORD_LRS = {"RNN": 0.01, "orthogonal": 0.01, "GRU": 0.01, "LSTM": 0.03, "minGRU": 0.01}


@experiment("14-words", seeds=range(1, 4), contexts=[1, 2, 5, 10, 20], lrs=WORD_LRS, **WORDS, **NETWORK)
def on_words(seed, *, contexts, lrs, **how):
    """Words of Shakespeare: {kind: nats, cost, by length of context}, and how far behind the LSTM."""
    _, validation = words(how["n_words"], how["T"])
    results, scores = {}, {}
    for kind in KINDS:
        model, seconds = reader_of_words(seed, kind, lr=lrs[kind], **how)
        scores[kind] = score(model, validation)
        results[kind] = {
            "nats": scores[kind].mean,
            "units": model.recurrent.d_hidden,
            "parameters": model.n_params,
            "step seconds": seconds,
            "by context": by_context(model, validation, contexts),
        }
    behind = {kind: s.minus(scores["LSTM"]) for kind, s in scores.items()}
    return results | {"behind the LSTM": behind}
