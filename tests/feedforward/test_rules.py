import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from llmbook.feedforward.rules import (
    add,
    clip,
    concatenate,
    divide,
    linear,
    matmul,
    mean,
    minimum,
    multiply,
    reshape,
    summed_to,
    take,
    total,
    transpose,
)


@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4))
def test_gradients_of_broadcast_operations_have_their_arguments_shapes(shapes):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape) for shape in shapes.input_shapes)
    for rule in (add, multiply, divide, minimum):
        y, pullback = rule(a, b)
        assert y.shape == shapes.result_shape
        da, db = pullback(rng.standard_normal(y.shape))
        assert (da.shape, db.shape) == (a.shape, b.shape)


def test_what_was_stretched_is_summed():
    dy = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(summed_to((3, 1), dy), dy.sum(axis=(0, 2)).reshape(3, 1))
    np.testing.assert_array_equal(summed_to((2, 3, 4), dy), dy)
    assert summed_to((), dy) == dy.sum()


def test_linear_is_a_product_and_a_sum(rng):
    x, W, b = rng.standard_normal((2, 3, 4)), rng.standard_normal((4, 5)), rng.standard_normal(5)
    y, pullback = linear(x, W, b)
    np.testing.assert_allclose(y, matmul(x, W)[0] + b)
    dy = rng.standard_normal(y.shape)
    dx, dW, db = pullback(dy)
    other_dx, other_dW = matmul(x, W)[1](dy)
    np.testing.assert_allclose(dx, other_dx)
    np.testing.assert_allclose(dW, other_dW)
    np.testing.assert_allclose(db, dy.sum(axis=(0, 1)))


def test_linear_without_a_bias_has_two_gradients(rng):
    x, W = rng.standard_normal((2, 3, 4)), rng.standard_normal((4, 5))
    y, pullback = linear(x, W)
    with_zeros, its_pullback = linear(x, W, np.zeros(5))
    np.testing.assert_array_equal(y, with_zeros)
    dy = rng.standard_normal(y.shape)
    dx, dW = pullback(dy)
    for ours, other in zip((dx, dW), its_pullback(dy), strict=False):
        np.testing.assert_array_equal(ours, other)


@pytest.mark.parametrize("shape", [(), (3,), (0,), (2, 0), (2, 3, 2)])
def test_linear_takes_any_axes_in_front(shape, rng):
    x, W, b = (rng.standard_normal(s).astype(np.float32) for s in ((*shape, 4), (4, 5), 5))
    dy = rng.standard_normal((*shape, 5)).astype(np.float32)
    before = [a.copy() for a in (x, W, b, dy)]
    y, pullback = linear(x, W, b)
    dx, dW, db = pullback(dy)
    np.testing.assert_allclose(y, x @ W + b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dx, dy @ W.T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dW, x.reshape(-1, 4).T @ dy.reshape(-1, 5), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(db, dy.reshape(-1, 5).sum(axis=0), rtol=1e-5, atol=1e-6)
    assert {a.dtype for a in (y, dx, dW, db)} == {np.dtype("float32")}
    for array, was in zip((x, W, b, dy), before, strict=True):
        np.testing.assert_array_equal(array, was)


def test_linear_and_take_read_any_layout(rng):
    x, W, dy = (
        rng.standard_normal((4, 3, 2)).T,
        rng.standard_normal((5, 4)).T,
        rng.standard_normal((5, 3, 2)).T,
    )
    for ours, other in zip(linear(x, W)[1](dy), linear(x.copy(), W.copy())[1](dy.copy()), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-13, atol=1e-15)
    table, ids, drows = (
        rng.standard_normal((3, 7)).T,
        rng.integers(7, size=(4, 2)).T,
        rng.standard_normal((3, 4, 2)).T,
    )
    np.testing.assert_array_equal(take(table, ids)[0], table.copy()[ids])
    np.testing.assert_array_equal(
        take(table, ids)[1](drows)[0], take(table.copy(), ids.copy())[1](drows.copy())[0]
    )


def one_after_the_other(table, token_ids, dy):
    dtable = np.zeros_like(table)
    np.add.at(dtable, token_ids, dy)
    return dtable


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0), (300,), (6, 5, 4)])
def test_take_adds_up_what_each_row_receives(shape, dtype, rng):
    table = rng.standard_normal((9, 4), dtype=np.float32)
    token_ids = np.array(rng.integers(9, size=shape), dtype)
    dy = rng.standard_normal((*shape, 4), dtype=np.float32)
    before = token_ids.copy(), dy.copy()
    rows, pullback = take(table, token_ids)
    dtable, _ = pullback(dy)
    assert rows.shape == dy.shape and rows.dtype == dtable.dtype == np.float32
    np.testing.assert_allclose(dtable, one_after_the_other(table, token_ids, dy), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(token_ids, before[0])
    np.testing.assert_array_equal(dy, before[1])


def test_take_is_a_product_with_one_hot_rows(rng):
    table, ids = rng.standard_normal((5, 3)), np.array([[4, 0], [4, 4]])
    rows, pullback = take(table, ids)
    one_hot = np.eye(5)[ids]
    np.testing.assert_array_equal(rows, matmul(one_hot, table)[0])
    dy = rng.standard_normal(rows.shape)
    dtable, nothing = pullback(dy)
    np.testing.assert_allclose(dtable, matmul(one_hot, table)[1](dy)[1])
    assert nothing is None


def test_a_row_looked_up_three_times_receives_three_gradients():
    _, pullback = take(np.zeros((2, 1)), np.array([1, 1, 1]))
    np.testing.assert_array_equal(pullback(np.ones((3, 1)))[0], [[0], [3]])


def test_reshape_goes_and_comes_back(rng):
    x = rng.standard_normal((2, 6))
    y, pullback = reshape(x, shape=(3, 4))
    np.testing.assert_array_equal(pullback(y)[0], x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: matmul(np.ones(3), np.ones((3, 2))), r"need \(\.\.\., M, K\)"),
        (lambda: matmul(np.ones((2, 3)), np.ones((2, 3))), r"a is \(2, 3\) and b \(2, 3\)"),
        (lambda: linear(np.ones((2, 3)), np.ones((4, 5)), np.ones(5)), r"x is \(2, 3\), W \(4, 5\)"),
        (lambda: linear(np.ones((2, 4)), np.ones((4, 5)), np.ones(1)), r"b \(1,\); need"),
        (lambda: linear(np.ones((2, 4)), np.ones((1, 4, 5)), np.ones(5)), r"W \(1, 4, 5\)"),
        (lambda: linear(np.ones((2, 3)), np.ones((4, 5))), r"W \(4, 5\) and b None; need"),
        (lambda: take(np.ones((3, 2)), np.array([0, 3])), r"from 0 to 3; they must lie in 0\.\.2"),
        (lambda: take(np.ones((3, 2)), np.array([-1])), "from -1 to -1"),
        (lambda: take(np.ones((3, 2)), np.array([0.0])), "dtype float64; they must be integers"),
    ],
)
def test_shapes_and_ids_that_do_not_fit_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_equal_entries_share_the_gradient_of_their_minimum():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 0.0])
    y, pullback = minimum(a, b)
    np.testing.assert_array_equal(y, [1, 2, 0])
    da, db = pullback(np.array([10.0, 10.0, 10.0]))
    np.testing.assert_array_equal(da, [5, 10, 0])
    np.testing.assert_array_equal(db, [5, 0, 10])


def test_what_lies_on_a_limit_keeps_its_gradient():
    y, pullback = clip(np.array([-2.0, -1.0, 0.5, 1.0, 3.0]), low=-1.0, high=1.0)
    np.testing.assert_array_equal(y, [-1, -1, 0.5, 1, 1])
    np.testing.assert_array_equal(pullback(np.full(5, 7.0))[0], [0, 7, 7, 7, 0])
    with pytest.raises(ValueError, match=r"low is 2; it must not be above high, 1"):
        clip(np.ones(3), low=2, high=1)


@pytest.mark.parametrize("rule", [total, mean])
def test_what_a_mask_leaves_out_counts_for_nothing(rule, rng):
    x = rng.standard_normal((3, 4))
    mask = rng.random((3, 4)) < 0.7
    mask[:, 0] = True
    x[~mask] = np.nan
    y, pullback = rule(x, axis=1, mask=mask)
    numpys = {total: np.sum, mean: np.mean}[rule]
    np.testing.assert_allclose(y, [numpys(row[kept]) for row, kept in zip(x, mask, strict=True)])
    (dx,) = pullback(np.array([1.0, 2.0, 3.0]))
    assert not dx[~mask].any() and np.isfinite(dx).all()


def test_total_and_mean_over_everything_are_numbers(rng):
    x = rng.standard_normal((2, 3)).astype(np.float32)
    for rule, value in ((total, x.sum()), (mean, x.mean())):
        y, pullback = rule(x)
        assert y.shape == () and y.dtype == np.float32 and y == pytest.approx(value, rel=1e-6)
        assert pullback(1.0)[0].dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: total(x, mask=np.ones((2, 3), dtype=int)), "mask has dtype int64; it must be bool"),
        (lambda x: mean(x, mask=np.ones((4, 3), dtype=bool)), "broadcast"),
        (lambda x: mean(x, axis=1, mask=np.array([[True], [False]])), "no entry counts"),
        (lambda x: mean(np.ones((0, 3)), axis=0), "no entry counts"),
        (lambda x: concatenate(), "at least one array"),
        (lambda x: concatenate(x, np.ones((3, 3))), "must match exactly"),
        (lambda x: transpose(x, axes=(0, 0)), "repeated axis"),
    ],
)
def test_mistakes_in_the_newer_rules_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 3)))


def test_transpose_goes_back_to_where_it_came_from(rng):
    x = rng.standard_normal((2, 3, 4))
    for axes in (None, (1, 2, 0), (-1, 0, 1), (0, -1, -2)):
        y, pullback = transpose(x, axes=axes)
        np.testing.assert_array_equal(y, np.transpose(x, axes))
        np.testing.assert_array_equal(pullback(y)[0], x)
