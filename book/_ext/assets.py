"""What every page loads: one style sheet, the icons in use, and scripts that let the text come first."""

import base64
import hashlib
import io
import math
import posixpath
import re
import string
from pathlib import Path

import imagesize
from docutils import nodes
from fontTools import subset
from PIL import Image
from sphinx.application import Sphinx

from llmbook.book.style import TEXT

SHEET = "styles/site.css"  # in _static
THEME = ["basic.css", "styles/pydata-sphinx-theme.css"]
LEAST = 9  # pixels of the smallest letters of a figure, also on a phone
COLUMN = 320  # pixels that a figure has at least, on a phone
# The page's color of text, which an image cannot inherit; it follows the color scheme of its place.
COLORS = ":root{color:#222832}@media(prefers-color-scheme:dark){:root{color:#ced6dd}}"
MADE_BY_SCRIPTS = ("bs-",)  # the beginnings of classes that no file holds as a word

_AT_RULES = re.compile(
    r'/\*.*?\*/|@charset[^;]*;|@import[^;]*;|,url\([^)]*\) format\("truetype"\)', re.DOTALL
)
_ADDRESS = re.compile(r"url\((?![\"']?data:)[\"']?([^)\"']+)[\"']?\)")
_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
_TYPE = re.compile(r"<!-- .*? -->\s*<g [^>]*scale\(([\d.]+) -")  # how matplotlib draws a line of text
_PICTURE = re.compile(r"(?<=data:image/png;base64,)[^\"]+")  # in a drawing
_NAME = re.compile(r'(?<=<span class="pre">)[\w.]{30,}(?=</span>)')
# Names, operators and punctuation of code: they have the color of their block. A block begins with nothing.
_PLAIN = re.compile(r'<span class="(?:n|nn|o|p|w)">([^<]*)</span>|(?<=<pre>)<span></span>')
_TOGGLE = '<summary><span class="toctree-toggle"'
_RULE = re.compile(r"([^{};]+)\{([^{}]*)\}")


def order_files(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document
) -> None:
    """Note which style sheets there are, in order, and let scripts wait for the text."""
    own = [sheet.filename.removeprefix("_static/") for sheet in context["css_files"]]
    app.builder.llmbook_sheets = [*THEME, *own]
    scripts = []
    for script in context["script_files"]:
        if "DOCUMENTATION_OPTIONS" in script.attributes.get("body", ""):
            continue  # for a menu that there is not
        if pagename != "search" and script.filename:  # that page's own scripts need the others at once
            if script.filename.endswith("sphinx_highlight.js"):
                continue  # it would mark the words of a search, in formulas too
            attributes = {**script.attributes, "defer": "defer"}
            script = type(script)(script.filename, priority=script.priority, **attributes)
        scripts.append(script)
    context["script_files"] = scripts


def draw_in_colors_of_text(app: Sphinx, exception: Exception | None) -> None:
    """Draw the text and the axes of figures in the page's own color of text, on light and on dark ground."""
    if exception or app.builder.format != "html":
        return
    for file in Path(app.outdir, app.builder.imagedir).glob("*.svg"):
        svg = file.read_text("utf-8")
        if COLORS not in svg:  # else it stands there from a build before
            file.write_text(_PICTURE.sub(in_one_channel, in_colors_of_text(svg)), "utf-8")


def in_colors_of_text(svg: str) -> str:
    """Let a drawing follow the ground of its page."""
    return svg.replace("<defs>", f"<style>{COLORS}</style><defs>", 1).replace(TEXT, "currentColor")


def in_one_channel(picture: re.Match[str]) -> str:
    """Write a picture that is gray and opaque as such: matplotlib's four channels take twice the bytes."""
    image = Image.open(io.BytesIO(base64.b64decode(picture[0])))
    gray = image.convert("L")
    if gray.convert("RGBA").tobytes() != image.convert("RGBA").tobytes():
        return picture[0]
    png = io.BytesIO()
    gray.save(png, "PNG", optimize=True)
    return base64.b64encode(png.getvalue()).decode()


def size_images(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document
) -> None:
    """Say how large a figure is, so that nothing moves when it comes, and how small it may become."""
    sources = {name: source for source, name in app.builder.images.items()}

    def sized(image: re.Match[str]) -> str:
        source = sources.get(posixpath.basename(image[2]))
        if source is None or " width=" in image[0]:
            return image[0]
        width, height = imagesize.get(Path(app.srcdir, source))
        least = LEAST * width / smallest_type(Path(app.srcdir, source))
        tag = f'{image[1]} width="{width:.0f}" height="{height:.0f}"'
        if least < COLUMN:
            return tag + image[3]
        return f'<div class="wide">{tag} style="min-width: {min(width, least):.0f}px"{image[3]}</div>'

    context["body"] = re.sub(r'(<img\b[^>]*?\bsrc="([^"]*)")([^>]*>)', sized, context.get("body", ""))


def break_names(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document
) -> None:
    """Let a line break before the last part of a long name, else it does before the full stop behind it."""
    body = context.get("body", "")
    context["body"] = _NAME.sub(lambda name: ".<wbr>".join(name[0].rsplit(".", 1)), body)


def smallest_type(drawing: Path) -> float:
    """Find the size of the smallest letters that matplotlib drew, in pixels; infinite if it drew none."""
    if drawing.suffix != ".svg":
        return math.inf
    sizes = _TYPE.findall(drawing.read_text("utf-8"))
    return min((100 * 96 / 72 * float(size) for size in sizes), default=math.inf)


def finish_pages(app: Sphinx, exception: Exception | None) -> None:
    """Write plain words and signs of code without elements of their own, a third of all that a page has.

    And name what opens a chapter's deep dives in the theme's list of chapters.
    """
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        html = page.read_text("utf-8")
        html = html.replace(_TOGGLE, _TOGGLE.replace("<summary", '<summary aria-label="Deep dives"', 1))
        page.write_text(_PLAIN.sub(lambda match: match[1] or "", html), "utf-8")


def write_sheet(app: Sphinx, exception: Exception | None) -> None:
    """Write the rules of all style sheets that apply to some page, and the glyphs that some page shows."""
    sheets = getattr(app.builder, "llmbook_sheets", None)
    if exception or not sheets:
        return
    static = Path(app.outdir, "_static")
    pages = [page.read_text("utf-8") for page in Path(app.outdir).rglob("*.html")]
    css = "".join(moved((static / sheet).read_text("utf-8"), sheet) for sheet in sheets)
    css = pruned(css, names(pages, static))
    (static / SHEET).write_text(css, "utf-8")
    characters = set(string.printable).union(css, *pages)
    icons = {chr(int(code, 16)) for code in re.findall(r"\\([ef][0-9a-f]{3})\b", css)}
    for font in static.rglob("*.woff2"):
        keep_glyphs(font, characters | icons)


def moved(css: str, sheet: str) -> str:
    """Rewrite the addresses in a style sheet for the place of the one that takes it in."""
    folder, target = posixpath.dirname(sheet), posixpath.dirname(SHEET)

    def relative(address: re.Match[str]) -> str:
        return (
            f"url({posixpath.relpath(posixpath.join('/', folder, address[1]), posixpath.join('/', target))})"
        )

    return _ADDRESS.sub(relative, _AT_RULES.sub("", css))


def names(pages: list[str], static: Path) -> set[str]:
    """Collect the classes of all pages, and all words of scripts, which may add classes."""
    found = set()
    for page in pages:
        for classes in re.findall(r'class="([^"]*)"', page):
            found.update(classes.split())
    for script in static.rglob("*.js"):
        if script.name != "fontawesome.js":  # no page loads it
            found.update(re.findall(r"[\w-]+", script.read_text("utf-8")))
    return found


def pruned(css: str, names: set[str]) -> str:
    """Drop the rules that apply to no page."""

    def applies(selector: str) -> bool:
        classes = _CLASS.findall(re.sub(r":not\([^)]*\)", "", selector))
        return all(name in names or name.startswith(MADE_BY_SCRIPTS) for name in classes)

    def rule(match: re.Match[str]) -> str:
        selectors = [part for part in re.split(r",(?![^(]*\))", match[1]) if applies(part)]
        return f"{','.join(selectors)}{{{match[2]}}}" if selectors else ""

    css = _RULE.sub(rule, css)
    return re.sub(r"@(media|supports)[^{]*\{\s*\}", "", css)


def keep_glyphs(font: Path, characters: set[str]) -> None:
    """Cut a font down to what some characters need."""
    options = subset.Options(flavor="woff2")
    loaded = subset.load_font(font, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(characters))
    subsetter.subset(loaded)
    subset.save_font(loaded, font, options)


def setup(app: Sphinx) -> dict:
    """Connect the above."""
    app.connect("html-page-context", order_files, priority=900)
    app.connect("html-page-context", size_images, priority=900)
    app.connect("html-page-context", break_names)
    app.connect("build-finished", draw_in_colors_of_text)
    app.connect("build-finished", finish_pages, priority=800)  # when sphinx-codeautolink has linked them
    app.connect("build-finished", write_sheet, priority=900)  # when all pages are as they will be
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": True, "parallel_write_safe": False}
