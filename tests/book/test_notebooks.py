"""The notebooks that readers download read as plain Markdown and run against the built wheel alone."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest

import execution
import notebooks
import outline

URL = "https://host/blob/main"
WHEEL = "https://site/_static/llmbook.whl"
TEXT = """\
(here)=
# Title

% a comment
See {numref}`figure-one`, {ref}`here`, {ref}`there <here>`, {eq}`rule`, {term}`words <word>`,
{cite:t}`key`, {math}`x^2`,
{py:func}`~llmbook.a.f` and {glue:text}`loss:.2f`.

```{math}
:label: rule
a = b
```

$$
c = d
$$ (other)

:::{admonition} Before you start
:class: tip
Know {term}`this`.

```{math}
x
```
:::

```{exercise} Derive
:label: one
Do it.
```

```{code-block} python
:caption: A caption
{ref}`code stays`
```

```python
{ref}`code stays`
```
"""
PLAIN = """\
# Title

See the figure, The title, there, (rule), words,
[key], $x^2$,
`f` and 2.35.

$$
a = b \\tag{rule}
$$

$$
c = d \\tag{other}
$$

> **Before you start**
>
> Know this.
>
> $$
> x
> $$

> **Exercise: Derive**
>
> Do it.

```python
{ref}`code stays`
```

```python
{ref}`code stays`
```"""


def executed(*cells):
    """Make an executed notebook of a chapter that lies in `book/`."""
    glued = nbformat.v4.new_output(
        "display_data",
        {"text/plain": "2.3456"},
        metadata={"scrapbook": {"name": "loss", "mime_prefix": ""}},
    )
    code = nbformat.v4.new_code_cell("loss", outputs=[glued], metadata={"tags": ["hide-input"]})
    nb = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_markdown_cell, cells), code])
    nb.metadata = nbformat.from_dict(
        {"kernelspec": {"display_name": "llmbook-0"}, "language_info": {"name": "python"}}
    )
    return notebooks.export(nb, execution.ROOT / "book" / "a.md", URL, WHEEL, {"here": "The title"})


def test_directives_and_roles_become_plain_markdown():
    assert executed(TEXT).cells[2].source == PLAIN


def test_the_first_cells_say_and_install_what_the_notebook_needs():
    note, install = executed(TEXT).cells[:2]
    assert f"[source]({URL}/book/a.md)" in note.source
    assert f"%pip install --quiet 'llmbook[book] @ {WHEEL}'" in install.source


def test_literalinclude_becomes_the_code_with_a_link():
    text = (
        "```{literalinclude} _ext/notebooks.py\n:pyobject: _display\n:language: python\n:lineno-match:\n```"
    )
    shown = executed(text).cells[2].source
    lines = Path(notebooks.__file__).read_text("utf-8").splitlines()
    first = lines.index("def _display(formula: str, label: str) -> str:") + 1
    link, code = re.fullmatch(r"(\[.*?\]\(.*?\))\n\n```python\n(.*)\n```", shown, re.DOTALL).groups()
    n_lines = len(code.splitlines())
    assert link == f"[`book/_ext/notebooks.py`]({URL}/book/_ext/notebooks.py#L{first}-L{first + n_lines - 1})"
    assert code.splitlines() == lines[first - 1 : first - 1 + n_lines]
    assert n_lines == 2


def test_the_notebook_is_clean_and_the_same_every_time():
    nb = executed(TEXT)
    assert nb.metadata.kernelspec.display_name == "Python 3"
    assert nb.cells[-1].metadata.jupyter.source_hidden
    assert nb.cells[-1].outputs
    nbformat.validate(nb)
    assert nb == executed(TEXT)


@pytest.fixture(scope="session")
def wheel_python(tmp_path_factory):
    """Install the built wheel, and nothing else of ours, beside the dependencies that this Python has."""
    folder = tmp_path_factory.mktemp("wheel")
    run = {"check": True, "capture_output": True, "text": True}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=execution.ROOT, **run
    )
    [wheel] = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], **run)
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, wheel], **run)
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", purelib], **run).stdout.strip()
    # A path that a .pth adds is not searched for further .pth files: our editable install stays out.
    Path(own, "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


RUN = """
import sys, nbclient, nbformat
nb = nbformat.read(sys.argv[1], as_version=4)
nb.cells.insert(0, nbformat.v4.new_code_cell("import llmbook; print(llmbook.__file__)"))
nbclient.execute(nb, timeout=300)
print(nb.cells[0].outputs[0].text)
"""


@pytest.mark.parametrize("path", outline.with_cells(), ids=lambda path: path.stem)
def test_a_downloaded_notebook_runs_against_the_wheel(path, wheel_python, tmp_path):
    [result] = execution.execute([path])
    if result.error:
        pytest.fail(result.error, pytrace=False)
    nb = notebooks.export(execution.executed(path), path, URL, WHEEL, {})
    nbformat.write(nb, tmp_path / "chapter.ipynb")
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [wheel_python, "-c", RUN, tmp_path / "chapter.ipynb"],
        cwd=tmp_path / "empty",
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **execution.KERNEL_ENV},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith(str(wheel_python.parents[1]))
