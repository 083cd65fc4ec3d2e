"""Chapter 7: noise floors, sweeps of the learning rate and the edge of stability, for several seeds."""

import numpy as np

from llmbook.book import experiment
from llmbook.data import load_names, padded
from llmbook.feedforward.language_model import NeuralNGram, pairs
from llmbook.math_foundations.evaluation import evaluate
from llmbook.math_foundations.softmax import softmax
from llmbook.optimization.optimizers import SGD


@experiment(
    "07-floor", seeds=range(1, 4), lrs=[0.25, 0.5, 1, 2, 4, 8], batches=[16, 64], steps=30_000, burn=4_000
)
def floor(seed, *, lrs, batches, steps, burn):
    """Learn the letters' scores from noisy batches; average how far the loss stays above the best."""
    rng = np.random.default_rng(seed)
    names = load_names()
    _, letters = pairs(names.encode(names.train), 1)
    p = np.bincount(letters, minlength=27) / len(letters)
    best = -(p * np.log(p)).sum()
    excess = []
    for batch in batches:
        excess.append([])
        for lr in lrs:
            z, total = np.log(p), 0.0
            for step in range(steps):
                share = np.bincount(letters[rng.integers(len(letters), size=batch)], minlength=27) / batch
                q, _ = softmax(z)
                if step >= burn:
                    total -= (p * np.log(q)).sum() + best
                z = z - lr * (q - share)
            excess[-1].append(total / (steps - burn))
    return {"excess": excess}


@experiment(
    "07-sweep",
    seeds=range(1, 7),
    lrs=[0.03, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4],
    steps=300,
    batch=512,
)
def sweep(seed, *, lrs, steps, batch):
    """Train the same network of surnames with each learning rate; the seed draws weights and batches."""
    names = load_names()
    X, Y = pairs(names.encode(names.train), 3)
    validation = names.encode(names.validation)

    def trained(lr, Y):
        rng = np.random.default_rng(seed)
        model = NeuralNGram(27, context_length=3, d_model=10, d_hidden=64, rng=rng)
        optimizer, losses = SGD(lr), []
        for _ in range(steps):
            i = rng.integers(len(X), size=batch)
            model.zero_grad()
            loss = model.loss(X[i], Y[i])
            loss.backward()
            optimizer.step(model.params(), model.grads())
            losses.append(float(loss))
        return evaluate(model, validation), losses

    runs = [trained(lr, Y) for lr in lrs]
    shuffled = np.random.default_rng(seed).permutation(Y)
    return {
        "validation": [nats for nats, _ in runs],
        "last batch": [losses[-1] for _, losses in runs],
        "shuffled": float(np.mean(trained(0.8, shuffled)[1][-100:])),
    }


@experiment(
    "07-edge",
    seeds=range(1, 13),
    lrs=[0.5, 1.0, 2.0, 4.0],
    steps=600,
    every=25,
    rounds=60,
    rounds_at_start=600,
    multiples=[0.1, *(percent / 100 for percent in range(50, 151, 2))],
    first=15,
    later=150,
)
def edge(seed, *, lrs, steps, every, rounds, rounds_at_start, multiples, first, later):
    """Follow the largest curvature of a small network's loss on 64 names, and look where descent breaks.

    The multiples are learning rates in units of two over the curvature at the start; for each, the highest
    of the first losses, and the loss at the end.
    """
    rng = np.random.default_rng(seed)
    names = load_names()
    train = names.encode(names.train)
    batch = padded([train[i] for i in rng.integers(len(train), size=64)])

    def fresh():
        how = {"context_length": 3, "d_model": 8, "d_hidden": 32, "dtype": np.float64}
        return NeuralNGram(27, rng=np.random.default_rng(seed), **how)

    def gradient(model):
        model.zero_grad()
        loss = model.loss(*batch)
        loss.backward()
        return float(loss), model.grads()

    def moved(model, u, length):
        for name, p in model.params().items():
            p += length * u[name]

    def curvature(model, u, rounds=rounds, h=1e-4):
        for _ in range(rounds):
            norm = sum((a**2).sum() for a in u.values()) ** 0.5
            u = {name: a / norm for name, a in u.items()}
            moved(model, u, h)
            _, above = gradient(model)
            moved(model, u, -2 * h)
            _, below = gradient(model)
            moved(model, u, h)
            Hu = {name: (above[name] - below[name]) / (2 * h) for name in u}
            top = sum((u[name] * Hu[name]).sum() for name in u)
            u = Hu
        return float(top), u

    start = {name: rng.standard_normal(p.shape) for name, p in fresh().params().items()}
    at_start, start = curvature(fresh(), start, rounds_at_start)
    results = {"at start": at_start, "curvature": [], "loss": [], "highest": [], "after": []}
    for lr in lrs:
        model, u = fresh(), start
        results["curvature"].append([])
        results["loss"].append([])
        for step in range(steps + 1):
            loss, grads = gradient(model)
            if step % every == 0:
                top, u = curvature(model, u)
                results["curvature"][-1].append(top)
                results["loss"][-1].append(loss)
            SGD(lr).step(model.params(), grads)
    for multiple in multiples:
        model, losses = fresh(), []
        for _ in range(later):
            loss, grads = gradient(model)
            losses.append(loss)
            SGD(multiple * 2 / at_start).step(model.params(), grads)
        results["highest"].append(max(losses[:first]))
        results["after"].append(losses[-1])
    return results
