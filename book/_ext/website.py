"""What makes the pages a website: a foot, a sitemap, a picture for links that are shared, a start page."""

import hashlib
import re
import shutil
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import matplotlib
from docutils import nodes
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import execution
import outline

CARD = "_static/card.png"
_SHARED = re.compile(
    r'<link [^>]*rel="canonical"[^>]*>|<meta [^>]*(?:name|property)="(?:description|og:|twitter:)[^>]*>'
)


def add_foot(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document) -> None:
    """Tell `page-foot.html` when a chapter was last run, and where to report a problem."""
    path = Path(app.srcdir, f"{pagename}.md")
    if doctree is not None and path in outline.with_cells():
        context["last_run"] = execution.last_run(path)
    title = Markup(context.get("title", "")).striptags() or pagename
    query = urlencode({"title": f"Problem in “{title}” ({pagename})"})
    context["report_url"] = f"{app.config.html_theme_options['repository_url']}/issues/new?{query}"
    # A list may hold list items only; and the role that docutils gives is deprecated.
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    if pagename == app.config.notfound_pagename:  # it is served at any depth
        context["content_root"] = app.config.notfound_urls_prefix


def drop_sources(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Have the pages of source code written anew with all others: viewcode looks only at the code's age."""
    if len(docnames) == len(env.found_docs):
        shutil.rmtree(Path(app.outdir, "_modules"), ignore_errors=True)


def draw_card(app: Sphinx) -> None:
    """Draw the picture, 1200 by 630 pixels: the title beside a causal mask, each row a step in time."""
    file = Path(app.outdir, CARD)
    if app.builder.format != "html" or file.exists():
        return
    with matplotlib.rc_context({"font.family": "DejaVu Sans"}):
        card = Figure(figsize=(12, 6.3), dpi=100, facecolor="#14213d")
        card.text(0.07, 0.56, app.config.html_title, color="white", fontsize=56, fontweight="bold")
        words = "Language models from counts to transformers,\nderived by hand, written in NumPy, measured."
        card.text(0.07, 0.33, words, color="#e5e5e5", fontsize=24, linespacing=1.5)
        axes = card.add_axes((0.75, 0.3, 0.2, 0.38))
        for t in range(8):
            for earlier in range(t + 1):
                corner = (t - earlier, -t)
                axes.add_patch(Rectangle(corner, 0.85, 0.85, color="#fca311", alpha=1 / (1 + earlier)))
        axes.set(xlim=(0, 8), ylim=(-7, 1), aspect="equal")
        axes.axis("off")
        file.parent.mkdir(parents=True, exist_ok=True)
        card.savefig(file)


def write_sitemap(app: Sphinx, exception: Exception | None) -> None:
    """List every page of the book, also after a build that wrote only some of them."""
    if exception or app.builder.name != "html":
        return
    pages = (
        app.config.html_baseurl + app.builder.get_target_uri(name) for name in sorted(app.env.found_docs)
    )
    urls = "".join(f"<url><loc>{escape(page)}</loc></url>\n" for page in pages)
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    Path(app.outdir, "sitemap.xml").write_text(
        f'{head}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n', "utf-8"
    )


def write_start(app: Sphinx, exception: Exception | None) -> None:
    """Send the site's root to the first page, with that page's preview: it is the address people share."""
    if exception or app.builder.name != "html":
        return
    first = app.builder.get_target_uri(app.config.root_doc)
    shared = "\n".join(_SHARED.findall(Path(app.outdir, first).read_text("utf-8")))
    title = escape(app.config.html_title)
    Path(app.outdir, "index.html").write_text(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n{shared}\n"
        f'<meta http-equiv="refresh" content="0; url={first}">\n</head>\n'
        f'<body><main><h1><a href="{first}">{title}</a></h1></main></body>\n</html>\n',
        "utf-8",
    )


def setup(app: Sphinx) -> dict:
    """Connect the above."""
    app.connect("builder-inited", draw_card)
    app.connect("env-before-read-docs", drop_sources)
    app.connect("html-page-context", add_foot)
    app.connect("build-finished", write_sitemap)
    app.connect("build-finished", write_start)
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": True, "parallel_write_safe": False}
