"""What a rule must satisfy, measured.

The tests and a chapter's certificate cell make the same checks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from llmbook.math_foundations.calculus import check_pullback

GRADIENT_LIMIT = 1e-7  # relative error against central differences, float64
REFERENCE_LIMIT = 1e-6  # relative difference to PyTorch, float64


@dataclass(frozen=True)
class Case:
    """A rule, inputs to check it on, and PyTorch's counterpart.

    ``draw(rng) -> (args, options)``, in float64, away from kinks.
    ``peer(torch, *args, **options)`` is given the module, which readers do not
    have, and every array as a tensor.
    """

    name: str
    rule: Callable
    draw: Callable[[np.random.Generator], tuple[tuple, dict]]
    peer: Callable


@dataclass(frozen=True)
class Verified:
    """The measured figures of a case that kept every promise."""

    name: str
    gradient_error: float
    reference_error: float


class CertificateError(AssertionError):
    """A rule broke one of the promises that every rule of the book makes."""


def verify(case: Case, golden: dict[str, np.ndarray]) -> Verified:
    """Check one case, against measurement and against PyTorch's stored values.

    Promises: the gradient agrees with central differences; float32 in gives
    float32 out, forward and backward; inputs and received gradients are not
    written to; each gradient has its argument's shape, and is None for
    integers; value and gradients agree with PyTorch's.

    Raises:
        CertificateError: a promise is broken; the message names the case, the
            promise and the figure.
        KeyError: PyTorch's values for this case are missing;
            ``tests/golden/make_golden.py`` makes them.
    """
    args, options = case.draw(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    try:
        gradient_error = check_pullback(case.rule, *args, rng=rng, **options)
    except ValueError as error:
        raise CertificateError(f"{case.name}: {error}") from error
    _demand(
        case,
        gradient_error < GRADIENT_LIMIT,
        f"gradient check {gradient_error:.1e}, not below {GRADIENT_LIMIT}",
    )
    _check_float32(case, args, options)
    reference_error = _compare(case, run(case), golden)
    _demand(
        case,
        reference_error < REFERENCE_LIMIT,
        f"differs from PyTorch by {reference_error:.1e} of the largest entry",
    )
    return Verified(case.name, gradient_error, reference_error)


def run(case: Case) -> dict[str, np.ndarray]:
    """Compute value and gradients of a case at its fixed inputs, in float64.

    They have the names that the golden files use.
    """
    args, options = case.draw(np.random.default_rng(0))
    value, pullback = case.rule(*args, **options)
    outputs = _tuple(value)
    gradients = pullback(*received_gradients(outputs))
    named = {f"value {i}": v for i, v in enumerate(outputs)}
    for i, g in enumerate(gradients):
        if g is not None:
            named[f"gradient {i}"] = g
    return {f"{case.name}: {key}": np.asarray(v) for key, v in named.items()}


def received_gradients(outputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Draw the gradients that arrive at a case's outputs.

    The draws are fixed, so that PyTorch can be sent the same.
    """
    rng = np.random.default_rng(2)
    return [rng.standard_normal(np.shape(v)) for v in outputs]


def load_golden(section: str) -> dict[str, np.ndarray]:
    """Load PyTorch's values and gradients for a section's cases.

    They come from the checkout or the installed wheel.

    Raises:
        FileNotFoundError: there is no such file;
            ``tests/golden/make_golden.py`` makes it.
    """
    folder = Path(__file__).parents[3] / "tests" / "golden"
    if not folder.is_dir():  # installed from a wheel
        folder = Path(str(files("llmbook.book") / "_golden"))
    with np.load(folder / f"{section}.npz") as archive:
        return dict(archive)


def certificate(cases: Sequence[Case], section: str) -> list[Verified]:
    """Verify a chapter's rules and print their figures.

    The cell fails if a rule breaks a promise.
    """
    golden = load_golden(section)
    verified = [verify(case, golden) for case in cases]
    print(f"{'rule':24}{'gradient check':>16}{'against PyTorch':>18}")
    for v in verified:
        errors = f"{v.gradient_error:16.1e}{v.reference_error:18.1e}"
        print(f"{v.name:24}{errors}")
    print("All keep float32, and write to nothing that they are given.")
    return verified


def _check_float32(case: Case, args: tuple, options: dict) -> None:
    single = [_single(a) for a in args]
    options = {key: _single(value) for key, value in options.items()}
    given = [
        a for a in [*single, *options.values()] if isinstance(a, np.ndarray)
    ]
    before = [a.copy() for a in given]
    value, pullback = case.rule(*single, **options)
    for v in _tuple(value):
        dtype = np.asarray(v).dtype
        _demand(
            case,
            dtype == np.float32,
            f"float32 in gave {dtype} out, forward",
        )
    received = [g.astype(np.float32) for g in received_gradients(_tuple(value))]
    received_before = [g.copy() for g in received]
    for g in pullback(*received):
        _demand(
            case,
            g is None or g.dtype == np.float32,
            "float32 in gave another dtype out, backward",
        )
    kept = all(map(np.array_equal, given, before))
    _demand(case, kept, "an input was written to")
    kept = all(map(np.array_equal, received, received_before))
    _demand(case, kept, "a received gradient was written to")


def _single(value: Any) -> Any:
    """Give an array of floats, an argument or an option, single precision."""
    is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(np.float32) if is_float else value


def _compare(case: Case, ours: dict[str, Any], golden: dict[str, Any]) -> float:
    worst = 0.0
    for key, array in ours.items():
        theirs = golden[key]
        _demand(
            case,
            array.shape == theirs.shape,
            f"{key}: shape {array.shape}, PyTorch's is {theirs.shape}",
        )
        error = np.abs(array - theirs).max() / np.abs(theirs).max()
        worst = max(worst, float(error))
    return worst


def _demand(case: Case, kept: bool, broken: str) -> None:
    if not kept:
        raise CertificateError(f"{case.name}: {broken}")


def _tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)
