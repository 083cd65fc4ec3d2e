"""Phrases of chapters 15 to 18 in English and French: the names of emoji."""

import json
import re
import zipfile
from collections import Counter

import numpy as np

from llmbook.data.archives import fetch
from llmbook.data.pairs import Pair, Pairs, TokenVocabulary, hold_out
from llmbook.data.pins import ARCHIVES, Archive

# Here and not in pins.py, whose every change makes most recorded runs stale.
ARCHIVES["emoji"] = Archive(
    name="emoji",
    package="emoji",
    version="2.16.0",
    filename="emoji-2.16.0-py3-none-any.whl",
    sha256="c4230d80640def9071599ff56b1b5950fe13a2a94c0da98c5deab12431b24330",
    size=610_912,
    license="BSD-3",
    what="names of emoji in English, French and twelve other languages",
)

_FULLY_QUALIFIED = 2  # the other ways to encode an emoji repeat its name
# Skin tones, letters of a country's flag, letters of a region's.
_LEFT_OUT = re.compile(
    "[\U0001f3fb-\U0001f3ff\U0001f1e6-\U0001f1ff\U000e0020-\U000e007f]"
)
_HELD_OUT = 100


def load_phrases(*, seed: int = 0) -> Pairs:
    """Load 1,661 short phrases in English and French, in lower case, by words.

    They are the names of the emoji, without skin tones and flags of countries,
    each written by people for its language: "red apple", "pomme rouge". 1,461
    are to train, 100 to choose by, 100 to score once. What is held out has no
    word, English or French, that training lacks: its embedding would be noise.

    Args:
        seed: of the splits.

    Raises:
        DataError: the archive cannot be had.

    Source: Unicode CLDR, as packed in emoji 2.16.0.
    """
    with zipfile.ZipFile(fetch("emoji")) as archive:
        emoji, french = (
            json.loads(archive.read(f"emoji/unicode_codes/{file}.json"))
            for file in ("emoji", "emoji_fr")
        )
    pairs = [
        (_plain(names["en"]), _plain(french[character]))
        for character, names in emoji.items()
        if names["status"] == _FULLY_QUALIFIED
        and not _LEFT_OUT.search(character)
    ]
    order = np.random.default_rng(seed).permutation(len(pairs))
    pairs = _known_words_last([pairs[i] for i in order], 2 * _HELD_OUT)
    sources, targets = zip(*pairs, strict=True)
    return hold_out(
        pairs,
        _HELD_OUT,
        TokenVocabulary.of(sources, words=True),
        TokenVocabulary.of(targets, words=True),
    )


def _plain(name: str) -> str:
    return name.strip(":").replace("_", " ").lower()


def _known_words_last(pairs: list[Pair], n: int) -> list[Pair]:
    """Move to the end n pairs whose words all stand in pairs before them."""
    by_pair = [
        {(side, w) for side, text in enumerate(pair) for w in text.split()}
        for pair in pairs
    ]
    left = Counter(word for words in by_pair for word in words)
    first: list[Pair] = []
    last: list[Pair] = []
    for pair, words in zip(pairs, by_pair, strict=True):
        if len(last) < n and all(left[word] > 1 for word in words):
            left.subtract(words)
            last.append(pair)
        else:
            first.append(pair)
    return first + last
