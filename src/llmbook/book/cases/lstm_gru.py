"""Section 5's rows of the table of rules."""

from llmbook.book.cases.rnn import module, sequences
from llmbook.book.certificate import Case
from llmbook.lstm_gru.gru import gru
from llmbook.lstm_gru.lstm import lstm
from llmbook.lstm_gru.mingru import linear_scan, min_gru


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


def _scanned(*, T):
    def draw(rng):
        B, H = 3, 4
        shapes = (B, T, H), (B, T, H), (B, H)
        return tuple(rng.standard_normal(shape) for shape in shapes), {}

    return draw


def _one_by_one(torch, a, b, h):
    outputs = []
    for t in range(a.shape[1]):
        h = a[:, t] * h + b[:, t]
        outputs.append(h)
    return torch.stack(outputs, dim=1)


def _without_W_h(draw):
    def drawn(rng):
        (x, h0, W_x, _, b), options = draw(rng)
        return (x, h0, W_x, b), options

    return drawn


def _min_gru(torch, x, h0, W_x, b, *, mask=None):
    """In PyTorch, too, the steps are taken one after the other."""
    z, n = (x @ W_x + b).chunk(2, dim=-1)
    z = torch.sigmoid(z)
    counts = torch.ones_like(z) if mask is None else mask[..., None]
    kept = torch.where(counts > 0, z, 1)
    h = _one_by_one(torch, kept, (1 - kept) * n, h0)
    return h * counts, h[:, -1]


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
    Case("linear_scan", linear_scan, _scanned(T=7), peer=_one_by_one),
    Case("linear_scan, one step", linear_scan, _scanned(T=1), peer=_one_by_one),
    Case("min_gru", min_gru, _without_W_h(sequences(2, 1, 1)), peer=_min_gru),
    Case(
        "min_gru, one step",
        min_gru,
        _without_W_h(sequences(2, 1, 1, T=1)),
        peer=_min_gru,
    ),
    Case(
        "min_gru, masked",
        min_gru,
        _without_W_h(sequences(2, 1, 1, masked=True)),
        peer=_min_gru,
    ),
]
