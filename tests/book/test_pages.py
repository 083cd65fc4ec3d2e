"""The built pages in a browser, on a phone: they ask no other host, break nothing and say everything."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading

import pytest

import execution

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PROBLEMS = """() => {
    const root = document.documentElement, problems = [];
    if (root.scrollWidth > root.clientWidth + 1)
        problems.push(`overflows by ${root.scrollWidth - root.clientWidth} px`);
    for (const image of document.images)
        if (!image.alt || /\\.(png|svg)$/.test(image.alt))
            problems.push(`no alt text: ${image.src.slice(-60)}`);
    for (const math of document.querySelectorAll(".math")) {
        if (!math.querySelector("mjx-container")) problems.push(`raw mathematics: ${math.textContent}`);
        if (math.querySelector("mjx-merror")) problems.push(`bad mathematics: ${math.textContent}`);
        if (!math.querySelector("mjx-assistive-mml")) problems.push(`no MathML: ${math.textContent}`);
    }
    return problems;
}"""


@pytest.fixture(scope="session")
def browser():
    """Start Debian's Chromium."""
    if CHROMIUM is None:
        if os.environ.get("LLMBOOK_REQUIRE_BROWSER") == "1":
            pytest.fail("chromium is missing: apt-get install chromium", pytrace=False)
        pytest.skip("chromium is missing: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def built():
    """Build the book, or bring it up to date."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "."]
    done = subprocess.run(command, cwd=execution.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return execution.ROOT / "_build" / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files without a word."""

    def log_message(self, *args):
        """Say nothing."""


def problems(browser, folder, page_name):
    """Open a page of a folder in the browser and list what is wrong with it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    base = f"http://127.0.0.1:{server.server_port}/"
    found = []

    def answer(route):
        if route.request.url.startswith((base, "data:", "blob:")):
            route.continue_()
        else:
            found.append(f"asks another host: {route.request.url}")
            route.fulfill(body="")

    context = browser.new_context(**PHONE)
    page = context.new_page()
    page.route("**/*", answer)
    page.on("console", lambda m: found.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: found.append(f"console: {error}"))
    page.on("response", lambda r: found.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    page.on("requestfailed", lambda r: found.append(f"failed: {r.url}"))
    try:
        page.goto(base + page_name, wait_until="networkidle")
        page.evaluate("window.MathJax?.startup?.promise")
        found += page.evaluate(PROBLEMS)
    finally:
        context.close()
        server.shutdown()
        server.server_close()
    return found


PAGES = [path.relative_to(execution.ROOT).with_suffix(".html").as_posix() for path in execution.documents()]


@pytest.mark.parametrize("page_name", [*PAGES, "index.html", "genindex.html", "search.html"])
def test_page(browser, built, page_name):
    assert problems(browser, built, page_name) == []


BAD = {
    '<img src="https://example.org/a.png" alt="A picture">': "asks another host: https://example.org/a.png",
    "<script>null.x</script>": "console: Cannot read properties of null",
    "<script>console.error('oh')</script>": "console: oh",
    '<script src="missing.js"></script>': "404: http",
    '<img src="a.svg">': "no alt text",
    '<img src="a.svg" alt="_images/a.svg">': "no alt text",
    '<div style="width: 600px">wide</div>': "overflows by",
    '<span class="math">x^2</span>': "raw mathematics: x^2",
    '<b class="math"><mjx-container><mjx-merror>y</mjx-merror></mjx-container></b>': "bad mathematics: y",
}


@pytest.mark.parametrize("body", BAD)
def test_a_bad_page_is_noticed(browser, tmp_path, body):
    (tmp_path / "favicon.ico").touch()
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    head = '<!DOCTYPE html><meta name="viewport" content="width=device-width"><title>Bad</title>'
    (tmp_path / "bad.html").write_text(head + body)
    found = problems(browser, tmp_path, "bad.html")
    assert any(problem.startswith(BAD[body]) for problem in found), found


def test_a_good_page_is_good(browser, tmp_path):
    (tmp_path / "favicon.ico").touch()
    (tmp_path / "good.html").write_text("<!DOCTYPE html><title>Good</title><p>Words.</p>")
    assert problems(browser, tmp_path, "good.html") == []
