"""Recorded runs: the seeds and sweeps that are too long for a chapter.

A script in `experiments/` registers its functions, and `make experiments` runs
them. `book/_runs/<id>.json` holds what they returned, seed by seed, with the
hashes of the code that returned it; a page reads it through `runs("<id>")`.
"""

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from llmbook.book.page import show
from llmbook.book.sources import digest

CHECK = "application/vnd.llmbook.check+json"
STALE = "application/vnd.llmbook.stale+json"

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[1]  # the checkout; an installed wheel has none


class RunError(AssertionError):
    """A live result does not look like the recorded ones."""


@dataclass(frozen=True)
class Recorded:
    """What an experiment returned: `results` holds one dictionary a seed."""

    id: str
    config: dict[str, Any]
    seeds: list[int]
    results: list[dict[str, Any]]
    sources: dict[str, str]

    def values(self, key: str) -> np.ndarray:
        """Return one result over the seeds.  (seeds, ...)

        Raises:
            ValueError: there is no such result.
        """
        if key not in self.results[0]:
            known = ", ".join(sorted(self.results[0]))
            raise ValueError(
                f"run {self.id!r} has no result {key!r}; it has {known}"
            )
        return np.array([result[key] for result in self.results])

    def check(self, key: str, live_value: float) -> None:
        """Hold the live seed's result to the recorded range, and show it.

        The range is widened on each side by its own width, because the live
        seed is a fresh draw: even if nothing is wrong, it falls outside the
        bare range of n recorded seeds with probability 2/(n + 1), which is 0.4
        for four of them.

        Raises:
            RunError: the value is outside the widened range (NaN is outside).
            ValueError: there is no such result, or fewer than two seeds.
        """
        values = self.values(key)
        if len(values) < 2:
            raise ValueError(
                f"run {self.id!r} has only {len(values)} seed; "
                "a range needs two"
            )
        last_digits = 1e-9 * abs(values).max()  # another machine's may differ
        width = values.max() - values.min() + last_digits
        low, high = values.min() - width, values.max() + width
        if not low <= live_value <= high:
            raise RunError(
                f"run {self.id!r}: live {key} {live_value} "
                f"is outside [{low}, {high}]"
            )
        line = (
            f"Check of run {self.id}: live {key} {live_value:.4g}, "
            f"expected {low:.4g} to {high:.4g}"
        )
        show(
            line,
            f'<div class="claim">{escape(line)}</div>',
            **{CHECK: {"run": self.id, "key": key}},
        )

    @property
    def stale(self) -> list[str]:
        """The sources that changed or are gone since the run was recorded."""
        changed = []
        for name, recorded_hash in self.sources.items():
            if name.endswith(".py") and not _in_checkout():
                continue  # a wheel holds the modules but not the scripts
            if hash_of(name) != recorded_hash:
                changed.append(name)
        return changed


def runs(id: str) -> Recorded:
    """Read a recorded run; if it is stale, say so on the page.

    Raises:
        ValueError: there is no such run.
    """
    recorded = read(id)
    if changed := recorded.stale:
        note = (
            f"Run {id}: recorded with an older library; "
            f"changed since: {', '.join(changed)}"
        )
        html = f'<div class="claim stale">{escape(note)}</div>'
        show(note, html, **{STALE: {"run": id}})
    return recorded


def read(id: str) -> Recorded:
    """Read a recorded run, stale or not.

    Raises:
        ValueError: there is no such run.
    """
    if not path_of(id).is_file():
        known = sorted(path.stem for path in path_of(id).parent.glob("*.json"))
        raise ValueError(
            f"no run {id!r} is recorded "
            f"(there are: {', '.join(known) or 'none'}); "
            "`make experiments` records it"
        )
    record = json.loads(path_of(id).read_text(encoding="utf-8"))
    return Recorded(
        id,
        record["config"],
        record["seeds"],
        record["results"],
        record["sources"],
    )


def path_of(id: str) -> Path:
    """Say where a run is recorded: in the checkout, or the installed wheel."""
    base = ROOT if _in_checkout() else PACKAGE
    return base / "book" / "_runs" / f"{id}.json"


def hash_of(source: str) -> str:
    """Hash a source's code: of a script by its path, of a module by its name.

    A source that is not there has the empty hash.
    """
    if source.endswith(".py"):
        file = ROOT / source
    else:
        base = PACKAGE.joinpath(*source.split(".")[1:])
        package = base / "__init__.py"
        file = package if base.is_dir() else base.with_suffix(".py")
    return digest(file) if file.is_file() else ""


def _in_checkout() -> bool:
    return (ROOT / "experiments").is_dir()
