"""The command `python -m experiments`, run in a scratch copy of the book as `make experiments` runs it."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from execution import ROOT

SCRIPT = """\
import numpy as np
from llmbook.book import experiment
from llmbook.one import FACTOR

@experiment("01-a", seeds=range(3))
def a(seed):
    return {"draw": FACTOR * np.random.default_rng(seed).random()}

@experiment("01-b", seeds=range(3))
def b(seed):
    return {"seed again": seed, "gone_seconds": 1.5}
"""
PAGE = (
    """\
import numpy as np
from llmbook.book import claim, runs

def draw(seed=0):
    return np.random.default_rng(seed).random()

for _ in range(2):
    claim(f"draw/live-{_}", draw(), 0.6369, 0.6370)
""",
    """\
runs("01-a").check("draw", draw())
assert draw() < 0.7, "too large"
x = 1 / 0 if draw() > 0.7 else 1
""",
)


@pytest.fixture(scope="module")
def command(scratch):
    """Return a function that runs the command there, and returns the exit code and the lines printed."""
    (scratch.root / "experiments").mkdir()
    for name in ("__main__.py", "update.py", "reseed.py"):
        shutil.copy(ROOT / "experiments" / name, scratch.root / "experiments")
    scratch.write("experiments/01_demo.py", SCRIPT)
    scratch.write("src/llmbook/one.py", "FACTOR = 1\n")

    def run(*arguments):
        process = scratch.start("-m", "experiments", *arguments)
        lines = process.communicate()[0].splitlines()
        bar = re.compile(r"seed/s|s/seed|\?seed")  # progress, fast, slow and none yet
        return process.returncode, [line for line in lines if line and not bar.search(line)]

    return run


def record(scratch, id="01-a"):
    return json.loads((scratch.root / "book" / "_runs" / f"{id}.json").read_text())


def test_what_is_missing_is_run(command, scratch):
    assert command("--check") == (1, ["01-a: missing", "01-b: missing"])
    code, lines = command()
    assert code == 0, "\n".join(lines)
    assert sum("wrote" in line for line in lines) == 2
    assert record(scratch)["seeds"] == [0, 1, 2] and "renewed" not in record(scratch)
    assert command("--check") == (0, ["01-a: up to date", "01-b: up to date"])


def test_what_is_up_to_date_is_left_alone_unless_it_is_named(command, scratch):
    path = scratch.root / "book" / "_runs" / "01-b.json"
    written = path.stat().st_mtime_ns
    assert command()[0] == 0 and path.stat().st_mtime_ns == written
    assert command("01-b")[0] == 0 and path.stat().st_mtime_ns > written


def test_a_stale_record_is_renewed_where_nothing_changed_and_run_where_something_did(command, scratch):
    before = record(scratch)
    scratch.write("src/llmbook/one.py", "FACTOR = 2 - 1\n")
    code, lines = command()
    assert code == 0 and "01-a: renewed, seed 0 came out as recorded" in lines
    assert record(scratch)["results"] == before["results"] and record(scratch)["renewed"]["seed"] == 0

    scratch.write("src/llmbook/one.py", "FACTOR = 3\n")
    code, lines = command()
    assert code == 0 and any(line.startswith("01-a: wrote") for line in lines)
    assert record(scratch)["results"][2]["draw"] == pytest.approx(3 * before["results"][2]["draw"])
    scratch.write("src/llmbook/one.py", "FACTOR = 1\n")
    assert command()[0] == 0 and "renewed" not in record(scratch)


def test_a_failing_experiment_lets_the_others_finish(command, scratch):
    scratch.write("experiments/01_demo.py", SCRIPT.replace("FACTOR *", "1 / 0 *").replace("1.5", "2"))
    code, lines = command()
    assert code == 1 and any("ZeroDivisionError" in line for line in lines)
    assert command("--check")[1] == ["01-a: stale: experiments/01_demo.py changed", "01-b: up to date"]
    scratch.write("experiments/01_demo.py", SCRIPT)
    assert command()[0] == 0


def test_an_unknown_id_is_refused(command):
    code, lines = command("01-typo")
    assert code == 2 and "unknown: 01-typo; there are: 01-a, 01-b" in lines[-1]
    code, lines = command("reseed", "01-typo")
    assert code == 2 and "unknown: 01-typo; there are: 01-a, 01-b" in lines[-1]
    code, lines = command("reseed", "book/typo.md")
    assert code == 2 and "there is no page book/typo.md" in lines[-1]


def test_reseeding_a_page_counts_its_tests_and_names_those_that_fail(command, scratch):
    scratch.chapter("book/01_one/01_a", *PAGE)
    code, lines = command("reseed", "book/01_one/01_a.md", "--offsets", "0")
    assert code == 0 and lines[0].startswith("01_a.md +0: 2 claims, 1 checks, 1 asserts, 0 failed")

    code, lines = command(
        "reseed", "book/01_one/01_a.md", "--offsets", "3"
    )  # seed 3 draws 0.086, seed 5 0.805
    assert code == 1 and lines[0].startswith("01_a.md +3: 2 claims, 1 checks, 1 asserts, 2 failed")
    code, lines = command("reseed", "book/01_one/01_a.md", "--offsets", "3", "5")
    assert [line.split(",")[0] for line in lines if "claims" in line] == [
        "01_a.md +3: 2 claims",
        "01_a.md +5: 2 claims",
    ]
    failed = [line.strip() for line in lines[lines.index(next(x for x in lines if "+5" in x)) + 1 :]]
    assert [line.split(": ")[0] for line in failed] == [
        "01_a.md:19",
        "01_a.md:19",
        "01_a.md:27",
        "01_a.md:28",
    ]
    assert (
        "draw/live-1" in failed[1] and failed[2].endswith(": too large") and "ZeroDivisionError" in failed[3]
    )


def test_reseeding_experiments_writes_elsewhere_and_pages_can_read_that(command, scratch):
    before = record(scratch)
    code, lines = command("reseed", "01-a", "--offsets", "10", "20", "--out", "other")
    assert code == 0 and len(lines) == 2 and record(scratch) == before
    other = json.loads((scratch.root / "other" / "20" / "01-a.json").read_text())
    assert other["seeds"] == [20, 21, 22] and other["results"] != before["results"]

    for result in other["results"]:
        result["draw"] = 7 + result["seed"]
    (scratch.root / "other" / "20" / "01-a.json").write_text(json.dumps(other))
    code, lines = command("reseed", "book/01_one/01_a.md", "--offsets", "0", "--with", "other/20")
    assert code == 1 and "live draw 0.63" in lines[1] and "outside [24.99" in lines[1]


def test_a_check_looks_at_benchmarks_without_running_their_scripts(command, scratch):
    script = SCRIPT.partition('@experiment("01-b"')[0].replace("01-a", "bench-01-a") + 'print("loaded")\n'
    scratch.write("benchmarks/01_demo.py", script)
    shutil.copy(ROOT / "benchmarks" / "__main__.py", scratch.root / "benchmarks")
    code, lines = command("--check")
    assert code == 1 and lines[2:] == ["bench-01-a: missing"]

    process = scratch.start("benchmarks")
    assert "loaded" in process.communicate()[0] and process.returncode == 0
    assert command("--check") == (0, ["01-a: up to date", "01-b: up to date", "bench-01-a: up to date"])

    scratch.write("src/llmbook/one.py", "FACTOR = 2 - 1\n")
    code, lines = command()
    assert code == 0 and not any("bench" in line for line in lines)  # a benchmark is never renewed
    code, lines = command("--check")
    assert code == 1 and lines[2:] == ["bench-01-a: stale: llmbook.one changed"]


def test_the_books_own_experiments_load():
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode in (0, 1) and done.stderr == ""
    assert len(done.stdout.splitlines()) > 20
