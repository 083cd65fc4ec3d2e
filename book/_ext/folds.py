"""One fold for all that is folded: a native `<details>`, whose bar holds its own words and no link."""

import hashlib
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator
from sphinx_design.dropdown import dropdown_main
from sphinx_exercise.nodes import solution_node

WORDS = {  # what myst-nb would say
    "Show code cell source": "Code",
    "Show code cell content": "Code",
    "Show code cell output": "Output",
}


class fold(nodes.General, nodes.Element):
    """A bar, and what it folds."""


class bar(nodes.TextElement):
    """The words of a fold."""


class Folds(SphinxPostTransform):
    """Turn the solutions, dropdowns and hidden cells of a page into folds."""

    default_priority = 200  # after the transforms of myst-nb and sphinx-design
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Turn all of the page's."""
        fold_within(self.document)


def fold_within(element: nodes.Element) -> None:
    """Turn all of an element's, those inside of others first."""
    for i, child in enumerate(element.children):
        if isinstance(child, nodes.Element):
            fold_within(child)
            if folded := as_fold(child):
                element[i] = folded


def as_fold(node: nodes.Element) -> fold | None:
    """Make a fold of what another extension folds in its own way."""
    if isinstance(node, HideCodeCellNode):
        words = WORDS.get(node["prompt_show"], node["prompt_show"])
        return fold("", bar("", words), *node.children)
    if isinstance(node, solution_node):
        title, section = node.children
        return fold("", bar("", title.astext()), *section.children, ids=node["ids"])
    if isinstance(node, dropdown_main):
        title, body = node.children
        [words] = [part for part in title.children if "sd-summary-text" in part["classes"]]
        return fold("", bar("", "", *words.children), *body.children, ids=node["ids"])
    return None


def visit_fold(translator: HTML5Translator, node: fold) -> None:
    """Open a fold."""
    translator.body.append(translator.starttag(node, "details"))


def depart_fold(translator: HTML5Translator, node: fold) -> None:
    """Close it."""
    translator.body.append("</details>\n")


def visit_bar(translator: HTML5Translator, node: bar) -> None:
    """Open the bar of a fold."""
    translator.body.append(translator.starttag(node, "summary", ""))


def depart_bar(translator: HTML5Translator, node: bar) -> None:
    """Close it."""
    translator.body.append("</summary>\n")


def setup(app: Sphinx) -> dict:
    """Connect the above."""
    app.add_node(fold, html=(visit_fold, depart_fold))
    app.add_node(bar, html=(visit_bar, depart_bar))
    app.add_post_transform(Folds)
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": True, "parallel_write_safe": True}
