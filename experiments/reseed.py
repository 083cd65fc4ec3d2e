"""Run a page, or experiments, at seeds that nobody has looked at: `python -m experiments reseed`.

Are the numbers true, or true of one seed? A page runs as a script with an offset added to each integer seed
of `default_rng(...)` in its cells; claims, checks against records and asserts are counted, and one that fails
stops nothing. An experiment runs at its seeds plus the offset and writes its record elsewhere; with `--with`
a page reads those. Offset 0 must pass. A seed may be fixed for a reason, if the page says the reason.
"""

import argparse
import ast
import contextlib
import io
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from multiprocessing import get_context
from pathlib import Path
from traceback import extract_tb

import numpy as np
from experiments.update import load

from llmbook.book import recorded
from llmbook.book.recording import EXPERIMENTS
from llmbook.book.sources import parse

ROOT = Path(__file__).resolve().parents[1]
OFFSETS = (1001, 2002, 3003, 4004, 5005)
KINDS = {"claim": "claims", "check": "checks", "assert": "asserts"}


class Reseeded(ast.NodeTransformer):
    """Shift the seeds of a cell's generators, and put each of its tests under `_counted(kind, line)`."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func).split(".")[-1] == "default_rng" and node.args:
            node.args[0] = ast.Call(ast.Name("_shifted", ast.Load()), [node.args[0]], [])
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        node.msg = node.msg or ast.Constant(ast.unparse(node))
        return self._counted(node, "assert")

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Call):
            name = ast.unparse(node.value.func).split(".")[-1]
            if name in ("claim", "check"):
                return self._counted(node, name)
        return node

    def _counted(self, node: ast.stmt, kind: str) -> ast.AST:
        arguments = [ast.Constant(kind), ast.Constant(node.lineno)]
        counted = ast.Call(ast.Name("_counted", ast.Load()), arguments, [])
        return ast.copy_location(ast.With([ast.withitem(counted)], [node]), node)


def run_page(path: Path, offset: int, records: Path | None) -> tuple[str, list[str]]:
    """Run a page's cells with shifted seeds; return what was counted, and each failure with its line."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    import execution

    if records:
        own = recorded.path_of
        recorded.path_of = lambda id: new if (new := records / f"{id}.json").exists() else own(id)
    counts: Counter[str] = Counter()
    failures = []
    at = 0  # the line above the cell's first

    @contextlib.contextmanager
    def counted(kind: str, line: int) -> Iterator[None]:
        counts[kind] += 1
        try:
            yield
        except AssertionError as error:
            failures.append(f"{path.name}:{at + line}: {error}")

    def shifted(seed: object = None) -> object:
        return seed + offset if isinstance(seed, int | np.integer) else seed

    names = {"__name__": "__main__", "_counted": counted, "_shifted": shifted}
    start = time.perf_counter()
    for cell, at in execution.code_cells(path):
        tree = ast.fix_missing_locations(Reseeded().visit(deepcopy(parse(cell))))
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(path.parent):
                exec(compile(tree, str(path), "exec"), names)
        except Exception as error:
            [line, *_] = [f.lineno for f in extract_tb(error.__traceback__) if f.filename == str(path)]
            failures.append(f"{path.name}:{at + line}: {type(error).__name__}: {error}")
        plt.close("all")
    numbers = ", ".join(f"{counts[kind]} {name}" for kind, name in KINDS.items())
    seconds = time.perf_counter() - start
    return f"{path.name} +{offset}: {numbers}, {len(failures)} failed, {seconds:.0f} s", failures


def run_experiment(id: str, offset: int, folder: Path) -> tuple[str, list[str]]:
    """Record an experiment at its seeds plus an offset, in another folder; return where."""
    load()
    (folder / str(offset)).mkdir(parents=True, exist_ok=True)
    path = EXPERIMENTS[id].run(offset, folder / str(offset) / f"{id}.json")
    return f"{id} +{offset}: wrote {path}", []


def main() -> int:
    """Run all targets at all offsets, two at a time; return 1 if anything failed."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments reseed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="+", help="pages (book/.../03_x.md), or ids of experiments")
    parser.add_argument("--offsets", nargs="+", type=int, default=OFFSETS)
    parser.add_argument("--with", dest="records", type=Path, help="a folder whose records pages read first")
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "reseeded", help="where records go")
    arguments = parser.parse_args(sys.argv[2:])
    records = arguments.records and arguments.records.resolve()
    load()
    pages = [target for target in arguments.targets if target.endswith(".md")]
    ids = [target for target in arguments.targets if target not in pages]
    for missing in [page for page in pages if not Path(page).is_file()]:
        parser.error(f"there is no page {missing}")
    if unknown := set(ids) - set(EXPERIMENTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(EXPERIMENTS)}")

    failed = False
    # A process for each run: a page changes what it imports.
    with ProcessPoolExecutor(2, get_context("spawn"), max_tasks_per_child=1) as pool:
        jobs = [
            *(
                pool.submit(run_experiment, id, n, arguments.out.resolve())
                for id in ids
                for n in arguments.offsets
            ),
            *(
                pool.submit(run_page, Path(page).resolve(), n, records)
                for page in pages
                for n in arguments.offsets
            ),
        ]
        for job in jobs:
            line, failures = job.result()
            print("\n  ".join([line, *failures]), flush=True)
            failed |= bool(failures)
    return int(failed)
