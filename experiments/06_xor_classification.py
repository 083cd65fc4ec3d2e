"""Chapter 6: how often small networks learn XOR and parity, and two spirals on other seeds."""

import numpy as np

from llmbook.book import experiment
from llmbook.feedforward import ops
from llmbook.feedforward.activations import relu, sigmoid, tanh
from llmbook.feedforward.layers import MLP
from llmbook.feedforward.rules import add, matmul

ACTIVATIONS = {f.__name__: f for f in (sigmoid, tanh, relu)}


def parity(n):
    """Every string of n bits, and whether its ones are odd in number.  (2^n, n), (2^n, 1)"""
    x = np.array(list(np.ndindex(*[2] * n)), dtype=float)
    return x, x.sum(axis=1, keepdims=True) % 2


def draw(starts, D, F, activation, rng, scale=1.0):
    """Draw S networks: (S, D, F), (S, 1, F), (S, F, 1) and (S, 1, 1)."""
    gain = 2**0.5 if activation is relu else 1.0
    W1 = scale * gain * D**-0.5 * rng.standard_normal((starts, D, F))
    W2 = scale * F**-0.5 * rng.standard_normal((starts, F, 1))
    return [W1, np.zeros((starts, 1, F)), W2, np.zeros((starts, 1, 1))]


def gradients(params, x, y, activation, squared=False):
    """Probabilities (S, N, 1) of S networks, and the gradients of their losses."""
    W1, b1, W2, b2 = params
    a, back_to_W1 = matmul(x, W1)
    a, back_to_b1 = add(a, b1)
    h, back_to_a = activation(a)
    z, back_to_W2 = matmul(h, W2)
    z, back_to_b2 = add(z, b2)
    p, back_to_z = sigmoid(z)
    dz = back_to_z(2 * (p - y) / len(x))[0] if squared else (p - y) / len(x)
    dz, db2 = back_to_b2(dz)
    dh, dW2 = back_to_W2(dz)
    da, db1 = back_to_b1(back_to_a(dh)[0])
    _, dW1 = back_to_W1(da)
    return p, [dW1, db1, dW2, db2]


def train(params, x, y, activation, steps=3000, lr=0.3, momentum=0.9, squared=False):
    """Train S networks at once.  Return their probabilities, (S, N), and change their parameters."""
    velocities = [np.zeros_like(p) for p in params]
    for _ in range(steps):
        _, grads = gradients(params, x, y, activation, squared)
        for p, v, g in zip(params, velocities, grads, strict=True):
            v *= momentum
            v -= lr * g
            p += v
    return gradients(params, x, y, activation)[0][..., 0]


def solved(p, y):
    return ((p > 0.5) == y[:, 0]).all(axis=1)


@experiment("06-widths", seeds=range(1, 4), starts=200, widths=[2, 3, 4, 8, 16], steps=3000)
def widths(seed, *, starts, widths, steps):
    """Count the starts that learn XOR, for each activation and width."""
    rng, (x, y) = np.random.default_rng(seed), parity(2)
    return {
        name: [int(solved(train(draw(starts, 2, F, f, rng), x, y, f, steps), y).sum()) for F in widths]
        for name, f in ACTIVATIONS.items()
    }


@experiment("06-stuck", seeds=range(1, 4), starts=200, steps=3000, longer=9_000, pushes=[1.0, 3.0, 10.0])
def stuck(seed, *, starts, steps, longer, pushes):
    """Look at the networks of width 2 that fail: answers, gradients, more steps, one push of each size."""
    rng, (x, y) = np.random.default_rng(seed), parity(2)
    results = {}
    for name, f in ACTIVATIONS.items():
        params = draw(starts, 2, 2, f, rng)
        failed = ~solved(train(params, x, y, f, steps), y)
        params = [p[failed] for p in params]
        p, grads = gradients(params, x, y, f)
        norm = np.sqrt(sum((g**2).sum(axis=(1, 2)) for g in grads))
        loss = -np.log(np.abs(1 - y - p)).mean(axis=(1, 2))
        slow = [a.copy() for a in params]
        waited = solved(train(slow, x, y, f, longer), y)
        norm_after = np.sqrt(sum((g**2).sum(axis=(1, 2)) for g in gradients(slow, x, y, f)[1]))
        rescued = []
        for size in pushes:
            pushed = [a + size * rng.standard_normal(a.shape) for a in params]
            rescued.append(int(solved(train(pushed, x, y, f, steps), y).sum()))
        results[name] = {
            "failed": int(failed.sum()),
            "answers": p[..., 0].round(3),
            "loss": loss,
            "gradient": norm,
            "waited": int(waited.sum()),
            "gradient after": norm_after,
            "rescued": rescued,
        }
    return results


@experiment(
    "06-variants",
    seeds=range(1, 4),
    starts=1000,
    variants={
        "unchanged": {},
        "weights x 1/2": {"scale": 0.5},
        "weights x 1/10": {"scale": 0.1},
        "weights x 4": {"scale": 4.0},
        "lr 0.03": {"lr": 0.03},
        "lr 3": {"lr": 3.0},
        "squared error": {"squared": True},
        "inputs -1 and 1": {"centered": True},
        "sigmoid": {"activation": "sigmoid"},
        "sigmoid, x 1/10": {"activation": "sigmoid", "scale": 0.1},
        "sigmoid, x 1/10, longer": {"activation": "sigmoid", "scale": 0.1, "steps": 12_000},
    },
)
def variants(seed, *, starts, variants):
    """Count the starts that learn XOR with two units, with the named settings changed."""
    results = {}
    for name, change in variants.items():
        rng, (x, y) = np.random.default_rng(seed), parity(2)
        change = dict(change)
        x = 2 * x - 1 if change.pop("centered", False) else x
        activation = ACTIVATIONS[change.pop("activation", "tanh")]
        params = draw(starts, 2, 2, activation, rng, change.pop("scale", 1.0))
        results[name] = int(solved(train(params, x, y, activation, **change), y).sum())
    return results


@experiment("06-parity", seeds=range(1, 4), starts=200, bits=[2, 3, 4, 5], widths=[2, 4, 8, 16], steps=3000)
def parities(seed, *, starts, bits, widths, steps):
    """Count the starts that learn the parity of n bits, with tanh units.  (bits, widths)"""
    rng = np.random.default_rng(seed)
    solved_of = []
    for n in bits:
        x, y = parity(n)
        trained = (train(draw(starts, n, F, tanh, rng), x, y, tanh, steps) for F in widths)
        solved_of.append([int(solved(p, y).sum()) for p in trained])
    return {"solved": solved_of}


def spirals(rng, n=100, low=0.1, high=1.0):
    """Draw n points on each of two arms, from low to high of their length.  (2n, 2), (2n,)"""
    t = rng.uniform(low, high, n)
    angle = 2 * np.pi * 1.5 * t
    arm = np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1)
    x = np.concatenate([arm, -arm]) + 0.02 * rng.standard_normal((2 * n, 2))
    return (3 * x).astype(np.float32), np.repeat([0, 1], n)


@experiment("06-spirals", seeds=range(1, 21), sizes=[2, 32, 32, 2], steps=1500, lr=0.5)
def two_spirals(seed, *, sizes, steps, lr):
    """Train on two spirals; the shares right on them, on fresh points, and where the arms go on."""
    rng = np.random.default_rng(seed)
    x, y = spirals(rng)
    model = MLP(sizes, rng=rng, activation=ops.tanh)
    losses = []
    for _ in range(steps):
        loss = ops.cross_entropy(model(x), y)
        loss.backward()
        for p in model.tensors().values():
            p.data -= lr * p.grad
        model.zero_grad()
        losses.append(float(loss))

    def accuracy(x, y):
        return float((model(x).data.argmax(axis=1) == y).mean())

    return {
        "loss": losses[::50],
        "train": accuracy(x, y),
        "fresh": accuracy(*spirals(rng, 1000)),
        "beyond": accuracy(*spirals(rng, 1000, 1.0, 1.3)),
    }
