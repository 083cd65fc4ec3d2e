"""The import rules: a section imports from the sections above it, and from data, and nothing else."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import llmbook

SOURCE = Path(llmbook.__file__).parent
SECTIONS = [
    "math_foundations",
    "feedforward",
    "optimization",
    "rnn",
    "lstm_gru",
    "encoder_decoder",
    "transformers",
    "tokenization_inference",
    "advanced_topics",
]
THIRD_PARTY = {"numpy", "tqdm", "regex", "babel"}  # what the library itself may need; book/ may import more
MODULES = sorted(SOURCE.rglob("*.py"))
every_module = pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SOURCE).as_posix())


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full, so that the rules can be read off"
            found.add(node.module)
    return found


def allowed(importer: str) -> set[str]:
    """The parts of llmbook that a part may import, itself included."""
    if importer in SECTIONS:
        return {"data", *SECTIONS[: SECTIONS.index(importer) + 1]}
    if importer == "data":
        return {"data"}
    return {importer, "data", *SECTIONS}


@every_module
def test_imports_point_upwards(path):
    part = path.relative_to(SOURCE).parts[0]
    for name in imports(path):
        root, _, rest = name.partition(".")
        if root == "llmbook":
            assert rest or part == "book", f"{path}: import the module that is meant, not llmbook as a whole"
            assert not rest or rest.split(".")[0] in allowed(part), f"{part} must not import {name}"
        elif root not in sys.stdlib_module_names and part != "book":
            assert root in THIRD_PARTY, f"{path} imports {root}; the library needs only {sorted(THIRD_PARTY)}"


@every_module
def test_section_init_files_import_nothing(path):
    hubs = {"data", "book"}  # these re-export their public names; the execution cache looks through them
    if path.name == "__init__.py" and path.parent.name not in hubs:
        assert not imports(path), f"{path} must hold a docstring and no imports"


@every_module
def test_first_line_names_the_chapter_or_the_purpose(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, f"{path} has no docstring"
    if path.parent.name in SECTIONS and path.name != "__init__.py":
        assert docstring.startswith("Chapter "), f"{path}: the first line must name the module's chapter"


@every_module
def test_module_length(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 300, f"{path} has {lines} lines; split it by idea"


@pytest.mark.parametrize("name", [m.name for m in pkgutil.walk_packages(llmbook.__path__, "llmbook.")])
def test_docstring_examples_run(name):
    if not name.endswith("__main__"):
        results = doctest.testmod(importlib.import_module(name), extraglobs={"np": __import__("numpy")})
        assert results.failed == 0


def test_library_needs_no_plotting_and_no_notebook():
    """Importing every section, data and llmbook.book pulls in neither matplotlib nor IPython."""
    parts = [p.name for p in SOURCE.iterdir() if (p / "__init__.py").exists()]
    imports = "\n".join(f"import llmbook.{part}" for part in parts)
    code = f"import sys\n{imports}\nprint({{'matplotlib', 'IPython'}} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"


def test_version_is_the_metadata_version():
    from importlib.metadata import version

    assert version("llmbook") == llmbook.__version__
