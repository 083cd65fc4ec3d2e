"""Interactive figures: each gets its name and its data, and its page the scripts that it needs."""

from hashlib import sha256
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

import execution
import outline
from llmbook.book.interactive import INTERACTIVE, as_html

logger = logging.getLogger(__name__)
STATIC = execution.ROOT / "book" / "_static"
NAME = "data-figure"  # the attribute, of the node as of the element


def add_data(app: Sphinx, doctree: nodes.document) -> None:
    """Give the figures of the cells that called `interactive` their names and their data."""
    path = Path(app.env.doc2path(app.env.docname))
    if path not in outline.with_cells() or (notebook := execution.executed(path)) is None:
        return
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") != "cell_code":
            continue
        for output in notebook.cells[cell["cell_index"]].outputs:
            if INTERACTIVE in output.get("metadata", {}):
                complete(cell, **output.metadata[INTERACTIVE])


def complete(cell: nodes.container, name: str, data: str, arrays: str = "") -> None:
    """Add the data to the one figure of a cell; the picture and the caption are there already."""
    figures = list(cell.findall(nodes.figure))
    images = [image for figure in figures for image in figure.findall(nodes.image) if image.get("alt")]
    captions = [caption for figure in figures for caption in figure.findall(nodes.caption)]
    if not (len(figures) == len(images) == len(captions) == 1 and figures[0]["names"]):
        message = "the cell of the interactive figure %r needs one output, and in its metadata `mystnb:` "
        message += "`image: alt:` and `figure: caption:` and `name:`"
        logger.warning(message, name, location=cell)
        return
    if not (STATIC / "figures" / f"{name}.js").is_file():
        logger.warning(
            "the interactive figure %r has no book/_static/figures/%s.js", name, name, location=cell
        )
    [figure] = figures
    figure[NAME] = name
    figure["classes"].append("interactive")
    figure["arrays"] = bool(arrays)
    given = [data, arrays] if arrays else [data]
    scripts = "".join(f'<script type="application/json">{text}</script>' for text in given)
    figure.insert(1, nodes.raw("", scripts + as_html(*given), format="html"))


def visit_figure(translator: HTML5Translator, node: nodes.figure) -> None:
    """Write a figure as ever, and its name into the tag."""
    type(translator).visit_figure(translator, node)
    if NAME in node:
        tag = translator.body.pop()
        translator.body.append(tag.replace("<figure", f'<figure {NAME}="{node[NAME]}"', 1))


def depart_figure(translator: HTML5Translator, node: nodes.figure) -> None:
    """End a figure as ever."""
    type(translator).depart_figure(translator, node)


def add_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document
) -> None:
    """Load the scripts of the figures that a page has, on that page alone."""
    figures = [figure for figure in doctree.findall(nodes.figure) if NAME in figure] if doctree else []
    if not figures:
        return
    models = ["models"] if any(figure["arrays"] for figure in figures) else []
    names = sorted({f"figures/{figure[NAME]}" for figure in figures})
    for script in ("figures", *models, *names):
        app.add_js_file(f"{script}.js", loading_method="defer")


def setup(app: Sphinx) -> dict:
    """Connect the above."""
    app.add_css_file("figures.css")  # book/_ext/assets.py merges it with the others
    app.add_node(nodes.figure, override=True, html=(visit_figure, depart_figure))
    app.connect("doctree-read", add_data)
    app.connect("html-page-context", add_scripts)
    version = sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": True, "parallel_write_safe": True}
