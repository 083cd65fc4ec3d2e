"""Section 4's rows of the table of rules."""

import numpy as np

from llmbook.book.certificate import Case
from llmbook.rnn.rnn import rnn


def sequences(blocks, states, biases, *, T=4, masked=False, **options):
    """Draw a batch of 3, an x of D = 2, a state of H = 4, and parameters.

    A mask has rows of 3, 4 and 1 steps that count, as in a padded batch.
    """

    def draw(rng):
        B, D, H = 3, 2, 4
        F = blocks * H
        shapes = [(B, T, D), *[(B, H)] * states]
        shapes += [(D, F), (H, F), *[(F,)] * biases]
        args = tuple(rng.standard_normal(shape) for shape in shapes)
        mask = np.arange(T) < np.array([[3], [4], [1]])
        return args, options | ({"mask": mask} if masked else {})

    return draw


def module(torch, cell, x, states, weights, biases, mask=None):
    """Run torch.nn.RNN, LSTM or GRU on the given tensors.

    What the mask leaves out is packed away, and comes back as zeros.
    """
    names = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"
    if len(biases) == 1:  # PyTorch adds two
        biases = *biases, torch.zeros_like(biases[0])
    params = dict(zip(names, [*(W.T for W in weights), *biases], strict=True))
    peer = getattr(torch.nn, cell)(
        x.shape[-1], states[0].shape[-1], batch_first=True, dtype=x.dtype
    )
    utils = torch.nn.utils.rnn
    if mask is not None:
        x = utils.pack_padded_sequence(
            x, mask.sum(1), batch_first=True, enforce_sorted=False
        )
    first = tuple(s[None] for s in states)
    first = first if cell == "LSTM" else first[0]
    y, last = torch.func.functional_call(peer, params, (x, first))
    if mask is not None:
        y, _ = utils.pad_packed_sequence(y, batch_first=True)
    last = last if cell == "LSTM" else (last,)
    return y, *(s[0] for s in last)


def _peer(torch, x, h0, W_x, W_h, b, **mask):
    return module(torch, "RNN", x, (h0,), (W_x, W_h), (b,), **mask)


CASES = [
    Case("rnn", rnn, sequences(1, 1, 1), peer=_peer),
    Case("rnn, one step", rnn, sequences(1, 1, 1, T=1), peer=_peer),
    Case("rnn, masked", rnn, sequences(1, 1, 1, masked=True), peer=_peer),
]
