"""Characters to ids and back."""

import string

import numpy as np
import pytest

from llmbook.data import CharVocabulary


def test_the_end_mark_is_0_and_letters_follow():
    vocabulary = CharVocabulary(string.ascii_lowercase, end=".")
    assert len(vocabulary) == 27
    assert vocabulary.end == "."
    ids = vocabulary.encode("az.")
    assert ids.dtype == np.int64
    assert ids.tolist() == [1, 26, 0]
    assert vocabulary.decode(ids) == "az."


def test_without_an_end_mark_ids_start_with_the_first_character():
    vocabulary = CharVocabulary("\n a—")
    assert (len(vocabulary), vocabulary.end, vocabulary.characters) == (4, None, "\n a—")
    assert vocabulary.encode("a—\n ").tolist() == [2, 3, 0, 1]
    assert vocabulary.decode([2, 3, 0, 1]) == "a—\n "


def test_nothing_is_encoded_and_decoded():
    vocabulary = CharVocabulary("ab")
    assert vocabulary.encode("").shape == (0,)
    assert vocabulary.encode("").dtype == np.int64
    assert vocabulary.decode([]) == ""


def test_decode_takes_any_integers():
    assert CharVocabulary("ab").decode(np.array([1, 0], dtype=np.uint8)) == "ba"


def test_a_character_outside():
    with pytest.raises(ValueError, match=r"character 'é', outside '\.ab'"):
        CharVocabulary("ab", end=".").encode("abé")


@pytest.mark.parametrize(
    ("ids", "message"), [([0, 2], "0 to 1, got 0 to 2"), ([-1, 1], "0 to 1, got -1 to 1")]
)
def test_an_id_outside(ids, message):
    with pytest.raises(ValueError, match=message):
        CharVocabulary("ab").decode(ids)


@pytest.mark.parametrize("ids", [[0.0, 1.0], [[0, 1]], np.int64(1), [True, False]])
def test_ids_must_be_a_row_of_integers(ids):
    with pytest.raises(ValueError, match=r"token_ids must be integers of shape \(T,\), got "):
        CharVocabulary("ab").decode(ids)


def test_characters_must_be_distinct():
    with pytest.raises(ValueError, match="distinct, got 'aba'"):
        CharVocabulary("aba")
    with pytest.raises(ValueError, match="distinct, got 'bab'"):
        CharVocabulary("ab", end="b")


@pytest.mark.parametrize("end", ["", "<end>"])
def test_the_end_mark_is_one_character(end):
    with pytest.raises(ValueError, match="end must be one character"):
        CharVocabulary("ab", end=end)
