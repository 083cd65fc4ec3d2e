"""The outline: chapters and their deep dives, and what the pages around them make of both."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

import outline
import plan
from execution import FRONT_MATTER

STRICT = ("-W", "-n", "--keep-going")
DEEP = "book/01_math_foundations/01_first_more"
CHAPTERS = ("book/01_math_foundations/01_first", "book/01_math_foundations/02_second")
PAGE = """{front_matter}
(ch-{slug})=
# The {slug} chapter

{words}

## A part of it

$$x = 1$$ (eq-{slug})

```{{code-cell}} ipython3
---
mystnb:
  image: {{alt: "A line that rises from zero to one, all the way."}}
  figure: {{caption: "A line of {slug}.", name: fig-{slug}}}
---
import matplotlib.pyplot as plt

plt.plot([0, 1])
plt.show()
```

```{{code-cell}} ipython3
from llmbook.book import claim

claim("{slug}/value", 1.0, 0.5, 1.5)
```

```{{exercise}} Try
:label: ex-{slug}
★ Draw it.
```
"""
REFERENCES = """
More in {ref}`ch-deep`; {numref}`fig-first`, {numref}`fig-deep`, {eq}`eq-first`, {eq}`eq-deep`,
{numref}`ex-first`, {numref}`ex-deep` and {numref}`fig-second`, {eq}`eq-second`, {numref}`ex-second`.
"""
INDEX = """\
# Book

```{book-map} fig-map
```

```{chapters}
```

```{reading-times}
```

Path {written}`1-3`; read {chapter}`1, 3`; week {published}`2, 3`.

```{claims}
```

```{library}
```
"""
ADDS = {"adds": "something"}


@pytest.fixture(scope="module")
def book(scratch):
    """A book of two chapters, the first with a deep dive, and one that is planned."""
    for name, slug in zip((*CHAPTERS, DEEP), ("first", "second", "deep"), strict=True):
        about = FRONT_MATTER.replace("file_format", f"about: about {slug}.\nfile_format")
        words = REFERENCES if slug == "first" else "Words."
        scratch.write(f"{name}.md", PAGE.format(front_matter=about, slug=slug, words=words))
    scratch.write("book/index.md", INDEX)
    first, second = ({"file": name} for name in CHAPTERS)
    part = {"caption": "One", "numbered": True, "chapters": [first | {"sections": [{"file": DEEP}]}, second]}
    sections = {"One": ADDS} | {
        f"Section {n}": ADDS | {"planned": {n + 1: f"Title {n}"}} for n in range(2, 10)
    }
    toc = {"format": "jb-book", "meta": {"sections": sections}, "root": "book/index", "parts": [part]}
    scratch.write("_toc.yml", yaml.safe_dump(toc, sort_keys=False))
    assert scratch.build(*STRICT) == 0, scratch.output
    return scratch


def article(book, name):
    """The words of a page, without those around it."""
    html = re.search(r"<article.*?</article>", book.page(name), re.S)[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def test_a_deep_dive_continues_the_numbers_of_its_chapter_and_disturbs_no_other(book):
    first, second, deep = (article(book, name) for name in (*CHAPTERS, DEEP))
    assert "1. The first chapter#" in first and "2. The second chapter#" in second
    assert "1.2. The deep chapter#" in deep and "1.2.1. A part of it#" in deep
    for page, number in ((first, "1.1"), (deep, "1.2"), (second, "2.1")):
        assert (
            f"Fig. {number} A line" in page and f"({number})#" in page and f"Exercise {number} (Try)" in page
        )


def test_a_deep_dive_is_referred_to_by_its_title_and_its_parts_by_number(book):
    assert (
        "More in The deep chapter; Fig. 1.1, Fig. 1.2, (1.1), (1.2), Exercise 1.1, Exercise 1.2 "
        "and Fig. 2.1, (2.1), Exercise 2.1." in article(book, CHAPTERS[0])
    )


def test_a_deep_dive_stands_between_its_chapter_and_the_next(book):
    links = re.findall(r'<a class="(left|right)-(?:prev|next)"\s+href="([^"]+)"', book.page(DEEP))
    assert links == [("left", "01_first.html"), ("right", "02_second.html")]
    assert re.findall(
        r'toctree-l(\d)[^>]*><a [^>]*href="(?:01_math_foundations/)?(0[^"]+)"', book.page("book/index")
    ) == [
        ("1", "01_first.html"),
        ("2", "01_first_more.html"),
        ("1", "02_second.html"),
    ]


def test_a_deep_dive_is_executed_searched_reported_and_downloaded_as_a_chapter_is(book):
    page = book.page(DEEP)
    assert "Executed on" in page and "Report a problem with this page" in page
    assert f'href="../../_sources/{DEEP}.ipynb"' in page
    nb = nbformat.read(book.root / f"_build/html/_sources/{DEEP}.ipynb", as_version=4)
    assert "Claim deep/value" in str(nb.cells[-2].outputs)
    assert DEEP in (book.root / "_build/html/searchindex.js").read_text("utf-8")


def test_the_claims_of_a_deep_dive_stand_under_its_own_title(book):
    words = article(book, "book/index")
    found = re.findall(r"The (\w+) chapter# Claim Ours Range Paper Source Verdict (\w+)/value", words)
    assert found == [("first", "first"), ("deep", "deep"), ("second", "second")]


def test_pages_list_chapters_with_their_deep_dives_and_mark_what_is_written(book):
    words = article(book, "book/index")
    assert "The first chapter: about first. The deep chapter: about deep. The second" in words
    assert "Exercises 1 The first chapter 0 min ★, 15 min The deep chapter 0 min ★, 15 min 2 The" in words
    assert "Path 1 to 2, about 0 minutes; read 1, 3; week 2 ✓, 3." in words
    links = re.findall(
        r'read <a [^>]*href="([^"]+)"[^>]*><span[^>]*>1</span></a>, 3;', book.page("book/index")
    )
    assert links == ["01_math_foundations/01_first.html"]


def test_the_map_says_what_is_written_and_leads_there(book):
    stations = BeautifulSoup(book.page("book/index"), "html.parser").select("svg.book-map > a")
    first, second, *_ = [(a["href"], a["class"], list(a.stripped_strings)) for a in stations]
    assert len(stations) == 9
    assert first == (
        "01_math_foundations/01_first.html",
        ["written"],
        ["1 One", "something", "chapters 1 to 2: written"],
    )
    assert second == (
        "teaching.html#fourteen-weeks",
        ["planned"],
        ["2 Section 2", "something", "chapters 3 to 3: planned"],
    )


def test_made_pages_follow_what_they_are_made_of(book):
    assert book.build(*STRICT) == 0, book.output
    assert "0 added, 0 changed, 0 removed" in book.output
    book.replace(f"{CHAPTERS[1]}.md", "about second", "about the sea")
    book.write("src/llmbook/math_foundations/tides.py", '"""Chapter 2: tides."""\n')
    assert book.build(*STRICT) == 0, book.output
    words = article(book, "book/index")
    assert "The second chapter: about the sea." in words
    assert words.index("Chapter 2: tides.") < words.index("Chapter 3: from scores")


def toc(folder: Path, sections: str, parts: str = "[]") -> Path:
    (folder / "_toc.yml").write_text(f"root: index\nmeta: {{sections: {sections}}}\nparts: {parts}\n")
    return folder


def test_the_outline_of_the_book_has_32_chapters_in_nine_sections():
    sections = outline.sections()
    assert len(sections) == 9 and sum(len(section.chapters) for section in sections) == 32
    written = plan.written(sections)
    assert [chapter.page.path for chapter in written] == outline.chapters()
    assert all(chapter.page.label and chapter.page.about.endswith(".") for chapter in written)


def test_chapters_deep_dives_and_documents_with_cells_are_told_apart(tmp_path):
    names = ("index", "notes", "one/01_a", "one/01_a_more", "one/01_a_most", "one/02_b")
    for name in names:
        page = tmp_path / f"{name}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text("# A\n" if name == "index" else "# A\n\n```{code-cell}\n1\n```\n")
    entry = "{file: one/01_a, sections: [{file: one/01_a_more}, {file: one/01_a_most}]}"
    toc(tmp_path, "{}", f"[{{chapters: [{{file: notes}}]}}, {{chapters: [{entry}, {{file: one/02_b}}]}}]")
    paths = [tmp_path / f"{name}.md" for name in names]
    assert outline.documents(tmp_path) == paths
    assert outline.with_cells(tmp_path) == paths[1:]
    assert outline.chapters(tmp_path) == [paths[2], paths[5]]
    assert outline.deep_dives(paths[2], tmp_path) == paths[3:5]
    assert outline.deep_dives(paths[5], tmp_path) == outline.deep_dives(paths[1], tmp_path) == []


def test_a_deep_dive_must_be_named_after_its_chapter(tmp_path):
    toc(tmp_path, "{}", "[{chapters: [{file: a/01_b, sections: [{file: a/01_c}]}]}]")
    with pytest.raises(outline.OutlineError, match="a/01_c must begin with a/01_b_"):
        outline.deep_dives(tmp_path / "a/01_b.md", tmp_path)


def test_a_part_must_be_planned_and_the_numbers_complete(tmp_path):
    toc(tmp_path, "{One: {adds: x}}", "[{caption: Two, chapters: [{file: a/01_b}]}]")
    with pytest.raises(outline.OutlineError, match=r"part 'Two' is not among meta's sections: \['One'\]"):
        outline.sections(tmp_path)
    toc(tmp_path, "{One: {adds: x, planned: {1: A, 3: C}}}")
    with pytest.raises(outline.OutlineError, match=r"must be 1, 2, 3 …; they are \[1, 3\]"):
        outline.sections(tmp_path)


@pytest.mark.parametrize(
    ("path", "numbers", "words"),
    [
        ("3", [3], "3"),
        ("3, 5", [3, 5], "3 and 5"),
        ("3, 19-22, 24", [3, 19, 20, 21, 22, 24], "3, 19 to 22 and 24"),
    ],
)
def test_paths_are_read_and_written(path, numbers, words):
    assert plan.numbers(path) == numbers
    assert plan.ranges(numbers) == words


def test_what_is_written_of_a_path_is_said_with_its_time(monkeypatch):
    def chapter(number, minutes=None):
        page = minutes and outline.Page(Path(), None, "", "", minutes, (), 0)
        return outline.Chapter(number, "", page)

    chapters = {n: chapter(n, minutes) for n, minutes in {1: 34, 2: 41, 3: 50, 4: None}.items()}
    monkeypatch.setattr(plan, "every", lambda: chapters)
    assert plan.written_of("2") == "2, about 40 minutes"
    assert plan.written_of("1-4") == "1 to 3, about 2 hours"
    assert plan.written_of("4") == "none"
