"""Chapter 3: memory that a process keeps while it computes."""

import ctypes
import platform
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # numbers of glibc's malloc.h


@cache
def keep_memory() -> None:
    """Keep the memory of freed arrays for the next ones.

    A training step allocates and frees the same large arrays again and again.
    The C library gives such memory back to the system at once, and the system
    clears every page of it before it hands it out again: up to a third of the
    time of a step.  Here glibc, the C library of most Linux systems, is told to
    keep it.  Results don't change.  With another C library nothing happens.

    The price: until it ends, the process is as large as it ever was.  It is the
    whole process that is told, so PyTorch beside us gains as well, and the
    benchmarks measure both sides with this setting.  ``train``, ``score`` and
    ``generate`` call this.

    Source: the manual page mallopt(3).
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)  # the libraries this process has loaded
        libc.mallopt(M_MMAP_MAX, 0)  # large arrays share the heap
        libc.mallopt(M_TRIM_THRESHOLD, -1)  # whose end is not given back
