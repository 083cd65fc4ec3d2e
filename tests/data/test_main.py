"""`python -m llmbook.data`: the list, fetching, exit codes, the bar."""

import io
import runpy
import sys

import pytest

from llmbook.data import archives
from llmbook.data.__main__ import main


def test_the_list_says_what_is_missing_and_what_is_there(tiny, capsys):
    for arguments in ([], ["list"]):
        assert main(arguments) == 0
        out = capsys.readouterr().out
        assert out.splitlines()[0].split() == ["tiny", "missing", "0.0", "MB", "MIT", "six", "words"]
        assert f"Cache: {tiny.cache}\n" in out
        assert "python -m llmbook.data fetch" in out
    assert not tiny.cache.exists()

    archives.fetch("tiny")
    assert main([]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split()[:2] == ["tiny", "there"]
    assert "Missing" not in out


def test_the_list_of_the_real_table(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("LLMBOOK_CACHE", str(tmp_path))
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:7]] == list(archives.ARCHIVES)
    assert "0.8 MB  MIT; data public domain" in lines[0]
    assert "92.9 MB  Apache-2.0" in lines[4]
    assert lines[-1].startswith("Missing: 182.4 MB; ")
    assert len({line.index(" MB") for line in lines[:7]}) == 1


@pytest.mark.parametrize("arguments", [["fetch"], ["fetch", "tiny"]])
def test_fetch(tiny, monkeypatch, capsys, arguments):
    monkeypatch.setattr(archives, "CLIENTS", [tiny.client("shutil.copy(served, folder)")])
    assert main(arguments) == 0
    assert capsys.readouterr() == (f"tiny: {tiny.path}\n", "")
    assert tiny.path.read_bytes() == tiny.wheel.read_bytes()


def test_fetch_shows_a_bar_that_grows_in_a_terminal(tiny, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    # Like pip, keep what has come so far among the temporary files.
    half = "import tempfile\nPath(tempfile.mkdtemp(), name).write_bytes(served.read_bytes()[:10_000])\n"
    wait = "time.sleep(0.5)\nshutil.copy(served, folder)"
    monkeypatch.setattr(archives, "CLIENTS", [tiny.client(half + wait)])
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(["fetch", "tiny"]) == 0
    shown = sys.stderr.getvalue()
    assert "tiny:   0%" in shown and "tiny: 100%" in shown
    assert "10.0k/" in shown


def test_an_unknown_name_is_told_and_exits_with_2(tiny, capsys):
    with pytest.raises(SystemExit) as end:
        main(["fetch", "tiny", "tinny"])
    assert end.value.code == 2
    assert "no archive is called tinny; the archives are tiny" in capsys.readouterr().err
    assert not tiny.cache.exists()


def test_a_failure_is_told_exits_with_1_and_does_not_stop_the_others(tiny, capsys):
    tiny.wheel.rename(tiny.index / "gone")
    assert main(["fetch", "tiny"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "archive 'tiny' cannot be had" in err and "by hand" in err


def test_as_a_module(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LLMBOOK_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["python -m llmbook.data"])
    monkeypatch.delitem(sys.modules, "llmbook.data.__main__")
    with pytest.raises(SystemExit) as end:
        runpy.run_module("llmbook.data", run_name="__main__")
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("names            missing ")
