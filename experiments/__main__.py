"""Run the experiments whose record in book/_runs is missing or stale: `python -m experiments`."""

import argparse
import runpy
import sys
from pathlib import Path

from llmbook.book.recorded import EXPERIMENTS


def load() -> None:
    """Run every script of this folder, which registers its experiments."""
    for script in sorted(Path(__file__).parent.glob("[0-9]*.py")):
        runpy.run_path(str(script))


def main() -> int:
    """Run what is due, or only report it; return 1 if a check finds something due."""
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    parser.add_argument("ids", nargs="*", help="experiments to run even if their record is up to date")
    parser.add_argument("--check", action="store_true", help="run nothing; fail if anything is due")
    arguments = parser.parse_args()
    load()
    if unknown := set(arguments.ids) - set(EXPERIMENTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(EXPERIMENTS)}")

    due = {id: reason for id in EXPERIMENTS if (reason := EXPERIMENTS[id].due())}
    for id in EXPERIMENTS:
        print(f"{id}: {due.get(id, 'up to date')}")
    if arguments.check:
        return 1 if due else 0
    for id in arguments.ids or due:
        print(f"wrote {EXPERIMENTS[id].run()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
