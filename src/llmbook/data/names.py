"""Surnames of the US census of 1990: the corpus of the names leaderboard.

The book reads them from chapter 1 on.
"""

import string
import tarfile
from dataclasses import dataclass

import numpy as np

from llmbook.data.archives import fetch
from llmbook.data.vocabulary import CharVocabulary


@dataclass(frozen=True)
class Names:
    """Surnames in lower case, in three disjoint splits, and their vocabulary.

    The end mark "." has id 0, a to z have 1 to 26: V = 27.
    """

    train: list[str]
    validation: list[str]
    test: list[str]
    vocabulary: CharVocabulary

    def encode(self, names: list[str]) -> list[np.ndarray]:
        """Return the ids of names, each between two marks.

        A name of n letters -> (n + 2,), int64

        Raises:
            ValueError: ``names`` is one name, or one has a character other than
                a to z.
        """
        if isinstance(names, str):
            raise ValueError(f"names is {names!r}; it must be a list of names")
        return [self.vocabulary.encode(f".{name}.") for name in names]


def load_names(*, seed: int = 0) -> Names:
    """Load the 88,799 surnames in three splits.

    80% are to train, 10% to choose by, 10% to score once. Every number of the
    leaderboard belongs to the split of seed 0; other seeds show how much it
    depends on the split. The names carry no marks; `encode` adds them.

    Raises:
        DataError: the archive cannot be had.

    Source: US Census Bureau (1990), "Frequently occurring surnames".
    """
    with tarfile.open(fetch("names")) as archive:
        file = archive.extractfile("names-0.3.0/names/dist.all.last")
        assert file is not None  # the archive is verified
        # A line is a name in capitals, its frequency, the cumulative frequency,
        # and its rank.
        names = [line.split()[0].decode("ascii").lower() for line in file]
    order = np.random.default_rng(seed).permutation(len(names))
    shuffled = [names[i] for i in order]
    first, second = 8 * len(names) // 10, 9 * len(names) // 10
    return Names(
        train=shuffled[:first],
        validation=shuffled[first:second],
        test=shuffled[second:],
        vocabulary=CharVocabulary(string.ascii_lowercase, end="."),
    )
