"""Chapter 7: whole steps of training, gradient, clipping and AdamW, beside PyTorch's."""

import numpy as np
import torch
import torch.nn.functional as F
from benchmarks.side_by_side import side_by_side
from torch import nn

from llmbook.book import experiment
from llmbook.feedforward import ops
from llmbook.feedforward.language_model import NeuralNGram
from llmbook.feedforward.layers import MLP
from llmbook.optimization.optimizers import AdamW, clip_by_global_norm


class PeerNGram(nn.Module):
    """NeuralNGram in PyTorch: 27 symbols, 3 of context, rows of 10 numbers, 200 hidden units."""

    def __init__(self):
        super().__init__()
        self.embedding, self.hidden, self.output = (
            nn.Embedding(27, 10),
            nn.Linear(30, 200),
            nn.Linear(200, 27),
        )

    def forward(self, token_ids):
        before = F.pad(token_ids, (2, 0)).unfold(1, 3, 1)
        return self.output(torch.tanh(self.hidden(self.embedding(before).flatten(2))))


def n_gram(size, rng):
    """Our network, PyTorch's, and a batch of names."""
    network = NeuralNGram(27, context_length=3, d_model=10, d_hidden=200, rng=rng)
    return network, network.loss, PeerNGram(), rng.integers(27, size=size)


def mlp(size, rng):
    """Our network, PyTorch's, and a batch of rows: six layers of width 128, and one to 65 classes."""
    network = MLP([128] * 7 + [65], rng=rng, activation=ops.gelu)
    hidden = [layer for _ in range(6) for layer in (nn.Linear(128, 128), nn.GELU("tanh"))]
    peer = nn.Sequential(*hidden, nn.Linear(128, 65))

    def loss(x, targets):
        return ops.cross_entropy(network(x), targets)

    return network, loss, peer, rng.standard_normal((*size, 128), dtype=np.float32)


NETWORKS = {"NeuralNGram": n_gram, "MLP": mlp}


def pair(rule, size, rng):
    """One step of both, from the same parameters at first; each returns its loss and its gradients."""
    network, loss_of, peer, x = NETWORKS[rule](size, rng)
    targets = rng.integers(27, size=size)
    x_peer, targets_peer = torch.from_numpy(x), torch.from_numpy(targets).flatten()
    for name, theirs in zip(network.params(), peer.parameters(), strict=True):
        ours = network.params()[name]  # ours maps rows by x W, PyTorch by x W^T
        theirs.data = torch.tensor(ours.T if name.endswith("W") else ours).contiguous()
    optimizer, peer_optimizer = AdamW(1e-3), torch.optim.AdamW(peer.parameters(), lr=1e-3)

    def ours():
        network.zero_grad()
        loss = loss_of(x, targets)
        loss.backward()
        grads, _ = clip_by_global_norm(network.grads(), 1.0)
        optimizer.step(network.params(), grads)
        return [float(loss), *(g.T if name.endswith("W") else g for name, g in grads.items())]

    def theirs():
        peer_optimizer.zero_grad()
        loss = F.cross_entropy(peer(x_peer).flatten(0, 1), targets_peer)
        loss.backward()
        nn.utils.clip_grad_norm_(peer.parameters(), 1.0)
        peer_optimizer.step()
        return [loss.item(), *(p.grad for p in peer.parameters())]

    return ours, theirs


@experiment(
    "bench-07-steps",
    seeds=range(15),
    rules=list(NETWORKS),
    sizes=[[32, 8], [128, 8], [512, 8]],
)
def bench(seed, *, rules, sizes):
    """Batches of 32, 128 and 512 sequences of eight symbols, or rows."""
    return side_by_side(pair, seed, rules, sizes)
