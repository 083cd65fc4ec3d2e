"""The pages together are a website: previews, a sitemap, a page for a wrong address, and a foot on each."""

import json
import re
import struct
from html import unescape
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
import yaml

import execution
import outline

CONFIG = yaml.safe_load((execution.ROOT / "_config.yml").read_text("utf-8"))
SITE, REPOSITORY = CONFIG["html"]["baseurl"], CONFIG["repository"]["url"]
PREFIX = urlsplit(SITE).path
DOCUMENTS = [path.relative_to(execution.ROOT).with_suffix("").as_posix() for path in outline.documents()]
RUN_STAMP = """
import json, execution
path = execution.ROOT / "book/a.md"
execution.execute([path])
print(json.dumps(execution.last_run(path)))
"""


def tags(page):
    """Read the names and contents of a page's meta tags."""
    found = {}
    for tag in re.findall(r"<meta [^>]*>", page):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if name := attributes.get("property", attributes.get("name")):
            found[name] = unescape(attributes["content"])
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_shared_link_shows_a_preview(built, name):
    found = tags((built / f"{name}.html").read_text("utf-8"))
    assert found["og:url"] == f"{SITE}{name}.html"
    assert found["og:image"] == f"{SITE}_static/card.png"
    assert found["og:title"]
    assert len(found["og:description"]) > 60
    assert found["description"] == found["og:description"]
    assert found["twitter:card"] == "summary_large_image"


def test_the_preview_has_the_size_that_it_is_shown_in(built):
    card = (built / "_static" / "card.png").read_bytes()
    assert struct.unpack(">II", card[16:24]) == (1200, 630)
    assert len(card) < 100_000


def test_the_root_leads_to_the_first_page_with_its_preview(built):
    root, first = ((built / name).read_text("utf-8") for name in ("index.html", "book/index.html"))
    assert tags(root).items() >= {k: v for k, v in tags(first).items() if k.startswith("og:")}.items()
    assert '<a href="book/index.html">' in root
    assert 'content="0; url=book/index.html"' in root


def test_the_sitemap_lists_every_page(built):
    sitemap = ElementTree.parse(built / "sitemap.xml")
    listed = [element.text for element in sitemap.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert listed == sorted(f"{SITE}{name}.html" for name in DOCUMENTS)


def test_every_address_on_the_page_for_a_wrong_one_is_absolute_and_exists(built):
    page = (built / "404.html").read_text("utf-8")
    addresses = re.findall(r'(?:href|src|action|data-content_root)="([^"#?]+)', page)
    own = [address for address in addresses if not address.startswith("https://")]
    assert len(own) > 20
    for address in own:
        assert address.startswith(PREFIX), address
        assert (built / address.removeprefix(PREFIX)).exists(), address


@pytest.mark.parametrize("name", [*DOCUMENTS, "404", "search"])
def test_a_problem_can_be_reported(built, name):
    page = (built / f"{name}.html").read_text("utf-8")
    [url] = re.findall(r'<a href="([^"]*)">Report a problem with this page</a>', page)
    address = urlsplit(unescape(url))
    assert address._replace(query="").geturl() == f"{REPOSITORY}/issues/new"
    [title] = parse_qs(address.query)["title"]
    assert re.fullmatch(rf"Problem in “[^”]+” \({re.escape(name)}\)", title)


@pytest.mark.parametrize("path", outline.with_cells(), ids=lambda path: path.stem)
def test_a_page_with_cells_says_when_they_ran(built, path):
    page = (built / path.relative_to(execution.ROOT)).with_suffix(".html").read_text("utf-8")
    stamp = re.search(r"Executed on [^<]*", page)[0]
    run = execution.last_run(path)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", run["date"])
    assert run["cpu_seconds"] > 0
    assert " ".join(stamp.split()) == (
        f"Executed on {run['date']} with llmbook {run['llmbook']}, NumPy {run['numpy']}, "
        f"Python {run['python']}; {run['cells']} cell{'s' if run['cells'] > 1 else ''} "
        f"in {run['cpu_seconds']:.1f} CPU-seconds."
    )


def test_a_page_without_cells_does_not(built):
    assert "Executed on" not in (built / "book/reference/glossary.html").read_text("utf-8")


def test_the_stamp_stays_until_the_cells_run_again(scratch):
    def run():
        return json.loads(scratch.start("-c", RUN_STAMP).communicate()[0])

    scratch.chapter("book/a", "1", "2")
    first = run()
    assert first["cells"] == 2
    scratch.replace("book/a.md", "Words.", "Other words.")
    assert run() == first
    scratch.replace("book/a.md", "```{code-cell} ipython3\n2", "```{code-cell} ipython3\n3")
    assert run() != first


def test_the_library_page_links_back_to_where_a_name_is_used(built):
    api = (built / "book/reference/api.html").read_text("utf-8")
    entry = api[api.index('id="llmbook.math_foundations.softmax.log_softmax"') :]
    entry = entry[: entry.index("<dl ")]
    assert "Expand for references to <code" in entry
    assert "03_softmax_cross_entropy.html#counting-is-learning" in entry
    assert "Softmax and cross-entropy / " in entry and "Before you start" not in entry
