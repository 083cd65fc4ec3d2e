"""Models of the section, trained for a second: they learn what they are for."""

import numpy as np
import pytest

from llmbook.encoder_decoder.attention import AdditiveAttention, DotAttention
from llmbook.encoder_decoder.decoding import beam_search, greedy_decode
from llmbook.encoder_decoder.seq2seq import Seq2Seq
from llmbook.lstm_gru.gru import GRU
from llmbook.lstm_gru.lstm import LSTM
from llmbook.optimization.optimizers import Adam
from llmbook.optimization.training import train

SYMBOLS, MARK = 4, 4


def pairs(n, rng):
    """Rows of 2 to 4 symbols, padded, and what is to be written: the row reversed between two marks."""
    lengths = rng.integers(2, 5, n)
    source, written = rng.integers(SYMBOLS, size=(n, 4)), np.full((n, 6), MARK)
    for row, ids, length in zip(written, source, lengths, strict=True):
        row[1 : length + 1] = ids[:length][::-1]
    counts = np.arange(5) <= lengths[:, None]
    return source, np.arange(4) < lengths[:, None], written[:, :-1], written[:, 1:], counts


@pytest.mark.parametrize(
    ("recurrent", "attention", "bidirectional"),
    [(GRU, None, False), (LSTM, DotAttention, False), (GRU, AdditiveAttention, True)],
)
def test_it_learns_to_reverse(recurrent, attention, bidirectional, rng):
    how = {"recurrent": recurrent, "attention": attention, "bidirectional": bidirectional}
    model = Seq2Seq(SYMBOLS, SYMBOLS + 1, d_model=8, d_hidden=24, rng=rng, **how)
    history = train(model, lambda rng: pairs(64, rng), Adam(lr=0.01), steps=250, rng=rng)
    assert history["loss"][0] == pytest.approx(np.log(5), abs=0.2)
    source, source_mask, token_ids, targets, counts = pairs(50, rng)
    given = model.given(source, source_mask)
    written = greedy_decode(given, token_ids[:, :1], n_tokens=6, stop=MARK)
    right = [np.array_equal(ids, t[c]) for ids, t, c in zip(written, targets, counts, strict=True)]
    assert np.mean(right) > 0.9
    one = model.given(source[:1], source_mask[:1])
    best, *_ = beam_search(one, token_ids[0, :1], width=3, n_tokens=6, stop=MARK)
    assert best.token_ids.tolist() == targets[0, counts[0]].tolist() and right[0]
