"""The claims page and the leaderboard page, made of what the executed chapters recorded."""

import base64
import hashlib
import io
import math
import re
from html import escape
from pathlib import Path

import matplotlib
from docutils import nodes
from matplotlib.figure import Figure
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import execution
import outline
from assets import in_colors_of_text
from llmbook.book.ledger import CLAIM, CORPORA, LEADERBOARD, show_number
from llmbook.book.style import PALETTE, style


class Ledger(SphinxDirective):
    """A directive that reads one kind of record from every chapter."""

    mime = ""

    def run(self) -> list[nodes.Node]:
        """Have the page read again whenever a chapter changes, and make it."""
        if not hasattr(self.env, "llmbook_ledger_docs"):
            self.env.llmbook_ledger_docs = set()
        self.env.llmbook_ledger_docs.add(self.env.docname)
        records = self.collect()
        if not records:
            return [nodes.paragraph("", "", nodes.Text("The chapters have not recorded anything yet."))]
        return self.page(records)

    def collect(self) -> list[dict]:
        """Read the records in the order of the chapters; each gains its chapter's docname and title."""
        records: dict[str, dict] = {}
        for path in outline.with_cells():
            docname = self.env.path2doc(str(path))
            notebook = execution.executed(path)
            if notebook is None:
                raise self.error(f"{docname} has not been executed: what it records is not known")
            for cell in notebook.cells:
                for output in cell.get("outputs", []):
                    if (record := output.get("metadata", {}).get(self.mime)) is None:
                        continue
                    if first := records.get(record["anchor"]):
                        raise self.error(
                            f"{record['name']} is recorded in {first['docname']} and in {docname}"
                        )
                    records[record["anchor"]] = {**record, "docname": docname, "chapter": heading(notebook)}
        return list(records.values())

    def page(self, records: list[dict]) -> list[nodes.Node]:
        """Lay the records out."""
        raise NotImplementedError

    def link(self, record: dict, text: str) -> nodes.reference:
        """Link to the line under the cell that made a record, and be what that line links to."""
        page = self.env.app.builder.get_relative_uri(self.env.docname, record["docname"])
        anchor = record["anchor"]
        return nodes.reference("", text, internal=True, refuri=f"{page}#{anchor}", ids=[anchor])

    def section(self, title: str, *content: nodes.Node) -> nodes.section:
        """Put content under a heading, whose title is Markdown."""
        section = nodes.section("", nodes.title("", "", *self.parse_inline(title)[0]), *content)
        section["names"].append(nodes.fully_normalize_name(section[0].astext()))
        self.state.document.note_implicit_target(section)
        return section


class Claims(Ledger):
    """Every claim with its range, a paper's value and the verdict; then the timings."""

    mime = CLAIM

    def page(self, records: list[dict]) -> list[nodes.Node]:
        """Lay out one table a chapter, and one of timings."""
        claims = [record for record in records if record["kind"] == "measured"]
        timings = [record for record in records if record["kind"] == "timing"]
        verdicts = [record["verdict"] for record in claims if record["verdict"]]
        counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in ("yes", "partly", "no"))
        summary = f"{len(claims)} claims, {len(verdicts)} of them beside a paper's value ({counts})."
        page: list[nodes.Node] = [nodes.paragraph("", summary)]
        for docname, title in dict.fromkeys((record["docname"], record["chapter"]) for record in claims):
            header = ["Claim", "Ours", "Range", "Paper", "Source", "Verdict"]
            rows = [self.row(record) for record in claims if record["docname"] == docname]
            page.append(self.section(title, table(header, rows)))
        if timings:
            header = ["Timing", "Measured", "Paper", "Source", "Machine"]
            rows = [self.timing(record) for record in timings]
            page.append(self.section("Timings", table(header, rows)))
        return page

    def row(self, record: dict) -> list[list[nodes.Node]]:
        return [
            *self.ours(record),
            [nodes.Text(record["range"])],
            *self.paper(record),
            [nodes.Text(record["verdict"] or "")],
        ]

    def timing(self, record: dict) -> list[list[nodes.Node]]:
        return [*self.ours(record), *self.paper(record), [nodes.Text(record["machine"])]]

    def ours(self, record: dict) -> list[list[nodes.Node]]:
        return [[self.link(record, record["name"])], [nodes.Text(record["quantity"])]]

    def paper(self, record: dict) -> list[list[nodes.Node]]:
        if record["paper"] is None:
            return [[], []]
        return [[nodes.Text(show_number(record["paper"]))], self.source(record)]

    def source(self, record: dict) -> list[nodes.Node]:
        """Cite a key of the bibliography; a source with a space in it is plain text."""
        source = record["source"]
        if " " in source or "cite" not in self.env.domains:
            return [nodes.Text(source)]
        if source not in self.env.get_domain("cite").bibdata.data.entries:
            raise self.error(f"claim {record['name']}: source {source!r} is not in the bibliography")
        return self.parse_inline(f"{{cite:t}}`{source}`")[0]


class Leaderboard(Ledger):
    """For each corpus a plot and a table of its models, the best first."""

    mime = LEADERBOARD

    def page(self, records: list[dict]) -> list[nodes.Node]:
        """Lay out a figure and a table for each corpus, and name the machines."""
        machines = "; ".join(dict.fromkeys(record["machine"] for record in records))
        taken = f"Seconds and tokens per second were taken on: {machines}."
        page: list[nodes.Node] = [nodes.paragraph("", taken)]
        for corpus in CORPORA:
            rows = sorted((r for r in records if r["corpus"] == corpus), key=lambda r: r["nats"])
            if rows:
                header = ["Model", "Nats", "Bits", "Perplexity", "Parameters", "Steps", "Seconds"]
                header += ["Tokens/s", "Seeds"]
                plot = nodes.raw("", figure(corpus, rows), format="html")
                scores = table(header, [self.row(record) for record in rows], "scores")
                page.append(self.section(corpus.capitalize(), plot, scores))
        return page

    def row(self, record: dict) -> list[list[nodes.Node]]:
        cells = [
            f"{record['nats']:.3f}\u00a0±\u00a0{record['standard_error']:.3f}",  # on one line
            f"{record['bits']:.3f}",
            f"{math.exp(record['nats']):.2f}",
            *(
                show_number(record[key])
                for key in ("parameters", "steps", "seconds", "tokens_per_second", "seeds")
            ),
        ]
        return [[self.link(record, record["model"])], *([nodes.Text(cell)] for cell in cells)]


def heading(notebook: NotebookNode) -> str:
    """Find a chapter's title, as it is written."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1]


def table(header: list[str], rows: list[list[list[nodes.Node]]], *classes: str) -> nodes.table:
    """Build a table; the theme lets a wide one scroll in a box of its own."""

    def row(cells: list[list[nodes.Node]]) -> nodes.row:
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells))

    columns = [nodes.colspec(colwidth=1) for _ in header]
    head = nodes.thead("", row([[nodes.Text(text)] for text in header]))
    group = nodes.tgroup("", *columns, head, nodes.tbody("", *map(row, rows)), cols=len(header))
    return nodes.table("", group, classes=["ledger", "colwidths-auto", *classes])


def figure(corpus: str, rows: list[dict]) -> str:
    """Plot the scores of one corpus, the best on top, as a figure of HTML.

    The drawing is an image of its own, because two SVGs in one page would share their identifiers.
    """
    uniform = math.log(CORPORA[corpus])
    with matplotlib.rc_context(style()):
        plot = Figure(figsize=(5.6, 1.2 + 0.35 * len(rows)))
        axes = plot.subplots()
        axes.axvline(uniform, color=PALETTE["vermilion"], linestyle="--")
        axes.errorbar(
            [row["nats"] for row in rows],
            [row["model"] for row in rows],
            xerr=[row["standard_error"] for row in rows],
            color=PALETTE["blue"],
            capsize=3,
            linestyle="none",
            marker="o",
        )
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("nats per symbol, held out")
        svg = io.BytesIO()
        plot.savefig(svg, format="svg", metadata={"Date": None})
    width, height = 96 * plot.get_size_inches()
    best, worst = rows[0], rows[-1]
    alt = (
        f"Held-out nats per symbol of {len(rows)} models on {corpus}, from {best['model']} with "
        f"{best['nats']:.3f} to {worst['model']} with {worst['nats']:.3f}; "
        f"a dashed line marks the uniform distribution at {uniform:.3f}."
    )
    source = (
        "data:image/svg+xml;base64,"
        + base64.b64encode(in_colors_of_text(svg.getvalue().decode()).encode()).decode()
    )
    return (
        f'<figure class="align-default"><img class="dark-light" src="{source}" alt="{escape(alt)}"'
        f' width="{width:.0f}" height="{height:.0f}">'
        f"<figcaption><p>Models on {corpus}: held-out nats per symbol ± standard error, lower is better. "
        f"The dashed line is the uniform distribution, ln {CORPORA[corpus]} = {uniform:.3f}; "
        f"the table has the numbers.</p></figcaption></figure>"
    )


def setup(app: Sphinx) -> dict:
    """Register the two directives."""
    app.add_directive("claims", Claims)
    app.add_directive("leaderboard", Leaderboard)
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": False, "parallel_write_safe": True}
