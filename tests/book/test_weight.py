"""What a page costs: bytes on the wire, what stands before its text, how far that moves while it loads."""

import base64
import gzip
import io
from urllib.parse import urlsplit

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

import assets
import outline

DOCUMENTS = [path.relative_to(outline.ROOT).with_suffix(".html").as_posix() for path in outline.documents()]
MADE = ["search.html", "genindex.html", "py-modindex.html", "404.html"]  # by Sphinx, of no document
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


def weigh(built, site, address):
    """Count the bytes of a file of the site, compressed as the book's host does."""
    file = built / urlsplit(address.removeprefix(site)).path
    data = file.read_bytes()
    return len(data) if file.suffix in (".woff2", ".png") else len(gzip.compress(data))


@pytest.mark.browser
@pytest.mark.parametrize("name", [*DOCUMENTS, *MADE])
def test_a_page_is_light_and_stays_where_it_is(load, built, site, name):
    asked, phone = load(site + name, **PHONE)
    _, desktop = load(site + name, **DESKTOP)
    weights = {address: weigh(built, site, address) for address in asked}
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


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("mode", ["auto", "light", "dark"])
def test_the_first_paint_has_its_colors(browser, site, scheme, mode):
    context = browser.new_context(**DESKTOP, color_scheme=scheme)
    context.route("**/*.js*", lambda route: route.abort())
    context.add_init_script(f"localStorage.setItem('mode', '{mode}')")
    page = context.new_page()
    page.goto(site + START)
    root = page.locator("html")
    assert root.get_attribute("data-mode") == mode
    assert root.get_attribute("data-theme") == (scheme if mode == "auto" else mode)
    border = "link => parseFloat(getComputedStyle(link).borderTopWidth)"
    assert page.locator(".begin a").first.evaluate(border) == 2
    context.close()


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


@pytest.mark.parametrize(("alpha", "tint", "mode"), [(255, 0, "L"), (254, 0, "RGBA"), (255, 1, "RGBA")])
def test_a_gray_picture_takes_one_channel_and_no_pixel_changes(alpha, tint, mode):
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 1), np.uint8) + np.zeros(4, np.uint8)
    pixels[..., 2] += np.uint8(tint)
    pixels[..., 3] = alpha
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    before = base64.b64encode(png.getvalue()).decode()
    drawing = f'<image xlink:href="data:image/png;base64,\n{before}"/>'
    after = assets._PICTURE.sub(assets.in_one_channel, drawing).partition(",")[2].removesuffix('"/>')
    image = Image.open(io.BytesIO(base64.b64decode(after)))
    assert image.mode == mode and (len(after) < len(before)) == (mode == "L")
    np.testing.assert_array_equal(np.array(image.convert("RGBA")), pixels)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_code_has_an_element_for_what_has_a_color_of_its_own(built, name):
    soup = BeautifulSoup((built / name).read_text("utf-8"), "html.parser")
    assert soup.select("pre span:is(.n, .nn, .o, .p, .w, :not([class]))") == []


@pytest.mark.browser
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_of_code_without_an_element_have_their_color_all_the_same(browser, site, mode):
    page = browser.new_page(color_scheme=mode)
    page.goto(f"{site}book/02_feedforward/05_backprop_manual.html")
    color = """kind => {
        const word = document.createElement("span");
        word.className = kind;
        document.querySelector(".highlight pre").append(word);
        const { color, fontStyle, fontWeight } = getComputedStyle(word);
        return [color, fontStyle, fontWeight].join();
    }"""
    assert len({page.evaluate(color, kind) for kind in ("", "n", "nn", "p", "w")}) == 1
    assert page.evaluate(color, "k") != page.evaluate(color, "")
    page.close()


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
