"""The form that the book promises of a page, as functions of its text: each yields what is wrong with it."""

import re
from collections.abc import Iterator

import yaml

import reading

BEFORE = ("You will be able to", "You need", "The code lives in")
FIRST = (
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
SECOND = (
    *("problem", "idea", "mathematics", "code", "experiment", "what it costs", "goes wrong"),
    *("in practice", "summary", "exercises", "related and contested", "sources"),
)
WORDS, LINES, COLUMNS = 4500, 15, 80  # at most: of prose on a page; of a cell that is shown
_BLOCK = re.compile(r"^(`{3,}|:{3,})\{([\w-]+)\}([^\n]*)\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_SOLUTION = re.compile(
    r"^`{3,}\{solution-start\} (\S+)\n(.*?)^`{3,}\{solution-end\}", re.MULTILINE | re.DOTALL
)


def first_edition(text: str) -> Iterator[str]:
    """Find what is wrong with a chapter of the first edition."""
    yield from page(text)
    yield from sections(text, FIRST)
    yield from count("cells", len(reading.cells(text)), 15, 40)
    yield from count("figures", len(figures(text)), 3)
    yield from count("exercises", len(exercises(text)), 4)
    for label, grade, _ in exercises(text):
        if not re.fullmatch("★{1,3}", grade):
            yield f"exercise {label} is not graded"
        if not is_solved(text, label):
            yield f"exercise {label} has no executed solution"
    yield from count("checked exercises", len(checks(text)), 2)


def second_edition(text: str, in_order: bool = True) -> Iterator[str]:
    """Find what is wrong with a chapter of the second edition."""
    yield from page(text)
    yield from sections(text, SECOND, in_order)
    yield from count("words of prose", words(text), 0, WORDS)
    yield from count("visible cells", len(visible(text)), 12, 25)
    yield from count("figures", len(figures(text)), 4, 7)
    principles = [body for name, title, body in blocks(text) if title == "The principle"]
    yield from count("admonitions 'The principle'", len(principles), 1, 1)
    if any("$" not in body for body in principles):
        yield "the principle has no equation"
    yield from bookkeeping(text)
    yield from second_exercises(text)


def deep_dive(text: str) -> Iterator[str]:
    """Find what is wrong with a deep-dive page."""
    yield from page(text)
    yield from count("words of prose", words(text), 0, WORDS)
    yield from bookkeeping(text)


def page(text: str) -> Iterator[str]:
    """Find what is wrong with any page that has cells."""
    front = re.match(r"---\n(.*?)^---\n", text, re.M | re.S)
    front = yaml.safe_load(front[1]) if front else {}
    kernel = front.get("kernelspec") or {}
    if (
        front.get("file_format") != "mystnb"
        or not {"name", "display_name"} <= kernel.keys()
        or not front.get("about")
    ):
        yield "its front matter needs `about`, `file_format: mystnb` and a kernelspec"
    if not (reading.label(text) or "").startswith("ch-"):
        yield "its title needs a label (ch-...)= above it"
    for options, code in reading.cells(text):
        lines = code.splitlines()
        yield from (f"wider than {COLUMNS} columns: {line}" for line in lines if len(line) > COLUMNS)
        if reading.is_shown(options) and len(lines) > LINES:
            yield f"{len(lines)} lines in a cell that is shown: {lines[0]}"
        if "figure:" in options and re.search(r"\bruns\(", code):
            yield "`runs` in a figure's cell: if the record is stale, its note would be a second figure"
    for options in figures(text):
        name = re.search(r"name: (\S+)", options)
        if not re.search(r"alt: \S.{40}", options) or not re.search(r"caption: \S.{40}", options):
            yield f"a figure needs a caption and an alt text of some words: {options}"
        if not name or f"{{numref}}`{name[1]}`" not in text:
            yield f"the text never refers to the figure {name and name[1]}"
    yield from quoted(text)
    yield from tone(text)


def sections(text: str, needed: tuple[str, ...], in_order: bool = True) -> Iterator[str]:
    """Find the sections that are missing, or not in their order."""
    headings = reading.headings(text)
    places = [next((i for i, h in enumerate(headings) if name in h), None) for name in needed]
    yield from (
        f"no heading for {name!r} in {headings}"
        for name, at in zip(needed, places, strict=True)
        if at is None
    )
    if in_order and None not in places and places != sorted(places):
        yield f"the sections are not in their order: {headings}"
    before = next((body for _, title, body in blocks(text) if title == "Before you start"), "")
    yield from (f"'Before you start' lacks {part!r}" for part in BEFORE if part not in before)


def quoted(text: str) -> Iterator[str]:
    """Find the numbers that are quoted and not claimed, under whatever name a loop gives them."""
    claimed = set(re.findall(r"claim\(\s*f?\"([^\"]+)\"", text))
    patterns = [re.sub(r"\\\{.*?\\\}", ".+", re.escape(name)) for name in claimed]
    for name in re.findall(r"\{glue:text\}`([^`:]+)", text):
        if not any(re.fullmatch(pattern, name) for pattern in patterns):
            yield f"{name} is quoted and not claimed"


def tone(text: str) -> Iterator[str]:
    """Find words and signs that no page has, and lines of more than one sentence."""
    prose = re.sub(r"^(`{3,}).*?^\1\s*$", "", text, flags=re.M | re.S)
    for line in prose.splitlines():
        if re.search(r"[a-z]\. [A-Z][a-z]+ [a-z]", line) and not line.startswith(("- ", "|")):
            yield f"more than one sentence in a line: {line}"
    for word in ("simply", "obviously", "clearly", "trivial", "it can be shown"):
        if re.search(rf"\b{word}\b", prose, re.I):
            yield f"the word {word!r}"
    if re.search(r"\w!(\s|$)", prose):
        yield "an exclamation mark"


def bookkeeping(text: str) -> Iterator[str]:
    """Find the cells that mix claims, leaderboard rows or checks of recorded runs with the subject."""
    for _, code in reading.cells(text):
        if reading.keeps_books(code) and not reading.is_bookkeeping(code):
            yield f"a cell mixes bookkeeping with the subject: {code.splitlines()[0]}"


def second_exercises(text: str) -> Iterator[str]:
    """Find what is wrong with the exercises: 7 to 10, pencil first, two checked, one open."""
    listed = exercises(text)
    grades = [grade for _, grade, _ in listed]
    yield from count("exercises", len(listed), 7, 10)
    yield from count("pencil warm-ups (✎)", grades.count("✎"), 2, 3)
    if sorted(grades, key=lambda grade: grade != "✎") != grades:
        yield "the pencil warm-ups (✎) come first"
    yield from count("checked exercises", len(checks(text)), 2)
    opened = [(label, body) for label, _, body in listed if label not in dict(_SOLUTION.findall(text))]
    yield from count("open exercises", len(opened), 1)
    for label, body in opened:
        if not re.search(r"\bjudge\b", body, re.I):
            yield f"exercise {label} has no solution and does not say how to judge an answer"
    for label, grade, _ in listed:
        if not re.fullmatch("✎|★{1,3}", grade):
            yield f"exercise {label} is not graded"
        if label not in dict(opened) and not is_solved(text, label):
            yield f"exercise {label} has no executed solution"


def count(what: str, found: int, least: int, most: int | None = None) -> Iterator[str]:
    """Say so where there are too few or too many of something."""
    if found < least or (most is not None and found > most):
        yield f"{found} {what}, not {least} {'or more' if most is None else f'to {most}'}"


def blocks(text: str) -> list[tuple[str, str, str]]:
    """List the directives that hold no others: name, argument, body."""
    return [(match[2], match[3].strip(), match[4]) for match in _BLOCK.finditer(text)]


def figures(text: str) -> list[str]:
    """List the options of the cells that draw figures."""
    return [options for options, _ in reading.cells(text) if "figure:" in options]


def exercises(text: str) -> list[tuple[str, str, str]]:
    """List the exercises: label, grade, body."""
    found = [body for name, _, body in blocks(text) if name == "exercise"]
    matches = [re.match(r"(?:.*?\n)??:label: (\S+)\n(\S+)(.*)", body, re.DOTALL) for body in found]
    return [(match[1], match[2], match[3]) for match in matches if match]


def is_solved(text: str, label: str) -> bool:
    """Say whether an exercise has a solution with a cell in it."""
    return "{code-cell}" in dict(_SOLUTION.findall(text)).get(label, "")


def checks(text: str) -> list[str]:
    """List the exercises that a cell checks."""
    return re.findall(r"^check\(\"([\w-]+)", text, re.MULTILINE)


def visible(text: str) -> list[str]:
    """List the cells that a reader sees without unfolding anything."""
    outside = reading.cells(_SOLUTION.sub("", text))
    cells = [code for options, code in outside if reading.is_shown(options)]
    return [code for code in cells if not reading.is_bookkeeping(code)]


def words(text: str) -> int:
    """Count the words of prose: no code, no displayed formula, no exercises with their solutions."""
    text = re.sub(r"^## Exercises\b.*?(?=^## |\Z)", "", reading.without_code(text), flags=re.M | re.S)
    text = re.sub(r"^(`{3,})\{math\}.*?^\1\s*$|\$\$.*?\$\$[^\n]*", "", text, flags=re.M | re.S)
    return len(re.sub(r"^(`{3,}|:{3,}|:[\w-]+:|\([\w-]+\)=).*$", "", text, flags=re.M).split())
