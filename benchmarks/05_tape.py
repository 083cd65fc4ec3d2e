"""Chapter 5: a gradient of the neural n-gram, replayed by the tape, beside the pullbacks chained by hand."""

from benchmarks.side_by_side import side_by_side

from llmbook.book import experiment
from llmbook.feedforward.by_hand import NAMES, loss_and_gradients
from llmbook.feedforward.language_model import NeuralNGram


def pair(rule, size, rng):
    """The gradients of all parameters for one batch of contexts."""
    network = NeuralNGram(27, context_length=3, d_model=10, d_hidden=200, rng=rng)
    before, targets = rng.integers(27, size=size), rng.integers(27, size=size[0])

    def tape():
        network.zero_grad()
        network.loss(before, targets).backward()
        return [network.grads()[name] for name in NAMES]

    def by_hand():
        _, gradients = loss_and_gradients(network.params(), before, targets)
        return [gradients[name] for name in NAMES]

    return tape, by_hand


@experiment("bench-05-tape", seeds=range(15), rules=["neural n-gram"], sizes=[[32, 3], [256, 3], [2048, 3]])
def bench(seed, *, rules, sizes):
    """Batches of 32, 256 and 2,048 contexts."""
    return side_by_side(pair, seed, rules, sizes, peer="pullbacks chained by hand")
