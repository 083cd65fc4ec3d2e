"""Interactive figures: a picture, its data, and the script that moves it.

A cell draws the static figure as ever and hands it over with the data:
`interactive("name", data, figure)`. In a notebook that shows the picture. The
book's page makes a `<figure class="interactive">` of it, where the script
`book/_static/figures/name.js` mounts; without the script the picture stays.
"""

import json
import math
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from llmbook.book.page import shell

INTERACTIVE = "application/vnd.llmbook.interactive+json"
LIMIT = 100_000  # bytes of JSON in a page
DIGITS = 9  # significant: numbers computed from the data are right to 1e-6

Cell = float | int | str | None
Table = Mapping[str, Mapping[str, Cell]]


def interactive(name: str, data: Mapping[str, Table], figure: Any) -> None:
    """Display a matplotlib figure that the page's script can make interactive.

    The data are tables, `{table: {row: {column: value}}}`: the script reads
    them as JSON, and everybody else as tables in folds. Their numbers are
    rounded to nine significant digits. The figure's number, caption and
    alternative text are in the cell's metadata, as for every figure. In plain
    Python a line is printed instead.

    Raises:
        ValueError: the name is no file name in lower case; a value is neither
            a finite number nor a text nor None; or the data are too large.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(
            f"name {name!r} needs lower-case words joined by hyphens: "
            "it names the script"
        )
    tables = {
        title: {
            row: {
                column: _rounded(value, f"{title!r}, row {row!r}, {column!r}")
                for column, value in cells.items()
            }
            for row, cells in table.items()
        }
        for title, table in data.items()
    }
    text = as_json(tables)
    size = len(text.encode())
    if size >= LIMIT:
        raise ValueError(
            f"data of {name!r} take {size:,} bytes in the page; "
            f"it needs fewer than {LIMIT:,}"
        )
    line = f"Interactive figure {name}: move it on the book's page"
    if shell() is None:
        print(line)
        return
    from IPython.core.pylabtools import print_figure
    from IPython.display import display
    from matplotlib import pyplot

    svg = print_figure(figure, "svg", metadata={"Date": None})
    pyplot.close(figure)  # else the notebook shows it a second time
    display(
        {"text/plain": line, "image/svg+xml": svg},
        raw=True,
        # as text, because a notebook file sorts what a dictionary holds
        metadata={INTERACTIVE: {"name": name, "data": text}},
    )


def as_json(tables: Mapping[str, Table]) -> str:
    """Write tables for a `<script>`, which no text in them can end."""
    text = json.dumps(tables, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def as_html(data: str) -> str:
    """Write tables for a reader, each folded: one may hold the answers."""
    return "".join(
        f"<details><summary>Data: {escape(title)}</summary>"
        f"{_table(rows)}</details>"
        for title, rows in json.loads(data).items()
    )


def _table(rows: Table) -> str:
    columns = dict.fromkeys(column for row in rows.values() for column in row)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{_shown(row.get(column))}</td>" for column in columns)
        + "</tr>"
        for name, row in rows.items()
    )
    return (
        f'<div class="pst-scrollable-table-container"><table class="table">'
        f"<thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _shown(value: Cell) -> str:
    if value is None:
        return "–"
    return escape(value if isinstance(value, str) else f"{value:.4g}")


def _rounded(value: Any, place: str) -> Cell:
    """Turn a value, NumPy's too, into one that JSON has."""
    if value is None or isinstance(value, str):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"data {place}: {value!r} is not a finite number, a text or None"
        )
    return float(f"{number:.{DIGITS}g}")
