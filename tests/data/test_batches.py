import numpy as np
import pytest

from llmbook.data import length_mask, load_names, padded


def test_padded_shifts_by_one_and_masks_the_rest():
    token_ids, targets, mask = padded([np.array([0, 3, 0]), np.array([0, 1, 2, 4, 0])])
    np.testing.assert_array_equal(token_ids, [[0, 3, 0, 0], [0, 1, 2, 4]])
    np.testing.assert_array_equal(targets, [[3, 0, 0, 0], [1, 2, 4, 0]])
    np.testing.assert_array_equal(mask, [[True, True, False, False], [True] * 4])


@pytest.mark.parametrize("sequences", [[], [np.array([0])], [np.array([0, 1]), np.array([2])]])
def test_padded_needs_something_to_predict(sequences):
    with pytest.raises(ValueError, match="at least one, each of two symbols or more"):
        padded(sequences)


def test_the_first_places_count():
    np.testing.assert_array_equal(length_mask([2, 3, 1], 3), [[1, 1, 0], [1, 1, 1], [1, 0, 0]])
    assert length_mask(np.array([2], dtype=np.uint8), 4).dtype == bool
    assert length_mask(np.array([], dtype=int), 4).shape == (0, 4)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([2, 4], r"lengths run from 2 to 4; they must lie in 1\.\.3"),
        ([0, 3], "lengths run from 0 to 3"),
        ([1.0, 2.0], "lengths have dtype float64"),
        ([[1, 2]], r"shape \(1, 2\); they must be a row"),
    ],
)
def test_lengths_that_do_not_fit_are_named(lengths, message):
    with pytest.raises(ValueError, match=message):
        length_mask(lengths, 3)


def test_names_are_encoded_between_marks():
    names = load_names()
    (ids,) = names.encode(["ann"])
    assert names.vocabulary.decode(ids) == ".ann."
