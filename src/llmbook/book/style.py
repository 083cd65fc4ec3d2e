"""One look for every figure.

It reads on white and on near-black, in gray, and to the color-blind.
"""

from typing import Any

from llmbook.book.page import shell

# Mid-tones, so that each shows on a light and on a dark page: at least 3:1
# against #ffffff and #121212. Blue, vermilion, green and purple are Okabe and
# Ito's; their orange, sky blue and yellow are too light for white paper, and an
# orange dark enough looks like vermilion to the red-blind: violet and gray end
# the list.
PALETTE = {
    "blue": "#0072b2",
    "vermilion": "#d55e00",
    "green": "#009e73",
    "purple": "#cc79a7",
    "violet": "#7a4ff0",
    "grey": "#757575",
}

# Text: 4.5:1 on white, and a color that nothing else has. The book's pages put
# their own in its place, on light and dark ground (book/_ext/assets.py).
TEXT = "#767676"


def style() -> dict[Any, Any]:
    """Return the style as matplotlib settings.

    Use it as `with matplotlib.rc_context(style()): ...`.
    """
    from cycler import cycler

    # Each line has a dash pattern of its own: color is never the only sign.
    # (Markers would cover a curve of a thousand points, and `markevery`, set
    # here, would silently drop points where they are few.)
    cycle = cycler(
        color=list(PALETTE.values()),
        linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2))],
    )
    return {
        "axes.prop_cycle": cycle,
        "axes.edgecolor": TEXT,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.labelcolor": TEXT,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": TEXT,
        "axes.titlesize": "medium",
        "figure.facecolor": "none",
        # 540 pixels wide and in 16-pixel type in the text column; on a phone
        # in 10-pixel type, the small one in 9-pixel type
        "figure.figsize": (5.6, 3.3),
        "figure.constrained_layout.use": True,
        "font.size": 12,
        "grid.alpha": 0.3,
        "grid.color": TEXT,
        # one rising lightness: the same order in gray and to the color-blind
        "image.cmap": "cividis",
        "legend.fontsize": 10.5,
        "legend.frameon": False,
        "legend.labelcolor": TEXT,
        "lines.markersize": 5,
        "savefig.facecolor": "none",
        # the same letters on every machine, installed or not, and the same
        # identifiers in every build
        "svg.fonttype": "path",
        "svg.hashsalt": "llmbook",
        "text.color": TEXT,
        "xtick.color": TEXT,
        "xtick.labelsize": 10.5,
        "ytick.color": TEXT,
        "ytick.labelsize": 10.5,
    }


def use_style() -> None:
    """Draw every figure from here on in the book's style, in a notebook as SVG.

    Wide figures become small type on a phone: put two panels above each other
    rather than side by side.
    """
    import matplotlib

    matplotlib.rcParams.update(style())
    if shell():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None})
