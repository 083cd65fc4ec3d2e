"""Scratch copies of the book, small enough to build in seconds; and the book itself in a browser."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book" / "_ext"))

from execution import FRONT_MATTER, ROOT
from mounted import PAGES

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
PREFIX = urlsplit(CONFIG["html"]["baseurl"]).path  # of the addresses of the book's pages
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
DESKTOP = {"viewport": {"width": 1280, "height": 900}}


class Scratch:
    """A copy of the book's machinery and library, without the book's own pages."""

    def __init__(self, root: Path) -> None:
        """Copy what a build needs."""
        self.root = root
        self.output = ""
        for folder in ("src", "book/_ext", "book/_static", "book/_templates"):
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
        (root / "book" / "_runs").mkdir()
        for name in ("_config.yml", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, root)
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
        return self.write(f"{name}.md", FRONT_MATTER + "\n" + "\n\n".join(parts) + "\n")

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


@pytest.fixture(scope="session")
def browser():
    """Start Debian's Chromium."""
    if CHROMIUM is None:
        if os.environ.get("LLMBOOK_REQUIRE_BROWSER") == "1":
            pytest.fail("chromium is missing: apt-get install chromium", pytrace=False)
        pytest.skip("chromium is missing: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def built() -> Path:
    """Build the book, or bring it up to date."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "_build" / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files as the book's host does: below its name, and the page 404 where there is none."""

    def translate_path(self, path: str) -> str:
        """Find the file."""
        path = "/" + path.removeprefix(PREFIX)
        return super().translate_path("/404.html" if path == "/no/such/page.html" else path)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Return a function that serves a folder and returns its address."""
    servers = []

    def start(folder: Path) -> str:
        handler = functools.partial(Quiet, directory=folder)
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,)).start()
        return f"http://127.0.0.1:{servers[-1].server_port}{PREFIX}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def site(built: Path, serve: Callable[[Path], str]) -> str:
    """Serve the built book."""
    return serve(built)


@pytest.fixture(params=["http", "file"])
def base(request, built, site):
    """The address of the book, served or in a folder."""
    return site if request.param == "http" else f"{built.as_uri()}/"


@pytest.fixture
def visit(browser):
    """Return a function that opens a figure's page; what goes wrong there fails the test."""
    contexts, wrong = [], []

    def open_page(base, name, **options):
        contexts.append(browser.new_context(**{**DESKTOP, "reduced_motion": "reduce", **options}))
        page = contexts[-1].new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        if options.get("java_script_enabled", True):  # else every script is a request that failed
            page.on("requestfailed", lambda r: wrong.append(r.url))
        own = (base, "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else wrong.append(r.url))
        page.goto(base + PAGES[name])
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def figure(visit):
    """Return a function that opens a page and scrolls to its figure, which then has mounted."""

    def mounted(base, name, **options):
        page = visit(base, name, **options)
        found = page.locator(f"figure[data-figure={name}]")
        found.scroll_into_view_if_needed()
        page.wait_for_selector(f"figure.mounted[data-figure={name}]")
        return found

    return mounted
