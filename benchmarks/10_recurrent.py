"""Chapters 10, 12 and 13: a whole sequence through RNN, LSTM and GRU, and back, beside PyTorch's modules."""

import numpy as np
import torch
from benchmarks.side_by_side import side_by_side

from llmbook.book import experiment
from llmbook.lstm_gru.gru import gru
from llmbook.lstm_gru.lstm import lstm
from llmbook.rnn.rnn import rnn

RULES = {"rnn": (rnn, torch.nn.RNN, 1), "lstm": (lstm, torch.nn.LSTM, 2), "gru": (gru, torch.nn.GRU, 1)}


def pair(rule, size, rng):
    """The outputs of a sequence, and the gradients of what is read and of all parameters."""
    B, T, D, H = size
    function, module, n_states = RULES[rule]
    peer = module(D, H, batch_first=True)
    biases = (peer.bias_ih_l0, peer.bias_hh_l0) if rule == "gru" else (peer.bias_ih_l0,)
    params = peer.weight_ih_l0, peer.weight_hh_l0, *biases
    with torch.no_grad():
        for p in peer.parameters():  # the second bias is zero where ours has one
            in_use = any(p is q for q in params)
            p.copy_(torch.from_numpy(H**-0.5 * in_use * rng.standard_normal(p.shape, dtype=np.float32)))
    x, dy = rng.standard_normal((B, T, D), np.float32), rng.standard_normal((B, T, H), np.float32)
    x_peer, dy_peer = torch.tensor(x, requires_grad=True), torch.tensor(dy)
    zeros = [np.zeros((B, H), np.float32)] * n_states
    arrays = [p.detach().numpy().T.copy() for p in params]

    def ours():
        (y, *_), pullback = function(x, *zeros, *arrays)
        dx, *gradients = pullback(dy, *[None] * n_states)
        return [y, dx, *gradients[n_states:]]

    def theirs():
        y, _ = peer(x_peer)
        dx, *gradients = torch.autograd.grad(y, [x_peer, *params], dy_peer)
        return [y.detach(), dx, *(g.T if g.ndim == 2 else g for g in gradients)]

    return ours, theirs


@experiment(
    "bench-10-recurrent",
    seeds=range(15),
    rules=list(RULES),
    sizes=[[32, 50, 32, 64], [32, 50, 64, 128], [64, 100, 128, 256]],
)
def bench(seed, *, rules, sizes):
    """B sequences of T steps, D numbers in and H units."""
    return side_by_side(pair, seed, rules, sizes)
