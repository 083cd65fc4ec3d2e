"""Chapter 9: parity by a recurrent network, by a window, and what must be given for it to be learned."""

import numpy as np

from llmbook.book import experiment
from llmbook.data import length_mask, parity
from llmbook.feedforward import ops
from llmbook.feedforward.layers import MLP
from llmbook.feedforward.tape import no_grad
from llmbook.optimization.optimizers import Adam
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import train
from llmbook.rnn.unrolled import UnrolledRNN

ONE_HOT = np.eye(2, dtype=np.float32)


def strings(rng, n, longest, shortest=1, only_last=False):
    """Draw strings of several lengths: x (n, T, 2), targets and mask (n, T).

    With ``only_last`` the mask counts the last step of each string alone.
    """
    bits, odd = parity(n, longest, rng=rng)
    lengths = rng.integers(shortest, longest + 1, n)
    mask = length_mask(lengths, longest)
    if only_last:
        mask &= ~np.pad(mask[:, 1:], ((0, 0), (0, 1)))
    return ONE_HOT[bits], odd, mask


def right(model, rng, *, n=1000, length=200):
    """Draw strings; say where the model's answer after each step is right.  (n, length)"""
    bits, odd = parity(n, length, rng=rng)
    with no_grad():
        return model(ONE_HOT[bits]).argmax(axis=-1) == odd


def trained(rng, *, d_hidden, steps, batch, lr, **how):
    model = UnrolledRNN(2, d_hidden, 2, rng=rng)
    train(
        model,
        lambda rng: strings(rng, batch, **how),
        Adam(lr),
        steps=steps,
        rng=rng,
        max_norm=1.0,
        schedule=warmup_cosine(steps // 20, steps),
    )
    return model


def window(bits, lengths):
    """The bits before each string's end, right-aligned, two columns a bit.  (n, 2 T)"""
    n, T = bits.shape
    seen = np.arange(T) >= T - lengths[:, None]
    return np.stack([seen & (bits == 0), seen & (bits == 1)], axis=-1).reshape(n, -1).astype(np.float32)


class WindowMLP(MLP):
    def loss(self, x, targets, *, rng=None):
        return ops.cross_entropy(self(x), targets)


@experiment("09-parity", seeds=range(1, 7), d_hidden=16, steps=500, batch=64, lr=0.01, longest=12)
def by_recurrence(seed, **how):
    """Train on strings of 1 to 12 bits; share of new strings right, at the end and at every step."""
    rng = np.random.default_rng(seed)
    model = trained(rng, **how)
    at = right(model, rng)
    far = right(model, rng, n=100, length=5000)
    return {
        "last of 12": float(at[:, 11].mean()),
        "last of 200": float(at[:, -1].mean()),
        "every of 200": float(at.all(axis=1).mean()),
        "every of 5000": float(far.all(axis=1).mean()),
    }


@experiment(
    "09-given",
    seeds=range(1, 7),
    d_hidden=16,
    steps=2000,
    batch=64,
    lr=0.01,
    longest=12,
    kinds={
        "after every step, 1 to 12": [1, False],
        "after every step, only 12": [12, False],
        "at the end, 1 to 12": [1, True],
        "at the end, 2 to 12": [2, True],
        "at the end, 3 to 12": [3, True],
        "at the end, 4 to 12": [4, True],
        "at the end, 6 to 12": [6, True],
        "at the end, only 12": [12, True],
    },
)
def what_is_given(seed, *, kinds, **how):
    """Change which answers are given, and how short the shortest string is; share right at 12 and 200."""
    results = {}
    for kind, (shortest, only_last) in kinds.items():
        rng = np.random.default_rng(seed)
        at = right(trained(rng, shortest=shortest, only_last=only_last, **how), rng)
        results[kind] = [float(at[:, 11].mean()), float(at[:, -1].mean())]
    return results


@experiment("09-window", seeds=range(1, 7), widths=[64, 256], steps=6000, batch=256, lr=0.003, longest=12)
def by_window(seed, *, widths, steps, batch, lr, longest):
    """Train MLPs on the last 12 bits; share of new strings right, by length.  (widths, lengths)"""
    results = []
    for width in widths:
        rng = np.random.default_rng(seed)
        model = WindowMLP([2 * longest, width, 2], rng=rng, activation=ops.tanh)

        def draw(rng, n=batch, lengths=None):
            bits, _ = parity(n, longest, rng=rng)
            lengths = rng.integers(1, longest + 1, n) if lengths is None else lengths
            x = window(bits, lengths)
            return x, x[:, 1::2].sum(axis=1).astype(int) % 2

        schedule = warmup_cosine(steps // 20, steps)
        train(model, draw, Adam(lr), steps=steps, rng=rng, schedule=schedule)
        shares = []
        for length in range(1, longest + 1):
            x, odd = draw(rng, 2000, np.full(2000, length))
            shares.append(float((model(x).data.argmax(axis=1) == odd).mean()))
        results.append(shares)
    return {"right": results}
