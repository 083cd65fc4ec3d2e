"""Section 1's rows of the table of rules."""

from llmbook.book.certificate import Case
from llmbook.math_foundations.softmax import (
    cross_entropy,
    log_softmax,
    logsumexp,
    softmax,
)


def _scores(rng):
    return (3 * rng.standard_normal((2, 4, 5)),), {}


def _scores_and_targets(rng):
    return (3 * rng.standard_normal((2, 4, 5)), rng.integers(0, 5, (2, 4))), {}


def _with_mask(rng):
    args, _ = _scores_and_targets(rng)
    return args, {"mask": rng.random((2, 4)) < 0.6}


CASES = [
    Case(
        "logsumexp",
        logsumexp,
        _scores,
        peer=lambda torch, x: torch.logsumexp(x, -1),
    ),
    Case(
        "softmax", softmax, _scores, peer=lambda torch, x: torch.softmax(x, -1)
    ),
    Case(
        "log_softmax",
        log_softmax,
        _scores,
        peer=lambda torch, x: torch.log_softmax(x, -1),
    ),
    Case(
        "cross_entropy",
        cross_entropy,
        _scores_and_targets,
        peer=lambda torch, logits, targets: torch.nn.functional.cross_entropy(
            logits.flatten(0, -2), targets.flatten()
        ),
    ),
    Case(
        "cross_entropy, masked",
        cross_entropy,
        _with_mask,
        peer=lambda torch, logits, targets, mask: (
            torch.nn.functional.cross_entropy(logits[mask], targets[mask])
        ),
    ),
]
