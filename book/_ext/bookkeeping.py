"""A page shows its subject: what a cell claims, records and checks is one folded line under it."""

import hashlib
import re
from pathlib import Path

from docutils import nodes
from markdown_it.tree import SyntaxTreeNode
from myst_nb.ext.glue.roles import PasteTextRole
from myst_nb.sphinx_ import SphinxNbRenderer
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform

import reading
from folds import bar, fold
from llmbook.book.ledger import CLAIM, LEADERBOARD
from llmbook.book.recorded import CHECK, STALE

PAGES = {CLAIM: "claims", LEADERBOARD: "leaderboard"}  # the labels of the pages that list them
_REMOVED = re.compile(r"remove[-_](cell|output)")


class kept(nodes.General, nodes.Element):
    """The outputs of a cell that are bookkeeping, as they stand in the notebook."""


_outputs = SphinxNbRenderer._get_nb_code_cell_outputs
_render = SphinxNbRenderer.render_nb_cell_code


def subject_outputs(self: SphinxNbRenderer, token: SyntaxTreeNode) -> tuple:
    """Return the outputs of a cell that are not bookkeeping, and note those that are."""
    number, outputs = _outputs(self, token)
    books = [output for output in outputs if kind(output)]
    token.meta["books"] = books
    return number, [output for output in outputs if output not in books]


def render_cell(self: SphinxNbRenderer, token: SyntaxTreeNode) -> None:
    """Render a cell without the input that is bookkeeping alone, and its books after it."""
    if reading.is_bookkeeping(token.content):
        metadata = token.meta["metadata"]
        metadata["tags"] = [*metadata.get("tags", []), "remove-input"]
    _render(self, token)
    cell = self.current_node[-1]
    if not cell.children:
        self.current_node.remove(cell)
    books = token.meta.get("books", [])
    stale = [output.data["text/html"] for output in books if kind(output) == STALE]
    self.current_node += [nodes.raw("", html, format="html") for html in stale]
    if outputs := [output for output in books if kind(output) != STALE]:
        self.current_node += kept(outputs=outputs)


def kind(output: dict) -> str | None:
    """Name the kind of bookkeeping that an output shows."""
    kinds = output.get("metadata", {}).keys() & {CLAIM, LEADERBOARD, CHECK, STALE}
    return next(iter(kinds), None)


class Books(SphinxPostTransform):
    """Fold the bookkeeping of each cell, and link the values in the prose to it."""

    default_priority = 210  # after all other folds, whose bars hold no links
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Lay out the page's."""
        names = {}
        for node in list(self.document.findall(kept)):
            lines = [self.line(output) for output in node["outputs"]]
            for line in lines:
                names |= {line["claim"]: line["ids"][0]} if "claim" in line else {}
            node.replace_self(fold("", bar("", summary(node["outputs"])), *lines, classes=["books"]))
        for value in list(self.document.findall(nodes.inline)):
            if value.get("glued") in names and not inside(value, (bar, nodes.title, nodes.reference)):
                link = nodes.reference("", "", internal=True, refid=names[value["glued"]])
                value.replace_self(link)
                link += value

    def line(self, output: dict) -> nodes.paragraph:
        """Write one line, from which a link leads to the page that lists all of its kind."""
        mime, text = kind(output), output["data"]["text/plain"]
        record = output["metadata"][mime]
        labels = self.env.get_domain("std").anonlabels
        if mime not in PAGES:
            return nodes.paragraph("", text, classes=["claim"])
        line = nodes.paragraph(classes=["claim"])
        line["ids"] = [record["anchor"]]
        if mime == CLAIM:
            line["claim"] = record["name"]
        name = record.get("model", record["name"])
        before, _, after = text.partition(name)
        shown: nodes.Node = nodes.Text(name)
        if PAGES[mime] in labels:
            page = self.app.builder.get_relative_uri(self.env.docname, labels[PAGES[mime]][0])
            shown = nodes.reference("", name, internal=True, refuri=f"{page}#{record['anchor']}")
        line += [nodes.Text(before), shown, nodes.Text(after)]
        return line


def summary(outputs: list[dict]) -> str:
    """Say how many values were checked, and how many timings and models were recorded."""
    kinds = [(kind(output), output["metadata"][kind(output)].get("kind")) for output in outputs]
    timings, rows = kinds.count((CLAIM, "timing")), [mime for mime, _ in kinds].count(LEADERBOARD)
    parts = []
    for what, n in {
        "value checked": len(kinds) - timings - rows,
        "timing recorded": timings,
        "score recorded": rows,
    }.items():
        noun, verb = what.split()
        if n:
            parts.append(f"{n} {noun}{'s' if n > 1 else ''} {verb}")
    return ", ".join(parts)


def inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    """Say whether a node stands in one of some kinds."""
    while node := node.parent:
        if isinstance(node, kinds):
            return True
    return False


class Glued(PasteTextRole):
    """A value in the prose, which knows the name that it was claimed under."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Make the value."""
        values, messages = super().run()
        for value in values:
            if isinstance(value, nodes.inline):
                value["glued"] = self.text.rsplit(":", 1)[0]
        return values, messages


def refuse_removed(app: Sphinx, docname: str, source: list[str]) -> None:
    """Stop at a claim whose cell or output is removed: the links to it would lead nowhere."""
    for options, code in reading.cells(source[0]):
        if _REMOVED.search(options) and reading.keeps_books(code):
            line = source[0][: source[0].index(code)].count("\n") + 1
            raise ExtensionError(
                f"{docname}.md:{line}: a cell with a claim, a leaderboard row or a check is not removed: "
                "the links to it would lead nowhere"
            )


def setup(app: Sphinx) -> dict:
    """Connect the above."""
    SphinxNbRenderer._get_nb_code_cell_outputs = subject_outputs
    SphinxNbRenderer.render_nb_cell_code = render_cell
    app.add_post_transform(Books)
    app.connect("source-read", refuse_removed)
    app.add_role_to_domain("glue", "text", Glued(), override=True)
    files = [__file__, reading.__file__]
    version = hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": True, "parallel_write_safe": True}
