"""What the book measured: claims, and the rows of its one leaderboard."""

import math
import re
from html import escape
from typing import Any, Literal

from llmbook.book.page import machine, shell, show

CLAIM = "application/vnd.llmbook.claim+json"
LEADERBOARD = "application/vnd.llmbook.leaderboard+json"

# The corpora of the leaderboard, and how many symbols a model chooses from at
# each step.
CORPORA = {"surnames": 27, "shakespeare": 76}


class ClaimError(AssertionError):
    """A measured value lies outside the range that the book claims for it."""


def verdict(
    paper: float, low: float, high: float
) -> Literal["yes", "partly", "no"]:
    """Say whether our value, in [low, high], reproduces a paper's.

    Returns:
        "yes" inside the range, "partly" up to one further width of it on either
        side, "no" beyond.
    """
    width = high - low
    if low <= paper <= high:
        return "yes"
    return "partly" if low - width <= paper <= high + width else "no"


def show_number(value: float, digits: int = 4) -> str:
    """Round to significant digits, and group the thousands.

    Examples are 2.454, 3e-10, 134,515,008 and True.
    """
    if isinstance(value, bool):
        return str(value)
    whole = isinstance(value, int) or (1e4 <= abs(value) < 1e15 and digits == 4)
    return f"{value:,.0f}" if whole else f"{value:.{digits}g}"


def digits_of(low: float, high: float) -> int:
    """Count the digits, at least four, that tell the ends of a range apart.

    They are significant digits; equal ends have four.
    """
    for n in range(4, 17):
        if f"{low:.{n}g}" != f"{high:.{n}g}":
            return n
    return 4


def claim(
    name: str,
    value: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    paper: float | None = None,
    source: str | None = None,
    kind: Literal["measured", "timing"] = "measured",
    unit: str = "",
) -> None:
    """Show a measured value under the cell, and hold it to its range.

    The value also enters the claims page. Do not claim in a cell that has a
    figure caption (myst-nb would put the caption on the claim too).

    Args:
        name: "chapter/what", unique in the book; prose says the value with
            {glue:text}`chapter/what:.3f`.
        value: one number, of Python or NumPy.
        low: the lower end of the range, which is inside.
        high: the upper end, inside as well.
        paper: a paper's value of the same quantity; it needs its source.
        source: a key of references.bib, or words.
        kind: a "timing" is shown with the machine it was taken on and has no
            range.
        unit: follows the value wherever it is shown.

    Raises:
        ClaimError: the value is NaN or outside [low, high].
        ValueError: the claim itself is malformed.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(
            f"name {name!r} is not of the form 'chapter/what': "
            "lowercase ascii, digits and -"
        )
    value, low, high, paper = map(_plain, (value, low, high, paper))
    if not isinstance(value, int | float):
        raise ValueError(
            f"value of claim {name} is {value!r}; it must be one number"
        )
    if kind not in ("measured", "timing"):
        raise ValueError(
            f"kind {kind!r} of claim {name} is neither 'measured' nor 'timing'"
        )
    if (paper is None) != (source is None):
        raise ValueError(
            f"claim {name} needs both paper and source, or neither"
        )
    if paper is not None and not math.isfinite(paper):
        raise ValueError(f"paper of claim {name} is {paper}; it must be finite")

    record: dict[str, Any] = {
        "name": name,
        "anchor": "claim-" + name.replace("/", "--"),
        "value": value,
        "unit": unit,
        "kind": kind,
        "paper": paper,
        "source": source,
        "verdict": None,
    }
    comparison = "" if paper is None else f"; paper {show_number(paper)}"
    digits = 4
    if kind == "timing":
        if low is not None or high is not None:
            raise ValueError(
                f"claim {name} is a timing: it is recorded, never asserted, "
                "and takes no range"
            )
        if not math.isfinite(value):
            raise ValueError(
                f"value of timing {name} is {value}; it must be finite"
            )
        record["machine"] = machine()
        against = f"measured on {record['machine']}"
    else:
        if (
            low is None
            or high is None
            or not -math.inf < low <= high < math.inf
        ):
            raise ValueError(
                f"claim {name} needs a finite range with low <= high, "
                f"not [{low}, {high}]"
            )
        if not low <= value <= high:
            claimed = f"claim {name}: {value} {unit}".rstrip()
            raise ClaimError(f"{claimed} is outside [{low}, {high}]")
        digits = digits_of(low, high)
        ends = [show_number(end, digits) for end in (low, high)]
        # The range and the quantity are recorded as the pages show them.
        record["range"] = ends[0] if low == high else " to ".join(ends)
        against = f"expected {record['range']}"
        if paper is not None:
            record["verdict"] = verdict(paper, low, high)
            comparison += f", reproduced: {record['verdict']}"

    quantity = f"{show_number(value, digits)} {unit}".rstrip()
    record["quantity"] = quantity
    label = "Timing" if kind == "timing" else "Claim"
    show(
        f"{label} {name}: {quantity}, {against}{comparison}",
        f'<div class="claim" id="{record["anchor"]}">'
        f'{label} <span class="claim-name">{name}</span>: '
        f"<strong>{escape(quantity)}</strong>, "
        f"{escape(against + comparison)}</div>",
        **{CLAIM: record},
    )
    if shell():
        _glue(name, value)


def leaderboard_row(
    model: str,
    corpus: str,
    nats: float,
    standard_error: float,
    *,
    parameters: int,
    seconds: float,
    tokens_per_second: float,
    steps: int = 0,
    seeds: int = 1,
) -> None:
    """Show a model's held-out score, and enter it in the leaderboard.

    Args:
        model: its name, unique for the corpus.
        corpus: one of ``CORPORA``.
        nats: per symbol.
        standard_error: of ``nats``, per symbol.
        parameters: how many the model has.
        seconds: those of the training, shown with the machine they were taken
            on.
        tokens_per_second: symbols per second, of the same training.
        steps: those of the training; a model of counts has none.
        seeds: how many were run, a recorded run included.

    Raises:
        ValueError: the corpus is unknown, or a quantity is not finite or is
            negative.
    """
    if corpus not in CORPORA:
        raise ValueError(
            f"corpus {corpus!r} has no leaderboard; "
            f"those that have one: {', '.join(CORPORA)}"
        )
    quantities = {
        "nats": nats,
        "standard_error": standard_error,
        "parameters": parameters,
        "steps": steps,
        "seconds": seconds,
        "tokens_per_second": tokens_per_second,
        "seeds": seeds,
    }
    for key, quantity in quantities.items():
        if not 0 <= quantity < math.inf:
            raise ValueError(
                f"{key} of {model!r} is {quantity}; "
                "it must be finite and not negative"
            )

    record = {key: _plain(quantity) for key, quantity in quantities.items()}
    slug = re.sub("[^a-z0-9]+", "-", model.lower()).strip("-")
    anchor = f"row-{corpus}-{slug}"
    bits = record["nats"] / math.log(2)
    record |= {
        "model": model,
        "corpus": corpus,
        "bits": bits,
        "name": f"{model} on {corpus}",
        "anchor": anchor,
        "machine": machine(),
    }
    in_nats = f"{nats:.3f} ± {standard_error:.3f} nats"
    score = f"{in_nats} ({bits:.3f} bits) per symbol"
    cost = f"{parameters:,} parameters, "
    cost += f"{steps:,} steps, " if steps else ""
    cost += f"{show_number(seconds)} s"
    show(
        f"Leaderboard, {corpus}: {model}, {score}; {cost}",
        f'<div class="claim" id="{anchor}">Leaderboard, {corpus}: '
        f'<span class="claim-name">{escape(model)}</span>, '
        f"<strong>{score}</strong>; {escape(cost)}</div>",
        **{LEADERBOARD: record},
    )


def _plain(value: Any) -> Any:
    """Turn a NumPy scalar into a Python number."""
    return value.item() if hasattr(value, "item") else value


def _glue(name: str, value: float) -> None:
    try:
        from myst_nb import glue
    except ImportError:
        return  # a notebook of the reader's own, without the book's tools
    glue(name, value, display=False)
