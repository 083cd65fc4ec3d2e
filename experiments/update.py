"""Bring the records in book/_runs up to date: `python -m experiments`.

A stale record is renewed first: one of its seeds runs, and if no result has changed, the record gets the new
hashes. Else every seed runs. Two records are made at a time.
"""

import argparse
import re
import runpy
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from llmbook.book.recording import EXPERIMENTS, Experiment


def load() -> None:
    """Run every script of this folder, which registers its experiments."""
    for script in sorted(Path(__file__).parent.glob("[0-9]*.py")):
        runpy.run_path(str(script))


def benchmarks() -> dict[str, Experiment]:
    """Name the benchmarks, to see if they are due; to run their scripts would take PyTorch."""
    scripts = sorted((Path(__file__).parents[1] / "benchmarks").glob("[0-9]*.py"))
    found = [re.findall(r'^@experiment\(\s*"(.+?)"', script.read_text("utf-8"), re.M) for script in scripts]
    return {id: Experiment(id, dict, [], {}) for ids in found for id in ids}


def update(id: str, renew: bool) -> str:
    """Renew a record if that is allowed and possible, else run every seed; say which."""
    experiment = EXPERIMENTS[id]
    if renew and experiment.renew():
        return f"{id}: renewed, seed {experiment.seeds[0]} came out as recorded"
    return f"{id}: wrote {experiment.run()}"


def main() -> int:
    """Run what is due, or only report it; return 1 if a check finds something due, benchmarks included."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description=__doc__,
        epilog="python -m experiments reseed: other seeds; it has a --help of its own",
    )
    parser.add_argument("ids", nargs="*", help="experiments whose every seed runs, whatever their record")
    parser.add_argument("--check", action="store_true", help="run nothing; fail if anything is due")
    arguments = parser.parse_args()
    load()
    if unknown := set(arguments.ids) - set(EXPERIMENTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(EXPERIMENTS)}")

    asked = EXPERIMENTS | benchmarks() if arguments.check else EXPERIMENTS
    due = {id: reason for id in asked if (reason := asked[id].due())}
    for id in asked:
        print(f"{id}: {due.get(id, 'up to date')}", flush=True)
    if arguments.check:
        return 1 if due else 0
    renewable = [id for id in due if due[id] != "missing" and not arguments.ids]
    with ProcessPoolExecutor(2, get_context("spawn"), load) as pool:
        jobs = [pool.submit(update, id, id in renewable) for id in arguments.ids or due]
        for job in as_completed(jobs):  # a failure is raised when all others are done
            print(job.result(), flush=True)
    return 0
