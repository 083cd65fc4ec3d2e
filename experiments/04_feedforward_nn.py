"""Chapter 4: networks of surnames whose output layer alone is fitted, at other widths and draws."""

from types import SimpleNamespace

import numpy as np

from llmbook.book import experiment
from llmbook.data import load_names
from llmbook.feedforward.activations import tanh
from llmbook.feedforward.language_model import contexts, pairs
from llmbook.feedforward.rules import linear
from llmbook.math_foundations.evaluation import evaluate
from llmbook.math_foundations.softmax import cross_entropy


@experiment(
    "04-widths",
    seeds=range(1, 7),
    widths=[64, 128, 256, 512, 1024, 2048, 4096],
    no_activation=1024,
    embedded=[10, 200],
    steps=1500,
    batch=512,
)
def widths(seed, *, widths, no_activation, embedded, steps, batch):
    """Draw hidden layers, fit an output layer on each, and score it on the validation names, in nats."""
    rng = np.random.default_rng(seed)
    names = load_names()
    X, Y = pairs(names.encode(names.train), 3)
    validation, test = names.encode(names.validation), names.encode(names.test)
    one_hot = np.eye(27, dtype=np.float32)

    def flat(x):
        return one_hot[x].reshape(*x.shape[:-1], 81)

    def fit(features, size, lr, parts=(validation,)):
        W, b = np.zeros((size, 27), dtype=np.float32), np.zeros(27, dtype=np.float32)
        for step in range(steps):
            i = rng.integers(len(X), size=batch)
            logits, back_to_layer = linear(features(X[i]), W, b)
            _, back_to_logits = cross_entropy(logits, Y[i])
            _, dW, db = back_to_layer(back_to_logits(1.0)[0])
            rate = lr * (1 - step / steps)
            W -= rate * dW
            b -= rate * db
        model = SimpleNamespace(logits=lambda ids: linear(features(contexts(ids, 3)), W, b)[0])
        return [evaluate(model, part) for part in parts]

    def drawn(D, H):
        return rng.standard_normal((D, H), dtype=np.float32), rng.standard_normal(H, dtype=np.float32)

    results = {"linear": fit(flat, 81, 20.0)[0], "validation": [], "test": []}
    for H in widths:
        W1, b1 = drawn(81, H)
        nats = fit(lambda x, W1=W1, b1=b1: tanh(flat(x) @ W1 + b1)[0], H, 256 / H, (validation, test))
        results["validation"].append(nats[0])
        results["test"].append(nats[1])
    W1, b1 = drawn(81, no_activation)
    results["no activation"] = fit(
        lambda x: flat(x) @ (W1 / 9) + b1 / 9, no_activation, 20.0 * 81 / no_activation
    )[0]
    D, H = embedded
    E = rng.standard_normal((27, D), dtype=np.float32)
    W1, b1 = drawn(3 * D, H)
    W1 /= np.float32((3 * D) ** 0.5)
    results["embedded"] = fit(lambda x: tanh(E[x].reshape(*x.shape[:-1], 3 * D) @ W1 + b1)[0], H, 256 / H)[0]
    W1, b1 = drawn(81, H)
    results["not embedded"] = fit(lambda x: tanh(flat(x) @ W1 + b1)[0], H, 256 / H)[0]
    return results
