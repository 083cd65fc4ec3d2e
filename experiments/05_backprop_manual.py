"""Chapter 5: neural n-grams of surnames, learned in full, and what seven wrong gradients cost."""

import time

import numpy as np

from llmbook.book import experiment
from llmbook.data import load_names
from llmbook.exercises import planted
from llmbook.feedforward.by_hand import loss_and_gradients
from llmbook.feedforward.language_model import NeuralNGram, pairs
from llmbook.math_foundations.evaluation import evaluate, score


def trained(names, seed, *, context_length, steps, batch, lr):
    """Train a neural n-gram, its gradients chained by hand, with steps that shrink from lr to 0."""
    X, Y = pairs(names.encode(names.train), context_length)
    rng = np.random.default_rng(seed)
    network = NeuralNGram(27, context_length=context_length, d_model=10, d_hidden=200, rng=rng)
    params = network.params()
    for step in range(steps):
        i = rng.integers(len(X), size=batch)
        _, gradients = loss_and_gradients(params, X[i], Y[i])
        for key, array in params.items():
            array -= lr * (1 - step / steps) * gradients[key]
    return network


@experiment(
    "05-names",
    seeds=range(1, 7),
    settings={"short": [3, 6000], "long": [3, 20000], "five letters": [5, 20000]},
    batch=256,
    lr=1.0,
)
def learned(seed, *, settings, batch, lr):
    """Train on chains made by hand, and score on the validation and the test names, in nats."""
    names = load_names()
    results = {}
    for name, (context_length, steps) in settings.items():
        start = time.process_time()
        network = trained(names, seed, context_length=context_length, steps=steps, batch=batch, lr=lr)
        seconds = time.process_time() - start
        test = score(network, names.encode(names.test))
        results[name] = {
            "validation": evaluate(network, names.encode(names.validation)),
            "test": test.mean,
            "standard error": test.standard_error,
            "seconds": seconds,
        }
    return {f"{name}, {key}": value for name, r in results.items() for key, value in r.items()}


@experiment("05-rates", seeds=range(1, 4), steps=6000, batch=256, lrs=[0.25, 0.5, 1.0, 2.0])
def rates(seed, *, steps, batch, lrs):
    """Validation nats for each length of the first step."""
    names = load_names()
    validation = names.encode(names.validation)
    networks = [trained(names, seed, context_length=3, steps=steps, batch=batch, lr=lr) for lr in lrs]
    return {"validation": [evaluate(network, validation) for network in networks]}


@experiment("05-bugs", seeds=range(1, 6), d_hidden=64, steps=1500, batch=256, lr=0.5)
def bugs(seed, *, d_hidden, steps, batch, lr):
    """Train with the right gradient and with each wrong one: validation loss, None where it diverged."""
    names = load_names()
    X, Y = pairs(names.encode(names.train), 3)
    validation = pairs(names.encode(names.validation), 3)
    results = {}
    for bug, replaced in {"none": {}, **planted.BUGS}.items():
        rng = np.random.default_rng(seed)
        params = planted.draw_params(rng, d_hidden=d_hidden)
        for step in range(steps):
            i = rng.integers(len(X), size=batch)
            loss, gradients = planted.loss_and_gradients(params, X[i], Y[i], replaced)
            if not loss < 100:  # diverged, nan included
                break
            for key, array in params.items():
                array -= lr * (1 - step / steps) * gradients[key]
        diverged = not loss < 100
        results[bug] = None if diverged else planted.loss_and_gradients(params, *validation)[0]
    return results
