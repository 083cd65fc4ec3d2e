"""The claims page and the leaderboard follow the executed chapters of a scratch book."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from docutils.parsers.rst import DirectiveError

from execution import FRONT_MATTER

ROOT = Path(__file__).parents[2]
CHAPTER = """{front_matter}
(ch-{slug})=
# Chapter {slug}

```{{code-cell}} python
from llmbook.book import claim, leaderboard_row
{code}
```

{prose}
"""
FIRST = """\
claim("first/nll", 2.4541, 2.44, 2.47, paper=2.45, source="shannon1948", unit="nats")
claim("first/near", 2.5, 2, 3, paper=3.5, source="a blog post")
claim("first/exact", True, True, True)
claim("first/train", 0.5, kind="timing", unit="s")
leaderboard_row("bigram", "surnames", 2.4541, 0.003, parameters=729, seconds=0.1, tokens_per_second=1e6)
leaderboard_row("5-gram", "surnames", 2.144, 0.005, parameters=90000, seconds=0.2, tokens_per_second=1e6)"""
SECOND = 'claim("second/far", 2.5, 2, 3, paper=9, source="a blog post")'
BIBLIOGRAPHY = """\
@article{shannon1948,
  author = {Shannon, Claude E.},
  title = {A Mathematical Theory of Communication},
  journal = {Bell System Technical Journal},
  year = {1948},
}
"""


class Tables(HTMLParser):
    """The tables of a page, as lists of rows of cells, and everything's attributes."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.attributes, self.inside = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data.strip("\n")

    def row(self, name):
        """Find the row of a claim or a model."""
        return next(row for row in self.rows if row[0] == name)


class Book:
    """A scratch book of two chapters."""

    def __init__(self, root):
        self.root = root
        (root / "book" / "reference").mkdir(parents=True)
        for name in ("_config.yml", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, root)
        shutil.copytree(ROOT / "src", root / "src")
        files = [
            {"file": f"book/{name}"}
            for name in ("first", "second", "reference/claims", "reference/leaderboard")
        ]
        (root / "_toc.yml").write_text(
            yaml.safe_dump({"format": "jb-book", "root": "book/index", "chapters": files})
        )
        for folder in ("_ext", "_static", "_templates"):
            shutil.copytree(ROOT / "book" / folder, root / "book" / folder)
        for page in ("claims", "leaderboard"):
            shutil.copy(ROOT / "book" / "reference" / f"{page}.md", root / "book" / "reference")
        (root / "book" / "references.bib").write_text(BIBLIOGRAPHY)
        (root / "book" / "index.md").write_text("# A book\n\n```{bibliography}\n```\n")
        self.write("first", FIRST, "Measured: {glue:text}`first/nll:.2f`.")
        self.write("second", SECOND)

    def write(self, slug, code, prose=""):
        (self.root / "book" / f"{slug}.md").write_text(
            CHAPTER.format(front_matter=FRONT_MATTER, slug=slug, code=code, prose=prose)
        )

    def build(self):
        """Build what has changed; warnings are failures."""
        command = [Path(sys.executable).parent / "jupyter-book", "build", ".", "-W", "-n", "--keep-going"]
        done = subprocess.run(command, cwd=self.root, env=ENVIRONMENT, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def page(self, name):
        return (self.root / "_build" / "html" / "book" / f"{name}.html").read_text("utf-8")


ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The scratch book, built once without a warning."""
    scratch = Book(tmp_path_factory.mktemp("book"))
    code, log = scratch.build()
    assert code == 0, log[-3000:]
    return scratch


def test_the_claims_page_has_every_claim_with_its_verdict(book):
    tables = Tables(book.page("reference/claims"))
    *nll, source, verdict = tables.row("first/nll")
    assert nll == ["first/nll", "2.454 nats", "2.44 to 2.47", "2.45"] and verdict == "yes"
    assert "Shannon" in source and "1948" in source and "{" not in source
    assert tables.row("first/near")[3:] == ["3.5", "a blog post", "partly"]
    assert tables.row("second/far")[5] == "no"
    assert tables.row("first/exact") == ["first/exact", "True", "True", "", "", ""]
    assert tables.row("first/train")[1] == "0.5 s" and "cores" in tables.row("first/train")[4]
    page = book.page("reference/claims")
    assert "4 claims, 3 of them beside a paper's value (1 yes, 1 partly, 1 no)." in page.replace("’", "'")
    headings = re.findall(r"<h2>(.*?)<a", page)
    assert headings == ["Chapter first", "Chapter second", "Timings"]


def test_each_link_leads_to_the_line_under_the_cell(book):
    links = 0
    for name in ("claims", "leaderboard"):
        page = Path("reference") / f"{name}.html"
        for tag, attributes in Tables(book.page(page.with_suffix(""))).attributes:
            target, _, anchor = attributes.get("href", "").partition("#") if tag == "a" else ("", "", "")
            if anchor.startswith(("claim-", "row-")):
                links += 1
                chapter = os.path.normpath(page.parent / target).removesuffix(".html")
                assert book.page(chapter).count(f'id="{anchor}"') == 1
    assert links == 7


def test_prose_says_the_claimed_value(book):
    link = r'Measured: <a [^>]*href="#claim-first--nll"[^>]*><span[^>]*>2\.45</span></a>'
    assert re.search(link, book.page("first"))


def test_the_leaderboard_is_sorted_and_plotted(book):
    tables = Tables(book.page("reference/leaderboard"))
    assert [row[0] for row in tables.rows] == ["Model", "5-gram", "bigram"]
    assert tables.row("bigram")[1:] == [
        "2.454\u00a0±\u00a00.003",
        "3.541",
        "11.64",
        "729",
        "0",
        "0.1",
        "1,000,000",
        "1",
    ]
    plots = [attributes for tag, attributes in tables.attributes if tag == "img" and "alt" in attributes]
    plot = next(attributes for attributes in plots if attributes["src"].startswith("data:image/svg+xml"))
    assert "from 5-gram with 2.144 to bigram with 2.454" in plot["alt"] and "uniform" in plot["alt"]


@pytest.mark.parametrize("page", ["claims", "leaderboard"])
def test_a_wide_table_scrolls_in_a_box_of_its_own(book, page):
    html = book.page(f"reference/{page}")
    boxed = html.count('<div class="pst-scrollable-table-container"><table')
    assert boxed == html.count("<table") > 0


def test_the_page_follows_a_changed_claim(book):
    book.write("second", SECOND.replace("paper=9", "paper=2.25").replace("2.5,", "2.625,"))
    code, log = book.build()
    assert code == 0, log[-3000:]
    tables = Tables(book.page("reference/claims"))
    assert tables.row("second/far")[1:] == ["2.625", "2 to 3", "2.25", "a blog post", "yes"]
    assert tables.row("first/nll")[1] == "2.454 nats"


def test_a_name_used_in_two_chapters_fails_the_build(book):
    book.write("second", 'claim("first/exact", 1, 0, 2)')
    code, log = book.build()
    assert code != 0
    assert "first/exact is recorded in book/first and in book/second" in log


@pytest.fixture
def directive(monkeypatch):
    """The claims directive on a page of its own, in a book with one chapter and one work cited."""
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    ledger = importlib.import_module("ledger")
    monkeypatch.setattr(ledger.outline, "with_cells", lambda: [Path("03.md")])
    cited = SimpleNamespace(bibdata=SimpleNamespace(data=SimpleNamespace(entries={"shannon1948": None})))
    env = SimpleNamespace(
        docname="claims", path2doc=lambda path: "03", domains={"cite"}, get_domain=lambda _: cited
    )
    state = SimpleNamespace(document=SimpleNamespace(settings=SimpleNamespace(env=env)))
    return ledger.Claims("claims", [], {}, [], 1, 0, "", state, SimpleNamespace(reporter=None))


def test_a_chapter_that_was_not_executed_is_an_error(directive, monkeypatch):
    monkeypatch.setattr("execution.executed", lambda path: None)
    with pytest.raises(DirectiveError) as error:
        directive.run()
    assert error.value.msg == "03 has not been executed: what it records is not known"


def test_chapters_without_records_make_an_empty_page(directive, monkeypatch):
    monkeypatch.setattr("execution.executed", lambda path: SimpleNamespace(cells=[{"outputs": [{}]}, {}]))
    (paragraph,) = directive.run()
    assert paragraph.astext() == "The chapters have not recorded anything yet."


def test_a_source_in_one_word_must_be_in_the_bibliography(directive):
    with pytest.raises(DirectiveError) as error:
        directive.source({"name": "first/nll", "source": "shanon1948"})
    assert error.value.msg == "claim first/nll: source 'shanon1948' is not in the bibliography"
