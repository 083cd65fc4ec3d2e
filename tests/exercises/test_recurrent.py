"""Right answers pass, however they are written; planted wrong ones fail with the intended hint."""

import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.recurrent import check
from llmbook.rnn.rnn import rnn


def run(x, h, W_x, W_h, b, carry=True, symbol=lambda t: t):
    states = []
    for t in range(x.shape[1]):
        new = np.tanh(x[:, symbol(t)] @ W_x + h @ W_h + b)
        states.append(new)
        h = new if carry else h
    return np.stack(states, axis=1)


def all_inputs_first(x, h, W_x, W_h, b):
    a, states = x @ W_x + b, np.empty((*x.shape[:2], len(b)))
    for t in range(x.shape[1]):
        h = states[:, t] = np.tanh(a[:, t] + h @ W_h)
    return states


def in_float32(*arrays):
    return run(*(a.astype(np.float32) for a in arrays)).tolist()


def by_rule(x, h, W_x, W_h, b):
    return rnn(x, h, W_x, W_h, b)[0][0]


def in_place(x, h, W_x, W_h, b):
    states = []
    for t in range(x.shape[1]):
        h[:] = np.tanh(x[:, t] @ W_x + h @ W_h + b)
        states.append(h.copy())
    return np.stack(states, axis=1)


def by_lists(k):
    W_h = [[0.0] * (k + 1) for _ in range(k + 1)]
    for i in range(k):
        W_h[i][i + 1] = 1.0
    return [[1.0] + [0.0] * k], W_h, [[0.0]] * k + [[1.0]]


def shifted(k):
    return np.eye(1, k + 1), np.eye(k + 1, k=1), np.eye(k + 1)[:, -1:]


def backward(k):
    W_x, W_h, W_y = (np.array(a) for a in shifted(k))
    return W_x[:, ::-1], W_h[::-1, ::-1], W_y[::-1]


def spread(k):
    return 2 * np.eye(1, k + 1), np.eye(k + 1, k=1), np.eye(k + 1)[:, -1:] / 2


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        *(("recurrence", f) for f in (run, all_inputs_first, in_float32, by_rule)),
        *(("delay", f) for f in (by_lists, shifted, backward, spread)),
    ],
)
def test_right_answers_pass_however_they_are_written(exercise, answer):
    check(exercise, answer)


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        ("recurrence", lambda *a: run(*a)[:, -1], "need states of shape"),
        ("recurrence", lambda *a: run(*a).swapaxes(0, 1), "need states of shape"),
        ("recurrence", in_place, "was written into"),
        ("recurrence", lambda x, h, *a: run(x, 0 * h, *a), "the first state is not"),
        ("recurrence", lambda x, h, W_x, W_h, b: run(x, h, W_x, W_h.T, b), "the first state is not"),
        ("recurrence", lambda x, h, W_x, W_h, b: run(x, h, W_x, W_h, 0 * b), "the first state is not"),
        ("recurrence", lambda *a: run(*a, carry=False), "does not follow from that of step 1"),
        ("recurrence", lambda *a: run(*a, symbol=lambda t: 0), "does not follow"),
        ("delay", lambda k: shifted(k)[:2], "stopped with ValueError"),
        ("delay", lambda k: (*shifted(k)[:2], np.ones(k + 1)), "the shapes must be"),
        ("delay", lambda k: shifted(k - 1), "steps late, not"),
        ("delay", lambda k: shifted(k + 1), "steps late, not"),
        ("delay", lambda k: shifted(2), "steps late, not"),
        ("delay", lambda k: (*shifted(k)[:2], np.ones((k + 1, 1))), "must be 0"),
        ("delay", lambda k: (2 * np.eye(1, k + 1), *shifted(k)[1:]), "the number read at"),
    ],
)
def test_wrong_answers_get_the_intended_hint(exercise, answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check(exercise, answer)
