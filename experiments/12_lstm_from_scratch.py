"""Chapter 12: what an LSTM keeps by its forget bias, the adding problem, brackets, and gates replaced."""

from functools import partial

import numpy as np

from llmbook.book import experiment
from llmbook.data.toys import adding, brackets, recall
from llmbook.feedforward import ops
from llmbook.feedforward.tape import Tensor, no_grad
from llmbook.lstm_gru.gates import lstm_gates, replay
from llmbook.lstm_gru.lstm import LSTM, lstm
from llmbook.math_foundations.softmax import cross_entropy
from llmbook.optimization.optimizers import Adam
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import train
from llmbook.rnn.reader import Reader
from llmbook.rnn.rnn import RNN, RNNLanguageModel, rnn


class Frozen(LSTM):
    """An LSTM whose forget gates are sigmoid(forget_bias), whatever is read, before and after training."""

    def __init__(self, d_in, d_hidden, *, forget_bias, **how):
        super().__init__(d_in, d_hidden, **how)
        learned, rule = np.repeat(np.array([1, 0, 1, 1], np.float32), d_hidden), self.rule
        fixed = np.float32(forget_bias) * (1 - learned)

        def frozen(x, h, c, W_x, W_h, b, *, mask=None):
            return rule(x, h, c, W_x * learned, W_h * learned, b * learned + fixed, mask=mask)

        self.rule = frozen


CELLS = {
    "LSTM": LSTM,
    "forget bias 0": partial(LSTM, forget_bias=0.0),
    "forget bias 3": partial(LSTM, forget_bias=3.0),
    "forget gate 1": partial(Frozen, forget_bias=40.0),  # in float32, sigmoid(40) is 1
    "forget gate 1/2": partial(Frozen, forget_bias=0.0),
    "RNN": RNN,
}


def learn(model, draw, rng, *, steps, lr, **how):
    how |= {"steps": steps, "rng": rng, "max_norm": 1.0, "schedule": warmup_cosine(steps // 20, steps)}
    return train(model, draw, Adam(lr), **how)


def arriving(model, x):
    """Mean ln of how long the gradient of the answer by c_1 is, and of the forget gates' product alone."""
    layer = [p.data.astype(float) for p in model.recurrent.layers[0].values()]  # float32 would underflow
    x, zeros = x.astype(float), np.zeros((len(x), model.recurrent.d_hidden))
    (_, h, c), _ = lstm(x[:, :1], zeros, zeros, *layer)
    (y, *_), pullback = lstm(x[:, 1:], h, c, *layer)
    by_answer = np.tile(model.output.W.data @ [-1.0, 1.0], (len(x), 1))
    by_c = pullback(None, by_answer, None)[2]
    _, f, _, _ = lstm_gates(x[:, 1:], h, y, *layer)
    lengths = np.linalg.norm(by_c, axis=1) / np.linalg.norm(by_answer, axis=1)
    return [float(np.log(lengths).mean()), float(np.log(f).mean() * f.shape[1])]


def recalled(cell, T, seed, *, d_hidden, steps, batch, lr):
    """Train a network to recall a bit; how often it is right on new sequences."""
    rng = np.random.default_rng(seed)
    model = Reader(cell(3, d_hidden, rng=rng), 2, rng=rng)
    learn(model, lambda rng: recall(batch, T, rng=rng), rng, steps=steps, lr=lr)
    x, bits = recall(2000, T, rng=rng)
    with no_grad():
        return float((model(x).argmax(axis=1) == bits).mean())


RECALL = {"d_hidden": 32, "steps": 1000, "batch": 64, "lr": 0.003}  # as in chapter 10


@experiment(
    "12-recall",
    seeds=range(1, 7),
    Ts=[20, 40, 80],
    kinds=["LSTM", "forget bias 0", "forget bias 3", "forget gate 1", "forget gate 1/2"],
    wide=65,
    **RECALL,
)
def cells(seed, *, Ts, kinds, wide, d_hidden, **how):
    """Recall a bit after noise: {kind: share right by T}; the wide RNN has as many parameters as the LSTM."""
    widths = dict.fromkeys(kinds, d_hidden) | {"RNN": wide}
    return {
        kind: [recalled(CELLS[kind], T, seed, d_hidden=width, **how) for T in Ts]
        for kind, width in widths.items()
    }


@experiment(
    "12-recall-rate",
    seeds=range(201, 207),
    Ts=[40, 80],
    lrs=[0.003, 0.01, 0.03],
    d_hidden=32,
    steps=1000,
    batch=64,
)
def by_rate(seed, *, Ts, lrs, **how):
    """Is it the forget bias, or the rate?  {kind: share right, by T and learning rate}."""
    kinds = {kind: CELLS[kind] for kind in ("RNN", "forget bias 0", "forget bias 3")}
    kinds["forget bias 1"] = LSTM
    return {
        kind: [[recalled(cell, T, seed, lr=lr, **how) for lr in lrs] for T in Ts]
        for kind, cell in kinds.items()
    }


@experiment("12-keep", seeds=range(1, 7), Ts=[30, 60, 120], biases=[0.0, 1.0, 2.0, 3.0, 4.0], **RECALL)
def biases(seed, *, Ts, biases, **how):
    """Recall a bit after noise, {forget bias: by T}: the share right, and what arrives before training."""
    results = {}
    for bias in biases:
        cell = partial(LSTM, forget_bias=bias)
        rng = np.random.default_rng(seed)
        untrained = Reader(cell(3, how["d_hidden"], rng=rng), 2, rng=rng)
        results[str(bias)] = {
            "right": [recalled(cell, T, seed, **how) for T in Ts],
            "arrives, gates": [arriving(untrained, recall(200, T, rng=rng)[0]) for T in Ts],
        }
    return results


@experiment(
    "12-reach",
    seeds=range(1, 7),
    d_hidden=64,
    d_in=16,
    batch=32,
    settle=60,
    lags=list(range(0, 61, 5)),
    biases=[0.0, 1.0, 3.0],
)
def reach(seed, *, d_hidden, d_in, batch, settle, lags, biases):
    """Mean ln of a gradient's length against its lag, before training, at inputs of size 1.

    For each forget bias the gradient by c, and what of it goes through the forget gates alone; for a tanh
    network the gradient by h.
    """
    results, T = {}, settle + max(lags)
    for kind in [*biases, "RNN"]:
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((batch, T, d_in))
        g, zeros = rng.standard_normal((batch, d_hidden)), np.zeros((batch, d_hidden))
        how = {"rng": rng, "dtype": np.float64}
        lstm_like = kind != "RNN"
        made = LSTM(d_in, d_hidden, forget_bias=kind, **how) if lstm_like else RNN(d_in, d_hidden, **how)
        rule, starts = (lstm, [zeros, zeros]) if lstm_like else (rnn, [zeros])
        params = [p.data for p in made.layers[0].values()]
        lengths, by_gates = [], []
        for lag in lags:
            (_, *state), _ = rule(x[:, : T - lag], *starts, *params)
            back = direct = g
            if lag:
                (y, *_), pullback = rule(x[:, T - lag :], *state, *params)
                given = [None] * len(state) + [g]  # by y, by h where there is a c, and by the last state
                back = pullback(*given)[len(state)]
                if lstm_like:
                    _, f, _, _ = lstm_gates(x[:, T - lag :], state[0], y, *params)
                    direct = g * f.prod(axis=1)
            lengths.append(np.log(np.linalg.norm(back, axis=1)).mean())
            by_gates.append(np.log(np.linalg.norm(direct, axis=1)).mean())
        results[str(kind)] = {"log norm": np.subtract(lengths, lengths[0]).round(4)}
        if lstm_like:
            results[str(kind)]["through the gates alone"] = np.subtract(by_gates, by_gates[0]).round(4)
    return results


def sums(rng, batch, T):
    x, targets = adding(batch, T, rng=rng)
    return x, targets[:, None]


def squared_error(model, x, targets):
    with no_grad():
        return float(((model(x) - targets) ** 2).mean())


def added(cell, T, seed, *, d_hidden, batch, every=None, **how):
    """Train a network on the adding problem; the model, new sequences, and the error on them on the way."""
    rng = np.random.default_rng(seed)
    model = Reader(cell(2, d_hidden, rng=rng), 1, rng=rng)
    new = sums(np.random.default_rng(1000 + seed), 2000, T)
    watch = partial(squared_error, x=new[0], targets=new[1])
    draw = partial(sums, batch=batch, T=T)
    history = learn(model, draw, rng, evaluate=watch, evaluate_every=every or how["steps"], **how)
    return model, new, history["value"]


def gates_of(model, x):
    """The gates of a one-layer model at x (B, T, D), and the state that it begins with."""
    layer = [p.data for p in model.recurrent.layers[0].values()]
    h0 = np.zeros((len(x), model.recurrent.d_hidden), x.dtype)
    with no_grad():
        y, _ = model.recurrent(x)
    gates = lstm_gates(x, h0, y, *layer)
    assert np.allclose(replay(*gates, h0)[0], y, atol=1e-4)
    return gates, h0


def replaced(gates, rng):
    """Each kind of gate in turn taken from another sequence, and by its mean: (name, gates)."""
    yield "as they are", gates
    others = rng.permutation(len(gates[0]))
    for k, name in enumerate("ifgo"):
        gate = gates[k]
        for how, other in (
            ("other", gate[others]),
            ("mean", np.broadcast_to(gate.mean(axis=(0, 1)), gate.shape)),
        ):
            yield f"{name}, {how}", [*gates[:k], other, *gates[k + 1 :]]


ADDING = {"T": 50, "d_hidden": 32, "batch": 32, "lr": 0.005}


@experiment("12-adding", seeds=range(1, 7), steps=1500, longer=6000, wide=65, every=100, **ADDING)
def adding_problem(seed, *, steps, longer, wide, d_hidden, **how):
    """The adding problem: {kind: squared error along training}, and of the LSTM with gates replaced.

    The wide RNN has as many parameters as the LSTM, the longer one four times the steps.
    """
    kinds = {kind: (cell, d_hidden, steps) for kind, cell in CELLS.items()}
    kinds |= {"RNN, wide": (RNN, wide, steps), "RNN, longer": (RNN, d_hidden, longer)}
    results = {}
    for kind, (cell, width, n) in kinds.items():
        model, (x, targets), results[kind] = added(cell, seed=seed, d_hidden=width, steps=n, **how)
        if kind == "LSTM":
            results["LSTM, last"] = results[kind][-1]
            gates, c0 = gates_of(model, x)
            results["replaced"] = {
                name: float(((model.output(replay(*others, c0)[0][:, -1]).data - targets) ** 2).mean())
                for name, others in replaced(gates, np.random.default_rng(seed))
            }
    return results


def bare(state):
    return state.data if isinstance(state, Tensor) else state


class Stepwise(LSTM):
    """An LSTM on the tape, step by step; no gradient goes back through "cells", "states", or "both"."""

    def __init__(self, d_in, d_hidden, *, off, learned=True, **how):
        super().__init__(d_in, d_hidden, **how)
        select = np.split(np.eye(4 * d_hidden, dtype=np.float32), 4, axis=1)  # the columns of a gate

        def stepwise(x, h, c, W_x, W_h, b, *, mask=None):
            for t in range(x.shape[1]):
                before = h if off == "cells" else bare(h)
                a = ops.linear(x[:, t], W_x, b) + ops.matmul(before, W_h)
                i, f, g, o = (ops.matmul(a, columns) for columns in select)
                keep = ops.sigmoid(f) if learned else 0.5
                c = keep * (c if off == "states" else bare(c)) + ops.sigmoid(i) * ops.tanh(g)
                h = ops.sigmoid(o) * ops.tanh(c)
            return x, h, c  # a Reader asks for the last state only

        self.rule = stepwise


@experiment("12-paths", seeds=range(1, 7), steps=1500, every=100, **ADDING)
def paths(seed, *, steps, **how):
    """The adding problem, squared error along training, where a part of the gradient is cut off."""
    kinds = {
        f"{off} cut, forget gate {gate}": partial(Stepwise, off=off, learned=gate == "learned")
        for gate in ("learned", "1/2")
        for off in ("cells", "states")
    }
    return {kind: added(cell, seed=seed, steps=steps, **how)[2] for kind, cell in kinds.items()}


@experiment("12-paths-none", seeds=range(1, 7), steps=1500, every=100, **ADDING)
def no_path(seed, *, steps, **how):
    """The same where both are cut, so that no gradient goes back through time at all."""
    kinds = {f"forget gate {gate}": gate == "learned" for gate in ("learned", "1/2")}
    return {
        kind: added(partial(Stepwise, off="both", learned=learned), seed=seed, steps=steps, **how)[2]
        for kind, learned in kinds.items()
    }


@experiment("12-adding-longer", seeds=range(1, 7), steps=6000, every=500, **ADDING | {"lr": 0.0015})
def plain_for_longer(seed, *, steps, **how):
    """The plain network for four times the steps, at its own best rate in "12-adding-rate"."""
    return {"RNN": added(RNN, seed=seed, steps=steps, **how)[2]}


@experiment("12-adding-rate", seeds=[101, 102, 103], steps=1500, lrs=[0.0005, 0.0015, 0.005, 0.015], **ADDING)
def adding_rates(seed, *, steps, lrs, lr, **how):
    """The last squared error by learning rate, {kind: by lr}."""
    return {
        kind: [added(CELLS[kind], seed=seed, steps=steps, lr=rate, **how)[2][-1] for rate in lrs]
        for kind in ("LSTM", "RNN")
    }


BRACKETS = "()[]{}"  # an opening bracket has an even id, and what closes it the next


def nested(rng, batch, length, depth):
    texts = brackets(batch, length, rng=rng, kinds=BRACKETS, depth=depth)
    ids = np.array([[BRACKETS.index(bracket) for bracket in text] for text in texts])
    return ids[:, :-1], ids[:, 1:]


def closers(logits, targets):
    """Where a bracket closes, is the right one the most probable of the three?  The mean."""
    closes = targets % 2 == 1
    best = 2 * logits[..., 1::2].argmax(axis=-1) + 1
    return float((best == targets)[closes].mean())


def correlations(gates, c0, ids):
    """The largest correlation of one unit's gate, or cell, with the depth: {name: of 24 units}."""
    _, cells = replay(*gates, c0)
    depth = np.cumsum(1 - 2 * (ids % 2), axis=1).ravel()
    best = {}
    for name, values in zip("ifgoc", [*gates, cells], strict=True):
        of_units = np.corrcoef(values.reshape(len(depth), -1).T, depth)[-1, :-1]
        best[name] = float(abs(of_units).max())
    return best


@experiment(
    "12-brackets",
    seeds=range(1, 7),
    length=40,
    depth=4,
    d_hidden=24,
    wide=51,
    batch=32,
    steps=1500,
    lr=0.005,
    long=160,
)
def nesting(seed, *, length, depth, d_hidden, wide, batch, steps, lr, long):
    """Which bracket closes: share right {kind: [at length, at the long one]}; depth; replaced gates."""
    results = {}
    kinds = {kind: (CELLS[kind], d_hidden) for kind in ("LSTM", "forget gate 1", "RNN")}
    for kind, (cell, width) in (kinds | {"RNN, wide": (RNN, wide)}).items():
        rng = np.random.default_rng(seed)
        model = RNNLanguageModel(6, d_model=8, d_hidden=width, rng=rng, recurrent=cell)
        new, longer = (nested(np.random.default_rng(1000 + seed), 500, n, depth) for n in (length, long))
        x = model.embedding.table.data[new[0]]
        if kind == "LSTM":
            results["depth, untrained"] = correlations(*gates_of(model, x), new[0])
        learn(model, partial(nested, batch=batch, length=length, depth=depth), rng, steps=steps, lr=lr)
        results[kind] = [closers(model.logits(ids), targets) for ids, targets in (new, longer)]
        if kind == "LSTM":
            results["LSTM, closed"] = results[kind][0]
            gates, c0 = gates_of(model, model.embedding.table.data[new[0]])
            results["depth"] = correlations(gates, c0, new[0])
            results["replaced"] = {}
            for name, others in replaced(gates, np.random.default_rng(seed)):
                logits = model.output(replay(*others, c0)[0]).data
                nats, _ = cross_entropy(logits.astype(float), new[1])
                results["replaced"][name] = [float(nats), closers(logits, new[1])]
    return results


@experiment(
    "12-fill", seeds=range(1, 7), length=40, depth=4, d_hidden=24, batch=32, steps=1500, lr=0.005, long=160
)
def fill(seed, *, length, depth, d_hidden, batch, steps, lr, long):
    """Long strings in eight parts: {kind: {mean size of a cell, share closed rightly}}, part by part."""
    results = {}
    for kind in ("LSTM", "forget gate 1"):
        rng = np.random.default_rng(seed)
        model = RNNLanguageModel(6, d_model=8, d_hidden=d_hidden, rng=rng, recurrent=CELLS[kind])
        learn(model, partial(nested, batch=batch, length=length, depth=depth), rng, steps=steps, lr=lr)
        ids, targets = nested(np.random.default_rng(1000 + seed), 500, long, depth)
        cache, sizes, right = {}, [], []
        for part in np.array_split(np.arange(long - 1), 8):
            logits = model.logits(ids[:, part], cache=cache)
            [(_, c)] = cache["state"]  # after the last step of the part
            sizes.append(float(abs(c).mean()))
            right.append(closers(logits, targets[:, part]))
        results[kind] = {"size": sizes, "right": right}
    return results
