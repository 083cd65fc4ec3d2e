import numpy as np
import pytest

from llmbook.math_foundations.calculus import check_pullback, numerical_gradient


def square(x):
    return x * x, lambda dy: (2 * x * dy,)


def test_gradient_of_a_known_function(rng):
    A = rng.standard_normal((3, 3))
    x = rng.standard_normal((3,))
    np.testing.assert_allclose(numerical_gradient(lambda x: x @ A @ x, x), (A + A.T) @ x, rtol=1e-8)


def test_gradient_keeps_the_shape_and_leaves_x_alone():
    x = np.ones((2, 3), dtype=np.float32)
    gradient = numerical_gradient(lambda x: (x**3).sum(), x)
    assert gradient.shape == (2, 3) and gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, 3, rtol=1e-8)
    np.testing.assert_array_equal(x, 1)


def test_step_scales_with_large_entries():
    x = np.array([1e6])
    np.testing.assert_allclose(numerical_gradient(lambda x: float((x**2)[0]), x), 2e6, rtol=1e-8)


def test_error_of_a_large_step_is_the_third_derivative():
    # central differences of x^3 are off by exactly h^2
    assert numerical_gradient(lambda x: x[0] ** 3, np.array([1.0]), h=0.1)[0] == pytest.approx(
        3.01, abs=1e-12
    )


@pytest.mark.parametrize("h", [0, -1e-3, float("nan")])
def test_step_must_be_positive(h):
    with pytest.raises(ValueError, match="step must be positive"):
        numerical_gradient(np.sum, np.ones(2), h=h)


def test_function_must_return_one_number():
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        numerical_gradient(lambda x: x, np.ones(2))


def test_right_pullback_passes(rng):
    assert check_pullback(square, rng.standard_normal((4, 5)), rng=rng) < 1e-9


@pytest.mark.parametrize("factor", [0.0, 0.5, 0.99, 1.01, -1.0])
def test_wrong_factor_shows_as_its_distance_from_one(rng, factor):
    def wrong(x):
        return x * x, lambda dy: (factor * 2 * x * dy,)

    error = check_pullback(wrong, rng.standard_normal(1000), rng=rng, n_directions=50)
    assert 0.2 * abs(1 - factor) < error < 10 * abs(1 - factor)


def test_one_wrong_entry_is_found(rng):
    def wrong(x):
        def pullback(dy):
            dx = 2 * x * dy
            dx[0] = 0
            return (dx,)

        return x * x, pullback

    assert check_pullback(wrong, np.ones(20), rng=rng) > 1e-3


def test_constant_rule_has_error_zero(rng):
    assert check_pullback(lambda x: (np.zeros(3), lambda dy: (np.zeros(2),)), np.ones(2), rng=rng) == 0


def test_gradient_that_is_not_a_number_is_infinitely_wrong(rng):
    assert check_pullback(lambda x: (x, lambda dy: (dy * np.nan,)), np.ones(2), rng=rng) == np.inf


def product_and_sum(careful):
    """A rule with two outputs, which takes None for one that is not used, or does not."""

    def rule(x, ids, y):
        def pullback(da, db):
            if careful:
                da, db = (np.zeros_like(x) if d is None else d for d in (da, db))
            return da * y + db, None, da * x + db

        return (x * y, x + y), pullback

    return rule


def test_several_inputs_and_outputs(rng):
    args = rng.standard_normal(3), np.arange(3), rng.standard_normal(3)
    assert check_pullback(product_and_sum(careful=True), *args, rng=rng) < 1e-9


def test_an_output_that_is_not_used_sends_none(rng):
    args = rng.standard_normal(3), np.arange(3), rng.standard_normal(3)
    with pytest.raises(ValueError, match="rule: if only output 0 is used, the pullback gets None"):
        check_pullback(product_and_sum(careful=False), *args, rng=rng)

    def ignores(x):
        return (x, 2 * x), lambda da, db: (np.zeros(3),) if db is None or da is None else (da + 2 * db,)

    with pytest.raises(ValueError, match="must take it for zeros"):
        check_pullback(ignores, np.ones(3), rng=rng)


def test_options_reach_the_rule(rng):
    def scale(x, *, by):
        return x * by, lambda dy: (dy * by,)

    assert check_pullback(scale, np.ones(3), rng=rng, by=3.0) < 1e-9


def test_float32_arguments_are_checked_in_float64(rng):
    assert check_pullback(square, np.ones(3, dtype=np.float32), rng=rng) < 1e-9


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        ((np.ones(3), None, None), "3 gradients; it needs a tuple of 2"),
        (np.ones(3), "ndarray; it needs a tuple of 2"),
        ((np.ones(2), None), r"shape \(3,\); its gradient has shape \(2,\)"),
        ((None, None), r"argument 0 has shape \(3,\)"),
        ((np.ones(3), np.ones(3)), "argument 1 has dtype int64; its gradient must be None"),
    ],
)
def test_gradients_of_the_wrong_form_are_named(rng, gradients, message):
    def careless(x, ids):
        return x, lambda dy: gradients

    with pytest.raises(ValueError, match=message):
        check_pullback(careless, np.ones(3), np.arange(3), rng=rng)


def nowhere(x):
    return x * np.nan, lambda dy: (dy * np.nan,)


@pytest.mark.parametrize(
    "rule",
    [
        nowhere,
        lambda x: (x * np.nan, lambda dy: (np.zeros_like(x),)),
        lambda x: (x * 0, lambda dy: (dy * np.nan,)),
        lambda x: (x, lambda dy: (dy * np.inf,)),
    ],
)
def test_a_rule_that_is_no_number_never_passes(rule, rng):
    assert check_pullback(rule, np.ones((2, 3)), rng=rng) == np.inf


def logarithm(x):
    return np.log(x), lambda dy: (dy / x,)


@pytest.mark.parametrize(
    ("rule", "x"),
    [
        (square, [1e8, 2e8]),
        (square, [1e-8, 1e8, 1.0]),
        (square, [1e-12]),
        (logarithm, [1e-6]),
        (logarithm, [1e-6, 1.0, 1e6]),
        (logarithm, [1e-9]),
    ],
)
def test_a_right_rule_passes_at_any_size(rule, x, rng):
    assert check_pullback(rule, np.array(x), rng=rng) < 1e-7


@pytest.mark.parametrize("x", [[1e8, 2e8], [1e-6], [1.0, 2.0], [1e-6, 1.0]])
@pytest.mark.parametrize("share", [1e-2, 1e-5])
def test_a_wrong_rule_fails_by_its_share_at_any_size(x, share, rng):
    def wrong(x):
        return np.log(x), lambda dy: (dy / x * (1 + share),)

    error = check_pullback(wrong, np.array(x), rng=rng, n_directions=20)
    assert share / 3 < error < 3 * share


@pytest.mark.parametrize("value", [None, "1", [1.0, 2.0], np.array([None])])
def test_a_function_must_return_one_number(value):
    with pytest.raises(ValueError, match=r"f returned a .* a gradient needs one number"):
        numerical_gradient(lambda x: value, np.ones(2))
