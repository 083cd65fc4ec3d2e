"""Every built page in a browser: it asks no other host, breaks nothing, fits a phone, and all can read it.

One visit a page: on a phone in light colors, then on a desktop in dark ones.
"""

import re
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT

import outline

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PROBLEMS = """() => {
    const root = document.documentElement, problems = [];
    if (root.scrollWidth > root.clientWidth + 1)
        problems.push(`overflows by ${root.scrollWidth - root.clientWidth} px`);
    for (const image of document.images)
        if (!image.alt || /\\.(png|svg)$/.test(image.alt))
            problems.push(`no alt text: ${image.src.slice(-60)}`);
    for (const math of document.querySelectorAll(".math"))
        if (!math.querySelector(".katex math")) problems.push(`raw mathematics: ${math.textContent}`);
    const hides = box => ["clip", "hidden"].includes(getComputedStyle(box).overflowX);
    for (const box of document.querySelectorAll("main :not(.katex *, .visually-hidden)"))
        if (box.clientWidth > 1 && box.scrollWidth > box.clientWidth + 1 && hides(box))
            problems.push(`cut: ${box.textContent.trim().slice(0, 60)}`);
    if (document.querySelector("script:is([src*=mathjax], [src*=katex])"))
        problems.push("a script for mathematics");
    return problems;
}"""
# What is folded is checked as well. Of the thousands of words of code, which take most of axe's time, one of
# each color on each ground stays a word of its own.
UNFOLD = """() => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
    const seen = new Set(), repeated = [];
    for (const word of document.querySelectorAll("pre :is(a, span)")) {
        const block = word.closest("pre");
        const kind = [block.parentElement, block, word].map(element => {
            const style = getComputedStyle(element);
            return style.backgroundColor + style.color;
        }).join() + word.className + Boolean(word.closest("a"));
        if (seen.has(kind)) repeated.push(word);
        seen.add(kind);
    }
    for (const word of repeated) word.replaceWith(...word.childNodes);
    document.body.normalize();
    return new Promise(done => requestAnimationFrame(() => setTimeout(done)));
}"""
AXE = """async () => {
    const { violations } = await axe.run({ preload: false, resultTypes: ["violations"] });
    return violations.filter(rule => ["serious", "critical"].includes(rule.impact)).flatMap(
        rule => rule.nodes.map(node => `${rule.id}: ${node.target}: ${node.failureSummary}`));
}"""


@pytest.fixture(scope="module")
def phone(browser):
    """Open a browser window, whose cache the pages share."""
    context = browser.new_context(**PHONE, color_scheme="light", reduced_motion="reduce")
    yield context
    context.close()


def problems(phone, base, page_name):
    """Open a page in the browser and list what is wrong with it."""
    found = []
    own = (f"http://{urlsplit(base).netloc}/", "data:", "blob:")

    def note(request):
        if not request.url.startswith(own):
            found.append(f"asks another host: {request.url}")

    page = phone.new_page()
    page.on("request", note)
    page.on("console", lambda m: found.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: found.append(f"console: {error}"))
    page.on("response", lambda r: found.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    page.on("requestfailed", lambda r: found.append(f"failed: {r.url}"))
    try:
        page.goto(base + page_name)
        found += page.evaluate(PROBLEMS)
        page.evaluate(UNFOLD)
        page.evaluate(AXE_SCRIPT)
        found += [f"phone, light: {problem}" for problem in page.evaluate(AXE)]
        page.set_viewport_size(DESKTOP["viewport"])
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.documentElement.dataset.theme != 'light'")  # the theme follows
        found += [f"desktop, dark: {problem}" for problem in page.evaluate(AXE)]
    finally:
        page.close()
    return found


PAGES = [path.relative_to(outline.ROOT).with_suffix(".html").as_posix() for path in outline.documents()]
OTHERS = [
    "genindex.html",
    "py-modindex.html",
    "search.html",
    "_modules/index.html",
    "_modules/llmbook/math_foundations/ngram.html",
    "no/such/page.html",
]


@pytest.mark.parametrize("page_name", [*PAGES, *OTHERS])
def test_page(phone, site, page_name):
    assert problems(phone, site, page_name) == []


BAD = {
    '<img src="https://example.org/a.png" alt="A picture">': "asks another host: https://example.org/a.png",
    "<script>null.x</script>": "console: Cannot read properties of null",
    "<script>console.error('oh')</script>": "console: oh",
    '<script src="missing.js"></script>': "404: http",
    '<img src="a.svg">': "no alt text",
    '<img src="a.svg" alt="_images/a.svg">': "no alt text",
    '<div style="width: 600px">wide</div>': "overflows by",
    '<p style="overflow: hidden; width: 50px">Backpropagation</p>': "cut: Backpropagation",
    '<span class="math">x^2</span>': "raw mathematics: x^2",
    '<script src="katex.js"></script>': "a script for mathematics",
    "<details><button></button></details>": "phone, light: button-name",
    '<p style="color: #999">pale</p>': "phone, light: color-contrast",
    "<style>@media (prefers-color-scheme: dark) { p { color: #999 } }</style>": "desktop, dark: color-contr",
    "<style>@media (min-width: 1000px) { p { color: #999 } }</style>": "desktop, dark: color-contrast",
    '<pre><span class="k">def</span> <span class="k">in</span></pre><style>.k { color: #999 }</style>': (
        "phone, light: color-contrast: span:"
    ),
}
HEAD = """<!DOCTYPE html><html lang="en"><meta name="viewport" content="width=device-width">
<title>Page</title><main><h1>Page</h1><p>Words.</p>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pages")
    (path / "favicon.ico").touch()
    (path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    return path


@pytest.mark.parametrize("body", BAD)
def test_a_bad_page_is_noticed(phone, serve, folder, body):
    (folder / "bad.html").write_text(HEAD + body)
    found = problems(phone, serve(folder), "bad.html")
    assert any(problem.startswith(BAD[body]) for problem in found), found


def test_a_good_page_is_good(phone, serve, folder):
    (folder / "good.html").write_text(HEAD)
    assert problems(phone, serve(folder), "good.html") == []


CHAPTER = "book/01_math_foundations/03_softmax_cross_entropy.html"
REACHED = """() => {
    window.reached = new Set();
    document.addEventListener("focusin", event => reached.add(event.target));
}"""
MISSED = """() => [...document.querySelectorAll("a[href], button, summary, input")]
    .filter(element => element.checkVisibility({ visibilityProperty: true }) && !reached.has(element))
    .map(element => element.outerHTML.slice(0, 200))"""
MOTION = """() => [...document.querySelectorAll("*")].filter(element => {
    const style = getComputedStyle(element);
    return style.animationName != "none" || style.scrollBehavior != "auto"
        || style.transitionDuration.split(", ").some(seconds => seconds != "0s");
}).map(element => element.outerHTML.slice(0, 200))"""
LINE = """() => {
    const prose = [...document.querySelectorAll("article section > p")];
    const text = prose.map(p => p.textContent).join(" ").replace(/\\s+/g, " ");
    const pen = document.createElement("canvas").getContext("2d"), style = getComputedStyle(prose[0]);
    pen.font = style.font;
    const characters = prose[0].clientWidth / (pen.measureText(text).width / text.length);
    return [characters, parseFloat(style.fontSize)];
}"""


@pytest.fixture(scope="module")
def desktop(browser):
    context = browser.new_context(**DESKTOP, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def visit(browser, desktop):
    """Return a function that opens a page on a desktop, or in a window of its own with other options."""
    opened = []

    def open_page(address, **options):
        opened.append(browser.new_context(**options) if options else desktop.new_page())
        page = opened[-1].new_page() if options else opened[-1]
        page.set_default_timeout(30_000)
        page.goto(address)
        return page

    yield open_page
    for page_or_context in opened:
        page_or_context.close()


@pytest.fixture
def chapter(visit, site):
    return visit(site + CHAPTER)


@pytest.mark.parametrize("options", [{**DESKTOP, "color_scheme": "light"}, {**PHONE, "color_scheme": "dark"}])
def test_the_frame_of_a_page_in_the_other_two_views(visit, site, options):
    page = visit(site + PAGES[0], **options, reduced_motion="reduce")
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(AXE) == []


def test_the_keyboard_skips_to_the_text(chapter):
    chapter.keyboard.press("Tab")
    link = chapter.locator("#pst-skip-link a")
    assert link.evaluate("link => link == document.activeElement && link.getBoundingClientRect().top >= 0")
    chapter.keyboard.press("Enter")
    chapter.keyboard.press("Tab")
    assert chapter.evaluate("document.activeElement.closest('main') != null")


def test_the_keyboard_reaches_everything(chapter):
    chapter.evaluate(REACHED)
    for _ in range(5000):
        chapter.keyboard.press("Tab")
        if chapter.evaluate("document.activeElement == document.body"):
            break
    assert chapter.evaluate(MISSED) == []


@pytest.mark.parametrize("words", ["Solution", "Code", "Predict before you run", "checked"])
def test_the_keyboard_unfolds(chapter, words):
    control = chapter.locator("article summary", has_text=words).first
    content = control.locator("xpath=following-sibling::*[1]")
    assert not content.is_visible()
    control.focus()
    assert control.evaluate("control => getComputedStyle(control).outlineStyle") != "none"
    chapter.keyboard.press("Enter")
    content.wait_for(state="visible")


def test_the_keyboard_changes_the_colors(visit, site):
    page = visit(site + CHAPTER, **DESKTOP, reduced_motion="reduce")
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    page.locator(".theme-switch-button:visible").focus()
    for _ in range(2):  # one of the three modes looks like the one before
        page.keyboard.press("Enter")
    assert page.evaluate(ground) != before


def test_nothing_moves_if_the_reader_asks(chapter):
    assert chapter.evaluate(MOTION) == []


def test_a_line_has_a_comfortable_length(chapter, visit, site):
    characters, pixels = chapter.evaluate(LINE)
    assert 65 <= characters <= 85
    assert pixels >= 16
    assert visit(site + CHAPTER, **PHONE).evaluate(LINE)[1] >= 16


def test_without_scripts_everything_can_be_read(visit, site):
    page = visit(site + CHAPTER, java_script_enabled=False)
    assert page.locator("article details").count() > 20
    for fold in page.locator("article details").all():  # those outside of others come first
        content = fold.locator(":scope > :not(summary)").first
        assert not content.is_visible()
        fold.locator("> summary").click()
        assert content.is_visible()


def test_the_search_finds_a_term_from_the_keyboard(visit, site):
    page = visit(site + "book/reference/glossary.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("perplexity")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"search\.html\?q=perplexity"))
    page.locator(f"#search-results a[href*='{CHAPTER}']").first.wait_for(state="visible")
