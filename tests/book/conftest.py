"""Scratch copies of the book, small enough to build in seconds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

FRONT_MATTER = """\
---
file_format: mystnb
kernelspec:
  name: python3
  display_name: Python 3
---
"""


class Scratch:
    """A copy of the book's machinery and library, without the book's own pages."""

    def __init__(self, root: Path) -> None:
        """Copy what a build needs."""
        self.root = root
        self.output = ""
        for folder in ("src", "book/_ext", "book/_static", "book/_templates"):
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
        (root / "book" / "_runs").mkdir()
        shutil.copy(ROOT / "_config.yml", root)
        self.write("book/references.bib", "")

    def write(self, name: str, text: str) -> Path:
        """Write a file and the folders above it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def chapter(self, name: str, *cells: str) -> Path:
        """Write a chapter: its name as the title, and one sentence a cell."""
        parts = [f"# {name}", *(f"Words.\n\n```{{code-cell}} ipython3\n{cell}\n```" for cell in cells)]
        return self.write(f"{name}.md", FRONT_MATTER + "\n\n".join(parts) + "\n")

    def toc(self, *names: str) -> None:
        """Write the table of contents: the first page is the root."""
        pages = [f"  - file: {name}\n" for name in names[1:]]
        self.write("_toc.yml", f"format: jb-book\nroot: {names[0]}\nchapters:\n{''.join(pages)}")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a piece of text that a file must contain."""
        text = (self.root / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Python where the scratch library and extensions are found first."""
        path = os.pathsep.join([str(self.root / "src"), str(self.root / "book" / "_ext")])
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def build(self, *options: str) -> int:
        """Build the book as a reader does, keep what was printed, and return the exit code."""
        process = self.start("-c", "from jupyter_book.cli.main import main; main()", "build", ".", *options)
        self.output, _ = process.communicate()
        return process.returncode

    def page(self, name: str) -> str:
        """Return the HTML of a built page."""
        return (self.root / "_build" / "html" / f"{name}.html").read_text("utf-8")

    def ran(self) -> list[str]:
        """Return and forget what the cells have written into `ran.txt`."""
        log = self.root / "ran.txt"
        lines = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return sorted(lines)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """Make one scratch copy for a module's tests, which run in order."""
    return Scratch(tmp_path_factory.mktemp("scratch"))
