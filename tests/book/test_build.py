"""A build of a scratch copy: what re-runs after which change, and what fails. The tests run in order."""

import re
import time

import nbformat

STRICT = ("-W", "-n", "--keep-going")
RAN = "open('../../ran.txt', 'a').write('{}\\n');"
PROBE = '''
from sphinx.util.docutils import SphinxDirective
from docutils import nodes


class Probe(SphinxDirective):
    """A page that is made from every chapter, as the claims page is."""

    def run(self):
        import execution
        import outline

        self.env.llmbook_ledger_docs = getattr(self.env, "llmbook_ledger_docs", set()) | {self.env.docname}
        outputs = [
            output.text.strip()
            for path in outline.with_cells()
            for cell in execution.executed(path).cells
            for output in cell.get("outputs", [])
            if output.output_type == "stream"
        ]
        return [nodes.paragraph(text="probe: " + ", ".join(outputs))]


def setup(app):
    app.add_directive("probe", Probe)
    return {"parallel_read_safe": True}
'''

INDEX = """\
# Book

```{probe}
```

```{exercise} Try
:label: try
An untitled section, which sphinx-codeautolink does not expect.
```

```{literalinclude} ../src/llmbook/method.py
:pyobject: A.f
:language: python
```
"""


def test_first_build(scratch):
    scratch.write("book/_ext/probe.py", PROBE)
    scratch.replace("_config.yml", "      - llmbook_sphinx\n", "      - llmbook_sphinx\n      - probe\n")
    scratch.write("src/llmbook/one.py", "VALUE = 'one'\n")
    scratch.write("src/llmbook/two.py", "from llmbook.shared import VALUE\n")
    scratch.write("src/llmbook/shared.py", "VALUE = 'two'\n")
    scratch.chapter("book/01_one/01_a", f"{RAN.format('a')} from llmbook.one import VALUE", "print(VALUE)")
    scratch.chapter("book/01_one/02_b", f"{RAN.format('b')} import llmbook.two as two", "print(two.VALUE)")
    scratch.chapter("book/02_two/03_c", RAN.format("c"), "print('three')")
    scratch.write("src/llmbook/method.py", "class A:\n    def f(self):\n        return 1\n")
    scratch.write("book/index.md", INDEX)
    scratch.write(".hidden/README.md", "# Not a page\n")
    scratch.write("README.md", "# Not a page\n")
    scratch.toc("book/index", "book/01_one/01_a", "book/01_one/02_b", "book/02_two/03_c")
    assert scratch.build(*STRICT) == 0, scratch.output
    assert scratch.ran() == ["a", "b", "c"]
    assert "probe: one, two, three" in scratch.page("book/index")


def test_hidden_folders_stay_out(scratch):
    html = scratch.root / "_build" / "html"
    pages = {path.relative_to(html).as_posix() for path in html.rglob("*.html")}
    assert {page for page in pages if page.startswith("book/")} == {
        "book/index.html",
        "book/01_one/01_a.html",
        "book/01_one/02_b.html",
        "book/02_two/03_c.html",
    }
    assert not [page for page in pages if "README" in page or page.startswith(".")]


def test_offers_the_executed_notebook(scratch):
    assert 'href="../../_sources/book/01_one/01_a.ipynb"' in scratch.page("book/01_one/01_a")
    nb = nbformat.read(scratch.root / "_build/html/_sources/book/01_one/01_a.ipynb", as_version=4)
    assert nb.metadata.kernelspec.display_name == "Python 3"
    assert nb.cells[-1].outputs[0].text == "one\n"


def test_nothing_changed(scratch):
    start = time.perf_counter()
    assert scratch.build(*STRICT) == 0, scratch.output
    assert time.perf_counter() - start < 10
    assert scratch.ran() == []
    assert "0 added, 0 changed, 0 removed" in scratch.output


def test_a_module_re_runs_the_chapters_that_use_it(scratch):
    scratch.write("src/llmbook/shared.py", "VALUE = 'changed'\n")
    assert scratch.build(*STRICT) == 0, scratch.output
    assert scratch.ran() == ["b"]
    assert "changed" in scratch.page("book/01_one/02_b")
    assert "probe: one, changed, three" in scratch.page("book/index")


def test_prose_re_runs_nothing(scratch):
    scratch.replace("book/01_one/01_a.md", "Words.", "Other words.")
    assert scratch.build(*STRICT) == 0, scratch.output
    assert scratch.ran() == []
    assert "Other words." in scratch.page("book/01_one/01_a")


def test_what_the_tests_executed_the_build_does_not(scratch):
    scratch.write("src/llmbook/one.py", "VALUE = 'uno'\n")
    process = scratch.start("-c", "import execution, outline; execution.execute(outline.with_cells())")
    assert (process.communicate()[0], process.returncode) == ("", 0)
    assert scratch.ran() == ["a"]
    assert scratch.build(*STRICT) == 0, scratch.output
    assert scratch.ran() == []
    assert "uno" in scratch.page("book/01_one/01_a")


def test_warnings_are_repeated_until_they_are_fixed(scratch):
    scratch.replace("book/02_two/03_c.md", "Words.", "Words. {ref}`nowhere`")
    for _ in range(2):
        assert scratch.build(*STRICT) == 1
        assert "undefined label: 'nowhere'" in scratch.output
    scratch.replace("book/02_two/03_c.md", "{ref}`nowhere`", "")
    assert scratch.build(*STRICT) == 0, scratch.output
    assert scratch.ran() == []


def test_stderr_is_a_warning(scratch):
    scratch.replace("book/02_two/03_c.md", "print('three')", "import sys; print('three', file=sys.stderr)")
    assert scratch.build(*STRICT) == 1
    assert re.search(r"03_c\.md:\d+: WARNING: stderr was found", scratch.output)
    scratch.ran()


def test_failing_chapters_fail_the_build_and_are_all_named(scratch):
    scratch.replace("book/02_two/03_c.md", "import sys; ", "1 / 0; ")
    scratch.write("src/llmbook/one.py", "")
    assert scratch.build() != 0
    lines = scratch.output.splitlines()
    assert "book/02_two/03_c.md:18: cell 2: ZeroDivisionError: division by zero" in lines
    assert any(
        line.startswith("book/01_one/01_a.md:12: cell 1: ImportError: cannot import") for line in lines
    )
