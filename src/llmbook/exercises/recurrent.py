"""The checks of the exercises on recurrent networks."""

import numpy as np

from llmbook.exercises.answers import check_with, demand


def check(exercise: str, answer) -> None:
    """Check an answer to an exercise on recurrent networks.

    Raises:
        ValueError: there is no such exercise.
        WrongAnswer: the answer lacks a property; the message is a hint.
    """
    check_with(CHECKS, exercise, answer)


def _recurrence(run) -> None:
    """run(x, h, W_x, W_h, b) -> the states (B, T, H)."""
    rng = np.random.default_rng(9)
    for B, T, D, H in ((2, 5, 3, 4), (5, 2, 4, 3), (1, 1, 2, 2), (3, 3, 3, 3)):
        shapes = (B, T, D), (B, H), (D, H), (H, H), (H,)
        given = [rng.standard_normal(shape) for shape in shapes]
        x, h, W_x, W_h, b = given
        copies = [a.copy() for a in given]
        got = np.asarray(run(*copies))
        demand(
            got.shape == (B, T, H),
            f"x {x.shape} and h {h.shape} need states of shape {(B, T, H)}; "
            f"got {got.shape}",
        )
        demand(
            all(map(np.array_equal, given, copies)),
            "an argument was written into; whoever carries h on would lose it",
        )
        demand(
            np.allclose(got[:, 0], np.tanh(x[:, 0] @ W_x + h @ W_h + b), 1e-4),
            "the first state is not tanh(x_1 W_x + h W_h + b)",
        )
        for t in range(1, T):
            right = np.tanh(x[:, t] @ W_x + got[:, t - 1] @ W_h + b)
            demand(
                np.allclose(got[:, t], right, rtol=1e-4, atol=1e-6),
                f"the state of step {t + 1} does not follow from that of "
                f"step {t}: does each step read its own symbol and the state "
                "of the step before?",
            )


def _delay(delay) -> None:
    """delay(k) -> (W_x, W_h, W_y): a linear recurrence, no bias."""
    rng = np.random.default_rng(10)
    for k in (1, 2, 5, 9):
        W_x, W_h, W_y = (np.asarray(a, dtype=float) for a in delay(k))
        H = W_h.shape[0]
        demand(
            (W_x.shape, W_h.shape, W_y.shape) == ((1, H), (H, H), (H, 1)),
            "the shapes must be (1, H), (H, H) and (H, 1); they are "
            f"{W_x.shape}, {W_h.shape} and {W_y.shape}",
        )
        x, h, said = rng.standard_normal(3 * k + 4), np.zeros((1, H)), []
        for x_t in x:
            h = x_t * W_x + h @ W_h
            said.append((h @ W_y).item())
        late = [
            j
            for j in range(3 * k)
            if j != k and np.allclose(said[j:], x[: len(x) - j])
        ]
        demand(
            not late,
            f"for k = {k} the answer comes {late[:1]} steps late, not {k}",
        )
        demand(
            np.allclose(said[:k], 0),
            f"for k = {k} the first {k} answers must be 0: "
            "nothing was read so long ago",
        )
        demand(
            np.allclose(said[k:], x[: len(x) - k]),
            f"for k = {k} the answer at step t must be the number read at "
            f"step t - {k}",
        )


CHECKS = {
    "recurrence": _recurrence,
    "delay": _delay,
}
