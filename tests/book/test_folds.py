"""Folds and bookkeeping in a scratch copy of the book: what a page shows, and what opens. In order."""

import re

import pytest
from bs4 import BeautifulSoup

import reading
from execution import FRONT_MATTER

CLAIMED = 'claim("slug/shown", 1, 1, 1)'
OTHER = (
    FRONT_MATTER
    + """

(ch-slug)=
# Chapter slug

It is {glue:text}`slug/a:.2f`, not {glue:text}`slug/far:.1f`.

```{code-cell} ipython3
from llmbook.book import claim, leaderboard_row, runs
import matplotlib.pyplot as plt
from IPython.display import SVG
```

```{code-cell} ipython3
import math
claim("slug/a", 2.5, 2, 3, unit="nats")
claim("slug/b", math.pi, 3, 4)
claim("slug/t", 0.5, kind="timing", unit="s")
leaderboard_row("bigram", "surnames", 2.4, 0.003, parameters=9, seconds=0.1, tokens_per_second=1e6)
runs("one").check("nats", 1.5)
```

```{code-cell} ipython3
---
mystnb:
  image:
    alt: "A square that is nine pixels wide."
  figure:
    caption: A square
    name: fig-square
---
claim("slug/mixed", 1, 1, 1)
SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
```

{numref}`fig-square`.

```{code-cell} ipython3
:tags: [hide-input]
print("shown")
```

```{code-cell} ipython3
:tags: [hide-output]
print("out of sight")
claim("slug/hidden", 1, 1, 1)
```

:::{dropdown} Predict: {glue:text}`slug/a`?
Words.
:::

```{exercise} A title
:label: ex-one
★ Do.
```

```{solution-start} ex-one
:class: dropdown
```

```{code-cell} ipython3
far = 7.5
claim("slug/far", far, 7, 8)
```

:::{dropdown} Inner
Words.
:::

```{solution-end}
```
"""
)
CLAIMS = "(claims)=\n# Claims\n\n```{claims}\n```\n"
RUN = """{"config": {}, "seeds": [0, 1], "results": [{"nats": 1.0}, {"nats": 3.0}],
"sources": {}}"""


@pytest.fixture(scope="module")
def page(scratch):
    scratch.write("book/index.md", "# Index\n")
    scratch.write("book/other.md", OTHER)
    scratch.write("book/reference/claims.md", CLAIMS)
    scratch.write("experiments/README", "a checkout, whose records stand in book/_runs\n")
    scratch.write("book/_runs/one.json", RUN)
    scratch.toc("book/index", "book/other", "book/reference/claims")
    assert scratch.build("-W", "-n", "--keep-going") == 0, scratch.output
    return BeautifulSoup(scratch.page("book/other"), "html.parser").select_one("article")


def words(element):
    return " ".join(element.get_text().split())


def test_every_fold_is_native_and_says_its_own_words(page):
    bars = [words(bar) for bar in page.select("details > summary")]
    assert bars == [
        "3 values checked, 1 timing recorded, 1 score recorded",
        "1 value checked",
        "Code",
        "Output",
        "1 value checked",
        "Predict: 2.5?",
        "Solution",
        "1 value checked",
        "Inner",
    ]
    assert not page.select("summary a, summary [aria-label], summary svg, .toggle, .dropdown, .sd-card")
    assert [words(bar) for bar in page.select("details details > summary")] == bars[-2:]
    assert len(page.select("[id=solution-content]")) == 0


def test_the_books_of_a_cell_are_one_line_under_it(page):
    [first, *_] = page.select("details.books")
    assert [words(line) for line in first.select(".claim")][:2] == [
        "Claim slug/a: 2.5 nats, expected 2 to 3",
        "Claim slug/b: 3.142, expected 3 to 4",
    ]
    assert words(first.select(".claim")[-1]) == "Check of run one: live nats 1.5, expected -1 to 5"
    link = first.select_one("#claim-slug--a a")
    assert (link["href"], link.get_text()) == ("reference/claims.html#claim-slug--a", "slug/a")
    assert len(page.select("figure figcaption")) == 1 and not page.select("figure .claim")


def test_the_claims_page_and_the_cell_link_to_each_other(scratch, page):
    claims = BeautifulSoup(scratch.page("book/reference/claims"), "html.parser")
    links = [link for link in claims.select("table a") if "#claim-" in link["href"]]
    assert len(links) == 6
    for link in links:
        assert page.select_one(f"details.books [id={link['href'].partition('#')[2]}]")
        assert link["id"] == link["href"].partition("#")[2]


def test_only_cells_that_keep_books_lose_their_input(scratch, page):
    code = [words(cell) for cell in page.select(".cell_input")]
    assert "from llmbook.book import claim" in code[0]
    assert not any("slug/b" in cell for cell in code)
    assert any("slug/mixed" in cell for cell in code) and any("slug/far" in cell for cell in code)
    notebook = (scratch.root / "_build/html/_sources/book/other.ipynb").read_text("utf-8")
    assert "slug/b" in notebook and "import math" in notebook
    assert '<div class=\\"claim\\" id=\\"claim-slug--b\\">' in notebook


def test_a_value_in_the_prose_leads_to_its_claim(page):
    links = [(link["href"], link.get_text()) for link in page.select("a:has(> .pasted-text)")]
    assert links == [("#claim-slug--a", "2.50"), ("#claim-slug--far", "7.5")]


@pytest.mark.browser
@pytest.mark.parametrize("script", [True, False])
def test_links_open_folds_and_paper_has_none(browser, serve, scratch, page, script):
    context = browser.new_context(java_script_enabled=script, viewport={"width": 390, "height": 844})
    tab = context.new_page()
    address = serve(scratch.root / "_build/html") + "book/other.html"
    tab.goto(address)
    claim = tab.locator("#claim-slug--far")
    assert not claim.is_visible()
    tab.get_by_text("7.5", exact=True).first.click()
    claim.wait_for(state="visible")
    if script:  # the same link again, after the fold was closed: the address does not change
        tab.get_by_text("Solution", exact=True).click()
        assert not claim.is_visible()
        tab.get_by_text("7.5", exact=True).first.click()
        claim.wait_for(state="visible")
    tab.goto("about:blank")
    tab.goto(f"{address}#claim-slug--b")
    tab.locator("#claim-slug--b").wait_for(state="visible")
    tab.emulate_media(media="print")
    assert all(line.is_visible() for line in tab.locator(".claim").all())
    context.close()


@pytest.mark.browser
def test_the_whole_bar_is_a_target(browser, serve, scratch, page):
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    tab.goto(serve(scratch.root / "_build/html") + "book/other.html")
    for fold in tab.locator("article details:visible").all():
        box, bar = fold.bounding_box(), fold.locator("> summary")
        assert bar.bounding_box()["width"] > box["width"] - 4
        assert bar.bounding_box()["height"] >= 32
        bar.click(position={"x": bar.bounding_box()["width"] - 3, "y": 3})
        assert fold.get_attribute("open") is not None
    tab.close()


@pytest.mark.parametrize("tag", ["remove-cell", "remove-output"])
def test_a_claim_is_not_removed(scratch, page, tag):
    scratch.write("book/other.md", OTHER)
    scratch.replace("book/other.md", 'print("shown")', CLAIMED)
    scratch.replace("book/other.md", "hide-input", tag)
    assert scratch.build("-W", "-n", "--keep-going") != 0
    line = re.search(r"other\.md:(\d+): a cell with a claim", scratch.output)
    lines = (scratch.root / "book/other.md").read_text("utf-8").splitlines()
    assert CLAIMED in lines[int(line[1]) - 1]


@pytest.mark.parametrize(
    ("code", "keeps", "only"),
    [
        ("import a\nclaim('x', 1, 1, 1)", True, True),
        ("runs('a').check('b', c)", True, True),
        ("import a\nfrom b import c", False, False),
        ("claim('x', y := 2, 1, 1)\nz = 3", True, False),
        ("for i in range(2):\n    claim(f'{i}', i, i, i)", True, False),
        ("%matplotlib inline\nprint(1)", False, False),
    ],
)
def test_what_bookkeeping_is(code, keeps, only):
    assert (reading.keeps_books(code), reading.is_bookkeeping(code)) == (keeps, only)
