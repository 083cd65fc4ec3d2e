"""The facts of the plays, how they are rendered, and which are held out."""

import hashlib
import re

import pytest

from llmbook.data import load_shakespeare, spoken_words
from llmbook.data.shakespeare import _render


@pytest.fixture(scope="module")
def shakespeare():
    return load_shakespeare()


def test_the_split_never_changes(shakespeare):
    splits = [shakespeare.train, shakespeare.validation, shakespeare.test]
    assert [len(plays) for plays in splits] == [34, 2, 2]
    assert list(shakespeare.validation) == ["macbeth", "twelfth-night"]
    assert list(shakespeare.test) == ["as-you-like-it", "othello"]
    assert len({title for plays in splits for title in plays}) == 38
    assert [sum(len(text) for text in plays.values()) for plays in splits] == [4_308_918, 206_696, 266_549]
    assert [hashlib.sha256("\n".join(plays.values()).encode()).hexdigest() for plays in splits] == [
        "ba92ca6d35a99e71667377e2b7291d10356c7a97673bcef373f1656333891069",
        "6cb3a67bc21144772780f4cd74efb4586364b8f6b63aa9f0c5aaade2b3064b6a",
        "9acd82ec2ff11eab4af0b9deff42faf92ff787915ac34a1af1392a96ccd13731",
    ]


def test_the_facts(shakespeare):
    plays = shakespeare.train | shakespeare.validation | shakespeare.test
    speeches = [speech for text in plays.values() for speech in text.rstrip("\n").split("\n\n")]
    assert len(speeches) == 31_354
    for speech in speeches:
        name, *lines = speech.split("\n")
        assert name.endswith(":") and lines and all(lines)
    assert not re.search(r"[][_*#\\()]|  | \n|\n\n\n", "".join(plays.values()))  # no Markdown is left


def test_the_vocabulary_is_that_of_all_plays(shakespeare):
    plays = shakespeare.train | shakespeare.validation | shakespeare.test
    vocabulary = shakespeare.vocabulary
    assert len(vocabulary) == 76
    assert vocabulary.end is None
    assert vocabulary.characters == "".join(sorted(set("".join(plays.values()))))
    text = shakespeare.test["othello"]
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_a_play_begins_with_its_first_speech(shakespeare):
    assert shakespeare.validation["twelfth-night"].startswith(
        "DUKE ORSINO:\nIf music be the food of love, play on;\nGive me excess of it"
    )
    assert (
        "E'er since pursue me.\nHow now! what news from her?\n\nVALENTINE:\nSo please"
        in (shakespeare.validation["twelfth-night"])
    )


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("# Play\n\n## ACT I\n\n_Enter A_\n\n**A**  \nGood day.  \nGo.\n\n_Exit_\n", "A:\nGood day.\nGo.\n"),
        ("**A**  \nYes.\n\n**B & C**  \nNo.\n", "A:\nYes.\n\nB & C:\nNo.\n"),
        ("**A**  \nYes.\n\n_Enter B, with\nothers_\n\nMore.\n", "A:\nYes.\nMore.\n"),
        ("**A**  \n_\\[Aside]_  \nI, and _\\[ ]_ you  \n[Within]_  \nso.", "A:\nI, and you\nso.\n"),
        ("**A**  \n*[He draws.]*  \nOh\\--\n\n*Alarum.* \n", "A:\nOh--\n"),
        (
            "**A**  \nSing. _Burthen _\\[within_\nBow.\n\n**B**  \n_\\[To A]_\nwow.",
            "A:\nSing.\nBow.\n\nB:\nwow.\n",
        ),
        ("**A**  \nYes.\n\n### SCENE II. A wood,\n\nby night.\n\n**B**  \nNo.\n", "A:\nYes.\n\nB:\nNo.\n"),
        ("**A**  \nA mark _ alone.\n\n_Exit B_\n\nStill here.", "A:\nA mark _ alone.\nStill here.\n"),
    ],
)
def test_rendering(markdown, text):
    assert _render(markdown) == text


def test_spoken_words_leave_out_who_speaks():
    play = "FIRST LORD:\nO'er the hill:\nand gone.\n\nNurse:\nThe hill, my lord\n"
    assert spoken_words(play) == ["o'er", "the", "hill", "and", "gone", "the", "hill", "my", "lord"]
