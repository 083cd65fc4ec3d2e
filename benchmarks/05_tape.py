"""Chapter 5: a gradient of the neural n-gram, replayed by the tape, beside the pullbacks chained by hand."""

from timeit import timeit

import numpy as np

from llmbook.book import experiment
from llmbook.book.page import machine
from llmbook.feedforward.by_hand import loss_and_gradients
from llmbook.feedforward.language_model import NeuralNGram


@experiment("bench-05-tape", seeds=range(15), rules=["neural n-gram"], sizes=[[32, 3], [256, 3], [2048, 3]])
def bench(seed, *, rules, sizes):
    """Time both once, one right after the other, in seconds per gradient. (rules, sizes)"""
    rng = np.random.default_rng(seed)
    network = NeuralNGram(27, context_length=3, d_model=10, d_hidden=200, rng=rng)
    params = network.params()
    seconds = {"ours": np.zeros((1, len(sizes))), "peer": np.zeros((1, len(sizes)))}
    for j, size in enumerate(sizes):
        before, targets = rng.integers(27, size=size), rng.integers(27, size=size[0])

        def tape(before=before, targets=targets):
            network.zero_grad()
            network.loss(before, targets).backward()
            return network.grads()

        def by_hand(before=before, targets=targets):
            return loss_and_gradients(params, before, targets)[1]

        ours, theirs = tape(), by_hand()
        for name in theirs:
            np.testing.assert_array_equal(ours[name], theirs[name])
        calls = max(20, 100_000 // size[0])
        seconds["ours"][0, j] = timeit(tape, number=calls) / calls
        seconds["peer"][0, j] = timeit(by_hand, number=calls) / calls
    return {**seconds, "peer name": "pullbacks chained by hand", "machine": machine()}
