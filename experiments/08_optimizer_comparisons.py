"""Chapter 8: nine optimizers on three problems, at many learning rates; schedules; dropout and decay."""

import time

import numpy as np

from llmbook.book import experiment
from llmbook.data import load_names
from llmbook.feedforward.language_model import NeuralNGram, pairs
from llmbook.math_foundations.evaluation import evaluate, score
from llmbook.optimization.muon import Muon
from llmbook.optimization.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Momentum, Nesterov, RMSProp
from llmbook.optimization.schedules import constant, warmup_cosine, warmup_inverse_sqrt
from llmbook.optimization.training import Diverged, train


def for_muon(name):
    """Keep the table and the output layer out of Muon's hands."""
    return {"orthogonal": False} if name.startswith(("embedding", "output")) else {}


MAKE = {
    "SGD": SGD,
    "Momentum": Momentum,
    "Nesterov": Nesterov,
    "Adagrad": Adagrad,
    "RMSProp": RMSProp,
    "Adam": Adam,
    "AdamW": lambda lr: AdamW(lr, weight_decay=0.01),
    "Lion": Lion,
    "Muon": lambda lr: Muon(lr, weight_decay=0.0, groups=for_muon),
}


def rosenbrock(p):
    """Return the value at p = (x, y), and the gradient."""
    x, y = p
    bend = y - x**2
    return (1 - x) ** 2 + 100 * bend**2, np.array([-2 * (1 - x) - 400 * x * bend, 200 * bend])


def logistic(w, X, y):
    """Return the mean surprise at labels y (N, 1) in nats, and the gradient by w (D, 1)."""
    z = X @ w
    p = 1 / (1 + np.exp(-z))
    return (np.logaddexp(0, z) - y * z).mean(), X.T @ (p - y) / len(X)


def draw_logistic(seed, *, rotated, N=1000, D=20):
    """Features with scales from 1 to 1/30, all equally telling; labels drawn from the true model."""
    rng = np.random.default_rng(seed)
    scales = np.logspace(0, -np.log10(30), D)
    X = rng.standard_normal((N, D)) * scales
    w = rng.standard_normal((D, 1)) / scales[:, None] * 2 * D**-0.5
    y = (rng.random((N, 1)) < 1 / (1 + np.exp(-X @ w))).astype(float)
    if rotated:
        X = X @ np.linalg.qr(rng.standard_normal((D, D)))[0]
    return X, y


def best_logistic(X, y):
    """Find the lowest loss there is, by Newton's method."""
    w = np.zeros((X.shape[1], 1))
    for _ in range(30):
        p = 1 / (1 + np.exp(-X @ w))
        w -= np.linalg.solve((X * p * (1 - p)).T @ X, X.T @ (p - y))
    return logistic(w, X, y)[0]


@np.errstate(over="ignore", invalid="ignore")
def descend(optimizer, p, value_and_gradient, steps):
    """Walk with the schedule of all comparisons; return the last value, inf if it is no number."""
    params, peak, schedule = {"p": p}, optimizer.lr, warmup_cosine(steps // 20, steps)
    for step in range(1, steps + 1):
        optimizer.lr = peak * schedule(step)
        optimizer.step(params, {"p": value_and_gradient(p)[1]})
    value = value_and_gradient(p)[0]
    return float(value) if np.isfinite(value) else np.inf


def capped(losses, top):
    """Replace what is above the top, infinite or no number by the top, which a record can hold."""
    return [min(loss, top) if loss == loss else top for loss in losses]


@experiment(
    "08-rosenbrock",
    seeds=range(1, 7),
    steps=500,
    grids={name: [3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0] for name in MAKE},
)
def on_rosenbrock(seed, *, steps, grids):
    """The last value of the banana valley, from a start near (-1.2, 1)."""
    start = np.array([-1.2, 1.0]) + 0.1 * np.random.default_rng(seed).standard_normal(2)
    return {
        name: capped([descend(MAKE[name](lr), start.copy(), rosenbrock, steps) for lr in grid], 100.0)
        for name, grid in grids.items()
    }


@experiment(
    "08-logistic",
    seeds=range(1, 7),
    steps=300,
    grids={name: [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0] for name in MAKE},
)
def on_logistic(seed, *, steps, grids):
    """How far above the lowest loss each optimizer ends, in nats; with scaled and with rotated features."""
    results = {}
    for kind in ("aligned", "rotated"):
        X, y = draw_logistic(seed, rotated=kind == "rotated")
        best = best_logistic(X, y)
        for name, grid in grids.items():
            ends = [
                descend(MAKE[name](lr), np.zeros((20, 1)), lambda w, X=X, y=y: logistic(w, X, y), steps)
                for lr in grid
            ]
            results[f"{name}, {kind}"] = capped([end - best for end in ends], 10.0)
    return results


class Surnames:
    """The task of the neural n-gram: contexts of three symbols of the first training names."""

    def __init__(self, n_names=None):
        names = load_names()
        self.validation, self.test = names.encode(names.validation), names.encode(names.test)
        self.X, self.Y = pairs(names.encode(names.train[:n_names]), 3)

    def train(self, optimizer, seed, *, steps, batch, d_hidden, schedule=None, dropout=0.0):
        """Train a network, and return it; None if it diverged."""
        rng = np.random.default_rng(seed)
        network = NeuralNGram(
            27, context_length=3, d_model=10, d_hidden=d_hidden, dropout_rate=dropout, rng=rng
        )

        def batches(rng):
            i = rng.integers(len(self.X), size=batch)
            return self.X[i], self.Y[i]

        schedule = schedule or warmup_cosine(steps // 20, steps)
        try:
            train(network, batches, optimizer, steps=steps, schedule=schedule, rng=rng)
        except Diverged:
            return None
        return network

    def nats(self, *args, **options):
        """Train, and score on the validation names in nats; at most 5, which stands for divergence too."""
        network = self.train(*args, **options)
        return 5.0 if network is None else min(evaluate(network, self.validation), 5.0)


@experiment(
    "08-surnames",
    seeds=range(1, 13),
    steps=500,
    batch=128,
    d_hidden=64,
    grids={
        "SGD": [0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0],
        "Momentum": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
        "Nesterov": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
        "Adagrad": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
        "RMSProp": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
        "Adam": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
        "AdamW": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
        "Lion": [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
        "Muon": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
    },
)
def on_surnames(seed, *, steps, batch, d_hidden, grids):
    """Validation nats of a neural 4-gram, for each optimizer and learning rate."""
    task = Surnames()
    return {
        name: [task.nats(MAKE[name](lr), seed, steps=steps, batch=batch, d_hidden=d_hidden) for lr in grid]
        for name, grid in grids.items()
    }


@experiment("08-schedules", seeds=range(1, 7), steps=500, batch=128, d_hidden=64, grid=[0.01, 0.03, 0.1])
def schedules(seed, *, steps, batch, d_hidden, grid):
    """Validation nats with Adam, for each schedule and learning rate."""
    task, warmup = Surnames(), steps // 20
    kinds = {
        "constant": constant(),
        "cosine": warmup_cosine(0, steps),
        "warmup and cosine": warmup_cosine(warmup, steps),
        "warmup and inverse root": warmup_inverse_sqrt(warmup),
    }
    how = {"steps": steps, "batch": batch, "d_hidden": d_hidden}
    return {kind: [task.nats(Adam(lr), seed, schedule=s, **how) for lr in grid] for kind, s in kinds.items()}


@experiment("08-regularize", seeds=range(1, 7), n_names={"few": 500, "all": None}, steps=1000, lr=0.01)
def regularize(seed, *, n_names, steps, lr):
    """Validation nats with dropout, with decay, and with neither; learned from few names and from all."""
    results = {}
    for amount, n in n_names.items():
        task = Surnames(n)
        how = {"steps": steps, "batch": 128, "d_hidden": 64}
        results[f"neither, {amount}"] = task.nats(Adam(lr), seed, **how)
        results[f"dropout, {amount}"] = task.nats(Adam(lr), seed, dropout=0.3, **how)
        results[f"decay, {amount}"] = task.nats(AdamW(lr, weight_decay=0.5), seed, **how)
    return results


@experiment(
    "08-long",
    seeds=range(1, 7),
    steps=6000,
    batch=256,
    d_hidden=200,
    grids={
        "SGD": [0.5, 1.0, 2.0],
        "Momentum": [0.03, 0.1, 0.3],
        "Adam": [0.003, 0.01, 0.03],
        "Muon": [0.003, 0.01, 0.03],
    },
)
def long(seed, *, steps, batch, d_hidden, grids):
    """The neural 4-gram of chapter 5 at its own number of steps: validation and test nats, and seconds."""
    task = Surnames()
    results = {
        f"{name}, {key}": [] for name in grids for key in ("seconds", "validation", "test", "standard error")
    }
    for name, grid in grids.items():
        for lr in grid:
            start = time.process_time()
            network = task.train(MAKE[name](lr), seed, steps=steps, batch=batch, d_hidden=d_hidden)
            results[f"{name}, seconds"].append(time.process_time() - start)
            test = score(network, task.test)
            results[f"{name}, validation"].append(evaluate(network, task.validation))
            results[f"{name}, test"].append(test.mean)
            results[f"{name}, standard error"].append(test.standard_error)
    return results
