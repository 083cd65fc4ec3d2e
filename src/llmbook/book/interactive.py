"""Interactive figures: a picture, its data, and the script that moves it.

A cell draws the static figure as ever and hands it over with the data:
`interactive("name", data, figure)`. In a notebook that shows the picture. The
book's page makes a `<figure class="interactive">` of it, where the script
`book/_static/figures/name.js` mounts; without the script the picture stays.
A trained network's parameters go with it as `arrays`, for models.js to run.
"""

import base64
import json
import math
import re
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from llmbook.book.page import shell

INTERACTIVE = "application/vnd.llmbook.interactive+json"
LIMIT = 100_000  # bytes of JSON in a page
ARRAYS_LIMIT = 300_000  # and of arrays: a float32 number takes 5.3
DIGITS = 9  # significant: numbers computed from the data are right to 1e-6

Cell = float | int | str | None
Table = Mapping[str, Mapping[str, Cell]]


def interactive(
    name: str,
    data: Mapping[str, Table],
    figure: Any,
    *,
    arrays: Mapping[str, Any] | None = None,
) -> None:
    """Display a matplotlib figure that the page's script can make interactive.

    The data are tables, `{table: {row: {column: value}}}`: the script reads
    them as JSON, and everybody else as tables in folds. Their numbers are
    rounded to nine significant digits. ``arrays``, by name, such as a model's
    ``params()``, are what no table could hold: the script gets them as float32,
    and a fold says their shapes. The figure's number, caption and alternative
    text are in the cell's metadata, as for every figure. In plain Python a line
    is printed instead.

    Raises:
        ValueError: the name is no file name in lower case; a value is neither
            a finite number nor a text nor None; an array has other than finite
            numbers; or the data or the arrays are too large.
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
    handed = {"name": name, "data": as_json(tables)}
    _check_size("data", handed, LIMIT)
    if arrays:
        handed["arrays"] = as_json(
            {key: encoded(array, key) for key, array in arrays.items()}
        )
        _check_size("arrays", handed, ARRAYS_LIMIT)
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
        metadata={INTERACTIVE: handed},
    )


def as_json(tables: Mapping[str, Any]) -> str:
    """Write tables for a `<script>`, which no text in them can end."""
    text = json.dumps(tables, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def encoded(array: Any, key: str) -> dict[str, Any]:
    """Write an array as float32, the last axis fastest, in base64."""
    numbers = np.asarray(array)
    if numbers.dtype.kind not in "fiu" or not np.isfinite(numbers).all():
        raise ValueError(
            f"arrays {key!r}: it needs finite numbers, not {array!r:.60}"
        )
    stored = base64.b64encode(numbers.astype("<f4").tobytes())
    return {"shape": numbers.shape, "base64": stored.decode()}


def as_html(data: str, arrays: str = "{}") -> str:
    """Write tables for a reader, each folded: one may hold the answers.

    Of the arrays it tells the shapes.
    """
    tables = json.loads(data)
    if shapes := {key: _size(a) for key, a in json.loads(arrays).items()}:
        tables["arrays"] = shapes
    return "".join(
        f"<details><summary>Data: {escape(title)}</summary>"
        f"{_table(rows)}</details>"
        for title, rows in tables.items()
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


def _size(array: Mapping[str, Any]) -> dict[str, Cell]:
    shape = array["shape"]
    return {
        "shape": " × ".join(map(str, shape)) or "one number",
        "numbers": f"{math.prod(shape):,}",
    }


def _check_size(part: str, handed: Mapping[str, str], limit: int) -> None:
    size = len(handed[part].encode())
    if size >= limit:
        raise ValueError(
            f"{part} of {handed['name']!r} take {size:,} bytes in the page; "
            f"it needs fewer than {limit:,}"
        )
