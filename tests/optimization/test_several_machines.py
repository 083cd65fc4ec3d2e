"""Two processes, each with its share of every batch, train the model that one process trains."""

import multiprocessing
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import several


def two_processes(**options):
    """Run two processes that meet over a pipe; return what each came to."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [
        context.Process(target=several.over_pipe, args=(rank, pipe, options, results))
        for rank, pipe in enumerate(context.Pipe())
    ]
    for worker in workers:
        worker.start()
    outcome = dict(results.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join()
    return outcome[0], outcome[1]


def assert_close(one, other):
    np.testing.assert_allclose(one[0], other[0], rtol=1e-12)
    for name, array in one[1].items():
        np.testing.assert_allclose(array, other[1][name], rtol=0, atol=1e-12, err_msg=name)


def test_two_processes_come_to_the_parameters_of_one():
    first, second = two_processes()
    assert_close(first, several.run())
    for name, array in first[1].items():
        np.testing.assert_array_equal(array, second[1][name])


def test_a_mean_of_means_comes_to_others():
    """The trap: shares that counted different numbers of positions, weighted alike."""
    first, _ = two_processes(weighted=False)
    losses, params = several.run()
    assert abs(first[0][0] - losses[0]) > 1e-6
    assert max(abs(first[1][name] - array).max() for name, array in params.items()) > 1e-3


def test_one_that_diverges_stops_all():
    outcomes = two_processes(poison=(1, 3))
    assert all(outcome.startswith("the loss at step 3 is nan") for outcome in outcomes), outcomes


@pytest.mark.skipif(find_spec("mpi4py") is None, reason="the reference packages are not installed")
def test_two_ranks_of_mpi_come_to_the_parameters_of_one(tmp_path):
    mpiexec = shutil.which("mpiexec", path=Path(sys.executable).parent) or shutil.which("mpiexec")
    assert mpiexec, "mpi4py is installed, but no mpiexec is found"
    command = [mpiexec, "-n", "2", sys.executable, several.__file__, str(tmp_path / "rank0.npz")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    with np.load(tmp_path / "rank0.npz") as result:
        arrays = dict(result)
    assert arrays.pop("size") == 2
    assert_close((arrays.pop("losses"), arrays), several.run())
