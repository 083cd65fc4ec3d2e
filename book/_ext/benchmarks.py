"""The tables of the benchmarks page, made of recorded runs."""

import hashlib
from pathlib import Path

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ledger import table
from llmbook.book import recorded


class Benchmark(SphinxDirective):
    """A benchmark's times: of a call of ours and of the peer, in milliseconds."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Lay out a table of the minimum and the median of each call."""
        run_id = self.arguments[0]
        self.env.note_reread()  # whether the run is stale depends on the library
        run = recorded.read(run_id)
        ours, peer = (1e3 * run.values(side) for side in ("ours", "peer"))  # (repeats, rules, sizes)
        result = run.results[0]
        text = (
            f"Milliseconds a call, beside {result['peer name']}, on {result['machine']}, one thread each, "
            f"{len(ours)} repeats; NumPy computes with {result['blas']}."
        )
        if run.stale:
            text += f" Recorded with an older library; changed since: {', '.join(run.stale)}."
        rows = []
        for i, rule in enumerate(run.config["rules"]):
            for j, size in enumerate(run.config["sizes"]):
                a, b = ours[:, i, j], peer[:, i, j]
                times = [f"{ms:.3f}" for ms in (a.min(), np.median(a), b.min(), np.median(b))]
                cells = [rule, " × ".join(map(str, size)), *times, f"{a.min() / b.min():.2f}"]
                rows.append([[nodes.Text(cell)] for cell in cells])
        header = ["Rule", "Size", "Ours, min", "Median", "Peer, min", "Median", "Ratio"]
        return [nodes.paragraph("", text), table(header, rows, "scores")]


def setup(app: Sphinx) -> dict:
    """Register the directive."""
    app.add_directive("benchmark", Benchmark)
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": True, "parallel_write_safe": True}
