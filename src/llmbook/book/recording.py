"""Recording runs: what a script in `experiments/` registers, and how it runs.

A record of the book is read by :mod:`llmbook.book.recorded`.
"""

import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

import llmbook
from llmbook.book import recorded
from llmbook.book.page import machine
from llmbook.book.sources import dependencies

Function = TypeVar("Function", bound=Callable[..., dict[str, Any]])


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
        if not recorded.path_of(self.id).exists():
            return "missing"
        changed = recorded.read(self.id).stale
        return f"stale: {', '.join(changed)} changed" if changed else ""

    def run(self, offset: int = 0, path: Path | None = None) -> Path:
        """Run every seed, write the record, and return its path.

        Args:
            offset: is added to the seeds.
            path: where to write, by default the book's own record.

        Raises:
            ValueError: a result is not a dictionary of finite JSON values; then
                nothing is written.
        """
        # The sources are those that run now, not those that an edit made of
        # them in the meantime.
        sources = self._sources()
        seeds = [seed + offset for seed in self.seeds]
        bar = tqdm(seeds, desc=self.id, unit="seed")
        results = [self._run_one(seed) for seed in bar]
        record = {
            "id": self.id,
            "experiment": next(iter(sources)),
            "config": self.config,
            "seeds": seeds,
            "results": results,
            "cpu_seconds": sum(result["cpu_seconds"] for result in results),
            "sources": sources,
            **_circumstances(),
        }
        return self._write(record, path or recorded.path_of(self.id))

    def renew(self) -> bool:
        """Run the first seed of a stale record; renew it if nothing changed.

        Nothing changed if every result, but those named "...seconds", equals
        the recorded one to 1e-9 of itself. Then the record gets the hashes of
        today's sources, and says when and with which versions it was renewed.

        Returns:
            Whether the record was renewed; if not, every seed must run.
        """
        path, sources = recorded.path_of(self.id), self._sources()
        record = json.loads(path.read_text(encoding="utf-8"))
        asked = json.loads(self._json([self.config, self.seeds]))
        if [record["config"], record["seeds"]] != asked:
            return False
        result = json.loads(self._json(self._run_one(self.seeds[0])))
        if not _same(record["results"][0], result):
            return False
        renewed = {**_circumstances(), "seed": self.seeds[0]}
        self._write({**record, "sources": sources, "renewed": renewed}, path)
        return True

    def _run_one(self, seed: int) -> dict[str, Any]:
        start = time.process_time()
        result = self.function(seed, **self.config)
        seconds = time.process_time() - start
        return {**result, "seed": seed, "cpu_seconds": seconds}

    def _sources(self) -> dict[str, str]:
        """Hash the script, then the modules that its results depend on.

        The recording itself is not one of them.
        """
        script = Path(self.function.__code__.co_filename).resolve()
        modules = dependencies(script.read_text(encoding="utf-8"))
        names = [script.relative_to(recorded.ROOT).as_posix()]
        names += [m for m in modules if not m.startswith("llmbook.book.")]
        return {name: recorded.hash_of(name) for name in names}

    def _json(self, value: Any) -> str:
        try:
            return json.dumps(
                value, default=_plain, allow_nan=False, sort_keys=True
            )
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"experiment {self.id!r} returned what a record cannot hold: "
                f"{error}"
            ) from error

    def _write(self, record: dict[str, Any], path: Path) -> Path:
        """Write a line for each entry, and for each seed; then replace path."""
        rows = ",\n  ".join(map(self._json, record["results"]))
        entries = {key: self._json(record[key]) for key in sorted(record)}
        entries["results"] = f"[\n  {rows}\n ]"
        lines = [f' "{key}": {text}' for key, text in entries.items()]
        temporary = path.with_suffix(".part")
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
        os.replace(temporary, path)
        return path


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


def _circumstances() -> dict[str, str]:
    return {
        "machine": machine(),
        "llmbook": llmbook.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _same(old: Any, new: Any) -> bool:
    """Compare two results that were read from JSON, without their timings."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(
            key.endswith("seconds") or _same(old[key], new[key]) for key in old
        )
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, int | float) and isinstance(new, int | float):
        return math.isclose(old, new, rel_tol=1e-9)
    return old == new


def _plain(value: Any) -> Any:
    """Turn NumPy's scalars and arrays into Python's."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(
        f"{type(value).__name__} is not a number, a string, "
        "a list or a dictionary"
    )
