import ctypes
import platform
import subprocess
import sys

import pytest

from llmbook.math_foundations import memory

FAULTS = """
import resource
import sys

import numpy as np

from llmbook.math_foundations.memory import keep_memory

if sys.argv[1] == "keep":
    keep_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    for _ in range(20):
        two = np.ones(1_250_000), np.ones(1_250_000)  # 10 MB each
        del two

work()
before = faults()
work()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_freed_arrays_are_used_again_without_new_pages():
    def faults(setting):
        run = subprocess.run(
            [sys.executable, "-c", FAULTS, setting], capture_output=True, text=True, check=True
        )
        return int(run.stdout)

    given_back, kept = faults("give back"), faults("keep")
    assert given_back > 100
    assert kept < given_back / 10


def test_it_may_be_called_again():
    assert memory.keep_memory() is None
    assert memory.keep_memory() is None


def test_another_c_library_is_left_alone(monkeypatch):
    def refuse(name):
        raise AssertionError("no library may be opened")

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))  # musl, macOS and Windows
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert memory.keep_memory.__wrapped__() is None


def test_glibc_is_told_both(monkeypatch):
    class Library:
        told = []  # noqa: RUF012

        def mallopt(self, option, value):
            self.told.append((option, value))

    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    memory.keep_memory.__wrapped__()
    assert Library.told == [(memory.M_MMAP_MAX, 0), (memory.M_TRIM_THRESHOLD, -1)]
