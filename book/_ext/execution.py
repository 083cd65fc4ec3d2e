"""Execute chapters into a cache that knows the code they use; the build and the tests share it.

A chapter's stamp stands in its kernel's display name, which jupyter-cache hashes together with the cells.
"""

import ast
import asyncio
import hashlib
import json
import os
import platform
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
from myst_nb.core.read import (
    MystMetadataParsingError,
    is_myst_markdown_notebook,
    read_myst_markdown_notebook,
)
from myst_parser.config.main import MdParserConfig
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

import llmbook
from llmbook.book import recorded
from llmbook.book.sources import dependencies, fingerprint, parse
from outline import ROOT

CACHE = ROOT / "_build" / ".jupyter_cache"
PACKAGES = ("numpy", "matplotlib", "babel", "emoji", "regex")  # what a number or a figure may depend on
KERNEL_ENV = {
    # On a busy machine two BLAS threads spin against each other; two chapters at once do not.
    **dict.fromkeys(
        ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
    ),
    "PYTHONHASHSEED": "0",
    "TQDM_DISABLE": "1",
}
FRONT_MATTER = """\
---
file_format: mystnb
kernelspec:
  name: python3
  display_name: Python 3
---"""
_DISPLAY_NAME = re.compile(r"(?m)^(\s+display_name:).*$")
_READING = threading.Lock()  # in Python 3.11 `ast.parse` now and then fails where two threads parse
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class ChapterError(Exception):
    """A chapter that cannot be read as a notebook; the message names the file and what it needs."""


@dataclass(frozen=True)
class Result:
    """What became of one chapter: whether it ran, at what cost, and the error, headline first."""

    path: Path
    ran: bool
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    error: str | None = None


def read(path: Path) -> NotebookNode:
    """Read a chapter as a notebook that carries its stamp."""
    text = path.read_text("utf-8")
    if not is_myst_markdown_notebook(text) or not _DISPLAY_NAME.search(text.split("\n---", 1)[0]):
        raise ChapterError(f"{_name(path)}:1: has code cells, so it must begin with\n{FRONT_MATTER}")
    try:
        nb = read_myst_markdown_notebook(text, config=_markdown_config(), add_source_map=True, path=path)
    except MystMetadataParsingError as error:
        raise ChapterError(f"{_name(path)}: {error}") from error
    nb.metadata.kernelspec.display_name = _stamp(
        path, [cell.source for cell in nb.cells if cell.cell_type == "code"]
    )
    return nb


def code_cells(path: Path) -> list[tuple[str, int]]:
    """List the code of a chapter's cells, each with the number of lines above it in the file."""
    nb = read(path)
    code = [i for i, cell in enumerate(nb.cells) if cell.cell_type == "code"]
    return [(nb.cells[i].source, _first_line(path, nb, i) - 1) for i in code]


def stamp(path: Path) -> str:
    """Hash all that a chapter's outputs depend on besides its own cells."""
    return read(path).metadata.kernelspec.display_name


def stamped(text: str, stamp: str) -> str:
    """Put a stamp into a chapter's front matter; no line moves."""
    return _DISPLAY_NAME.sub(rf"\1 {stamp}", text, count=1)


def executed(path: Path) -> NotebookNode | None:
    """Return the executed notebook for the current state of a chapter, or None if there is none."""
    try:
        return _cache().merge_match_into_notebook(read(path))[1]
    except KeyError:
        return None


def last_run(path: Path) -> dict | None:
    """Say when a chapter was executed in its current state, with which versions and at what cost."""
    try:
        run = _cache().match_cache_notebook(read(path)).data
    except KeyError:
        return None
    return run if "date" in run else None  # what myst-nb itself stores has none


def execute(paths: Iterable[Path]) -> list[Result]:
    """Execute the chapters that are stale, two at a time (or `LLMBOOK_JOBS`)."""
    with _lock(), ThreadPoolExecutor(int(os.environ.get("LLMBOOK_JOBS", "2"))) as pool:
        return list(pool.map(_execute, paths))


def _execute(path: Path) -> Result:
    try:
        with _READING:
            if last_run(path):
                return Result(path, ran=False)
            nb = read(path)
    except ChapterError as error:
        return Result(path, ran=False, error=str(error))
    at = cpu_seconds = 0
    start = time.perf_counter()

    def on_start(cell: NotebookNode, cell_index: int) -> None:
        nonlocal at
        at = cell_index

    def on_executed(cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        nonlocal cpu_seconds
        cpu_seconds = sum(psutil.Process(client.km.provisioner.process.pid).cpu_times()[:2])

    client = NotebookClient(
        nb,
        timeout=_config()["execute"]["timeout"],
        record_timing=False,  # it would enter the cells' metadata, which the cache hashes
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],
        on_cell_start=on_start,
        on_cell_executed=on_executed,
    )
    message = None
    try:
        asyncio.run(client.async_execute(env={**os.environ, **KERNEL_ENV}))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        message = _describe(path, nb, at, error)
    seconds = time.perf_counter() - start
    if message is None:
        run = {
            "date": datetime.now(UTC).date().isoformat(),
            "llmbook": llmbook.__version__,
            "numpy": version("numpy"),
            "python": platform.python_version(),
            "cells": sum(cell.cell_type == "code" for cell in nb.cells),
            "execution_seconds": seconds,
            "cpu_seconds": cpu_seconds,
        }
        _store(path, nb, run)
    return Result(path, True, seconds, cpu_seconds, message)


def _store(path: Path, nb: NotebookNode, data: dict) -> None:
    """Cache an executed notebook in place of the chapter's earlier ones."""
    new = _cache().cache_notebook_bundle(CacheBundleIn(nb, str(path), data=data), False, overwrite=True)
    for record in _cache().list_cache_records():
        if record.uri == str(path) and record.pk != new.pk:
            _cache().remove_cache(record.pk)


def _describe(path: Path, nb: NotebookNode, at: int, error: Exception) -> str:
    """Say where and why: `book/…/03_x.md:214: cell 9: ZeroDivisionError: …`, then the traceback."""
    cell = nb.cells[at]
    number = sum(cell.cell_type == "code" for cell in nb.cells[: at + 1])
    what, details = f"{type(error).__name__}: {error}", ""
    if isinstance(error, CellExecutionError):
        what = f"{error.ename}: {error.evalue}"
        traceback = [output.traceback for output in cell.outputs if output.output_type == "error"][-1]
        details = _ANSI.sub("", "\n".join(traceback))
    inside = re.findall(rf"Cell In\[{cell.execution_count}\], line (\d+)", details)
    line = _first_line(path, nb, at) + (int(inside[-1]) - 1 if inside else 0)
    return f"{_name(path)}:{line}: cell {number}: {what.splitlines()[0]}\n{details}"


def _first_line(path: Path, nb: NotebookNode, at: int) -> int:
    """Find the line of the file on which a cell's code begins, below the fence and the cell's options."""
    lines, code = path.read_text("utf-8").splitlines(), nb.cells[at].source.splitlines()
    fence = nb.metadata.source_map[at]
    return next((i + 1 for i in range(fence, len(lines)) if lines[i : i + len(code)] == code), fence)


def _stamp(path: Path, cells: list[str]) -> str:
    parts = [
        _name(path),
        "python " + ".".join(platform.python_version_tuple()[:2]),
        *map(_version, PACKAGES),
    ]
    files: dict[str, Path] = {}
    for code in cells:
        files |= dependencies(code)
    parts.append(fingerprint(files))
    for file in sorted(_data(cells)):
        if file.suffix == ".json":  # what a page sees of a recorded run, and whether it calls it stale
            run = recorded.read(file.stem)
            parts.append(json.dumps([run.id, run.config, run.seeds, run.results, run.stale]))
        else:
            parts.append(fingerprint({file.name: file}))
    return "llmbook-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _data(cells: list[str]) -> set[Path]:
    """Find the recorded runs and the golden values that cells read.

    A recorded run is read by `runs("id")`; where the id is computed, all of them count. Golden values are
    read by the name of a section.
    """
    runs, golden = ROOT / "book" / "_runs", ROOT / "tests" / "golden"
    found: set[Path] = set()
    for node in [node for code in cells for node in ast.walk(parse(code))]:
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "runs":
            literal = node.args and isinstance(node.args[0], ast.Constant)
            found |= set(runs.glob(f"{node.args[0].value if literal else '*'}.json"))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {file for file in golden.glob("*.npz") if file.stem == node.value}
    return found


@cache
def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} absent"


def _name(path: Path) -> str:
    return path.resolve().relative_to(ROOT).as_posix()


@cache
def _config() -> dict:
    return yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))


@cache
def _markdown_config() -> MdParserConfig:
    return MdParserConfig(enable_extensions=set(_config()["parse"]["myst_enable_extensions"]))


@cache
def _cache() -> JupyterCacheBase:
    return get_cache(CACHE)


@contextmanager
def _lock() -> Iterator[None]:
    """Let one process execute at a time; a second one waits, and finds the work done."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(CACHE / "lock.db", timeout=1)) as connection:
        while not connection.in_transaction:
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
        _ = _cache().db  # created here, once: creating it is not safe among threads
        yield
