"""Each page has the form that the book promises, by its edition; and a fault of each kind is found."""

import re

import pytest

import form
import outline
from execution import FRONT_MATTER

FIRST_EDITION = {1, 2, 3, 4, 5, 6, 7, 8}  # a chapter leaves when its second edition is written
SEVERAL_METHODS = (28, 32)  # chapters whose sections may bend their order
CHAPTERS = {int(path.name[:2]): path for path in outline.chapters()}
DEEP_DIVES = [(chapter, page) for chapter in CHAPTERS.values() for page in outline.deep_dives(chapter)]
PAGES = [*CHAPTERS.values(), *(page for _, page in DEEP_DIVES)]


def test_every_page_of_a_section_is_in_the_table_of_contents():
    assert sorted(PAGES) == sorted(outline.ROOT.glob("book/0[1-9]_*/*.md"))


@pytest.mark.parametrize("number", CHAPTERS, ids=[path.stem for path in CHAPTERS.values()])
def test_a_chapter_has_its_form(number):
    text = CHAPTERS[number].read_text("utf-8")
    if number in FIRST_EDITION:
        assert not list(form.first_edition(text))
    else:
        assert not list(form.second_edition(text, in_order=number not in SEVERAL_METHODS))


def test_deep_dives_have_their_form_and_their_chapters_say_what_is_in_them():
    for chapter, page in DEEP_DIVES:
        assert not list(form.deep_dive(page.read_text("utf-8"))), page
        assert f"{{ref}}`{outline.page(page).label}`" in chapter.read_text("utf-8"), page


CELL = "```{code-cell} ipython3\nx = 1\n```"
FIGURE = """```{{code-cell}} ipython3
---
mystnb:
  image:
    alt: "A line that rises from zero to one, and the wires along it."
  figure:
    caption: "What a line looks like that rises from zero to one."
    name: fig-{n}
---
plot({n})
```

{{numref}}`fig-{n}` shows it."""
CLAIM = """```{code-cell} ipython3
from llmbook.book import claim

claim("slug/value", x, 0, 2)
recorded.check("x", x)
```"""
EXERCISE = "```{{exercise}} Try {n}\n:label: ex-{n}\n{grade} Derive it, and see that it holds.\n{more}```"
SOLUTION = """```{{solution-start}} ex-{n}
:class: dropdown
```

```{{code-cell}} ipython3
x = {n}
{more}```

```{{solution-end}}
```"""
BEFORE = """:::{admonition} Before you start
You will be able to: derive.
You need: nothing.
The code lives in {py:mod}`llmbook.x`.
:::"""
PRINCIPLE = ":::{admonition} The principle\nWhat goes up comes down: $x = 1$.\n:::"
FRONT = FRONT_MATTER.replace("file_format", "about: a made-up subject.\nfile_format")


def made_up():
    """Write a chapter that has its form."""
    exercises = []
    for n, grade in enumerate(("✎", "✎", "★", "★", "★★", "★★★")):
        checked = f'check("exercise-{n}", x)\n' if n > 3 else ""
        exercises += [EXERCISE.format(n=n, grade=grade, more=""), SOLUTION.format(n=n, more=checked)]
    exercises.append(EXERCISE.format(n=6, grade="★★", more="Judge your answer by its cost.\n"))
    parts = [FRONT, "(ch-slug)=\n# A made-up chapter", "Why would anyone ask?", BEFORE]
    parts += ["## The problem: none", "## The idea", PRINCIPLE, "## The mathematics"]
    parts += ["## From formula to code", *[CELL] * 9, CLAIM, "It is {glue:text}`slug/value:.2f`."]
    parts += ["## The experiment", *(FIGURE.format(n=n) for n in range(4)), "## What it costs"]
    parts += ["## What goes wrong", "## In practice", "## Summary", "## Exercises", *exercises]
    parts += ["## Related and contested", "## Sources"]
    return "\n\n".join(parts) + "\n"


GOOD = made_up()
LONG = "\n".join(f"line_{n} = 1" for n in range(16))


def test_a_made_up_chapter_has_its_form():
    assert list(form.second_edition(GOOD)) == list(form.deep_dive(GOOD)) == []


def test_what_is_not_prose_is_not_counted():
    before = form.words(GOOD)
    for more in (CELL, CLAIM, "$$x = 1$$ (eq-x)", "```{math}\nx = 1\n```", "(label)="):
        assert form.words(GOOD.replace("## Summary", f"{more}\n\n## Summary")) == before
    assert form.words(GOOD.replace("## Summary", "Four words of prose.\n\n## Summary")) == before + 4
    admonition = ":::{admonition} Note\nFour words of prose.\n:::\n\n## Summary"
    assert form.words(GOOD.replace("## Summary", admonition)) == before + 4


def solution(n):
    return re.search(rf"```{{solution-start}} ex-{n}\n.*?{{solution-end}}\n```\n", GOOD, re.S)[0]


PAGE_FAULTS = {
    "front matter": (FRONT, FRONT.replace("file_format: mystnb\n", ""), "front matter needs"),
    "kernel": ("  display_name: Python 3\n", "", "and a kernelspec"),
    "about": ("about: a made-up subject.\n", "", "front matter needs `about`"),
    "label": ("(ch-slug)=\n", "", "needs a label"),
    "wide cell": ("x = 4\n", f"x = {'4' * 90}\n", "wider than 80 columns: x = 44"),
    "long cell": (CELL, CELL.replace("x = 1", LONG), "16 lines in a cell that is shown: line_0"),
    "no alt text": ('    alt: "A line that rises', '    note: "A line that rises', "caption and an alt text"),
    "recorded in a figure": ("plot(2)\n", 'plot(runs("09-x"))\n', "`runs` in a figure's cell"),
    "no reference": ("{numref}`fig-2`", "This", "never refers to the figure fig-2"),
    "not claimed": ("`slug/value:", "`slug/worth:", "slug/worth is quoted and not claimed"),
    "two sentences": ("Why would", "It is so. But why would", "more than one sentence in a line: It is so."),
    "tone": ("Why would", "Why, obviously, would", "the word 'obviously'"),
    "exclamation": ("anyone ask?", "anyone ask that!", "an exclamation mark"),
    "words": ("## Summary", "word " * 4501 + "\n\n## Summary", "words of prose, not 0 to 4500"),
    "bookkeeping": ('claim("slug', 'y = x\nclaim("slug', "mixes bookkeeping with the subject: from"),
    "hidden claim": (CELL, CELL.replace("x = 1", "for x in y:\n    claim(x)"), "mixes bookkeeping"),
}
CHAPTER_FAULTS = {
    "no costs": ("## What it costs", "", "no heading for 'what it costs'"),
    "no practice": ("## In practice", "", "no heading for 'in practice'"),
    "no rivals": ("## Related and contested", "", "no heading for 'related and contested'"),
    "order": (
        "## Related and contested\n\n## Sources",
        "## Sources\n\n## Related and contested",
        "their order",
    ),
    "before": ("You need: nothing.\n", "", "'Before you start' lacks 'You need'"),
    "no principle": (PRINCIPLE, "", "0 admonitions 'The principle', not 1 to 1"),
    "principle": (": $x = 1$.", ".", "the principle has no equation"),
    "few cells": (f"{CELL}\n\n{CELL}", CELL, "cells, not 12 to 25"),
    "many cells": (CELL, f"{CELL}\n\n{CELL}\n\n{CELL}", "31 visible cells, not 12 to 25"),
    "few figures": ("  figure:\n", "  picture:\n", "0 figures, not 4 to 7"),
    "many figures": (FIGURE.format(n=1), "\n\n".join([FIGURE.format(n=1)] * 5), "8 figures, not 4 to 7"),
    "few exercises": (EXERCISE.format(n=2, grade="★", more=""), "", "6 exercises, not 7 to 10"),
    "many exercises": (
        EXERCISE.format(n=2, grade="★", more=""),
        "\n\n".join([EXERCISE.format(n=2, grade="★", more="")] * 5),
        "11 exercises, not 7 to 10",
    ),
    "no warm-up": ("✎", "★", "0 pencil warm-ups (✎), not 2 to 3"),
    "warm-up late": (":label: ex-6\n★★", ":label: ex-6\n✎", "the pencil warm-ups (✎) come first"),
    "one check": ('check("exercise-5", x)\n', "", "1 checked exercises, not 2"),
    "none open": ("## Related", solution(5).replace("ex-5", "ex-6") + "\n## Related", "0 open exercises"),
    "no judge": (
        "Judge your answer by its cost.\n",
        "",
        "ex-6 has no solution and does not say how to judge",
    ),
    "no solution": (solution(3), "", "ex-3 has no solution and does not say how to judge"),
    "not executed": (solution(2), solution(2).replace("{code-cell}", "{note}"), "ex-2 has no executed"),
    "no grade": ("★★★ Derive", "Derive", "exercise ex-5 is not graded"),
}


@pytest.mark.parametrize(
    ("old", "new", "fault"), (PAGE_FAULTS | CHAPTER_FAULTS).values(), ids=[*PAGE_FAULTS, *CHAPTER_FAULTS]
)
def test_a_fault_of_a_chapter_is_found(old, new, fault):
    assert old in GOOD
    assert any(fault in found for found in form.second_edition(GOOD.replace(old, new)))


@pytest.mark.parametrize(("old", "new", "fault"), PAGE_FAULTS.values(), ids=list(PAGE_FAULTS))
def test_a_fault_of_a_deep_dive_is_found(old, new, fault):
    assert any(fault in found for found in form.deep_dive(GOOD.replace(old, new)))


def test_the_order_may_bend_where_a_chapter_teaches_several_methods():
    old, new, _ = CHAPTER_FAULTS["order"]
    assert list(form.second_edition(GOOD.replace(old, new), in_order=False)) == []


def test_the_first_edition_keeps_its_counts():
    faults = list(form.first_edition(GOOD))
    assert "exercise ex-0 is not graded" in faults and "exercise ex-6 has no executed solution" in faults
    starred = GOOD.replace("✎", "★").replace(
        "## Related", solution(5).replace("ex-5", "ex-6") + "\n## Related"
    )
    assert list(form.first_edition(starred)) == []
    assert "2 figures, not 3 or more" in form.first_edition(starred.replace("figure:\n", "picture:\n", 2))
