"""Chapter 10: gradients by lag, truncated, exploding and clipped; what checkpoints cost; four mistakes."""

import time
import tracemalloc
from functools import cache
from itertools import combinations

import numpy as np

from llmbook.book import experiment
from llmbook.data import load_shakespeare
from llmbook.feedforward import ops
from llmbook.feedforward.layers import MLP, Linear, Module
from llmbook.feedforward.tape import no_grad
from llmbook.math_foundations.evaluation import evaluate
from llmbook.math_foundations.memory import keep_memory
from llmbook.math_foundations.softmax import cross_entropy
from llmbook.optimization.optimizers import SGD, Adam, clip_by_global_norm
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import Diverged, train
from llmbook.rnn.rnn import RNN, RNNLanguageModel, detached, rnn
from llmbook.rnn.through_time import chained, checkpointed, jacobians, truncated, windowed

CELLS = ("linear", "tanh, quiet", "tanh, driven")


def recurrent_weights(kind, radius, H, rng):
    """Draw W_h of a kind, with this spectral radius exactly."""
    W = rng.standard_normal((H, H)) * H**-0.5
    if kind == "orthogonal":
        W = np.linalg.qr(W)[0]
    if kind == "non-normal":  # eigenvalues 1 and -1, but twice the length of an orthogonal matrix
        Q = np.linalg.qr(W)[0]
        N = np.triu(rng.standard_normal((H, H)), 1)
        signs = np.diag(rng.choice([-1.0, 1.0], H))
        W = Q @ (signs + N * (3 * H) ** 0.5 / np.linalg.norm(N)) @ Q.T
        return W * radius
    return W * (radius / abs(np.linalg.eigvals(W)).max())


@experiment(
    "10-lag",
    seeds=range(1, 13),
    d_hidden=64,
    d_in=16,
    batch=32,
    n_lags=100,
    radii=[0.5, 0.9, 1.0, 1.1, 1.5],
    kinds=["gaussian", "orthogonal", "non-normal"],
)
def by_lag(seed, *, d_hidden, d_in, batch, n_lags, radii, kinds):
    """Length of a gradient against its lag, after as many steps of settling: ln, slopes and predictions.

    {"kind, cell": {what: a value for each radius}}
    """
    results = {}
    for kind in kinds:
        for radius in radii:
            rng = np.random.default_rng(seed)
            W_h = recurrent_weights(kind, radius, d_hidden, rng)
            W_x = rng.standard_normal((d_in, d_hidden)) * d_in**-0.5
            x = rng.standard_normal((batch, 2 * n_lags, d_in))
            h0, g_T = rng.standard_normal((2, batch, d_hidden))
            scale = np.linalg.norm(W_h) * d_hidden**-0.5  # root mean square of the singular values
            for cell in CELLS:
                y, slopes = None, np.ones((batch, n_lags, d_hidden))
                if cell != "linear":
                    (y, _), _ = rnn(x * (cell == "tanh, driven"), h0, W_x, W_h, np.zeros(d_hidden))
                    slopes = 1 - y[:, n_lags:] ** 2
                g, logs = g_T, [np.log(np.linalg.norm(g_T, axis=1))]
                for lag in range(n_lags):
                    g = (g * slopes[:, -1 - lag]) @ W_h.T
                    logs.append(np.log(np.linalg.norm(g, axis=1)))
                logs = np.mean(logs, axis=1) - np.mean(logs[0])
                lags = np.arange(20, n_lags + 1)
                measured = {
                    "log norm at every tenth lag": logs[::10].round(4),
                    "slope of the first ten": logs[10] / 10,
                    "slope from 20": np.polyfit(lags, logs[20:], 1)[0],
                    "log scale": np.log(scale),
                    "mean slope": slopes.mean(),
                    "root mean square slope": np.mean(slopes**2) ** 0.5,
                }
                for name, value in measured.items():
                    results.setdefault(f"{kind}, {cell}", {}).setdefault(name, []).append(value)
    return results


@cache
def shakespeare():
    """The training plays as one text of ids, the first validation play in rows of 200, and V."""
    plays = load_shakespeare()
    text, play = ("\n".join(split.values()) for split in (plays.train, plays.validation))
    rows = plays.vocabulary.encode(play)[:20_000].reshape(-1, 200)
    return plays.vocabulary.encode(text), rows, len(plays.vocabulary)


def excerpts(rng, batch, T):
    text, _, _ = shakespeare()
    ids = text[rng.integers(len(text) - T - 1, size=batch)[:, None] + np.arange(T + 1)]
    return ids[:, :-1], ids[:, 1:]


class Reader(Module):
    """A recurrent network that answers after the last step, and is trained through the last k steps."""

    def __init__(self, d_in, d_hidden, d_out, *, rng, k, radius=None):
        self.recurrent, self.k = RNN(d_in, d_hidden, rng=rng), k
        self.output = Linear(d_hidden, d_out, rng=rng)
        if radius:
            W_h = self.recurrent.layers[0]["W_h"].data
            W_h *= radius / abs(np.linalg.eigvals(W_h)).max()

    def __call__(self, x):
        early, state = x.shape[1] - self.k, None
        if early > 0:
            with no_grad():
                _, state = self.recurrent(x[:, :early])
        _, state = self.recurrent(x[:, max(early, 0) :], state)
        return self.output(state[0][0])

    def loss(self, x, targets, *, rng=None):
        if targets.dtype.kind == "i":
            return ops.cross_entropy(self(x), targets)
        error = ops.reshape(self(x), shape=(-1,)) - targets
        return ops.mean(error * error)


def recall(rng, batch, T, noise=1.0):
    """Draw a bit, and T - 1 steps of noise after it.  x (batch, T, 3), bits (batch,)"""
    bits, x = rng.integers(0, 2, batch), np.zeros((batch, T, 3), np.float32)
    x[np.arange(batch), 0, bits] = 1
    x[:, 1:, 2] = noise * rng.choice([-1.0, 1.0], (batch, T - 1))
    return x, bits


def share_right(model, rng, T, noise=1.0):
    x, bits = recall(rng, 2000, T, noise)
    with no_grad():
        return float((model(x).argmax(axis=1) == bits).mean())


class Window(MLP):
    """A network that sees all T steps at once."""

    def __call__(self, x):
        return super().__call__(x.reshape(len(x), -1))

    def loss(self, x, targets, *, rng=None):
        return ops.cross_entropy(self(x), targets)


def reached(model, x):
    """How long the gradient of the answer by the first state is, over that by the last."""
    with no_grad():
        y, W_h = model.recurrent(x)[0], model.recurrent.layers[0]["W_h"].data
    g = last = np.tile(model.output.W.data @ [-1.0, 1.0], (len(x), 1))
    for t in reversed(range(1, x.shape[1])):
        g = (g * (1 - y[:, t] ** 2)) @ W_h.T
    return float(np.linalg.norm(g) / np.linalg.norm(last))


def probed(states, bits):
    """How often a linear probe, fitted on half of the states, reads the bit from the other half."""
    states, signs = np.column_stack([states, np.ones(len(states))]).astype(float), 2 * bits - 1
    fit, test = slice(len(bits) // 2), slice(len(bits) // 2, None)
    probe = np.linalg.lstsq(states[fit], signs[fit], rcond=None)[0]
    return float((np.sign(states[test] @ probe) == signs[test]).mean())


@experiment("10-problem", seeds=range(1, 7), Ts=[10, 20, 40, 80], d_hidden=32, steps=1000, batch=64, lr=0.003)
def problem(seed, *, Ts, d_hidden, steps, batch, lr):
    """Recall a bit after T steps, with noise and with nothing after it, and by a window of all steps.

    {kind: share right by T}, "longer" with four times the steps; and how much of the gradient reaches the
    first step before training.
    """
    results = {}
    for kind in "noise", "nothing", "window", "noise, longer":
        for T in Ts:
            rng, noise = np.random.default_rng(seed), float(kind != "nothing")
            if kind == "window":
                model = Window((3 * T, d_hidden, 2), rng=rng, activation=ops.tanh)
            else:
                model = Reader(3, d_hidden, 2, rng=rng, k=T)
                x, _ = recall(np.random.default_rng(0), 200, T, noise)
                results.setdefault(f"{kind}, reaches", []).append(reached(model, x))

            def draw(rng, T=T, noise=noise):
                return recall(rng, batch, T, noise)

            n = 4 * steps if kind == "noise, longer" else steps
            how = {"steps": n, "rng": rng, "max_norm": 1.0}
            train(model, draw, Adam(lr), schedule=warmup_cosine(n // 20, n), **how)
            results.setdefault(kind, []).append(share_right(model, rng, T, noise))
    return results


@experiment(
    "10-radius",
    seeds=range(1, 13),
    radii=[0.5, 1.0, 1.5, 2.0, 2.5, 3.5],
    T=40,
    steps=1000,
    batch=64,
    lr=0.003,
)
def by_radius(seed, *, radii, T, steps, batch, lr):
    """From other spectral radii on: how much reaches the first step, a probe before training, share right."""
    results = {"reaches": [], "probed": [], "right": []}
    for radius in radii:
        rng = np.random.default_rng(seed)
        model = Reader(3, 32, 2, rng=rng, k=T, radius=radius)
        x, bits = recall(np.random.default_rng(0), 4000, T)
        results["reaches"].append(reached(model, x[:200]))
        with no_grad():
            results["probed"].append(probed(model.recurrent(x)[0][:, -1], bits))
        how = {"steps": steps, "rng": rng, "max_norm": 1.0}
        train(
            model,
            lambda rng: recall(rng, batch, T),
            Adam(lr),
            schedule=warmup_cosine(steps // 20, steps),
            **how,
        )
        results["right"].append(share_right(model, rng, T))
    return results


def compare(recurrent, output, x, targets, ks, *, only_last=False):
    """Cosine with the full gradient, and length beside it, of both truncations.  {name: (ks, 2)}"""
    W_x, W_h, b = (tensor.data.astype(float) for tensor in recurrent.layers[0].values())
    args = x, np.zeros((len(x), len(W_h))), W_x, W_h, b
    (y, _), pullback = rnn(*args)
    read = y[:, -1:] if only_last else y
    loss, back = cross_entropy(
        read @ output.W.data + output.b.data, targets[:, None] if only_last else targets
    )
    dy = np.zeros_like(y)
    dy[:, -read.shape[1] :] = back(1.0)[0] @ output.W.data.T

    def flat(gradients):
        return np.concatenate([g.ravel() for g in gradients])

    full, results = flat(pullback(dy, None)[2:]), {}
    for name, function in ("truncated", truncated), ("windowed", windowed):
        parts = [flat(function(*args, dy, k=k)) for k in ks]
        lengths = [np.linalg.norm(part) / np.linalg.norm(full) for part in parts]
        cosines = [
            part @ full / length / np.linalg.norm(full) ** 2 if length else 0.0
            for part, length in zip(parts, lengths, strict=True)
        ]
        results[name] = np.transpose([cosines, lengths]).round(6)
    g = np.einsum("bi,blij->blj", dy[:8, -1], chained(jacobians(y[:8], W_h)))
    logs = np.log(np.linalg.norm(g, axis=2)).mean(axis=0)
    return {**results, "loss": loss, "log norm by lag": (logs - logs[0])[::2].round(4)}


@experiment(
    "10-truncation",
    seeds=range(1, 7),
    ks=[1, 2, 3, 5, 7, 10, 15, 19, 20, 50, 100],
    d_hidden=128,
    steps=800,
    lr=0.003,
    T_text=100,
    T_recall=20,
)
def truncation(seed, *, ks, d_hidden, steps, lr, T_text, T_recall):
    """Truncated beside full gradients, before and after training; text, and a bit to be recalled."""
    rng, results = np.random.default_rng(seed), {}
    text = RNNLanguageModel(shakespeare()[2], d_model=32, d_hidden=d_hidden, rng=rng)
    bit = Reader(3, 32, 2, rng=rng, k=T_recall)
    ids, targets = excerpts(np.random.default_rng(0), 32, T_text)
    x, bits = recall(np.random.default_rng(0), 2048, T_recall)
    how = {"steps": steps, "rng": rng, "max_norm": 1.0, "schedule": warmup_cosine(steps // 20, steps)}
    for when in "untrained", "trained":
        if when == "trained":
            train(text, lambda rng: excerpts(rng, 32, 64), Adam(lr), **how)
            train(bit, lambda rng: recall(rng, 64, T_recall), Adam(lr), **how)
        rows = text.embedding.table.data[ids].astype(float)
        results[f"text, {when}"] = compare(text.recurrent, text.output, rows, targets, ks)
        short = [k for k in ks if k <= T_recall]
        how_recall = {"only_last": True}
        results[f"recall, {when}"] = compare(bit.recurrent, bit.output, x, bits, short, **how_recall)
        few = compare(bit.recurrent, bit.output, x[:64], bits[:64], short, **how_recall)
        results[f"recall, {when}, 64 sequences"] = few
    return {**results, "recall, right": share_right(bit, rng, T_recall)}


@experiment(
    "10-recall",
    seeds=range(1, 13),
    T=20,
    ks=[1, 3, 5, 7, 9, 12, 15, 18, 19, 20],
    d_hidden=32,
    steps=1000,
    batch=64,
    lr=0.003,
)
def recalling(seed, *, T, ks, d_hidden, steps, batch, lr):
    """Recall a bit after T steps, trained through the last k; and what of it a probe finds k steps before."""
    results = {"right": [], "trace": []}
    for k in ks:
        rng = np.random.default_rng(seed)
        model = Reader(3, d_hidden, 2, rng=rng, k=k)
        x, bits = recall(np.random.default_rng(0), 4000, T)
        with no_grad():
            states = model.recurrent(x[:, : T - k])[0][:, -1] if k < T else np.ones((4000, 1))
        results["trace"].append(probed(states, bits))
        schedule = warmup_cosine(steps // 20, steps)
        how = {"steps": steps, "rng": rng, "max_norm": 1.0, "schedule": schedule}
        train(model, lambda rng: recall(rng, batch, T), Adam(lr), **how)
        results["right"].append(share_right(model, rng, T))
    return results


@experiment(
    "10-recall-long",
    seeds=range(1, 7),
    ks={"20": [1, 5, 20], "30": [1, 5, 10, 20, 30]},
    steps=4000,
    batch=64,
    lr=0.003,
)
def recalling_long(seed, *, ks, steps, batch, lr):
    """The same with four times the steps, and after 30 steps of noise too: share right, {T: by k}."""
    results = {}
    for name, windows in ks.items():
        for k in windows:
            T = int(name)
            rng = np.random.default_rng(seed)
            model = Reader(3, 32, 2, rng=rng, k=k)
            how = {"steps": steps, "rng": rng, "max_norm": 1.0}
            schedule = warmup_cosine(steps // 20, steps)
            train(model, lambda rng, T=T: recall(rng, batch, T), Adam(lr), schedule=schedule, **how)
            results.setdefault(name, []).append(share_right(model, rng, T))
    return results


class Streaming(RNNLanguageModel):
    """A language model whose windows go on where the last ones ended, if it carries its state."""

    carries = True

    def loss(self, token_ids, targets, mask=None, *, rng=None):
        if not (self.carries and hasattr(self, "cache")):
            self.cache = {}
        return ops.cross_entropy(self.forward(token_ids, cache=self.cache), targets)


@experiment(
    "10-windows",
    seeds=range(1, 7),
    ks=[1, 2, 5, 10, 20, 50],
    symbols=2000,
    d_hidden=128,
    steps=800,
    lr=0.003,
)
def windows(seed, *, ks, symbols, d_hidden, steps, lr):
    """Train on windows of k, the same number of symbols a step; validation nats by k."""
    text, rows, V = shakespeare()
    results = {"carried": [], "reset": [], "reset, scored in one go": []}
    flat = rows.ravel()
    for k in ks:
        for kind in "carried", "reset":
            rng = np.random.default_rng(seed)
            model = Streaming(V, d_model=32, d_hidden=d_hidden, rng=rng)
            model.carries = kind == "carried"
            at = rng.integers(len(text), size=symbols // k)[:, None]

            def following(rng, k=k, at=at):
                ids = text[(at + np.arange(k + 1)) % len(text)]
                at += k
                return ids[:, :-1], ids[:, 1:]

            schedule = warmup_cosine(steps // 20, steps)
            train(model, following, Adam(lr), steps=steps, rng=rng, max_norm=1.0, schedule=schedule)
            in_one_go = evaluate(model, list(rows))
            if kind == "carried":
                results[kind].append(in_one_go)
            else:
                pieces = [flat[i : i + k + 1] for i in range(0, len(flat) - 1, k)]  # they share an end
                results[kind].append(evaluate(model, pieces))
                results["reset, scored in one go"].append(in_one_go)
    return results


def by_tensor(grads, max_norm=1.0):
    """Clip each array's gradient by its own norm."""
    return {name: clip_by_global_norm({name: g}, max_norm)[0][name] for name, g in grads.items()}


def by_value(grads, limit=0.1):
    """Clip each number."""
    return {name: np.clip(g, -limit, limit) for name, g in grads.items()}


CLIPS = {
    "none": lambda grads: grads,
    "global": lambda grads: clip_by_global_norm(grads, 1.0)[0],
    "by tensor": by_tensor,
    "by value": by_value,
}


def cosine(a, b):
    a, b = (np.concatenate([g.ravel() for g in grads.values()]).astype(float) for grads in (a, b))
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def clipped_run(model, draw, optimizer, clip, *, steps, rng):
    """Train; the last loss (10 if it diverged or is above), the largest norm, cosines where a clip bites."""
    cosines, norms = [], [0.0]

    def reduce(value, grads):
        _, norm = clip_by_global_norm(grads, np.inf)
        norms.append(min(norm, 1e30) if norm == norm else 1e30)
        if 1 < norm < np.inf:
            cosines.append([cosine(CLIPS[name](grads), grads) for name in ("by tensor", "by value")])
        return value, CLIPS[clip](grads)

    try:
        losses = train(model, draw, optimizer, steps=steps, rng=rng, reduce=reduce)["loss"]
        loss = min(float(np.mean(losses[-50:])), 10.0)
    except Diverged:
        loss = 10.0
    return [loss, max(norms)], cosines


@experiment("10-explosion", seeds=range(1, 25), radius=2.0, lrs=[0.1, 0.3, 1.0], T=20, steps=1000)
def explosion(seed, *, radius, lrs, T, steps):
    """Recall by SGD, without and with three kinds of clipping: [loss, largest norm] by lr; their cosines.

    The last two kinds are unclipped, and have no gradient that comes from far.
    """
    results, all_cosines = {}, []
    for kind in [*CLIPS, "one step back", "output only"]:
        ends = []
        for lr in lrs:
            rng = np.random.default_rng(seed)
            k = 1 if kind == "one step back" else T
            model = Reader(3, 32, 2, rng=rng, k=k, radius=radius)
            if kind == "output only":
                model.recurrent.freeze()
            clip, how = kind if kind in CLIPS else "none", {"steps": steps, "rng": rng}
            end, cosines = clipped_run(model, lambda rng: recall(rng, 64, T), SGD(lr), clip, **how)
            ends.append(end)
            all_cosines += cosines if kind == "none" else []
        results[kind] = ends
    quantiles = np.quantile(all_cosines, [0, 0.1, 0.5, 0.9], axis=0).T
    return results | {"cosine by tensor": quantiles[0], "cosine by value": quantiles[1]}


@experiment(
    "10-explosion-text", seeds=range(1, 7), radii=[1.0, 1.5, 3.0], lrs=[0.1, 0.3, 1.0, 3.0, 10.0], steps=300
)
def explosion_text(seed, *, radii, lrs, steps):
    """The same on Shakespeare's characters, T = 100: [loss, largest norm] by lr."""
    results = {}
    for radius in radii:
        for clip in "none", "global":
            ends = []
            for lr in lrs:
                rng = np.random.default_rng(seed)
                model = RNNLanguageModel(shakespeare()[2], d_model=32, d_hidden=64, rng=rng)
                W_h = model.params()["recurrent.layers.0.W_h"]
                W_h *= radius / abs(np.linalg.eigvals(W_h)).max()
                draw = {"steps": steps, "rng": rng}
                ends.append(clipped_run(model, lambda rng: excerpts(rng, 16, 100), SGD(lr), clip, **draw)[0])
            results[f"{radius}, {clip}"] = ends
    return results


@experiment("10-steep", seeds=range(1, 7), radii=[1.0, 1.5, 3.0], batches=10)
def steep(seed, *, radii, batches):
    """Norms of the gradients of text before training, cosines of each two of them: medians by radius."""
    results = {"norm": [], "cosine": [], "largest cosine": []}
    for radius in radii:
        rng = np.random.default_rng(seed)
        model = RNNLanguageModel(shakespeare()[2], d_model=32, d_hidden=64, rng=rng)
        W_h = model.params()["recurrent.layers.0.W_h"]
        W_h *= radius / abs(np.linalg.eigvals(W_h)).max()
        gradients = []
        for _ in range(batches):
            model.zero_grad()
            model.loss(*excerpts(rng, 16, 100)).backward()
            gradients.append(model.grads())
        norms = [clip_by_global_norm(grads, np.inf)[1] for grads in gradients]
        pairs = [abs(cosine(a, b)) for a, b in combinations(gradients, 2)]
        results["norm"].append(float(np.median(norms)))
        results["cosine"].append(float(np.median(pairs)))
        results["largest cosine"].append(max(pairs))
    return results


@experiment(
    "10-checkpoint",
    seeds=range(1, 4),
    T=400,
    batch=32,
    d_in=16,
    d_hidden=64,
    segments=[1, 2, 4, 5, 8, 10, 16, 20, 25, 40, 50, 80, 100, 200, 400],
    repeats=30,
)
def checkpoints(seed, *, T, batch, d_in, d_hidden, segments, repeats):
    """Peak bytes and seconds of forward and backward: without checkpoints, and by length of the segments."""
    rng = np.random.default_rng(seed)
    keep_memory()  # as train does
    shapes = (batch, T, d_in), (batch, d_hidden), (d_in, d_hidden), (d_hidden, d_hidden), (d_hidden,)
    x, h0, W_x, W_h, b = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    args = x, h0, W_x * d_in**-0.5, W_h * d_hidden**-0.5, b

    def whole():
        (y, _), pullback = rnn(*args)
        return pullback(y / np.float32(T), None)

    def cut(segment):
        return lambda: checkpointed(*args, lambda y, _: y / np.float32(T), segment=segment)

    ways = {"forward": lambda: rnn(*args), "whole": whole} | {str(s): cut(s) for s in segments}
    bytes, seconds = {}, dict.fromkeys(ways, np.inf)
    for name, way in ways.items():
        tracemalloc.start()
        way()
        bytes[name] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    for _ in range(repeats):  # in turn, so that a busy moment hits all
        for name, way in ways.items():
            start = time.process_time()
            way()
            seconds[name] = min(seconds[name], time.process_time() - start)
    return {"bytes": bytes, "seconds": seconds}


@experiment("10-mistakes", seeds=range(1, 7), T=100, batch=16, d_hidden=64, steps=300)
def mistakes(seed, *, T, batch, d_hidden, steps):
    """Validation nats after each mistake, and after none."""
    _, rows, V = shakespeare()

    def nats(optimizer, *, only_last=False, factor=1, max_norm=None):
        rng = np.random.default_rng(seed)
        network = RNNLanguageModel(V, d_model=32, d_hidden=d_hidden, rng=rng)
        right = network.loss
        network.loss = lambda *args, rng: right(*args) * factor
        mask = np.zeros((batch, T), bool)
        mask[:, -1:] = True

        def draw(rng):
            return (*excerpts(rng, batch, T), mask) if only_last else excerpts(rng, batch, T)

        try:
            train(network, draw, optimizer, steps=steps, rng=rng, max_norm=max_norm)
        except Diverged:
            return 10.0
        return min(evaluate(network, list(rows)), 10.0)

    return {
        "SGD": nats(SGD(1.0)),
        "SGD, sum": nats(SGD(1.0), factor=T),
        "SGD, sum, lr / T": nats(SGD(1.0 / T), factor=T),
        "SGD, clipped": nats(SGD(1.0), max_norm=1.0),
        "SGD, sum, clipped": nats(SGD(1.0), factor=T, max_norm=1.0),
        "SGD, last step only": nats(SGD(1.0), only_last=True),
        "Adam": nats(Adam(0.01)),
        "Adam, sum": nats(Adam(0.01), factor=T),
        "Adam, last step only": nats(Adam(0.01), only_last=True),
    }


@experiment("10-detach", seeds=range(1, 4), n_windows=20, T=20, batch=16, d_hidden=64)
def windows_not_detached(seed, *, n_windows, T, batch, d_hidden):
    """Windows that go on where the last ones ended, their state detached or not.

    Seconds of each step, bytes held after it, and its loss.
    """
    text, _, V = shakespeare()
    results = {}
    for kind in "detached", "not detached":
        rng = np.random.default_rng(seed)
        network = RNNLanguageModel(V, d_model=32, d_hidden=d_hidden, rng=rng)
        at = rng.integers(len(text) - n_windows * T - 1, size=batch)[:, None]
        optimizer, state = Adam(0.01), None
        seconds, bytes, losses = [], [], []
        tracemalloc.start()
        for i in range(n_windows):
            ids = text[at + i * T + np.arange(T + 1)]
            start = time.process_time()
            y, state = network.recurrent(network.embedding(ids[:, :-1]), state)
            if kind == "detached":
                state = detached(state)
            network.zero_grad()
            loss = ops.cross_entropy(network.output(y), ids[:, 1:])
            loss.backward()
            optimizer.step(network.trained(), network.grads())
            seconds.append(time.process_time() - start)
            bytes.append(tracemalloc.get_traced_memory()[0])
            losses.append(float(loss))
        tracemalloc.stop()
        results |= {f"{kind}, seconds": seconds, f"{kind}, bytes": bytes, f"{kind}, loss": losses}
    return results
