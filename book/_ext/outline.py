"""The order of the book: `_toc.yml` lists what is written, and under `meta` what is planned.

A chapter is a numbered page of a part, `NN_slug.md`; a deep dive is a page under a chapter's `sections:`,
`NN_slug_topic.md`, executed and tested like one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

import reading

ROOT = Path(__file__).resolve().parents[2]
_CODE_CELL = re.compile(r"^```+\{code-cell\}", re.MULTILINE)
_NUMBERED = re.compile(r"(\d\d)_")


class OutlineError(ValueError):
    """A mistake in `_toc.yml`; the message says what it needs."""


@dataclass(frozen=True)
class Page:
    """A written page, with what other pages say of it."""

    path: Path
    label: str | None
    title: str
    about: str  # one line, from its front matter
    minutes: float  # of reading
    grades: tuple[str, ...]  # of its exercises
    exercise_minutes: int


@dataclass(frozen=True)
class Chapter:
    """A chapter; one that is planned has a title and no page."""

    number: int
    title: str
    page: Page | None = None
    deep_dives: tuple[Page, ...] = ()


@dataclass(frozen=True)
class Section:
    """A section of the book: its name, what it adds to those before it, its package, its chapters."""

    number: int
    caption: str
    adds: str
    package: str | None  # of llmbook; None while no chapter is written
    chapters: tuple[Chapter, ...]


def documents(root: Path = ROOT) -> list[Path]:
    """List the documents of `_toc.yml` in order."""
    return [root / f"{name}.md" for name in _files(_toc(root))]


def with_cells(root: Path = ROOT) -> list[Path]:
    """List the documents that contain code cells, in order: chapters, deep dives and others."""
    return [path for path in documents(root) if path.is_file() and _CODE_CELL.search(path.read_text("utf-8"))]


def chapters(root: Path = ROOT) -> list[Path]:
    """List the chapters that are written, in order."""
    return [root / f"{entry['file']}.md" for _, entry in _entries(root)]


def deep_dives(chapter: Path, root: Path = ROOT) -> list[Path]:
    """List the deep dives of a chapter, in order.

    Raises:
        OutlineError: a page under its `sections:` is not named after the chapter.
    """
    for _, entry in _entries(root):
        if root / f"{entry['file']}.md" == chapter:
            names = list(_files(entry.get("sections", [])))
            for name in names:
                if not name.startswith(f"{entry['file']}_"):
                    raise OutlineError(f"_toc.yml: {name} must begin with {entry['file']}_, its chapter")
            return [root / f"{name}.md" for name in names]
    return []


def sections(root: Path = ROOT) -> list[Section]:
    """List the book's sections with all their chapters, written and planned.

    Raises:
        OutlineError: a part is not in the plan, or the chapters are not numbered 1, 2, 3.
    """
    plan = _toc(root).get("meta", {}).get("sections", {})
    written: dict[str, list[Path]] = {caption: [] for caption in plan}
    for caption, entry in _entries(root):
        if caption not in written:
            raise OutlineError(f"_toc.yml: the part {caption!r} is not among meta's sections: {list(plan)}")
        written[caption].append(root / f"{entry['file']}.md")
    made = []
    for number, (caption, section) in enumerate(plan.items(), 1):
        paths = written[caption]
        listed = [_chapter(path, root) for path in paths]
        listed += [Chapter(n, title) for n, title in section.get("planned", {}).items()]
        package = _NUMBERED.sub("", paths[0].parent.name) if paths else None
        made.append(Section(number, caption, section["adds"], package, tuple(listed)))
    numbers = [chapter.number for section in made for chapter in section.chapters]
    if numbers != list(range(1, len(numbers) + 1)):
        raise OutlineError(f"_toc.yml: chapters, written and planned, must be 1, 2, 3 …; they are {numbers}")
    return made


def page(path: Path) -> Page:
    """Read what other pages say of a page."""
    text = path.read_text("utf-8")
    front = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    about = (yaml.safe_load(front[1]) if front else {}).get("about", "")
    return Page(
        path,
        reading.label(text),
        reading.title(text),
        about,
        reading.minutes(text),
        tuple(reading.grades(text)),
        reading.exercise_minutes(text),
    )


def _chapter(path: Path, root: Path) -> Chapter:
    own = page(path)
    return Chapter(int(path.name[:2]), own.title, own, tuple(map(page, deep_dives(path, root))))


def _toc(root: Path) -> dict:
    return yaml.safe_load((root / "_toc.yml").read_text("utf-8"))


def _entries(root: Path) -> Iterator[tuple[str | None, dict]]:
    """Find the chapters' entries of the table of contents, each with the caption of its part."""
    toc = _toc(root)
    for part in toc.get("parts", [toc]):
        for entry in part.get("chapters", []):
            if _NUMBERED.match(Path(entry["file"]).name):
                yield part.get("caption"), entry


def _files(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[key] for key in ("root", "file") if key in node)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _files(child)
