"""The start page: where to begin, a sample of what is built, and a map whose stations are links."""

from urllib.parse import urldefrag

import pytest
from bs4 import BeautifulSoup

import execution
import outline
from llmbook.data import load_names

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
BEGIN = ("Begin with chapter 1", "Test yourself first")
TEXTS = """() => [...document.querySelectorAll(".book-map text")].map(text => {
    const svg = text.ownerSVGElement, box = text.getBoundingClientRect();
    const ground = (text.closest("a")?.querySelector(".ground") ?? svg).getBoundingClientRect();
    return {
        text: text.textContent,
        size: parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a,
        fits: box.left >= ground.left && box.right <= ground.right
            && box.top >= ground.top - 1 && box.bottom <= ground.bottom + 1,
    };
})"""
COLORS = """() => ["a.written .name", "a.planned .name", "a.written .frame", ".ruler"].map(part => {
    const style = getComputedStyle(document.querySelector(`.book-map ${part}`));
    return style.fill == "none" ? style.stroke : style.fill;
})"""


@pytest.fixture
def open_start(browser, site):
    """Return a function that opens the start page in a window of its own."""
    contexts = []

    def open_page(**options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.goto(f"{site}book/index.html")
        return page

    yield open_page
    for context in contexts:
        context.close()


def soup(built, name):
    return BeautifulSoup((built / name).read_text("utf-8"), "html.parser")


def test_the_sample_is_new_and_grows_with_what_a_model_sees():
    [cell] = [cell for cell in execution.executed(outline.documents()[0]).cells if cell.cell_type == "code"]
    lines = [line.split() for line in "".join(output.text for output in cell.outputs).splitlines()]
    assert [line[:-3] for line in lines] == [["chance"], ["one", "letter"], ["six", "letters"]]
    assert not {name for line in lines for name in line[-3:]} & set(load_names().train)


def test_every_station_leads_to_a_page_of_the_book(built):
    links = soup(built, "book/index.html").select("svg.book-map > a")
    sections = outline.sections()
    assert len(links) == len(sections)
    for link, section in zip(links, sections, strict=True):
        name, anchor = urldefrag(link["href"])
        page = soup(built / "book", name)
        if written := [chapter for chapter in section.chapters if chapter.page]:
            assert (
                page.select_one("article h1").get_text().startswith(f"{written[0].number}. ") and not anchor
            )
        else:
            assert page.find(id=anchor).h2.get_text().startswith("Fourteen weeks")


@pytest.mark.browser
@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_first_screen_says_where_to_begin_and_shows_what_is_built(open_start, options):
    page = open_start(**options)
    parts = [
        page.locator("article h1"),
        *(page.locator("article").get_by_role("link", name=name, exact=True) for name in BEGIN),
        page.locator("article .cell_output").first,
        page.locator(".book-map"),
    ]
    boxes = [part.bounding_box() for part in parts]
    assert [box["y"] for box in boxes] == sorted(box["y"] for box in boxes)
    assert all(box["y"] + box["height"] <= options["viewport"]["height"] for box in boxes[:-1])
    output = parts[-2].locator("pre")
    assert output.evaluate("pre => pre.scrollWidth <= pre.clientWidth")
    parts[1].click()
    assert page.locator("article h1").inner_text().startswith("1.")


@pytest.mark.browser
@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_words_of_the_map_are_legible_and_within_it(open_start, options):
    texts = open_start(**options).evaluate(TEXTS)
    assert len(texts) > 3 * 9
    assert [text for text in texts if text["size"] < 11 or not text["fits"]] == []


@pytest.mark.browser
def test_the_keyboard_walks_the_map_in_order_and_is_seen(open_start):
    page = open_start(**DESKTOP, reduced_motion="reduce")
    stations = page.locator(".book-map > a")
    stations.first.focus()
    for number in range(1, len(outline.sections()) + 1):
        focused = page.locator(":focus")
        assert focused.locator(".name").text_content().startswith(f"{number} ")
        stroke = "a => getComputedStyle(a.querySelector('.ground')).stroke"
        assert focused.evaluate(stroke) != "none"
        assert stations.nth(number % 9).evaluate(stroke) == "none"
        page.keyboard.press("Tab")


@pytest.mark.browser
def test_the_map_has_the_colors_of_the_page(open_start):
    light, dark = (
        open_start(**DESKTOP, color_scheme=scheme).evaluate(COLORS) for scheme in ("light", "dark")
    )
    assert all(one != other for one, other in zip(light, dark, strict=True))
    assert light[0] != light[1]  # written, and planned


@pytest.mark.browser
def test_the_map_has_a_name_and_works_without_a_script(open_start):
    page = open_start(**PHONE, java_script_enabled=False)
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    named = [(node["role"]["value"], node["name"]["value"]) for node in nodes if "name" in node]
    assert ("group", "The map of the book") in named
    links = [name for role, name in named if role == "link"]
    for section in outline.sections():
        name = f"{section.number} {section.caption} {section.adds} chapters "
        assert sum(link.startswith(name) for link in links) == 1, name
    page.locator(".book-map > a").nth(1).click()
    page.wait_for_url("**/04_feedforward_nn.html")
