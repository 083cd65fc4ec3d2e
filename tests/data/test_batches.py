import numpy as np
import pytest

from llmbook.data import load_names, padded


def test_padded_shifts_by_one_and_masks_the_rest():
    token_ids, targets, mask = padded([np.array([0, 3, 0]), np.array([0, 1, 2, 4, 0])])
    np.testing.assert_array_equal(token_ids, [[0, 3, 0, 0], [0, 1, 2, 4]])
    np.testing.assert_array_equal(targets, [[3, 0, 0, 0], [1, 2, 4, 0]])
    np.testing.assert_array_equal(mask, [[True, True, False, False], [True] * 4])


@pytest.mark.parametrize("sequences", [[], [np.array([0])], [np.array([0, 1]), np.array([2])]])
def test_padded_needs_something_to_predict(sequences):
    with pytest.raises(ValueError, match="at least one, each of two symbols or more"):
        padded(sequences)


def test_names_are_encoded_between_marks():
    names = load_names()
    (ids,) = names.encode(["ann"])
    assert names.vocabulary.decode(ids) == ".ann."
