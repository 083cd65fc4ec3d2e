"""The facts of the phrases."""

import pytest

from llmbook.data import load_phrases


def words(pairs, side):
    return {word for pair in pairs for word in pair[side].split()}


def test_the_facts():
    phrases = load_phrases()
    pairs = phrases.train + phrases.validation + phrases.test
    assert {"red apple": "pomme rouge", "black cat": "chat noir"}.items() <= dict(pairs).items()
    assert all(text == text.lower().strip() and "_" not in text and text for pair in pairs for text in pair)
    assert not any("skin tone" in source for source, _ in pairs)
    assert "germany" not in dict(pairs)
    assert max(len(text.split()) for pair in pairs for text in pair) == 10


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_training_knows_every_word_that_is_held_out(seed):
    phrases = load_phrases(seed=seed)
    for side in (0, 1):
        assert words(phrases.validation + phrases.test, side) <= words(phrases.train, side)
