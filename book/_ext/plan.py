"""What the pages around the chapters say of them, made from the outline and the library.

Directives `chapters`, `reading-times` and `library`; roles `chapter`, `published` and `written`.
"""

import ast
import hashlib
import pkgutil
import re
from itertools import groupby
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole

import llmbook
import outline
import reading

PACKAGE = Path(llmbook.__file__).parent
TITLES = {"data": "Data", "exercises": "Checks of the exercises", "book": "The book's own tools"}


class Made(SphinxDirective):
    """A directive whose content is Markdown that is made, not written."""

    def run(self) -> list[nodes.Node]:
        """Parse what was made; have the page read again when it would be made otherwise."""
        note_page(self.env)
        container = nodes.Element()
        self.state.nested_parse(StringList(self.made(), "made"), self.content_offset, container, True)
        return container.children

    def made(self) -> list[str]:
        """Make the lines."""
        raise NotImplementedError


class Chapters(Made):
    """The written chapters as a list: a link, and what the chapter is about; below it its deep dives."""

    def made(self) -> list[str]:
        lines = []
        for chapter in written(outline.sections()):
            lines.append(f"{chapter.number}. {link(chapter.page)}: {chapter.page.about}")
            lines += [f"    - {link(page)}: {page.about}" for page in chapter.deep_dives]
        return lines


class ReadingTimes(Made):
    """A table of the written chapters and deep dives: minutes of reading, grades and minutes of exercises."""

    def made(self) -> list[str]:
        lines = ["| Chapter | Title | Reading | Exercises |", "|---|---|---|---|"]
        for chapter in written(outline.sections()):
            for page in (chapter.page, *chapter.deep_dives):
                number = chapter.number if page is chapter.page else ""
                exercises = f"{' '.join(page.grades)}, {page.exercise_minutes} min" if page.grades else ""
                minutes = f"{10 * round(page.minutes / 10)} min"
                lines.append(f"| {number} | {link(page)} | {minutes} | {exercises} |")
        return lines


class Library(Made):
    """Every module of the library in reading order, section by section, below a map of the packages."""

    def made(self) -> list[str]:
        titles = {section.package: section.caption for section in outline.sections() if section.package}
        titles |= TITLES
        lines = ["| package | what it holds |", "|---|---|"]
        lines += [f"| {{py:mod}}`llmbook.{name}` | {_purpose(PACKAGE / name)} |" for name in titles]
        for name, title in titles.items():
            lines += ["", f"## {title}", "", "```{eval-rst}", f".. automodule:: llmbook.{name}"]
            for module in modules(name):
                lines += ["", f".. automodule:: llmbook.{name}.{module}", "   :members:"]
            lines.append("```")
        return lines


class ChapterRole(SphinxRole):
    """Numbers of chapters, linked where they are written: {chapter}`3, 9`; {published}`3, 9` marks those."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        note_page(self.env)
        found: list[nodes.Node] = []
        for number in numbers(self.text):
            found.append(nodes.Text(", " if found else ""))
            if page := every()[number].page:
                docname = self.env.path2doc(str(page.path))
                options = {"refdomain": "std", "reftype": "doc", "reftarget": f"/{docname}"}
                text = nodes.inline("", str(number))
                found.append(
                    addnodes.pending_xref("", text, refexplicit=True, refdoc=self.env.docname, **options)
                )
                found.append(nodes.Text(" ✓" if self.name == "published" else ""))
            else:
                found.append(nodes.Text(str(number)))
        return found, []


class WrittenRole(SphinxRole):
    """What of a reading path is written, and the time it takes: {written}`3, 5, 19-23`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        note_page(self.env)
        return [nodes.Text(written_of(self.text))], []


def written_of(path: str) -> str:
    """Say which chapters of a path are written, and how long they take to read without their deep dives."""
    chapters = [every()[number] for number in numbers(path)]
    done = [chapter for chapter in chapters if chapter.page]
    if not done:
        return "none"
    minutes = sum(chapter.page.minutes for chapter in done)
    time = f"{10 * round(minutes / 10)} minutes" if minutes < 90 else f"{round(minutes / 30) / 2:g} hours"
    return f"{ranges([chapter.number for chapter in done])}, about {time}"


def numbers(path: str) -> list[int]:
    """Read `3, 19-21` as 3, 19, 20, 21."""
    parts = [[int(end) for end in part.split("-")] for part in path.split(",")]
    return [number for part in parts for number in range(part[0], part[-1] + 1)]


def ranges(of: list[int]) -> str:
    """Write 3, 19, 20, 21 as `3 and 19 to 21`."""
    runs = [
        [number for _, number in run] for _, run in groupby(enumerate(of), key=lambda pair: pair[1] - pair[0])
    ]
    words = [f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def every() -> dict[int, outline.Chapter]:
    """Map the numbers of all chapters to them, written and planned."""
    return {chapter.number: chapter for section in outline.sections() for chapter in section.chapters}


def written(sections: list[outline.Section]) -> list[outline.Chapter]:
    """List the chapters that have a page."""
    return [chapter for section in sections for chapter in section.chapters if chapter.page]


def link(page: outline.Page) -> str:
    """Refer to a page by its title."""
    return f"{{ref}}`{page.label}`"


def modules(package: str) -> list[str]:
    """List a package's modules in reading order: by their chapter, then as its section's pages name them."""
    pages = [
        page.path for chapter in written(outline.sections()) for page in (chapter.page, *chapter.deep_dives)
    ]
    text = "\n".join(path.read_text("utf-8") for path in pages)

    def order(name: str) -> tuple[int, int, str]:
        chapter = re.match(r"Chapter (\d+)", _purpose(PACKAGE / package / f"{name}.py"))
        named = re.search(rf"\b{package}[./]{name}\b", text)
        return (int(chapter[1]) if chapter else 0, named.start() if named else len(text), name)

    names = [module.name for module in pkgutil.iter_modules([str(PACKAGE / package)]) if not module.ispkg]
    return sorted((name for name in names if name != "__main__"), key=order)


def note_page(env: BuildEnvironment) -> None:
    """Remember that a page is made from the outline, and from which."""
    env.llmbook_planned = getattr(env, "llmbook_planned", {}) | {env.docname: _state()}


def read_outdated(app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set) -> set[str]:
    """Re-read the pages that were made from another outline, or from other modules."""
    made = {name: state for name, state in getattr(env, "llmbook_planned", {}).items() if name not in removed}
    return {docname for docname, state in made.items() if state != _state()}


def forget_page(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Drop what the environment knows about a page."""
    getattr(env, "llmbook_planned", {}).pop(docname, None)


def _state() -> tuple:
    sections = outline.sections()
    packages = [section.package for section in sections if section.package] + list(TITLES)
    return sections, {name: (_purpose(PACKAGE / name), modules(name)) for name in packages}


def _purpose(path: Path) -> str:
    """Return the first line of the docstring of a module or a package."""
    file = path / "__init__.py" if path.is_dir() else path
    return (ast.get_docstring(ast.parse(file.read_text("utf-8"))) or "").split("\n")[0]


def setup(app: Sphinx) -> dict:
    """Register the directives and roles."""
    app.add_directive("chapters", Chapters)
    app.add_directive("reading-times", ReadingTimes)
    app.add_directive("library", Library)
    app.add_role("chapter", ChapterRole())
    app.add_role("published", ChapterRole())
    app.add_role("written", WrittenRole())
    app.connect("env-get-outdated", read_outdated)
    app.connect("env-purge-doc", forget_page)
    files = [__file__, outline.__file__, reading.__file__]
    version = hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": False, "parallel_write_safe": True}
