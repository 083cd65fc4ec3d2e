"""Interactive figures on Python's side: what a cell hands over, and what pages and notebooks make of it."""

import base64
import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

import execution
import notebooks
import outline
from llmbook.book import interactive
from llmbook.book.interactive import INTERACTIVE, LIMIT, as_html, as_json

STATIC = execution.ROOT / "book" / "_static"
SCRIPTS = sorted((STATIC / "figures").glob("*.js"))
CHAPTERS = [path for path in outline.with_cells() if "interactive(" in path.read_text("utf-8")]


@pytest.fixture
def shell():
    config = Config()
    config.HistoryManager.enabled = False
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


def shown(name, data, **options):
    """Call `interactive` in a shell, and return the output's data and metadata, and the figure."""
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    with capture_output() as captured:
        interactive(name, data, figure, **options)
    [output] = captured.outputs
    return output.data, output.metadata, figure


def test_a_notebook_shows_the_picture_once(shell):
    data, metadata, figure = shown("a-name", {"t": {"r": {"c": 1.5}}})
    assert data.keys() == {"text/plain", "image/svg+xml"}
    assert "<svg" in data["image/svg+xml"] and "<dc:date>" not in data["image/svg+xml"]
    assert metadata == {INTERACTIVE: {"name": "a-name", "data": '{"t":{"r":{"c":1.5}}}'}}
    assert not plt.fignum_exists(figure.number)  # else the end of the cell shows it again


def test_plain_python_prints_a_line(capsys):
    interactive("a-name", {}, figure=None)
    assert capsys.readouterr().out == "Interactive figure a-name: move it on the book's page\n"


def test_numbers_are_rounded_and_order_and_texts_are_kept(shell):
    row = {"z": np.float32(0.1), "a": np.pi, "n": np.int64(7), "none": None, "text": "é <b>"}
    _, metadata, _ = shown("a-name", {"t": {"r": row}})
    tables = json.loads(metadata[INTERACTIVE]["data"])
    assert list(tables["t"]["r"].items()) == [
        ("z", 0.100000001),
        ("a", 3.14159265),
        ("n", 7),
        ("none", None),
        ("text", "é <b>"),
    ]


def test_arrays_are_float32_in_base64_and_a_fold_tells_their_shapes(shell):
    W = np.array([[0.1, -2, 3e-30], [np.pi, 1e30, 0]])
    _, metadata, _ = shown("a-name", {"t": {}}, arrays={"W": W.T, "b": np.arange(3), "s": 1.5})
    handed = metadata[INTERACTIVE]
    arrays = json.loads(handed["arrays"])
    for name, array in {"W": W.T, "b": np.arange(3), "s": np.array(1.5)}.items():
        assert arrays[name]["shape"] == list(array.shape)
        read = np.frombuffer(base64.b64decode(arrays[name]["base64"]), "<f4").reshape(array.shape)
        np.testing.assert_array_equal(read, array.astype(np.float32))
    parser = Cells()
    parser.feed(as_html(handed["data"], handed["arrays"]))
    fold = ["Data: arrays", "shape", "numbers", "W", "3 × 2", "6", "b", "3", "3", "s", "one number", "1"]
    assert parser.texts == ["Data: t", *fold]


@pytest.mark.parametrize("array", [[1.0, np.nan], [np.inf], ["a"], [1j], [True], [None]])
def test_arrays_of_what_is_no_finite_number_are_refused(array):
    with pytest.raises(ValueError, match=r"arrays 'W': it needs finite numbers, not \["):
        interactive("a-name", {}, None, arrays={"W": array})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, [1], 1j, b"a"])
def test_what_json_has_not_is_refused(value):
    with pytest.raises(
        ValueError, match=r"data 't', row 'r', 'c': .* is not a finite number, a text or None"
    ):
        interactive("a-name", {"t": {"r": {"c": value}}}, None)


@pytest.mark.parametrize("name", ["", "A", "a b", "a--b", "../a", "a.js", "a-"])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(ValueError, match=f"name {re.escape(repr(name))} needs lower-case words"):
        interactive(name, {}, None)


def test_data_that_are_too_large_are_refused(capsys):
    rest = LIMIT - 1 - len('{"t":{"r":{"c":""}}}')
    interactive("a-name", {"t": {"r": {"c": "x" * rest}}}, None)
    with pytest.raises(
        ValueError, match=r"data of 'a-name' take 100,000 bytes in the page; it needs fewer than"
    ):
        interactive("a-name", {"t": {"r": {"c": "x" * (rest + 1)}}}, None)
    interactive("a-name", {}, None, arrays={"W": np.zeros(56_000)})
    with pytest.raises(
        ValueError, match=r"arrays of 'a-name' take 306,\d{3} bytes in the page; it needs fewer than 300,000"
    ):
        interactive("a-name", {}, None, arrays={"W": np.zeros((574, 100))})
    assert capsys.readouterr().out.count("\n") == 2  # from the smaller ones


def test_no_text_ends_the_script():
    tables = {"</script><b>": {"<!--": {"<script>": "</script>"}}}
    assert "<" not in as_json(tables)
    assert json.loads(as_json(tables)) == tables


class Cells(HTMLParser):
    """Collect the texts of a table's cells, and the tags."""

    def __init__(self):
        super().__init__()
        self.texts, self.tags = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_the_tables_show_everything():
    parser = Cells()
    parser.feed(as_html(as_json({"<t>": {"r": {"c": 1.23456, "d": "<b>"}, "s": {"c": None}}, "u": {}})))
    assert parser.texts == ["Data: <t>", "c", "d", "r", "1.235", "<b>", "s", "–", "–", "Data: u"]
    assert "b" not in parser.tags and parser.tags[:2] == ["details", "summary"]
    assert parser.tags.count("details") == 2


def test_the_scripts_are_short_and_ask_for_nothing():
    assert len((STATIC / "figures.js").read_bytes()) < 2048
    assert len(SCRIPTS) >= 2
    for script in [*SCRIPTS, STATIC / "models.js"]:
        text = script.read_text("utf-8")
        assert len(text.splitlines()) <= 200, script
        assert script not in SCRIPTS or f'figures["{script.stem}"] = ' in text
        assert not re.search(r"\b(import|export|fetch|XMLHttpRequest|eval|innerHTML)\b", text), script


PAGE = """
(ch-a)=
# A page

{numref}`fig-a` is here.

```{code-cell} ipython3
---
mystnb:
  image:
    alt: "A line rises."
  figure:
    caption: "The caption."
    name: fig-a
---
import matplotlib.pyplot as plt
from llmbook.book import interactive, use_style
use_style()
fig, ax = plt.subplots()
ax.plot([1, 2])
interactive("letter-temperature", {"scores": {"a": {"b": 1.5}}}, fig)
```
"""


def test_a_page_gets_one_figure_with_its_number_and_its_scripts(scratch):
    scratch.write("a.md", execution.FRONT_MATTER + PAGE)
    scratch.write("b.md", "# Nothing here\n")
    scratch.toc("a", "b")
    assert scratch.build("-W") == 0, scratch.output
    [figure] = re.findall(r"<figure.*?</figure>", scratch.page("a"), re.S)
    attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', figure.split(">")[0]))
    assert "interactive" in attributes["class"].split()
    assert attributes["data-figure"] == "letter-temperature" and attributes["id"] == "fig-a"
    [image] = re.findall(r"<img[^>]*>", figure)
    assert 'alt="A line rises."' in image
    picture = re.search(r'src="(_images/\w+\.svg)"', image)
    assert (scratch.root / "_build" / "html" / picture[1]).is_file()
    assert '<script type="application/json">{"scores":{"a":{"b":1.5}}}</script><details>' in figure
    assert "Fig. 1" in figure and "The caption." in figure.split("<figcaption>")[1]
    assert re.search(r'href="#fig-a"[^>]*><span class="std std-numref">Fig. 1<', scratch.page("a"))
    scripts = re.findall(r'<script defer="defer" src="_static/(figures[\w/-]*\.js)', scratch.page("a"))
    assert scripts == ["figures.js", "figures/letter-temperature.js"]
    assert "figure.interactive" in (scratch.root / "_build/html/_static/styles/site.css").read_text("utf-8")
    assert not re.search("_static/(figures|models)", scratch.page("b"))


def test_a_figure_with_arrays_brings_them_and_what_runs_them(scratch):
    scratch.write("a.md", execution.FRONT_MATTER + PAGE.replace("}, fig)", '}, fig, arrays={"W": [1, 2]})'))
    assert scratch.build("-W") == 0, scratch.output
    scripts = re.findall(
        r'<script defer="defer" src="_static/((?:figures|models)[\w/-]*\.js)', scratch.page("a")
    )
    assert scripts == ["figures.js", "models.js", "figures/letter-temperature.js"]
    given = re.findall(r'<script type="application/json">(.*?)</script>', scratch.page("a"))
    assert [json.loads(text) for text in given] == [
        {"scores": {"a": {"b": 1.5}}},
        {"W": {"shape": [2], "base64": "AACAPwAAAEA="}},
    ]
    assert "<summary>Data: arrays</summary>" in scratch.page("a")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    name: fig-a\n", "", "'letter-temperature' needs one output"),
        ('    alt: "A line', '    width: "A line', "'letter-temperature' needs one output"),
        ('interactive("letter', 'display(1)\ninteractive("letter', "'letter-temperature' needs one output"),
        ('"letter-temperature", {', '"no-such-script", {', "no book/_static/figures/no-such-script.js"),
    ],
)
def test_a_figure_that_lacks_something_fails_the_build(scratch, old, new, message):
    text = PAGE.replace("{numref}`fig-a`", "It") if "name: " in old else PAGE
    assert text.count(old) == 1
    scratch.write("a.md", execution.FRONT_MATTER + text.replace(old, new))
    assert scratch.build("-W", "--keep-going") != 0
    assert message in scratch.output


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_downloaded_notebook_has_the_picture(path):
    [result] = execution.execute([path])
    assert result.error is None
    exported = notebooks.export(execution.executed(path), path, "https://example.org/book", "llmbook.whl", {})
    [cell] = [cell for cell in exported.cells if "\ninteractive(" in cell.source]
    [output] = cell.outputs
    assert output.data["image/svg+xml"].lstrip().startswith("<?xml")
    assert "text/html" not in output.data
