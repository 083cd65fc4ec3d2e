"""The start page's map of the book: a station for each section, made from the outline."""

import io
import textwrap
from base64 import b64encode

import matplotlib
import numpy as np
from docutils import nodes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import outline
import plan
from llmbook.book.style import PALETTE, style

STEP, BOX = 1.14, 0.8  # inches: from station to station, and the side of one
ICONS = (  # what `_icon` draws
    "two arrows and the angle between them",
    "circles joined by lines",
    "steps down a valley",
    "a box whose arrow returns to it",
    "a straight line through two gates",
    "two rows of dots joined crosswise",
    "a triangle of squares",
    "a speech bubble",
    "a large square and a small one",
)
CAPTION = (
    "The book from a dot product to a talking model, and beyond. "
    "A solid frame marks sections with written chapters, a dashed one those that are planned."
)


class Map(SphinxDirective):
    """The map as a figure with a number; the argument is its label."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        plan.note_page(self.env)
        sections = outline.sections()
        source = "data:image/svg+xml;base64," + b64encode(draw(sections)).decode()
        image = nodes.image(uri=source, alt=describe(sections))
        figure = nodes.figure("", image, nodes.caption("", CAPTION), align="default")
        figure["names"].append(self.arguments[0])
        self.state.document.note_explicit_target(figure)
        self.set_source_info(figure)
        return [figure]


def describe(sections: list[outline.Section]) -> str:
    """Say in words what the map shows."""
    stations = []
    for icon, section in zip(ICONS, sections, strict=True):
        numbers = plan.ranges([chapter.number for chapter in section.chapters])
        done = plan.ranges([chapter.number for chapter in section.chapters if chapter.page])
        state = f"written: {done}" if done else "planned"
        stations.append(f"{section.caption}: {icon}; {section.adds}; chapters {numbers}, {state}.")
    return (
        "Stations on a vertical line, each with a small drawing. "
        + " ".join(stations)
        + " A solid frame marks a section with written chapters, a dashed frame a planned one. "
        "A dashed line beside all is labeled one ruler, one leaderboard."
    )


def draw(sections: list[outline.Section]) -> bytes:
    """Draw the map, as an SVG file."""
    with matplotlib.rc_context(style()):
        fig = Figure(figsize=(4.5, STEP * len(sections) + 0.42), layout="none")
        _stations(fig, sections)
        svg = io.BytesIO()
        fig.savefig(svg, format="svg", metadata={"Date": None})
    return svg.getvalue()


def _stations(fig: Figure, sections: list[outline.Section]) -> None:
    height = STEP * len(sections) + 0.42
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, 4.5), ylim=(-height, 0))
    ax.axis("off")
    gray, blue = PALETTE["grey"], PALETTE["blue"]
    top = 0.42
    ax.text(0.05, -0.08, "from a dot product", va="top", style="italic", fontsize=11.5)
    for i, section in enumerate(sections):
        y = -(top + STEP * i + BOX)
        numbers = [chapter.number for chapter in section.chapters]
        n_written = sum(chapter.page is not None for chapter in section.chapters)
        color = blue if n_written else gray
        ax.add_patch(
            FancyBboxPatch(
                (0.07, y),
                BOX,
                BOX,
                boxstyle="round,pad=0.02",
                fc="none",
                ec=color,
                lw=2.2 if n_written else 1.2,
                ls="-" if n_written else (0, (4, 3)),
            )
        )
        if i + 1 < len(sections):
            ax.plot(
                [0.07 + BOX / 2] * 2,
                [y - 0.05, y - STEP + BOX + 0.05],
                color=gray,
                ls="-",
                lw=2,
            )
        _icon(ax, i + 1, 0.07, y, color)
        state = "written" if n_written == len(numbers) else f"{n_written} written" if n_written else "planned"
        ax.text(
            1.1,
            y + BOX + 0.02,
            f"{section.number}  {section.caption}",
            va="top",
            weight="bold",
            fontsize=12.5,
        )
        ax.text(
            1.1, y + BOX - 0.23, textwrap.fill(section.adds, 28), va="top", fontsize=11.5, linespacing=1.25
        )
        ax.text(
            1.1,
            y - 0.07,
            f"chapters {numbers[0]}–{numbers[-1]}: {state}",
            va="bottom",
            fontsize=10.5,
            style="italic",
        )
    ends = [-(top + 0.1), -(top + STEP * (len(sections) - 1) + BOX)]
    ax.plot([4.12] * 2, ends, color=PALETTE["vermilion"], ls="--", lw=1.8)
    ax.text(
        4.3,
        sum(ends) / 2,
        "one ruler, one leaderboard",
        rotation=90,
        ha="center",
        va="center",
        fontsize=11.5,
    )


def _icon(ax, number, x, y, color) -> None:
    """Draw a section's picture in the box with lower left corner x, y."""

    def line(xs, ys, **options):
        ax.plot(
            x + BOX * np.array(xs),
            y + BOX * np.array(ys),
            **{"color": color, "ls": "-", "lw": 1.6} | options,
        )

    def arrow(start, end, **options):
        points = [(x + BOX * a, y + BOX * b) for a, b in (start, end)]
        style = {
            "arrowstyle": "-|>",
            "mutation_scale": 9,
            "color": color,
            "lw": 1.6,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        ax.add_patch(FancyArrowPatch(*points, **style | options))

    def box(a, b, width, tall, **options):
        ax.add_patch(
            Rectangle(
                (x + BOX * a, y + BOX * b),
                BOX * width,
                BOX * tall,
                **{"fc": "none", "ec": color, "lw": 1.6} | options,
            )
        )

    dots = {"ls": "", "marker": "o", "ms": 5}
    if number == 1:
        arrow((0.18, 0.2), (0.88, 0.36))
        arrow((0.18, 0.2), (0.5, 0.86))
        angle = np.linspace(0.225, 1.12, 20)
        line(0.18 + 0.3 * np.cos(angle), 0.2 + 0.3 * np.sin(angle), lw=1)
    elif number == 2:
        for a in (0.28, 0.72):
            for b in (0.2, 0.5, 0.8):
                line((0.18, 0.5), (a, b), lw=1)
                line((0.5, 0.82), (b, 0.5), lw=1)
        line(
            [0.18] * 2 + [0.5] * 3 + [0.82],
            [0.28, 0.72, 0.2, 0.5, 0.8, 0.5],
            **dots,
        )
    elif number == 3:
        valley = np.linspace(0.12, 0.88, 40)
        line(valley, 0.16 + 4.5 * (valley - 0.5) ** 2, lw=1)
        steps = np.array([0.14, 0.24, 0.33, 0.41, 0.5])
        line(steps, 0.16 + 4.5 * (steps - 0.5) ** 2, **dots | {"ls": ":"})
    elif number == 4:
        box(0.32, 0.36, 0.36, 0.3)
        line((0.68, 0.86, 0.86, 0.14, 0.14), (0.51, 0.51, 0.86, 0.86, 0.51))
        arrow((0.14, 0.51), (0.32, 0.51))
        arrow((0.5, 0.08), (0.5, 0.36))
    elif number == 5:
        for a, b in ((0.06, 0.19), (0.45, 0.53)):
            line((a, b), (0.62, 0.62))
        arrow((0.79, 0.62), (0.97, 0.62))
        for a, sign in ((0.32, "×"), (0.66, "+")):
            line([a], [0.62], ls="", marker="o", ms=15, mfc="none")
            ax.text(
                x + BOX * a,
                y + BOX * 0.61,
                sign,
                ha="center",
                va="center",
                color=color,
                fontsize=10,
            )
            line((a, a), (0.14, 0.48))
    elif number == 6:
        tops, ends = (0.17, 0.39, 0.61, 0.83), (0.17, 0.61, 0.39, 0.83)
        for a, b in zip(tops, ends, strict=True):
            line((a, b), (0.8, 0.2), lw=1)
        line(tops + ends, [0.8] * 4 + [0.2] * 4, **dots)
    elif number == 7:
        for row in range(4):
            for column in range(4):
                shade = {"fc": color, "alpha": 0.35 + 0.15 * column} if column <= row else {}
                box(
                    0.16 + 0.175 * column,
                    0.685 - 0.175 * row,
                    0.15,
                    0.15,
                    **{"lw": 0.6} | shade,
                )
    elif number == 8:
        bubble = FancyBboxPatch(
            (x + BOX * 0.16, y + BOX * 0.4),
            BOX * 0.68,
            BOX * 0.4,
            boxstyle="round,pad=0.03",
            fc="none",
            ec=color,
            lw=1.6,
        )
        ax.add_patch(bubble)
        line((0.26, 0.24, 0.44), (0.36, 0.18, 0.36))
        line((0.32, 0.5, 0.68), (0.6,) * 3, **dots | {"ms": 3.5})
    else:
        box(0.1, 0.3, 0.42, 0.42)
        box(0.76, 0.44, 0.14, 0.14, fc=color)
        arrow((0.55, 0.51), (0.73, 0.51))


def setup(app: Sphinx) -> dict:
    """Register the directive."""
    app.add_directive("book-map", Map)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
