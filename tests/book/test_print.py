"""On paper: white ground, open folds, no menus, nothing cut at the margin, no figure or heading torn."""

import pytest

import outline

pytestmark = pytest.mark.browser
DOCUMENTS = [path.relative_to(outline.ROOT).with_suffix(".html").as_posix() for path in outline.documents()]
A4 = {"viewport": {"width": 703, "height": 1032}, "color_scheme": "dark"}  # less margins of 12 mm
PROBLEMS = """() => {
    const problems = [], style = getComputedStyle, words = element => element.textContent.trim().slice(0, 60);
    for (const box of document.querySelectorAll("article :not(.katex *, .visually-hidden)"))
        if (box.scrollWidth > box.clientWidth + 1 && style(box).overflowX != "visible"
                && box.checkVisibility()) problems.push(`cut: ${words(box)}`);
    for (const menu of document.querySelectorAll(".bd-header-article, .bd-sidebar-primary, .prev-next-area"))
        if (menu.checkVisibility() && menu.clientHeight) problems.push(`printed: ${menu.className}`);
    for (const fold of document.querySelectorAll("article details:not(figure details)"))
        if (!fold.lastElementChild.clientHeight) problems.push(`closed: ${words(fold)}`);
    for (const whole of document.querySelectorAll("article :is(h1, h2, h3, figure, .cell_input)"))
        if (style(whole).breakInside != "avoid") problems.push(`torn: ${words(whole)}`);
    for (const code of document.querySelectorAll("article :is(pre, .highlight)"))
        if (style(code).breakInside != "auto") problems.push(`leaves a page empty: ${words(code)}`);
    if (style(document.body).backgroundColor != "rgb(255, 255, 255)") problems.push("dark ground");
    return problems;
}"""


@pytest.fixture(scope="module")
def paper(browser):
    """Return a window of the width of a sheet, of a reader who prefers dark pages, and prints."""
    context = browser.new_context(**A4, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_on_paper(paper, site, name):
    paper.emulate_media(media="screen")
    paper.goto(site + name)
    assert "dark ground" in paper.evaluate(PROBLEMS)
    paper.evaluate("dispatchEvent(new Event('beforeprint'))")
    paper.emulate_media(media="print")
    assert paper.evaluate(PROBLEMS) == []


def test_a_script_opens_the_folds_that_no_style_sheet_can(browser, site):
    """And shuts those after printing, and no other."""
    page = browser.new_page()
    page.goto(f"{site}book/02_feedforward/05_backprop_manual.html")
    page.locator("article details > summary").first.click()
    shut = page.locator("article details:not([open])")
    before = shut.count()
    assert before == page.locator("article details").count() - 1 > 10
    for supported, on_paper in (("true", before), ("false", 0)):
        page.evaluate(f"CSS.supports = () => {supported}; dispatchEvent(new Event('beforeprint'))")
        assert shut.count() == on_paper
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert shut.count() == before
    page.close()
