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


def window_strings(rng, n, width, shortest, longest):
    """Draw strings for a window of so many bits: x (n, 2 width), two columns a bit, and their parity (n,)."""
    bits, _ = parity(n, width, rng=rng)
    lengths = rng.integers(shortest, longest + 1, n)
    seen = np.arange(width) >= width - lengths[:, None]  # right-aligned
    x = np.stack([seen & (bits == 0), seen & (bits == 1)], axis=-1).reshape(n, -1).astype(np.float32)
    return x, (seen & (bits == 1)).sum(axis=1) % 2


class WindowMLP(MLP):
    def loss(self, x, targets, *, rng=None):
        return ops.cross_entropy(self(x), targets)


def trained_window(rng, longest, d_hidden, *, steps, batch, lr, shortest=1):
    model = WindowMLP([2 * longest, d_hidden, 2], rng=rng, activation=ops.tanh)
    train(
        model,
        lambda rng: window_strings(rng, batch, longest, shortest, longest),
        Adam(lr),
        steps=steps,
        rng=rng,
        schedule=warmup_cosine(steps // 20, steps),
    )
    return model


def right_in_window(model, rng, longest, length):
    """Share of 2,000 new strings of one length that the model has right."""
    x, odd = window_strings(rng, 2000, longest, length, length)
    return float((model(x).data.argmax(axis=1) == odd).mean())


@experiment(
    "09-parity",
    seeds=range(101, 119),
    d_hidden=16,
    steps=3000,
    batch=64,
    lr=0.03,
    longest=12,
    at=[12, 25, 50, 100, 200],
)
def by_recurrence(seed, *, at, longest, **how):
    """Train on strings of 1 to 12 bits; shares right, what becomes of a push, and what is misread.

    The shares are of all strings of 12 bits and of new ones, by length.  The push is normal noise of size 0.1
    on the state after 20 bits; its length after each of 20 more, as a share of what it was.
    """
    rng = np.random.default_rng(seed)
    model = trained(rng, longest=longest, **how)
    correct = right(model, rng)
    far = right(model, rng, n=1000, length=2000)
    every_string = np.array(list(np.ndindex(*[2] * longest)))
    with no_grad():
        answers = model(ONE_HOT[every_string])[:, -1].argmax(axis=-1)
    return {
        "all of 12": float((answers == every_string.sum(axis=1) % 2).mean()),
        "right": [float(correct[:, length - 1].mean()) for length in at],
        "every of 200": float(correct.all(axis=1).mean()),
        "every of 2000": float(far.all(axis=1).mean()),
        "push": pushed(model, rng),
        "misread": misread(model, rng),
    }


def pushed(model, rng, n=200, size=0.1):
    """Push the states after 20 bits; the median length of the push, step by step, as a share of the first."""
    bits, _ = parity(n, 40, rng=rng)
    with no_grad():
        h = model.states(ONE_HOT[bits[:, :20]])[-1]
        push = size * rng.standard_normal(h.shape, dtype=np.float32)
        plain, moved = (model.states(ONE_HOT[bits[:, 20:]], start) for start in (h, h + push))
    first = np.linalg.norm(push, axis=1)
    lengths = [np.linalg.norm(b - a, axis=1) / first for a, b in zip(plain, moved, strict=True)]
    return np.median(lengths, axis=1)


def misread(model, rng, *, n=4000, length=200, before=80, tails=(12, 16, 24, 40)):
    """Put the bits up to an error after other bits; share of them misread again, by how many were taken.

    What stands before them is random, but its parity is that which stood there.  Empty if fewer than 20 of
    n strings have their first error after bit 60.
    """
    bits, odd = parity(n, length, rng=rng)
    with no_grad():
        wrong = model(ONE_HOT[bits]).argmax(axis=-1) != odd
    first = wrong.argmax(axis=1)
    rows = np.flatnonzero(wrong.any(axis=1) & (first >= 60))
    if len(rows) < 20:
        return []
    shares = []
    for tail in tails:
        taken = np.array([bits[i, first[i] - tail + 1 : first[i] + 1] for i in rows])
        head = rng.integers(0, 2, (len(rows), before))
        head[:, -1] ^= head.sum(axis=1) % 2 != odd[rows, first[rows] - tail]
        string = np.concatenate([head, taken], axis=1)
        with no_grad():
            answers = model(ONE_HOT[string])[:, -1].argmax(axis=-1)
        shares.append(float((answers != string.sum(axis=1) % 2).mean()))
    return shares


@experiment(
    "09-given",
    seeds=range(201, 207),
    d_hidden=16,
    steps=3000,
    batch=64,
    lr=0.03,
    kinds={
        "after every bit, 1 to 12": [1, 12, False],
        "after every bit, only 12": [12, 12, False],
        "at the end, 1 to 12": [1, 12, True],
        "at the end, 3 to 12": [3, 12, True],
        "at the end, 4 to 12": [4, 12, True],
        "at the end, 6 to 12": [6, 12, True],
        "at the end, only 12": [12, 12, True],
        "at the end, 1 to 4": [1, 4, True],
    },
)
def what_is_given(seed, *, kinds, **how):
    """Change which targets are given, and the lengths of the strings; share right at 12 bits and at 200."""
    results = {}
    for kind, (shortest, longest, only_last) in kinds.items():
        rng = np.random.default_rng(seed)
        model = trained(rng, shortest=shortest, longest=longest, only_last=only_last, **how)
        at = right(model, rng)
        results[kind] = [float(at[:, 11].mean()), float(at[:, -1].mean())]
    return results


@experiment(
    "09-given-window",
    seeds=range(201, 207),
    width=256,
    steps=3000,
    batch=64,
    lr=0.03,
    longest=12,
    shortest=[1, 4, 6, 12],
)
def what_a_window_is_given(seed, *, width, longest, shortest, **how):
    """Train a window of 12 bits on the strings of "09-given", targets at the end; share right at 12 bits."""
    results = []
    for least in shortest:
        rng = np.random.default_rng(seed)
        model = trained_window(rng, longest, width, shortest=least, **how)
        results.append(right_in_window(model, rng, longest, longest))
    return {"right": results}


@experiment(
    "09-window",
    seeds=range(1, 7),
    widths=[64, 256],
    lrs=[0.003, 0.01, 0.03],
    steps=6000,
    batch=256,
    longest=12,
)
def by_window(seed, *, widths, lrs, longest, **how):
    """Train MLPs on the last 12 bits; share of new strings right, by length.  (widths, lrs, lengths)"""

    def shares(width, lr):
        rng = np.random.default_rng(seed)
        model = trained_window(rng, longest, width, lr=lr, **how)
        return [right_in_window(model, rng, longest, length) for length in range(1, longest + 1)]

    return {"right": [[shares(width, lr) for lr in lrs] for width in widths]}
