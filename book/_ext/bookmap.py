"""The start page's map of the book: a station for each section, each a link, made from the outline."""

import hashlib
import textwrap
from collections.abc import Callable
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import outline
import plan

PLAN = "book/teaching", "#fourteen-weeks"  # where a section leads to that has no page yet
ENDS = "a vector", "a talking model, preferences, compression"
CAPTION = (
    "The sections of the book. A solid frame marks those with written chapters, a dashed one those planned."
)
WIDTH, TEXT, TOP = 368, 58, 34  # about as wide as the column of a phone, where a unit is about a pixel
BOX, LINE, GAP = 44, 15, 18
ICONS = (  # in a square of 44: what is drawn with a thin line, and dots
    ("M8 35 39 28M33 26l6 2-5 4M8 35 22 6M17 10l5-4 1 6M20 32A13 13 0 0 0 14 23", ""),
    (
        "M8 14 22 8M8 14 22 22M8 14 22 36M8 30 22 8M8 30 22 22M8 30 22 36M22 8 36 22 22 36M22 22H36",
        "M8 14h0M8 30h0M22 8h0M22 22h0M22 36h0M36 22h0",
    ),
    ("M6 6Q22 68 38 6", "M9 17h0M12 26h0M16 33h0M22 37h0"),
    ("M14 16h16v13H14zM30 22h8V6H6v16h8M11 19l3 3-3 3M22 40V29M19 32l3-3 3 3", ""),
    (
        "M2 17H9M19 17h6M35 17h7M39 14l3 3-3 3M9 17a5 5 0 1 0 10 0a5 5 0 1 0-10 0"
        "M25 17a5 5 0 1 0 10 0a5 5 0 1 0-10 0M12 15l4 4m0-4l-4 4M30 14v6M27 17h6M14 38V22M30 38V22",
        "",
    ),
    ("M8 9V35M17 9 27 35M27 9 17 35M36 9V35", "M8 9h0M17 9h0M27 9h0M36 9h0M8 35h0M17 35h0M27 35h0M36 35h0"),
    (
        "M5 5h7v7H5zM5 14h7v7H5zM14 14h7v7h-7zM5 23h7v7H5zM14 23h7v7h-7zM23 23h7v7h-7z"
        "M5 32h7v7H5zM14 32h7v7h-7zM23 32h7v7h-7zM32 32h7v7h-7z",
        "",
    ),
    (
        "M9 8H35a3 3 0 0 1 3 3V24a3 3 0 0 1-3 3H20l-8 9v-9H9a3 3 0 0 1-3-3V11a3 3 0 0 1 3-3z",
        "M15 17h0M22 17h0M29 17h0",
    ),
    ("M4 13h18v18H4zM26 22h7M30 19l3 3-3 3M36 19h6v6h-6z", "M39 22h0"),
)


class Map(SphinxDirective):
    """The map as a figure with a number; the argument is its label."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        plan.note_page(self.env)
        drawing = nodes.raw("", draw(outline.sections(), self.address), format="html")
        figure = nodes.figure("", drawing, nodes.caption("", CAPTION), align="default")
        figure["names"].append(self.arguments[0])
        self.state.document.note_explicit_target(figure)
        self.set_source_info(figure)
        return [figure]

    def address(self, section: outline.Section) -> str:
        """Find the section's first written chapter, else the plan."""
        pages = [chapter.page for chapter in section.chapters if chapter.page]
        docname, anchor = (self.env.path2doc(str(pages[0].path)), "") if pages else PLAN
        return self.env.app.builder.get_relative_uri(self.env.docname, docname) + anchor


def draw(sections: list[outline.Section], address: Callable[[outline.Section], str]) -> str:
    """Draw the map, as an SVG that is a part of the page."""
    stations, y = [], TOP
    for icon, section in zip(ICONS, sections, strict=True):
        adds = textwrap.wrap(section.adds, 48)
        stations.append(station(section, icon, adds, y, escape(address(section))))
        last, y = y, y + (2 + len(adds)) * LINE + GAP
    start, end = map(escape, ENDS)
    middle = (TOP + last + BOX) // 2
    return f"""<svg class="book-map" role="group" viewBox="0 0 {WIDTH} {y + 14}"
 aria-labelledby="map-title" aria-describedby="map-desc">
<title id="map-title">The map of the book</title>
<desc id="map-desc">{len(sections)} sections from top to bottom, from {start} to {end}; each is a link.</desc>
<text class="end" x="2" y="18">{start}</text>
<path class="way" d="M24 24V{y - 6}m-4-5 4 5 4-5"/>
<path class="ruler" d="M347 {TOP}V{last + BOX}"/>
<text class="note" transform="translate(362 {middle}) rotate(-90)">one ruler, one leaderboard</text>
{"".join(stations)}<text class="end" x="2" y="{y + 9}">{end}</text>
</svg>
"""


def station(section: outline.Section, icon: tuple[str, str], adds: list[str], y: int, address: str) -> str:
    """Draw a section's frame and picture, and beside them its name, what it adds, and its chapters."""
    numbers = [chapter.number for chapter in section.chapters]
    n_written = sum(chapter.page is not None for chapter in section.chapters)
    state = "written" if n_written == len(numbers) else f"{n_written} written" if n_written else "planned"
    below = [*map(escape, adds), f"chapters {numbers[0]} to {numbers[-1]}: {state}"]
    texts = "\n".join(
        f'<text x="{TEXT}" y="{y + 12 + LINE * i}">{line}</text>' for i, line in enumerate(below, 1)
    )
    strokes, dots = icon
    return f"""<a href="{address}" class="{"written" if n_written else "planned"}">
<rect class="ground" x="1" y="{y - 5}" width="338" height="{(2 + len(adds)) * LINE + 9}" rx="6"/>
<rect class="frame" x="2" y="{y}" width="{BOX}" height="{BOX}" rx="5"/>
<path transform="translate(2 {y})" d="{strokes}"/>
<path class="dots" transform="translate(2 {y})" d="{dots}"/>
<text class="name" x="{TEXT}" y="{y + 12}">{section.number} {escape(section.caption)}</text>
{texts}
</a>
"""


def setup(app: Sphinx) -> dict:
    """Register the directive."""
    app.add_directive("book-map", Map)
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": False, "parallel_write_safe": True}
