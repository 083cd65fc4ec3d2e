"""Section 5's rows of the table of rules."""

from llmbook.book.cases.rnn import module, sequences
from llmbook.book.certificate import Case
from llmbook.lstm_gru.gru import gru
from llmbook.lstm_gru.lstm import lstm


def _lstm(torch, x, h0, c0, W_x, W_h, b, **mask):
    return module(torch, "LSTM", x, (h0, c0), (W_x, W_h), (b,), **mask)


def _gru(torch, x, h0, W_x, W_h, b_x, b_h, **mask):
    return module(torch, "GRU", x, (h0,), (W_x, W_h), (b_x, b_h), **mask)


def _reset_before(torch, x, h0, W_x, W_h, b_x, b_h, *, reset_after, mask=None):
    """PyTorch has no such module: here it is from its elementary functions."""
    H, h, outputs = len(W_h), h0, []
    for t in range(x.shape[1]):
        u = x[:, t] @ W_x + b_x
        a = u[:, : 2 * H] + h @ W_h[:, : 2 * H] + b_h[: 2 * H]
        r, z = torch.sigmoid(a).split(H, dim=1)
        a = u[:, 2 * H :] + (r * h) @ W_h[:, 2 * H :] + b_h[2 * H :]
        new = (1 - z) * torch.tanh(a) + z * h
        counts = torch.ones_like(h[:, :1]) if mask is None else mask[:, t, None]
        h = torch.where(counts > 0, new, h)
        outputs.append(h * counts)
    return torch.stack(outputs, dim=1), h


CASES = [
    Case("lstm", lstm, sequences(4, 2, 1), peer=_lstm),
    Case("lstm, one step", lstm, sequences(4, 2, 1, T=1), peer=_lstm),
    Case("lstm, masked", lstm, sequences(4, 2, 1, masked=True), peer=_lstm),
    Case("gru", gru, sequences(3, 1, 2), peer=_gru),
    Case("gru, one step", gru, sequences(3, 1, 2, T=1), peer=_gru),
    Case("gru, masked", gru, sequences(3, 1, 2, masked=True), peer=_gru),
    Case(
        "gru, reset before",
        gru,
        sequences(3, 1, 2, reset_after=False),
        peer=_reset_before,
    ),
    Case(
        "gru, reset before, masked",
        gru,
        sequences(3, 1, 2, masked=True, reset_after=False),
        peer=_reset_before,
    ),
]
