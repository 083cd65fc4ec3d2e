"""Each chapter has the form that the book promises: sections, cells, figures, exercises."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted(ROOT.glob("book/0[1-9]_*/[0-9][0-9]_*.md"))
SECTIONS = (
    "problem",
    "idea",
    "mathematics",
    "code",
    "experiment",
    "goes wrong",
    "summary",
    "exercises",
    "sources",
)
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)


def cells(path: Path) -> list[tuple[str, str]]:
    """The options and the code of each cell."""
    found = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    matches = [re.fullmatch(r"(---\n.*?---\n|(?::[^\n]*\n)*)(.*)", cell, re.S) for cell in found]
    return [(m[1], m[2].strip("\n")) for m in matches if m]


@each_chapter
def test_is_in_the_table_of_contents(path):
    docname = path.relative_to(ROOT).with_suffix("").as_posix()
    assert f"file: {docname}\n" in (ROOT / "_toc.yml").read_text(encoding="utf-8")


@each_chapter
def test_has_its_sections_in_order(path):
    text = re.sub(r"^(`{3,}|:{3,}).*?^\1\s*$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = [h.lower() for h in re.findall(r"^## (.+)$", text, re.M)]
    places = [next((i for i, h in enumerate(headings) if s in h), None) for s in SECTIONS]
    assert None not in places, f"no heading for {SECTIONS[places.index(None)]!r} in {headings}"
    assert places == sorted(places)
    assert "Before you start" in path.read_text(encoding="utf-8")


@each_chapter
def test_cells_fit_the_page(path):
    for options, code in cells(path):
        lines = code.splitlines()
        assert max(map(len, lines)) <= 80, f"wider than 80 columns: {max(lines, key=len)}"
        if "hide-input" not in options:
            assert len(lines) <= 15, f"{len(lines)} lines in a cell that is shown: {lines[0]}"
    assert 15 <= len(cells(path)) <= 40


@each_chapter
def test_figures_have_numbers_captions_and_descriptions(path):
    text = path.read_text(encoding="utf-8")
    figures = [options for options, _ in cells(path) if "figure:" in options]
    assert len(figures) >= 3
    for options in figures:
        assert re.search(r"alt: \S.{40}", options) and re.search(r"caption: \S.{40}", options)
        name = re.search(r"name: (\S+)", options)
        assert name and f"{{numref}}`{name[1]}`" in text, f"the text never refers to {options}"


@each_chapter
def test_exercises_have_executed_solutions_and_checks(path):
    text = path.read_text(encoding="utf-8")
    exercises = re.findall(r"^`{3,}\{exercise\}.*?^:label: (\S+)\n(\S+)", text, re.M | re.S)
    assert len(exercises) >= 4
    for label, stars in exercises:
        assert set(stars) == {"★"} and len(stars) <= 3, f"exercise {label} is not graded"
        solution = re.search(rf"\{{solution-start\}} {label}\n(.*?)\{{solution-end\}}", text, re.S)
        assert solution and "{code-cell}" in solution[1], f"exercise {label} has no executed solution"
    assert len(re.findall(r"^check\(\"", text, re.M)) >= 2


@each_chapter
def test_measured_numbers_are_claimed_and_prose_is_one_sentence_a_line(path):
    text = path.read_text(encoding="utf-8")
    claimed = set(re.findall(r"claim\(\s*f?\"([^\"]+)\"", text))
    for name in re.findall(r"\{glue:text\}`([^`:]+)", text):
        pattern = [c for c in claimed if re.fullmatch(re.sub(r"\\\{.*?\\\}", ".+", re.escape(c)), name)]
        assert pattern, f"{name} is quoted and not claimed"
    prose = re.sub(r"^(`{3,}).*?^\1\s*$", "", text, flags=re.M | re.S)
    for line in prose.splitlines():
        assert not re.search(r"[a-z]\. [A-Z][a-z]+ [a-z]", line) or line.startswith(("- ", "|")), line


@each_chapter
def test_tone(path):
    text = re.sub(r"^(`{3,}).*?^\1\s*$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    for word in ("simply", "obviously", "clearly", "trivial", "it can be shown"):
        assert not re.search(rf"\b{word}\b", text, re.I), word
    assert not re.search(r"\w!(\s|$)", text), "no exclamation marks"
