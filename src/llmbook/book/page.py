"""The one way a cell speaks to its page, and the machine it speaks from."""

import os
import platform
import sys
from pathlib import Path
from typing import Any


def shell() -> Any:
    """Return the running IPython shell, or None in plain Python."""
    ipython = sys.modules.get("IPython")  # not imported means not running
    return ipython.get_ipython() if ipython else None


def show(text: str, html: str, **metadata: Any) -> None:
    """Display one line under the cell; without IPython, print it.

    The metadata stay with the output in the executed notebook, where the
    reference pages find them. (A MIME type of their own would do the same, but
    myst-nb warns of every type that it cannot render.)
    """
    if shell() is None:
        print(text)
        return
    from IPython.display import display

    data = {"text/plain": text, "text/html": html}
    display(data, raw=True, metadata=metadata)


def machine() -> str:
    """Name the processor and count its cores: "AMD EPYC 7763, 2 cores"."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    models = [
        line.split(":", 1)[1].strip()
        for line in text.splitlines()
        if line.startswith("model name")
    ]
    name = models[0] if models else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"
