"""Settings shared by all tests."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported: two busy threads spin against each other

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")


@pytest.fixture
def rng():
    return np.random.default_rng(0)
