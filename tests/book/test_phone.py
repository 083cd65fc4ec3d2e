"""On a phone: equations and figures have the line, what scrolls shows it, letters can be read."""

import io

import matplotlib.image
import pytest

import form
import outline

pytestmark = pytest.mark.browser
CHAPTERS, DOCUMENTS = (
    [path.relative_to(outline.ROOT).with_suffix(".html").as_posix() for path in paths]
    for paths in (outline.chapters(), outline.documents())
)
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
UNFOLD = """() => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
    return new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)));
}"""
TOO_WIDE = """() => [...document.querySelectorAll(".katex-display")]
    .filter(box => box.scrollWidth > box.clientWidth + 1)
    .map(box => box.querySelector("annotation").textContent)"""
BESIDE = """() => [...document.querySelectorAll("div.math:has(.eqno)")]
    .filter(box => box.querySelector(".eqno").getBoundingClientRect().top
        < box.querySelector(".katex-display").getBoundingClientRect().bottom - 1)
    .map(box => box.id)"""
# The figures that need more than the column, with the reason; others have their panels under each other.
NEEDS_WIDTH = {"fig-time-jacobians": "a matrix of four numbers stands on each arrow between five boxes"}
SCROLLING = """names => [
    names.filter(name => document.getElementById(name)),
    [...document.querySelectorAll("figure .wide")]
        .filter(box => box.scrollWidth > box.clientWidth + 1)
        .map(box => box.closest("figure").id),
]"""
WITHOUT_SIGN = """() => [...document.querySelectorAll("pre, .pst-scrollable-table-container, .wide")]
    .filter(box => (box.scrollWidth > box.clientWidth + 1) != box.classList.contains("more"))
    .map(box => [box.scrollWidth, box.clientWidth, box.textContent.slice(0, 60)])"""
# The smallest letters of each drawing, in pixels of the screen.
TYPE = """async () => {
    const sizes = [];
    for (const image of document.querySelectorAll("article img[src$='.svg']")) {
        const svg = await (await fetch(image.src)).text();
        const letters = svg.matchAll(/<!-- .*? -->\\s*<g [^>]*scale\\(([\\d.]+) -/g);
        const scales = [...letters].map(found => +found[1]);
        const pixels = image.clientWidth / (+svg.match(/width="([\\d.]+)pt"/)[1] * 96 / 72);
        if (scales.length) sizes.push([100 * 96 / 72 * Math.min(...scales) * pixels, image.alt.slice(0, 60)]);
    }
    return sizes;
}"""
# What follows a formula or a piece of code without a space, and stands on another line than its end.
ORPHANS = """() => {
    const found = { orphans: [], all: 0 };
    for (const term of document.querySelectorAll("article :is(span.math, code.literal)")) {
        const text = (term.closest("a") ?? term).nextSibling;
        if (text?.nodeType != Node.TEXT_NODE || !term.checkVisibility()) continue;
        const at = text.data[0] == "\\u2060" ? 1 : 0, mark = text.data[at] ?? "";
        if (!/[^\\w\\s]/.test(mark)) continue;
        const range = document.createRange();
        range.setStart(text, at);
        range.setEnd(text, at + 1);
        const end = [...([...term.querySelectorAll(".base")].at(-1) ?? term).getClientRects()].at(-1);
        found.all += 1;
        if (range.getBoundingClientRect().top > end.bottom) found.orphans.push(term.textContent + mark);
    }
    return found;
}"""
# Headings with an empty line below, and figures that leave some of the column empty.
WASTED = """() => {
    const wasted = [];
    for (const heading of document.querySelectorAll("article :is(h1, h2, h3)")) {
        const words = [...heading.childNodes].filter(node => !node.matches?.(".headerlink"));
        const range = document.createRange();
        range.setStartBefore(words[0]);
        range.setEndAfter(words.at(-1));
        if (heading.getBoundingClientRect().bottom > range.getBoundingClientRect().bottom + 8)
            wasted.push(heading.textContent);
    }
    const column = document.querySelector("article p").clientWidth;
    for (const box of document.querySelectorAll("figure .wide"))
        if (box.clientWidth < column - 1) wasted.push(box.innerHTML.slice(0, 60));
    return wasted;
}"""
# How much of the margin a table that is cut leaves empty, and how far one reaches under the list of contents.
UNUSED = """table => {
    const box = table.parentElement, { right } = box.getBoundingClientRect();
    return box.scrollWidth > box.clientWidth + 1 ? document.documentElement.clientWidth - right : 0;
}"""
COVERED = """tables => {
    const contents = document.querySelector(".bd-sidebar-secondary");
    const rights = tables.map(table => table.parentElement.getBoundingClientRect().right);
    return contents ? Math.max(...rights) - contents.getBoundingClientRect().left : 0;
}"""
LINES = """cells => cells.map(cell => {
    const text = new Range();
    text.selectNodeContents(cell.querySelector("p") ?? cell);
    return text.getClientRects().length;
})"""


@pytest.fixture
def phone(browser):
    context = browser.new_context(**PHONE, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_on_a_phone(phone, site, name):
    phone.goto(site + name)
    phone.evaluate(UNFOLD)
    assert phone.evaluate(TOO_WIDE) == []
    assert phone.evaluate(BESIDE) == []
    needing, scrolling = phone.evaluate(SCROLLING, list(NEEDS_WIDTH))
    assert scrolling == needing
    assert phone.evaluate(WITHOUT_SIGN) == []
    assert phone.evaluate(WASTED) == []
    sizes = phone.evaluate(TYPE)
    drawn = form.figures((outline.ROOT / name).with_suffix(".md").read_text("utf-8"))
    assert len(sizes) >= len(drawn) and [size for size in sizes if size[0] < 8.95] == []
    for width in (390, 360, 412):
        phone.set_viewport_size({"width": width, "height": 844})
        found = phone.evaluate(ORPHANS)
        assert found["orphans"] == [] and (found["all"] > 20 or name not in CHAPTERS)


def test_the_sign_is_gone_at_the_end(phone, site):
    phone.goto(f"{site}book/reference/leaderboard.html")
    box = phone.locator(".pst-scrollable-table-container.more").first
    assert box.evaluate("box => getComputedStyle(box).maskImage").startswith("linear-gradient")
    element = box.element_handle()
    element.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    phone.wait_for_function("box => !box.classList.contains('more')", arg=element)


@pytest.mark.parametrize(("mode", "scheme"), [("light", "dark"), ("dark", "light")])
def test_figures_are_drawn_in_the_color_of_the_text(browser, site, mode, scheme):
    """The reader's choice counts, not the system's."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(f"localStorage.setItem('mode', '{mode}'); localStorage.setItem('theme', '{mode}')")
    page.goto(site + CHAPTERS[6])
    text = page.evaluate("getComputedStyle(document.querySelector('article p')).color")
    color = [int(value) / 255 for value in text[4:-1].split(",")]
    shot = page.locator("article figure img").first.screenshot()
    pixels = matplotlib.image.imread(io.BytesIO(shot))[..., :3]
    assert (abs(pixels - color).max(axis=-1) < 0.02).sum() > 20
    context.close()


@pytest.mark.parametrize("width", [820, 1000, 1199, 1200, 1280])
@pytest.mark.parametrize("name", ["leaderboard", "benchmarks"])
def test_scores_are_a_table_that_is_not_cut(browser, site, name, width):
    """In a narrower window a column may be, where the table has all of the margin but 32 pixels."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{site}book/reference/{name}.html")
    n_benchmarks = len(list((outline.ROOT / "benchmarks").glob("[0-9]*.py")))
    assert page.locator("table.scores").count() == {"leaderboard": 2, "benchmarks": n_benchmarks}[name]
    for table in page.locator("table.scores").all():
        assert table.evaluate(UNUSED) <= 32
        if width == 1280:
            assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth + 1")
        heights = table.evaluate(
            "table => [...table.querySelectorAll('td:first-child')].map(cell => cell.clientHeight)"
        )
        assert max(heights) < 60
        figure = table.locator("td:last-child").first
        style = figure.evaluate(
            "td => [getComputedStyle(td).textAlign, getComputedStyle(td).fontVariantNumeric]"
        )
        assert style == ["right", "tabular-nums"]
    assert page.locator("table.scores").evaluate_all(COVERED) <= 0
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.close()


def test_claims_are_not_cut_and_their_numbers_are_on_one_line(browser, site):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{site}book/reference/claims.html")
    tables = page.locator("table.ledger").all()
    assert len(tables) > 8
    for table in tables:
        assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth + 1")
        assert max(table.locator("td:is(:nth-child(2), :nth-child(3))").evaluate_all(LINES)) == 1
    assert page.locator("table.ledger").evaluate_all(COVERED) <= 0
    page.close()
