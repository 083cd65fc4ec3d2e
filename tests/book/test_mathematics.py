"""Mathematics in a scratch copy of the book: how it is set, numbered and found. The tests run in order."""

import re

from bs4 import BeautifulSoup

from execution import FRONT_MATTER

STRICT = ("-W", "-n", "--keep-going")
INDEX = r"""# The norm $\|x\|$ of x

Inline $x^2$, and {math}`y_1`; {eq}`first` and {eq}`second`.

$$
a = b
$$ (first)

```{math}
:label: second

c &= d \\
&= e
```

```{math}
f = 1

g = 2
```

\begin{align}
u &= 1 \\
v &= 2
\end{align}

## A heading with $\mathbb{R}$

| $t$ | b |
|---|---|
| 1 | $\frac{1}{2}$ |

A note.[^n]

[^n]: With $n!$.
"""
OTHER = (
    FRONT_MATTER
    + r"""

# Other

```{code-cell} ipython3
---
mystnb:
  figure:
    caption: Where $\kappa = 1$
---
from IPython.display import SVG
SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
```

```{code-cell} ipython3
---
mystnb:
  markdown_format: myst
---
from IPython.display import Latex, Markdown, display
display(Latex(r"$\lambda_1$"), Markdown(r"So $\mu_1$."))
```
"""
)


def formulas(scratch, name):
    """Read the TeX of a page's formulas, in order."""
    soup = BeautifulSoup(scratch.page(name), "html.parser")
    article = soup.select_one("article")
    return [math.annotation.get_text().strip() for math in article.select(".math .katex")]


def test_everything_is_set(scratch):
    scratch.write("book/index.md", INDEX)
    scratch.write("book/other.md", OTHER)
    scratch.toc("book/index", "book/other")
    assert scratch.build(*STRICT) == 0, scratch.output
    assert formulas(scratch, "book/index") == [
        r"\|x\|",
        "x^2",
        "y_1",
        "a = b",
        "\\begin{split}c &= d \\\\\n&= e\\end{split}",
        "\\begin{aligned}f = 1\\\\g = 2\\end{aligned}",
        "\\begin{align*}\nu &= 1 \\\\\nv &= 2\n\\end{align*}",
        r"\mathbb{R}",
        "t",
        r"\frac{1}{2}",
        "n!",
    ]
    assert formulas(scratch, "book/other") == [r"\kappa = 1", r"\lambda_1", r"\mu_1"]


def test_numbers_and_references(scratch):
    soup = BeautifulSoup(scratch.page("book/index"), "html.parser")
    numbers = {e["id"]: e.select_one(".eqno").contents[0] for e in soup.select("div.math") if e.get("id")}
    assert list(numbers.values()) == ["(1)", "(2)", "(3)"]
    assert list(numbers)[:2] == ["equation-first", "equation-second"]
    links = [(link["href"], link.get_text()) for link in soup.select("article p a.reference.internal")]
    assert links == [("#equation-first", "(1)"), ("#equation-second", "(2)")]


def test_for_the_eye_and_for_the_ear_and_no_script(scratch):
    for name in ("book/index", "book/other"):
        soup = BeautifulSoup(scratch.page(name), "html.parser")
        assert all(math.select_one("math") for math in soup.select(".math"))
        assert all(html["aria-hidden"] == "true" for html in soup.select(".katex-html"))
        assert not [s for s in soup.select("script") if re.search("mathjax|katex", str(s), re.I)]
        assert not soup.select(".math [tabindex], .math a:not(.headerlink)")


def test_only_the_fonts_that_are_used(scratch):
    katex = scratch.root / "_build/html/_static/katex"
    fonts = {file.name for file in (katex / "fonts").iterdir()}
    used = {"KaTeX_AMS-Regular", "KaTeX_Main-Regular", "KaTeX_Math-Italic"}
    assert fonts == {f"{name}.woff2" for name in used}
    assert set(re.findall(r"url\(fonts/([^)]+)\)", (katex / "katex.css").read_text())) > fonts


def test_where_text_is_needed_a_formula_is_its_source(scratch):
    title = r"The norm \|x\| of x"
    first, second = (scratch.page(f"book/{name}") for name in ("index", "other"))
    assert f"<title>{title} &#8212; LLM From Scratch</title>" in first
    soup = BeautifulSoup(second, "html.parser")
    assert soup.select_one('link[rel="prev"]')["title"] == title
    assert soup.select_one(".prev-next-title .katex")
    soup = BeautifulSoup(first, "html.parser")
    assert soup.select_one('meta[property="og:title"]')["content"] == title
    assert "katex" not in soup.select_one('meta[property="og:description"]')["content"]
    index = (scratch.root / "_build/html/searchindex.js").read_text("utf-8")
    assert "katex" not in index and "semantics" not in index
    assert r'"titles": ["The norm \\|x\\| of x", "Other"]' in index


def test_a_formula_is_set_once(scratch):
    assert "rendered 14 formulas" in scratch.output
    assert scratch.build("--all", *STRICT) == 0, scratch.output
    assert "formulas" not in scratch.output
    scratch.replace("book/index.md", "$x^2$", "$x^3$")
    assert scratch.build(*STRICT) == 0, scratch.output
    assert "rendered 1 formulas" in scratch.output


BAD = r"""
One line.
Another with $a$.
A third with $\frac{1}{$.

$$
x = \nonsense{y}
$$

| a | b |
|---|---|
| 1 | 2 |
| $\mathbb{$ | 2 |

$$
é
$$
"""


def test_a_formula_that_cannot_be_read_fails_with_its_line(scratch):
    path = scratch.write("book/other.md", OTHER + BAD)
    lines = path.read_text("utf-8").splitlines()
    for _ in range(2):
        assert scratch.build(*STRICT) == 1
        for formula, message in {
            r"\frac{1}{$": "Unexpected end of input in a macro argument",
            r"\nonsense": r"Undefined control sequence: \nonsense at position 5: x = ",
            r"\mathbb{$": "Unexpected end of input in a macro argument",
            "é": "strict mode is set to 'error': Accented Unicode text character \"é\"",
        }.items():
            [number] = [number for number, line in enumerate(lines, start=1) if formula in line]
            [error] = [line for line in scratch.output.splitlines() if f"other.md:{number}: WARNING" in line]
            assert message in error
