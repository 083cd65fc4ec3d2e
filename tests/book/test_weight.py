"""What a page costs: bytes on the wire, what stands before its text, how far that moves while it loads."""

import gzip
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

import outline

DOCUMENTS = [path.relative_to(outline.ROOT).with_suffix(".html").as_posix() for path in outline.documents()]
START = DOCUMENTS[0]
KIB = 1024
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
NETWORK = {"offline": False, "latency": 100, "downloadThroughput": 400 * KIB, "uploadThroughput": 400 * KIB}
SHIFTS = """
    window.shift = 0;
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) window.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def load(browser):
    """Return a function that loads a page on a slow network, with an empty cache."""
    contexts = []

    def load_page(address, **options):
        """Return the addresses that the page asked for, and how far its content moved."""
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        client = contexts[-1].new_cdp_session(page)
        client.send("Network.enable")
        client.send("Network.emulateNetworkConditions", NETWORK)
        page.add_init_script(SHIFTS)
        asked = []
        page.on("response", lambda response: asked.append(response.url))
        page.goto(address, wait_until="networkidle")
        return asked, page.evaluate("window.shift")

    yield load_page
    for context in contexts:
        context.close()


def weigh(built, address):
    """Count the bytes of a file, compressed as the book's host does."""
    file = built / urlsplit(address).path.removeprefix("/llm-from-scratch/")
    data = file.read_bytes()
    return len(data) if file.suffix in (".woff2", ".png") else len(gzip.compress(data))


@pytest.mark.browser
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_is_light_and_stays_where_it_is(load, built, site, name):
    asked, phone = load(site + name, **PHONE)
    _, desktop = load(site + name, **DESKTOP)
    weights = {address: weigh(built, address) for address in asked}
    assert sum(weights.values()) < (350 if name == START else 450) * KIB, weights
    assert max(phone, desktop) < 0.05


@pytest.mark.browser
def test_what_moves_is_noticed(load, serve, tmp_path):
    late = "setTimeout(() => { document.querySelector('img').height = 300; }, 300)"
    viewport = '<meta name="viewport" content="width=device-width">'
    body = f'<p>Words.<p><img alt="" src="a.svg"><p>{"Words. " * 200}<script>{late}</script>'
    (tmp_path / "page.html").write_text(f"<!DOCTYPE html>{viewport}{body}")
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    (tmp_path / "favicon.ico").touch()
    assert load(serve(tmp_path) + "page.html", **PHONE)[1] > 0.05


@pytest.mark.parametrize("name", [*DOCUMENTS, "search.html"])
def test_little_stands_before_the_text(built, name):
    soup = BeautifulSoup((built / name).read_text("utf-8"), "html.parser")
    [sheet] = soup.select('link[rel="stylesheet"]')
    assert sheet["href"].endswith("_static/styles/site.css")
    scripts = {urlsplit(tag["src"]).path.rpartition("/")[2]: tag for tag in soup.select("script[src]")}
    assert "book.js" in scripts and "fontawesome.js" not in scripts
    if name != "search.html":
        assert all(script.has_attr("defer") for script in scripts.values())
        assert "searchindex.js" not in scripts
    assert all(image.get("width") and image.get("height") for image in soup.select("article img"))


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_search_finds(browser, built, site, scheme):
    page = browser.new_page()
    page.goto(f"{site if scheme == 'http' else built.as_uri() + '/'}search.html?q=softmax")
    page.locator("#search-results li a").first.wait_for(state="visible")
    page.close()


@pytest.mark.browser
def test_the_search_quotes_a_formula_once(browser, site):
    page = browser.new_page()
    page.goto(f"{site}search.html")
    chapter = f"{site}book/01_math_foundations/03_softmax_cross_entropy.html"
    text = page.evaluate("async url => Search.htmlToText(await (await fetch(url)).text())", chapter)
    assert text.count(r"m = \max_j z_j") == 1
    assert "\u200b" not in text  # KaTeX's boxes hold it
    page.close()
