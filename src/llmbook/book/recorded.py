"""Recorded runs: the seeds and sweeps that are too long for a chapter.

A script in `experiments/` registers its functions, and `make experiments` runs
them. `book/_runs/<id>.json` holds what they returned, seed by seed, with the
hashes of the code that returned it; a page reads it through `runs("<id>")`.
"""

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

import llmbook
from llmbook.book.page import machine, show
from llmbook.book.sources import code_only, dependencies

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[1]  # the checkout; an installed wheel has none

Function = TypeVar("Function", bound=Callable[..., dict[str, Any]])


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
        """Hold the live seed's result to the recorded range, widened.

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

    @property
    def stale(self) -> list[str]:
        """The sources that changed or are gone since the run was recorded."""
        changed = []
        for name, recorded_hash in self.sources.items():
            if name.endswith(".py") and not _in_checkout():
                continue  # a wheel holds the modules but not the scripts
            if _sha256(_source(name)) != recorded_hash:
                changed.append(name)
        return changed


def runs(id: str) -> Recorded:
    """Read a recorded run; if it is stale, say so on the page.

    Raises:
        ValueError: there is no such run.
    """
    recorded = _read(id)
    if changed := recorded.stale:
        note = (
            f"Run {id}: recorded with an older library; "
            f"changed since: {', '.join(changed)}"
        )
        show(note, f'<div class="claim stale">{escape(note)}</div>')
    return recorded


@dataclass(frozen=True)
class Experiment:
    """A registered function, with its seeds and configuration.

    The function returns the results of one seed.
    """

    id: str
    function: Callable[..., dict[str, Any]]
    seeds: list[int]
    config: dict[str, Any]

    def due(self) -> str:
        """Say why the experiment must be run; empty if it need not be."""
        if not _path(self.id).exists():
            return "missing"
        changed = _read(self.id).stale
        return f"stale: {', '.join(changed)} changed" if changed else ""

    def run(self) -> Path:
        """Run every seed, write the record, and return its path.

        Raises:
            ValueError: a result is not a dictionary of finite JSON values; then
                nothing is written.
        """
        script = Path(self.function.__code__.co_filename)
        # The sources are those that run now, not those that an edit made of
        # them in the meantime.
        sources = _sources(script)
        results = []
        for seed in tqdm(self.seeds, desc=self.id, unit="seed"):
            start = time.process_time()
            result = self.function(seed, **self.config)
            seconds = time.process_time() - start
            results.append({**result, "seed": seed, "cpu_seconds": seconds})
        record = {
            "id": self.id,
            "experiment": _relative(script),
            "config": self.config,
            "seeds": self.seeds,
            "results": results,
            "cpu_seconds": sum(result["cpu_seconds"] for result in results),
            "machine": machine(),
            "llmbook": llmbook.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "date": datetime.now(UTC).date().isoformat(),
            "sources": sources,
        }
        try:
            text = json.dumps(
                record,
                default=_plain,
                allow_nan=False,
                indent=1,
                sort_keys=True,
            )
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"experiment {self.id!r} returned what a record cannot hold: "
                f"{error}"
            ) from error
        temporary = _path(self.id).with_suffix(".part")
        temporary.write_text(text + "\n", encoding="utf-8")
        os.replace(temporary, _path(self.id))
        return _path(self.id)


EXPERIMENTS: dict[str, Experiment] = {}


def experiment(
    id: str, *, seeds: Iterable[int], **config: Any
) -> Callable[[Function], Function]:
    """Register `function(seed, **config) -> results` under an id.

    `python -m experiments` runs it.

    Raises:
        ValueError: the id is taken.
    """

    def register(function: Function) -> Function:
        if id in EXPERIMENTS:
            raise ValueError(f"experiment {id!r} is registered twice")
        EXPERIMENTS[id] = Experiment(id, function, list(seeds), config)
        return function

    return register


def _in_checkout() -> bool:
    return (ROOT / "experiments").is_dir()


def _folder() -> Path:
    base = ROOT if _in_checkout() else PACKAGE
    return base / "book" / "_runs"


def _path(id: str) -> Path:
    return _folder() / f"{id}.json"


def _read(id: str) -> Recorded:
    if not _path(id).is_file():
        known = sorted(path.stem for path in _folder().glob("*.json"))
        raise ValueError(
            f"no run {id!r} is recorded "
            f"(there are: {', '.join(known) or 'none'}); "
            "`make experiments` records it"
        )
    record = json.loads(_path(id).read_text(encoding="utf-8"))
    return Recorded(
        id,
        record["config"],
        record["seeds"],
        record["results"],
        record["sources"],
    )


def _sources(script: Path) -> dict[str, str]:
    """Hash a script and the modules that its results depend on.

    The recording itself is not one of them.
    """
    modules = dependencies(script.read_text(encoding="utf-8"))
    names = [_relative(script)]
    names += [m for m in modules if not m.startswith("llmbook.book.")]
    return {name: _sha256(_source(name)) for name in names}


def _relative(script: Path) -> str:
    return script.resolve().relative_to(ROOT).as_posix()


def _source(name: str) -> Path:
    """Find the file of a source: a script by its path, a module by its name."""
    if name.endswith(".py"):
        return ROOT / name
    base = PACKAGE.joinpath(*name.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _sha256(path: Path) -> str:
    """Hash the code of a file; a file that is not there has the empty hash."""
    if not path.is_file():
        return ""
    code = code_only(path.read_text(encoding="utf-8"))
    return hashlib.sha256(code.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Turn NumPy's scalars and arrays into Python's."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(
        f"{type(value).__name__} is not a number, a string, "
        "a list or a dictionary"
    )
