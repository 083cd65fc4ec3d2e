"""The book's addresses stand in one place, a fork has its own, and notebooks install the library there."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

import addresses
import execution
import outline
from execution import ROOT

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
BOOK, REPOSITORY = CONFIG["html"]["baseurl"], CONFIG["repository"]["url"]
FORK = {"BOOK_URL": "https://somebody.example/my/fork", "BOOK_REPOSITORY": "https://github.com/somebody/fork"}
PROJECT = ("book", "src", "tests", "experiments", "benchmarks", ".github", ".ci")
WORDS = """
Open an {repository}`issue <issues>`.

```{code-cell} ipython3
1
```
"""


def files():
    """List the project's own files."""
    for folder in PROJECT:
        yield from (path for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts)
    yield from ROOT.glob("*")


def test_no_file_but_the_configuration_names_an_address():
    own = [name.encode() for name in (urlsplit(BOOK).netloc, REPOSITORY.removeprefix("https://"))]
    naming = {path for path in files() if path.is_file() and any(name in path.read_bytes() for name in own)}
    assert naming == {ROOT / "_config.yml"}
    text = (ROOT / "_config.yml").read_text("utf-8")
    assert text.count(BOOK) == text.count(REPOSITORY) == 1


def test_a_fork_is_built_with_its_own_addresses(scratch, monkeypatch):
    scratch.write("book/index.md", f"{execution.FRONT_MATTER}\n# Book\n{WORDS}")
    scratch.write("book/more.md", "# More\n")
    scratch.toc("book/index", "book/more")
    for name, address in FORK.items():
        monkeypatch.setenv(name, address)
    assert scratch.build("-W", "-n") == 0, scratch.output
    html = scratch.root / "_build/html"
    made = {name: (html / name).read_text("utf-8") for name in ("book/index.html", "404.html", "sitemap.xml")}
    fork, repository = FORK.values()
    assert f'<link href="{fork}/book/index.html" rel="canonical"/>' in made["book/index.html"]
    assert f'<meta content="{fork}/book/index.html" property="og:url"/>' in made["book/index.html"]
    assert f'href="{repository}/issues"' in made["book/index.html"]
    assert f'href="{repository}/issues/new?' in made["book/index.html"]
    assert f"<loc>{fork}/book/index.html</loc>" in made["sitemap.xml"]
    assert 'href="/my/fork/search.html"' in made["404.html"]
    assert 'src="/my/fork/_static/book.js' in made["404.html"]
    notebook = (html / "_sources/book/index.ipynb").read_text("utf-8")
    assert f"@ {fork}/{addresses.WHEEL}" in notebook and f"{repository}/blob/main/book/index.md" in notebook
    for path in html.rglob("*"):
        if path.suffix in (".html", ".ipynb", ".xml", ".js"):
            text = path.read_text("utf-8")
            assert BOOK not in text and REPOSITORY not in text, path


def test_the_wheel_is_the_same_until_the_library_changes(scratch):
    wheel = scratch.root / "_build/html" / addresses.WHEEL
    before = wheel.read_bytes()
    (scratch.root / "src/llmbook/__init__.py").touch()
    assert scratch.build("-W", "-n") == 0, scratch.output
    assert wheel.read_bytes() == before
    scratch.write("src/llmbook/new.py", "VALUE = 1\n")
    assert scratch.build("-W", "-n") == 0, scratch.output
    with zipfile.ZipFile(wheel) as archive:
        assert "llmbook/new.py" in archive.namelist()
    assert [path.name for path in wheel.parent.glob("*.whl")] == [wheel.name]


RUN = """
import sys, nbclient, nbformat
nb = nbformat.v4.new_notebook(cells=nbformat.read(sys.argv[1], as_version=4).cells[1:2])
nb.cells.append(nbformat.v4.new_code_cell("import llmbook; print(llmbook.__file__)"))
nbclient.execute(nb, timeout=300)
print(nb.cells[-1].outputs[0].text)
"""


@pytest.mark.parametrize("path", outline.chapters()[:1], ids=lambda path: path.stem)
def test_a_notebook_installs_the_library_from_the_site(built, site, path, tmp_path):
    page = path.relative_to(ROOT).with_suffix(".ipynb")
    source = (built / "_sources" / page).read_text("utf-8")
    assert source.count(f"{BOOK}_static") == 1
    (tmp_path / "chapter.ipynb").write_text(source.replace(f"{BOOK}_static", f"{site}_static"), "utf-8")
    # An environment of its own that finds the other packages in this one, and no index.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    purelib = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = subprocess.run(purelib, check=True, capture_output=True, text=True).stdout.strip()
    Path(own, "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | execution.KERNEL_ENV
    done = subprocess.run(
        [python, "-c", RUN, tmp_path / "chapter.ipynb"],
        cwd=tmp_path,
        env={**environment, "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(Path(own, "llmbook", "__init__.py"))
