"""The figures' style: what can be computed about reading it in light, in dark, in gray and color-blind."""

import io
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.figure import Figure
from traitlets.config import Config

from llmbook.book import PALETTE, use_style
from llmbook.book.style import TEXT, style

LIGHT, DARK = "#ffffff", "#121212"  # the two backgrounds of sphinx-book-theme

# Severe deuteranopia and protanopia, on linear RGB: Machado, Oliveira and Fernandes (2009), table 1.
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
]
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]


@pytest.fixture(autouse=True)
def settings():
    """Leave matplotlib as it was."""
    with matplotlib.rc_context():
        yield


def rgb(color):
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def linear(rgb):
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """The contrast ratio of WCAG 2, from 1 to 21, between two colors in sRGB."""
    low, high = sorted(linear(color) @ [0.2126, 0.7152, 0.0722] for color in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    """CIE L*a*b* of linear RGB, white point D65."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def figure():
    with matplotlib.rc_context(style()):
        plot = Figure()
        axes = plot.subplots()
        for k in range(len(PALETTE)):
            axes.plot(np.arange(1000), np.sin(np.arange(1000) / 100 + k), label=str(k))
        axes.plot([], [])
        axes.plot([500], [0])
        axes.plot([1, 2, 3], [0, np.nan, 1])
        axes.legend()
        svg = io.BytesIO()
        plot.savefig(svg, format="svg", metadata={"Date": None})
    return plot, svg.getvalue()


@pytest.mark.parametrize("name", PALETTE)
def test_every_color_shows_on_both_backgrounds(name):
    assert contrast(rgb(PALETTE[name]), rgb(LIGHT)) >= 3
    assert contrast(rgb(PALETTE[name]), rgb(DARK)) >= 3


def test_text_reads_on_both_backgrounds_of_a_notebook():
    assert contrast(rgb(TEXT), rgb(LIGHT)) >= 4.5
    assert contrast(rgb(TEXT), rgb(DARK)) >= 4


def test_nothing_else_has_the_color_of_text():
    """The pages replace it by their own."""
    assert TEXT not in PALETTE.values()
    _, svg = figure()
    assert svg.count(TEXT.encode()) > 10


@pytest.mark.parametrize(
    "sight", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["full", "deuteranopia", "protanopia"]
)
def test_colors_are_told_apart(sight):
    seen = {name: lab(np.clip(sight @ linear(rgb(color)), 0, 1)) for name, color in PALETTE.items()}
    distances = {(a, b): np.linalg.norm(seen[a] - seen[b]) for a, b in combinations(seen, 2)}
    assert min(distances.values()) > 10, min(distances, key=distances.get)


def test_color_is_never_the_only_sign():
    cycle = style()["axes.prop_cycle"].by_key()
    for sign in ("color", "linestyle"):
        assert len({str(entry) for entry in cycle[sign]}) == len(PALETTE)


def test_the_heat_map_rises_in_lightness():
    colors = matplotlib.colormaps[style()["image.cmap"]](np.linspace(0, 1, 64))[:, :3]
    assert (np.diff([lab(linear(color))[0] for color in colors]) > 0).all()


def test_a_figure_is_transparent_and_the_same_in_every_build():
    plot, svg = figure()
    assert svg == figure()[1]
    assert b"<dc:date>" not in svg
    assert plot.get_facecolor()[3] == 0 and plot.axes[0].get_facecolor()[3] == 0
    assert b"<text" not in svg  # letters are drawn, whatever fonts the reader has


def test_figures_drawn_without_the_style_differ_in_every_build():
    """The control of the test above."""

    def draw():
        plot = Figure()
        plot.subplots().plot([1, 2], marker="o")
        svg = io.BytesIO()
        plot.savefig(svg, format="svg", metadata={"Date": None})
        return svg.getvalue()

    assert draw() != draw()


def test_type_is_readable_on_a_phone():
    width_in_points = 72 * style()["figure.figsize"][0]
    pixels = 355 / width_in_points  # in a column of 358, of which a saved figure takes a little for its edge
    assert pixels * style()["font.size"] > 10
    assert all(pixels * style()[f"{text}size"] > 9 for text in ("xtick.label", "ytick.label", "legend.font"))


def test_use_style_sets_matplotlib():
    use_style()
    assert matplotlib.rcParams["svg.hashsalt"] == "llmbook"
    assert matplotlib.rcParams["text.color"] == TEXT


def test_in_ipython_figures_become_svg_without_a_date():
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    try:
        use_style()
        data, _ = shell.display_formatter.format(figure()[0])
    finally:
        InteractiveShell.clear_instance()
    assert data.keys() == {"text/plain", "image/svg+xml"}
    assert "<dc:date>" not in data["image/svg+xml"]
