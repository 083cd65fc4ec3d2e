"""Chapter 12: the bit to keep once more, at three learning rates: is it the forget bias, or the rate?"""

from functools import partial

import numpy as np

from llmbook.book import experiment
from llmbook.data import recall
from llmbook.feedforward.tape import no_grad
from llmbook.lstm_gru.lstm import LSTM
from llmbook.optimization.optimizers import Adam
from llmbook.optimization.schedules import warmup_cosine
from llmbook.optimization.training import train
from llmbook.rnn.reader import Reader
from llmbook.rnn.rnn import RNN

CELLS = {"RNN": RNN} | {f"forget bias {b}": partial(LSTM, forget_bias=float(b)) for b in (0, 1, 3)}


@experiment(
    "12-recall-rate",
    seeds=range(201, 207),
    Ts=[40, 80],
    lrs=[0.003, 0.01, 0.03],
    d_hidden=32,
    steps=1000,
    batch=64,
)
def by_rate(seed, *, Ts, lrs, d_hidden, steps, batch):
    """Recall a bit after noise: {kind: share right, by T and learning rate}."""
    results = {}
    for kind, cell in CELLS.items():
        for T in Ts:
            right = []
            for lr in lrs:
                rng = np.random.default_rng(seed)
                model = Reader(cell(3, d_hidden, rng=rng), 2, rng=rng)
                how = {"steps": steps, "rng": rng, "max_norm": 1.0}
                how["schedule"] = warmup_cosine(steps // 20, steps)
                train(model, lambda rng, T=T: recall(batch, T, rng=rng), Adam(lr), **how)
                x, bits = recall(2000, T, rng=rng)
                with no_grad():
                    right.append(float((model(x).argmax(axis=1) == bits).mean()))
            results.setdefault(kind, []).append(right)
    return results
