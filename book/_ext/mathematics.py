"""Mathematics is set while the page is built, by KaTeX: HTML for the eye, MathML for the ear, no script.

KaTeX itself is JavaScript. It runs in an engine that `mini-racer` embeds, so that nobody needs Node.
"""

import hashlib
import re
import zipfile
from functools import cache
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from markupsafe import Markup, escape
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

from execution import ROOT
from llmbook.data.archives import fetch
from llmbook.data.pins import ARCHIVES, Archive

# The archives of llmbook.data are what chapters read; this one is what their pages are made with.
KATEX = Archive(
    name="katex",
    package="djangocms-katex",
    version="1.0.2",
    filename="djangocms_katex-1.0.2-py3-none-any.whl",
    sha256="79774fa17f7d328252f6dd05688799fa7ee49abebb7cbe09f0cbf6f103352ac2",
    size=1_361_588,
    license="MIT",
    what="KaTeX 0.16.40: script, style sheet and fonts",
    member="djangocms_katex/static/djangocms_katex/vendor/katex/",
)
OPTIONS = {"output": "htmlAndMathml", "throwOnError": True, "strict": "error"}
CACHE = ROOT / "_build" / ".katex_cache"
RENDER = """
function render(tex, options) {
    try { return [katex.renderToString(tex, options), null]; } catch (error) { return [null, error.message]; }
}"""
STYLE = "katex/katex.css"  # in _static
JOINER = "\u2060"  # no line is broken at it

_MARK = re.compile(r"[^\w\s]")
_NUMBERED = re.compile(r"\\(begin|end)\{(equation|gather|align|alignat)\}")

logger = logging.getLogger(__name__)
rendered: set[str] = set()  # formulas that were not in the cache
used: set[frozenset[str]] = set()  # the classes of each element of each formula


def read(name: str) -> bytes:
    """Read a file of KaTeX."""
    ARCHIVES[KATEX.name] = KATEX
    with zipfile.ZipFile(fetch(KATEX.name)) as wheel:
        return wheel.read(f"{KATEX.member}{name}")


@cache
def engine() -> MiniRacer:
    """Start KaTeX, with the first formula that is not in the cache."""
    engine = MiniRacer()
    engine.eval(read("katex.min.js").decode() + RENDER)
    return engine


@cache
def render(tex: str, display: bool) -> str:
    """Set a formula.

    Raises:
        ValueError: KaTeX cannot read it, or LaTeX would not.
    """
    options = {**OPTIONS, "displayMode": display}
    key = hashlib.sha256(repr((KATEX.sha256, options, tex)).encode()).hexdigest()
    file = CACHE / f"{key}.html"
    if file.exists():
        html = file.read_text("utf-8")
    else:
        html, error = engine().call("render", tex, options)
        if error:
            raise ValueError(" ".join(error.split()))
        CACHE.mkdir(parents=True, exist_ok=True)
        file.write_text(html, "utf-8")
        rendered.add(key)
    used.update(frozenset(names.split()) for names in re.findall(r'class="([^"]*)"', html))
    return html


def put(translator: HTML5Translator, node: nodes.Element, tex: str, display: bool) -> None:
    """Add a formula to the page; one that cannot be read is a warning, which names its line."""
    try:
        translator.body.append(render(tex.strip(), display))
    except ValueError as error:
        logger.warning("%s", error, location=location(node), type="mathematics")
        translator.body.append(f"<code>{escape(tex)}</code>")


def location(node: nodes.Element) -> nodes.Element | str:
    """Find the line where a formula begins; a node knows only that of its paragraph."""
    first = node.astext().strip().partition("\n")[0]
    if node.source and Path(node.source).is_file():
        lines = Path(node.source).read_text("utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            if number >= (node.line or 1) and first in line:
                return f"{node.source}:{number}"
    return node


def visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    """Set a formula in a line of text."""
    translator.body.append(translator.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    put(translator, node, node.astext(), display=False)
    translator.body.append("</span>")
    after = node.next_node(descend=False, siblings=True)
    if isinstance(after, nodes.Text) and _MARK.match(after):
        translator.body[-2:] = [unbroken(translator.body[-2]), "</span>", JOINER]
    raise nodes.SkipNode


def unbroken(html: str) -> str:
    """Have no line broken behind the last part of a formula, where a browser breaks one before a comma."""
    before, part, last = html.rpartition('<span class="base">')
    end = "</span></span>"  # of the formula, and of what is for the eye
    return f'{before}<span class="unbroken">{part}{last.removesuffix(end)}</span>{end}' if part else html


def visit_math_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Set a formula on lines of its own, its number beside it."""
    translator.body.append(translator.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    put(translator, node, displayed(node), display=True)
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def displayed(node: nodes.math_block) -> str:
    r"""Write a block as one formula, as Sphinx does for MathJax: `\\` breaks a line, an empty line too."""
    if node["nowrap"]:  # an environment of LaTeX, whose number is the page's, not KaTeX's
        return _NUMBERED.sub(r"\\\1{\2*}", node.astext())
    parts = [part for part in node.astext().split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    lines = r"\\".join(parts)
    return lines if len(parts) == 1 else rf"\begin{{aligned}}{lines}\end{{aligned}}"


def plain(html: str) -> str:
    """Write the formulas of a piece of HTML as TeX again, where a line of text is needed."""
    if "katex" not in html:
        return html
    soup = BeautifulSoup(html, "html.parser")
    for formula in soup.select(".math:has(.katex)"):
        formula.replace_with(formula.annotation.get_text())
    return str(soup).replace(JOINER, "")


def plain_titles(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document
) -> None:
    """Give what stands in a page's head its title as text: window, preview, links to the neighbors."""
    context["title"] = plain(context.get("title", ""))
    app.builder.templates.environment.filters["striptags"] = lambda html: Markup(plain(str(html))).striptags()


def index_plain_titles(app: Sphinx) -> None:
    """Give the search index the titles as text."""
    if app.builder.format == "html":
        index_page = app.builder.index_page
        app.builder.index_page = lambda name, doctree, title: index_page(name, doctree, plain(title))


def write_style(app: Sphinx) -> None:
    """Write KaTeX's style sheet, with the one format of fonts that every browser reads."""
    if app.builder.format == "html":
        style = re.sub(r',url\([^)]*\) format\("(woff|truetype)"\)', "", read("katex.min.css").decode())
        file = Path(app.outdir, "_static", STYLE)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(style, "utf-8")


def copy_fonts(app: Sphinx, exception: Exception | None) -> None:
    """Copy the fonts that the formulas use."""
    if exception or app.builder.format != "html":
        return
    style = Path(app.outdir, "_static", STYLE)
    for font in fonts(style.read_text("utf-8")):
        file = style.parent / "fonts" / f"{font}.woff2"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(read(f"fonts/{file.name}"))
    if rendered:
        logger.info("rendered %d formulas", len(rendered))


def fonts(style: str) -> set[str]:
    """Name the fonts of the rules of a style sheet that apply to some element of some formula."""
    found = set()
    for selectors, rule in re.findall(r"(\.[^{}]+)\{([^}]*)\}", style):
        parts = [selector.replace(">", " ").split() for selector in selectors.split(",")]
        classes = [[set(part.split(".")[1:]) for part in selector] for selector in parts]
        if any(all(any(part <= element for element in used) for part in selector) for selector in classes):
            family = re.search(r"KaTeX_\w+", rule)
            kind = "Bold" * ("weight:700" in rule) + "Italic" * ("style:italic" in rule)
            if family or kind:
                found.add(f"{family[0] if family else 'KaTeX_Main'}-{kind or 'Regular'}")
    return found


def setup(app: Sphinx) -> dict:
    """Connect the above."""
    app.add_html_math_renderer("katex", (visit_math, None), (visit_math_block, None))
    app.add_css_file(STYLE)  # book/_ext/assets.py merges it with the others
    app.connect("builder-inited", write_style)
    app.connect("builder-inited", index_plain_titles)
    app.connect(
        "html-page-context", plain_titles, priority=400
    )  # before the foot and the preview read the title
    app.connect("build-finished", copy_fonts)
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return {"env_version": int(version, 16), "parallel_read_safe": True, "parallel_write_safe": False}
