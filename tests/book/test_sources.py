"""The llmbook modules that a piece of code depends on."""

from pathlib import Path

import pytest

from llmbook.book import sources
from llmbook.book.sources import dependencies, digest, fingerprint

PACKAGE = {
    "__init__.py": '"""A hub."""\n__version__ = "1"\n',
    "data/__init__.py": (
        '"""A hub."""\n'
        "from llmbook.data.names import load_names\n"
        "from .plays import load_plays as load_shakespeare\n"
        '__all__ = ["load_names", "load_shakespeare"]\n'
    ),
    "data/names.py": "from llmbook.data.archives import fetch\n",
    "data/plays.py": "from .archives import fetch\n",
    "data/archives.py": "import zipfile\n",
    "rnn/__init__.py": '"""A hub."""\n',
    "rnn/rnn.py": "def f():\n    from ..softmax import softmax\n",
    "rnn/loop.py": "from llmbook.rnn import loop, rnn\n",
    "softmax.py": "import numpy as np\n",
    "own/__init__.py": "LIMIT = 3\n",
    "own/part.py": "",
}


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a small package in the place of llmbook."""
    for name, code in PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    monkeypatch.setattr(sources, "_PACKAGE", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("import numpy", []),
        ("import llmbook.softmax", ["softmax"]),
        ("from llmbook import softmax", ["softmax"]),
        ("from llmbook.softmax import softmax", ["softmax"]),
        ("from llmbook import __version__", [""]),
        # a hub is followed for the names asked for, under any name it gives them
        ("from llmbook.data import load_names", ["data.archives", "data.names"]),
        ("from llmbook.data import load_shakespeare", ["data.archives", "data.plays"]),
        ("import llmbook.data", ["data.archives", "data.names", "data.plays"]),
        ("from llmbook import data", ["data.archives", "data.names", "data.plays"]),
        ("from llmbook.data import *", ["data.archives", "data.names", "data.plays"]),
        ("from llmbook.data import names", ["data.archives", "data.names"]),
        # relative, inside a function, around a circle
        ("from llmbook.rnn.rnn import f", ["rnn.rnn", "softmax"]),
        ("import llmbook.rnn.loop", ["rnn.loop", "rnn.rnn", "softmax"]),
        # a package's own code runs when one of its modules is imported
        ("from llmbook.own.part import x", ["own", "own.part"]),
        # what a cell may hold besides Python
        ("%matplotlib inline\nimport llmbook.softmax\n!ls\nx = %time f()\nx?", ["softmax"]),
        ("%%bash\npython -c 'import llmbook.softmax'", []),
        ("x = (7\n     % 2)\nimport llmbook.softmax", ["softmax"]),
    ],
)
def test_dependencies(code: str, modules: list[str]) -> None:
    assert list(dependencies(code)) == [f"llmbook.{name}".rstrip(".") for name in modules]


def test_files(package: Path) -> None:
    assert dependencies("import llmbook.softmax") == {"llmbook.softmax": package / "softmax.py"}


def test_fingerprint_changes_with_names_and_code(package: Path) -> None:
    files = dependencies("import llmbook.rnn.rnn")
    before = fingerprint(files)
    assert fingerprint(dict(reversed(files.items()))) == before
    assert fingerprint({name.upper(): file for name, file in files.items()}) != before
    (package / "softmax.py").write_text('"""Words."""\n\nimport numpy as np  # and more\n')
    assert fingerprint(files) == before
    (package / "softmax.py").write_text("import numpy\n")
    assert fingerprint(files) != before


def test_what_is_not_python_counts_byte_by_byte(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text("1\n")
    before = digest(file)
    file.write_text("1  # one\n")
    assert digest(file) != before


def test_code_only_keeps_what_can_change_a_result():
    source = '''"""A module."""
import numpy as np  # arrays

# A remark.
def f(x):
    """Double x,

    in two lines.
    """
    text = "# not a remark"
    """a string that is no docstring"""
    return 2 * x, text


class A:
    """A class."""

    x = 1
'''
    assert sources.code_only(source).splitlines() == [
        "import numpy as np",
        "def f(x):",
        '    text = "# not a remark"',
        '    """a string that is no docstring"""',
        "    return 2 * x, text",
        "class A:",
        "    x = 1",
    ]
