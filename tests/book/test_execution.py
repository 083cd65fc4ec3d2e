"""Chapters run when something that they depend on has changed, and only then; a failure says where."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

import execution
from llmbook.book import recorded, sources


@pytest.fixture
def book(scratch, monkeypatch):
    """Execute the scratch copy's chapters in this process, with an empty cache."""
    monkeypatch.setattr(execution, "ROOT", scratch.root)
    monkeypatch.setattr(execution, "CACHE", scratch.root / "_build" / ".jupyter_cache")
    monkeypatch.setattr(recorded, "ROOT", scratch.root)
    monkeypatch.setattr(recorded, "PACKAGE", scratch.root / "src" / "llmbook")
    monkeypatch.setattr(sources, "_PACKAGE", scratch.root / "src" / "llmbook")
    clear_caches()
    yield scratch
    clear_caches()
    shutil.rmtree(scratch.root / "_build", ignore_errors=True)
    scratch.ran()


def clear_caches():
    if execution._cache.cache_info().currsize:
        execution._cache().db.dispose()
    for function in (execution._cache, execution._config, execution._markdown_config, execution._version):
        function.cache_clear()


def printed(nb):
    return "".join(output.text for cell in nb.cells for output in cell.get("outputs", []))


@pytest.mark.parametrize(
    "front_matter",
    [
        "",
        "---\nfile_format: mystnb\n---\n",
        "---\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n",
    ],
)
def test_a_chapter_needs_front_matter(book, front_matter):
    path = book.write("book/a.md", f"{front_matter}# A\n\n```{{code-cell}} ipython3\n1\n```\n")
    with pytest.raises(execution.ChapterError, match=r"^book/a\.md:1: .*\n---\nfile_format: mystnb\n"):
        execution.read(path)


CELL = '%matplotlib inline\nfrom llmbook.one import x\nruns("sweep")\ncertificate(CASES, "section")'
RUN = {"config": {}, "seeds": [1], "results": [], "sources": {"experiments/01_a.py": "", "llmbook.three": ""}}


@pytest.mark.parametrize(
    ("name", "text", "matters"),
    [
        ("src/llmbook/one.py", "x = 2\n", True),
        ("src/llmbook/two.py", "x = 2\n", False),
        ("book/_runs/sweep.json", json.dumps({**RUN, "results": [1]}), True),
        ("book/_runs/other.json", json.dumps({**RUN, "results": [1]}), False),
        ("book/_runs/sweep.json", json.dumps({**RUN, "renewed": {"date": "today"}}), False),
        ("book/_runs/sweep.json", json.dumps({**RUN, "sources": {}}), True),  # it was stale
        ("src/llmbook/one.py", '"""Words."""\n\nx = 1  # and more\n', False),
        ("tests/golden/section.npz", "changed", True),
        ("tests/golden/other.npz", "changed", False),
        ("src/llmbook/three.py", "x = 2\n", False),  # the run was stale before
    ],
)
def test_the_stamp_follows_modules_and_recorded_runs(book, name, text, matters):
    for module in ("one", "two", "three"):
        book.write(f"src/llmbook/{module}.py", "x = 1\n")
    for run in ("sweep", "other"):
        book.write(f"book/_runs/{run}.json", json.dumps(RUN))
    book.write("experiments/01_a.py", "import llmbook.three\n")
    for golden in ("section", "other"):
        book.write(f"tests/golden/{golden}.npz", "")
    path = book.chapter("book/a", CELL)
    before = execution.stamp(path)
    assert execution.stamp(path) == before
    book.write(name, text)
    assert (execution.stamp(path) != before) is matters


def test_the_stamp_follows_a_recorded_run_that_becomes_stale(book):
    source = book.write("src/llmbook/three.py", "x = 1\n")
    run = {**RUN, "sources": {"llmbook.three": sources.digest(source)}}
    book.write("book/_runs/sweep.json", json.dumps(run))
    path = book.chapter("book/a", CELL)
    before = execution.stamp(path)
    source.write_text("x = 2\n")
    assert execution.stamp(path) != before


def test_a_computed_id_depends_on_every_recorded_run(book):
    path = book.chapter("book/a", "from llmbook import book\nfor id in ids: book.runs(id)")
    before = execution.stamp(path)
    book.write("book/_runs/any.json", json.dumps({**RUN, "results": [2]}))
    assert execution.stamp(path) != before


@pytest.mark.parametrize("package", ["numpy", "matplotlib", "python"])
def test_the_stamp_follows_versions(book, package, monkeypatch):
    path = book.chapter("book/a", "1")
    before = execution.stamp(path)
    if package == "python":
        monkeypatch.setattr(execution.platform, "python_version_tuple", lambda: ("3", "99", "0"))
    else:
        installed = execution.version
        monkeypatch.setattr(execution, "version", lambda p: "99" if p == package else installed(p))
    execution._version.cache_clear()
    assert execution.stamp(path) != before


def test_the_stamp_moves_no_line():
    text = "---\nkernelspec:\n  name: python3\n  display_name: Python 3\n---\n  display_name: x\n"
    assert execution.stamped(text, "abc") == text.replace("Python 3", "abc")


def test_executes_what_is_stale_and_keeps_one_state(book):
    paths = [book.chapter("book/a", "print(1)"), book.chapter("book/b", "print(2)")]
    assert [execution.executed(path) for path in paths] == [None, None]
    assert [result.ran for result in execution.execute(paths)] == [True, True]
    assert [printed(execution.executed(path)) for path in paths] == ["1\n", "2\n"]

    book.replace("book/b.md", "print(2)", "print(3)")
    assert execution.executed(paths[1]) is None
    results = execution.execute(paths)
    assert [result.ran for result in results] == [False, True]
    assert results[1].seconds > results[1].cpu_seconds > 0
    assert printed(execution.executed(paths[1])) == "3\n"
    assert len(list((execution.CACHE / "executed").iterdir())) == 2


def test_kernels_have_one_blas_thread_and_stand_in_the_chapters_folder(book):
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    path = book.chapter("book/x/a", f"import os\nprint(*map(os.environ.get, {names}), os.getcwd())")
    execution.execute([path])
    assert printed(execution.executed(path)).split() == ["1", "1", "1", str(path.parent)]


def test_two_chapters_run_at_once(book):
    meet = """
import pathlib, time
pathlib.Path("{}").touch()
deadline = time.time() + 20
while not pathlib.Path("{}").exists():
    assert time.time() < deadline, "the other chapter is not running"
"""
    paths = [book.chapter("book/a", meet.format("a", "b")), book.chapter("book/b", meet.format("b", "a"))]
    assert [result.error for result in execution.execute(paths)] == [None, None]


def test_two_processes_execute_a_chapter_once(book):
    book.chapter("book/x/a", "import time\nopen('../../ran.txt', 'a').write('a\\n')\ntime.sleep(1)")
    code = "import execution\nprint(execution.execute([execution.ROOT / 'book/x/a.md'])[0].error)"
    with ThreadPoolExecutor() as pool:
        processes = [book.start("-c", code) for _ in range(2)]
        outputs = pool.map(lambda process: process.communicate()[0], processes)
    assert [output.strip() for output in outputs] == ["None", "None"]
    assert book.ran() == ["a"]


FAILURES = {
    "options": (  # the raising line of a cell that begins with options, called from below
        "---\ntags: [hide-input]\n---\nimport math\n\n\ndef f():\n    return 1 / 0\n\n\nf()",
        ":25: cell 2: ZeroDivisionError: division by zero",
    ),
    "elsewhere": (  # raised in an earlier cell's function: the line that called it
        "x = 1\nearlier()",
        ":19: cell 2: ValueError: two lines",
    ),
    "syntax": ("x = 1\nx = = 2", ":19: cell 2: SyntaxError: invalid syntax"),
    "library": ("import math\n\nmath.sqrt(-1)", ":20: cell 2: ValueError: math domain error"),
    "killed": ("import os\nos._exit(1)", ":18: cell 2: DeadKernelError: Kernel died"),
    "slow": ("x = 1\nwhile True: pass", ":18: cell 2: CellTimeoutError: A cell timed out"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_names_chapter_cell_and_line(book, kind, monkeypatch):
    cell, message = FAILURES[kind]
    if kind == "slow":
        monkeypatch.setitem(execution._config()["execute"], "timeout", 1)
    path = book.chapter("book/x/a", 'def earlier(): raise ValueError("two lines\\nof text")', cell)
    [result] = execution.execute([path])
    assert result.error.splitlines()[0].startswith(f"book/x/a.md{message}")
    assert execution.executed(path) is None


def test_a_cell_with_unreadable_options_names_its_chapter(book):
    path = book.chapter("book/a", "---\ntags: [\n---\n1")
    [result] = execution.execute([path])
    assert result.error.startswith("book/a.md: Code cell 1 at line 11 could not be read")
