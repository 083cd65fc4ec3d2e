import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbook.data import adding, brackets, parity, recall


def test_parity_counts_the_ones_so_far(rng):
    bits, targets = parity(200, 9, rng=rng)
    assert bits.shape == targets.shape == (200, 9) and bits.dtype == targets.dtype == np.int64
    assert set(np.unique(bits)) == {0, 1} and 0.45 < bits.mean() < 0.55
    for t in range(9):
        np.testing.assert_array_equal(targets[:, t], bits[:, : t + 1].sum(axis=1) % 2)


def test_adding_marks_one_step_in_each_half(rng):
    x, sums = adding(500, 7, rng=rng)
    assert x.shape == (500, 7, 2) and x.dtype == sums.dtype == np.float32
    values, marks = x[..., 0], x[..., 1]
    assert 0 <= values.min() and values.max() < 1
    assert set(np.unique(marks)) == {0, 1}
    np.testing.assert_array_equal(marks[:, :3].sum(axis=1), 1)
    np.testing.assert_array_equal(marks[:, 3:].sum(axis=1), 1)
    assert marks.any(axis=0).all()  # every step is marked somewhere
    np.testing.assert_array_equal(sums, values[marks == 1].reshape(500, 2).sum(axis=1))


def test_the_mean_answer_errs_by_a_sixth(rng):
    _, sums = adding(40_000, 20, rng=rng)
    squares = (sums - 1) ** 2
    assert abs(squares.mean() - 1 / 6) < 4 * squares.std() / 200


def test_recall_shows_the_bit_once_and_then_noise(rng):
    x, bits = recall(400, 6, rng=rng)
    assert x.shape == (400, 6, 3) and x.dtype == np.float32 and bits.dtype == np.int64
    np.testing.assert_array_equal(x[:, 0, :2], np.eye(2)[bits])
    assert not x[:, 1:, :2].any() and not x[:, 0, 2].any()
    noise = x[:, 1:, 2]
    np.testing.assert_array_equal(abs(noise), 1)
    assert abs(noise.mean(axis=0)).max() < 0.2  # a standard error is 0.05
    assert abs(np.corrcoef(noise.T, bits)[-1, :-1]).max() < 0.2  # and tells nothing of the bit
    assert recall(3, 1, rng=rng)[0].shape == (3, 1, 3)


def depths(text, kinds):
    """How many brackets are open after each character; fails where one does not fit."""
    closes, still_open, found = dict(zip(kinds[::2], kinds[1::2], strict=True)), [], []
    for character in text:
        if character in closes:
            still_open.append(closes[character])
        else:
            assert character == still_open.pop()
        found.append(len(still_open))
    return found


@given(st.integers(1, 12), st.integers(1, 5), st.sampled_from(["()", "()[]", "()[]{}<>"]), st.integers(0, 99))
def test_brackets_are_nested_within_their_depth(half, depth, kinds, seed):
    texts = brackets(5, 2 * half, rng=np.random.default_rng(seed), kinds=kinds, depth=depth)
    for text in texts:
        opened = depths(text, kinds)
        assert len(text) == 2 * half and opened[-1] == 0 and max(opened) <= depth


def test_brackets_reach_every_depth_and_use_every_kind(rng):
    texts = brackets(100, 20, rng=rng, kinds="()[]", depth=3)
    assert set("".join(texts)) == set("()[]") and len(set(texts)) > 90
    assert {d for text in texts for d in depths(text, "()[]")} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: parity(0, 5, rng=rng), "n is 0; it must be at least 1"),
        (lambda rng: parity(5, 0, rng=rng), "length is 0; it must be at least 1"),
        (lambda rng: adding(5, 1, rng=rng), "length is 1; it must be at least 2"),
        (lambda rng: adding(0, 5, rng=rng), "n is 0"),
        (lambda rng: recall(0, 5, rng=rng), "n is 0"),
        (lambda rng: recall(5, 0, rng=rng), "length is 0; it must be at least 1"),
        (lambda rng: brackets(1, 5, rng=rng), "length is 5; it must be even"),
        (lambda rng: brackets(1, 0, rng=rng), "length is 0"),
        (lambda rng: brackets(1, 4, rng=rng, depth=0), "depth is 0"),
        (lambda rng: brackets(1, 4, rng=rng, kinds="()["), r"kinds are '\(\)\['; they must be pairs"),
        (lambda rng: brackets(1, 4, rng=rng, kinds="||"), "pairs of distinct characters"),
        (lambda rng: brackets(1, 4, rng=rng, kinds=""), "pairs of distinct characters"),
    ],
)
def test_mistakes_are_named(call, message, rng):
    with pytest.raises(ValueError, match=message):
        call(rng)
