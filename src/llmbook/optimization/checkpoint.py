"""Chapter 8: checkpoints, from which an interrupted training goes on."""

import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np


def save(
    path: str | Path, arrays: dict[str, np.ndarray], info: Any = None
) -> None:
    """Write arrays, and whatever JSON can hold, into one .npz file.

    They are written under a temporary name, which replaces ``path`` only when
    it is complete: an interrupted save leaves the file of the save before.

    Raises:
        ValueError: an array holds objects, or ``info`` is not for JSON.
    """
    path = Path(path)
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(f"{name} holds objects; it must hold numbers")
    part = path.with_name(f"{path.name}.part")
    try:
        text = np.array(json.dumps({"names": list(arrays), "info": info}))
        numbered: dict[str, Any] = {
            f"array {i}": array for i, array in enumerate(arrays.values())
        }
        with part.open("wb") as file:
            np.savez(file, header=text, **numbered)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except TypeError as error:
        raise ValueError(f"info cannot be saved: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def load(path: str | Path) -> tuple[dict[str, np.ndarray], Any]:
    """Read what :func:`save` wrote: the arrays, and the info.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is truncated, damaged, or no checkpoint; the
            message names it.
    """
    try:
        with open(path, "rb") as file, np.load(file) as content:
            header = json.loads(str(content["header"]))
            names, info = header["names"], header["info"]
            arrays = {n: content[f"array {i}"] for i, n in enumerate(names)}
    except FileNotFoundError:
        raise
    except (
        TypeError,  # one bare array
        EOFError,
        KeyError,
        OSError,
        ValueError,
        RuntimeError,  # said to be encrypted, or packed in an unknown way
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(
            f"{path} is not a complete checkpoint: {error}"
        ) from error
    return arrays, info
