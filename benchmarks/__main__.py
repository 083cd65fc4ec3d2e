"""Run the benchmarks, each side by side with its peer, and record them: `python -m benchmarks`.

Unlike an experiment, a benchmark runs whenever it is asked for: its seconds belong to one machine and day.
"""

import argparse
import os
import runpy
import sys
from pathlib import Path

# Before NumPy is imported: both sides run on one thread, and BLAS finds out by itself what core it runs on.
# Where the environment names an older one, products can take twice as long.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ.pop("OPENBLAS_CORETYPE", None)
os.environ.pop("OPENBLAS_L2_SIZE", None)

from llmbook.book.recording import EXPERIMENTS


def main() -> None:
    """Run the benchmarks that are named, or all."""
    for script in sorted(Path(__file__).parent.glob("[0-9]*.py")):
        runpy.run_path(str(script))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="id", help=f"one of: {', '.join(EXPERIMENTS)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.ids) - set(EXPERIMENTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(EXPERIMENTS)}")
    for id in arguments.ids or EXPERIMENTS:
        print(f"wrote {EXPERIMENTS[id].run()}")


if __name__ == "__main__":
    sys.exit(main())
