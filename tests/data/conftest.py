"""A tiny archive with a pin of its own, a folder that serves it to the real pip, and an empty cache."""

import hashlib
import os
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from llmbook.data import archives

SOURCE = Path(archives.__file__).parents[2]


def write_wheel(path: Path, content: str) -> None:
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny_corpus/words.txt", content)
        wheel.writestr(
            "tiny_corpus-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-corpus\nVersion: 1.0\n"
        )
        wheel.writestr(
            "tiny_corpus-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("tiny_corpus-1.0.dist-info/RECORD", "")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The fake pin `tiny`, served by `index`, with an empty `cache`."""
    index, cache = tmp_path / "index", tmp_path / "cache"
    index.mkdir()
    wheel = index / "tiny_corpus-1.0-py3-none-any.whl"
    write_wheel(wheel, "to be or not to be " * 1000)
    archive = archives.Archive(
        name="tiny",
        package="tiny-corpus",
        version="1.0",
        filename=wheel.name,
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        size=wheel.stat().st_size,
        license="MIT",
        what="six words",
    )
    monkeypatch.setattr(archives, "ARCHIVES", {"tiny": archive})
    monkeypatch.setattr("llmbook.data.__main__.ARCHIVES", {"tiny": archive})
    monkeypatch.setenv("LLMBOOK_CACHE", str(cache))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))

    def script(code: str) -> str:
        """Return a program that knows the fake pin and then runs `code`."""
        return (
            "from llmbook.data import archives, fetch, DataError\n"
            "from llmbook.data.archives import Archive\n"
            f"archives.ARCHIVES = {{'tiny': {archive!r}}}\n{code}\n"
        )

    def client(code: str) -> list[str]:
        """Return a package client that answers `--version` and otherwise runs `code`."""
        program = tmp_path / "client.py"
        program.write_text(
            "import os, shutil, signal, subprocess, sys, time\n"
            "from pathlib import Path\n"
            "if '--version' in sys.argv: sys.exit(0)\n"
            f"folder, name, served = Path(sys.argv[-1]), {wheel.name!r}, Path({str(wheel)!r})\n" + code
        )
        return [sys.executable, str(program)]

    return SimpleNamespace(
        archive=archive,
        index=index,
        cache=cache,
        wheel=wheel,
        path=cache / wheel.name,
        script=script,
        client=client,
    )
