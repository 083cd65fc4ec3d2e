import numpy as np
import pytest

from llmbook.exercises import planted
from llmbook.math_foundations.calculus import check_pullback


def errors(replaced):
    """The relative error of each parameter's gradient."""
    rng = np.random.default_rng(0)
    params = planted.draw_params(rng, vocab_size=7, d_model=4, d_hidden=6)
    before, targets = rng.integers(0, 7, (12, 3)), rng.integers(0, 7, 12)

    def rule_for(name):
        def rule(array):
            loss, gradients = planted.loss_and_gradients(params | {name: array}, before, targets, replaced)
            return loss, lambda d: (d * gradients[name],)

        return rule

    return {name: check_pullback(rule_for(name), array, rng=rng) for name, array in params.items()}


def test_without_a_bug_every_gradient_is_right():
    assert max(errors({}).values()) < 1e-7


@pytest.mark.parametrize(
    ("bug", "wrong"),
    [
        ("mean forgotten", ["table", "W_1", "b_1", "W_2", "b_2", "W_3", "b_3"]),
        ("bias averaged", ["b_1", "b_2", "b_3"]),
        ("lookups overwritten", ["table"]),
        ("slope of the output", ["table", "W_1", "b_1"]),
        ("mean held fixed", ["table", "W_1", "b_1"]),
        ("writes into dy", ["table", "W_1", "b_1"]),
        ("last path only", ["table", "W_1", "b_1"]),
    ],
)
def test_each_bug_has_its_signature(bug, wrong):
    assert [name for name, error in errors(planted.BUGS[bug]).items() if error > 1e-4] == wrong


def test_no_bug_changes_a_value(rng):
    params = planted.draw_params(rng, d_hidden=5)
    before, targets = rng.integers(0, 27, (9, 3)), rng.integers(0, 27, 9)
    right, _ = planted.loss_and_gradients(params, before, targets)
    for replaced in planted.BUGS.values():
        loss, _ = planted.loss_and_gradients(params, before, targets, replaced)
        np.testing.assert_array_equal(loss, right)


def test_the_writing_rule_passes_its_own_gradient_check(rng):
    x = rng.standard_normal((4, 5))
    assert check_pullback(planted.writes_into_dy, x, rng=rng) < 1e-7
    dy = np.ones((4, 5))
    planted.writes_into_dy(x)[1](dy)
    assert (dy == 0).any()
