"""Pairs of texts: their tokens, their splits, their batches."""

import numpy as np
import pytest

from llmbook.data import Pairs, TokenVocabulary, padded_pairs

WORDS = TokenVocabulary(["apple", "red"], words=True)
LETTERS = TokenVocabulary("abc")


def pairs(train=(), test=()):
    return Pairs(list(train), [], list(test), LETTERS, LETTERS)


def test_the_marks_come_first():
    assert LETTERS.tokens == ["<pad>", "<bos>", "<eos>", "a", "b", "c"]
    assert [LETTERS.tokens[i] for i in (LETTERS.pad, LETTERS.bos, LETTERS.eos)] == LETTERS.tokens[:3]
    assert len(LETTERS) == 6


@pytest.mark.parametrize(
    ("vocabulary", "text", "ids"), [(LETTERS, "cab", [5, 3, 4]), (WORDS, "red apple", [4, 3])]
)
def test_a_text_is_encoded_and_decoded(vocabulary, text, ids):
    assert vocabulary.encode(text).tolist() == ids and vocabulary.encode(text).dtype == np.int64
    assert vocabulary.decode(ids) == text
    assert vocabulary.decode([1, *ids, 2, 0, 3]) == text  # what follows <eos> is no text


@pytest.mark.parametrize("vocabulary", [LETTERS, WORDS])
def test_nothing_is_encoded_and_decoded(vocabulary):
    assert vocabulary.encode("").shape == (0,) and vocabulary.encode("").dtype == np.int64
    assert vocabulary.decode([]) == vocabulary.decode([2, 3]) == vocabulary.decode([1, 2]) == ""


def test_a_mark_where_none_belongs_is_seen():
    assert LETTERS.decode([1, 3, 0, 1, 4, 2]) == "a<pad><bos>b"


def test_a_vocabulary_of_texts_is_sorted():
    texts = ["red apple", "green apple"]
    assert TokenVocabulary.of(texts, words=True).tokens[3:] == ["apple", "green", "red"]
    assert "".join(TokenVocabulary.of(texts).tokens[3:]) == " adeglnpr"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TokenVocabulary("aba"), "tokens must be distinct, got 'a' twice"),
        (lambda: TokenVocabulary(["<bos>"], words=True), "distinct, got '<bos>' twice"),
        (lambda: TokenVocabulary(["ab"]), "tokens have 'ab', which is no character"),
        (lambda: TokenVocabulary(["a b"], words=True), "tokens have 'a b', which is no word"),
        (lambda: LETTERS.encode("abé"), "text has 'é', outside the vocabulary's 6 tokens"),
        (lambda: WORDS.encode("red pear"), "text has 'pear', outside"),
        (lambda: LETTERS.decode([3, 6]), "lie in 0 to 5, got 3 to 6"),
        (lambda: LETTERS.decode([-1]), "lie in 0 to 5, got -1 to -1"),
        (lambda: LETTERS.decode([3.0]), r"integers of shape \(T,\), got float64 of shape \(1,\)"),
        (lambda: LETTERS.decode([[3]]), r"integers of shape \(T,\), got int64 of shape \(1, 1\)"),
        (lambda: pairs([("a", "b")], [("a", "c")]), "two pairs have the same source"),
        (lambda: pairs([("a", "b")], [("b", "b")]), "two pairs have the same target"),
        (lambda: pairs().encode(("a", "b")), r"pairs is \('a', 'b'\); it must be a list of pairs"),
        (lambda: pairs().encode([("a", "d")]), "text has 'd', outside"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_batch_says_what_is_read_what_comes_next_and_what_counts():
    batch = padded_pairs(*pairs().encode([("ab", "c"), ("c", "ba")]))
    expected = [
        [[3, 4, 2], [5, 2, 0]],
        [[True, True, True], [True, True, False]],
        [[1, 5, 2], [1, 4, 3]],
        [[5, 2, 0], [4, 3, 2]],
        [[True, True, False], [True, True, True]],
    ]
    for array, values in zip(batch, expected, strict=True):
        np.testing.assert_array_equal(array, values)
        assert array.dtype == np.asarray(values).dtype


@pytest.mark.parametrize(
    ("sources", "targets", "message"),
    [
        ([], [], "sources must hold at least one"),
        ([[]], [[1, 2]], "a sequence has dtype float64"),
        ([np.array([], dtype=int)], [[1, 2]], "each of one symbol or more"),
        ([[3]], [[1, 2], [1, 2]], "sources are 1 and targets 2; each source needs one target"),
        ([[3]], [[1]], "each of two symbols or more"),
        ([3, 4], [[1, 2], [1, 2]], "must be a list of arrays of ids"),
        (["ab"], [[1, 2]], "must be a list of arrays of ids"),
    ],
)
def test_what_makes_no_batch_is_named(sources, targets, message):
    with pytest.raises(ValueError, match=message):
        padded_pairs(sources, targets)
