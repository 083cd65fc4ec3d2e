import numpy as np
import pytest

from llmbook.exercises.answers import WrongAnswer
from llmbook.exercises.feedforward import check


def gates(W1, b1, W2, b2=(0.0,)):
    return tuple(np.array(a, dtype=float) for a in (W1, b1, W2, b2))


RIGHT = gates([[1, 1], [1, 1]], [0, -1], [[1], [-2]])


def test_a_right_gate_passes():
    check("gates", RIGHT)
    check("gates", gates([[1, -1], [-1, 1]], [0, 0], [[1], [1]]))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (RIGHT[:3], "four arrays"),
        ((*RIGHT[:3], np.zeros(())), r"b2 has shape \(\); with 2 units it needs \(1,\)"),
        (gates([[1, 1, 0], [1, 1, 0]], [0, -1, 0], [[1], [-2], [0]]), "two units are enough; you have 3"),
        (gates([[1], [1]], [0], [[1]]), "that is the sum"),
        (gates([[1, 1], [1, 1]], [0, -1], [[1], [-1]]), "that is 'or'"),
        (gates([[1], [1]], [-1], [[1]]), "that is 'and'"),
        (gates([[1, 1], [1, 1]], [0, -1], [[-1], [2]], [1]), "the opposite"),
        (gates([[1, 1], [1, 1]], [0, -1], [[1], [-3]]), r"\[1\. 1\.\] gives -1, should give 0"),
    ],
)
def test_wrong_gates_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("gates", answer)


def hinges(slopes=lambda v, k: np.diff(v) / np.diff(k), change=True, bias=True, units=None):
    def answer(knots, values):
        weights = slopes(values, knots)
        if change:
            weights = np.diff(weights, prepend=0.0)
        W1, b1 = np.ones((1, len(weights))), -knots[:-1]
        return W1[:, :units], b1[:units], weights[:units, None], values[:1] * bias

    return answer


def test_right_hinges_pass():
    check("hinges", hinges())


def backwards(knots, values):
    """Every hinge opens to the left, which meets the points but not the first piece."""
    W1, b1, W2, b2 = hinges()(knots, values)
    return W1, b1, -W2, b2


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (hinges(bias=False), "where is the bias"),
        (hinges(change=False), "each must bring the change of slope"),
        (hinges(slopes=lambda v, k: np.diff(v)), "divide by the distance"),
        (hinges(units=5), "7 knots need 6 hinges; you have 5"),
        (backwards, "at the knots"),
    ],
)
def test_wrong_hinges_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("hinges", answer)


def parity(n, *, tail=2.0, units=0, flip=False):
    weights = np.array([1.0] + [(-1) ** k * tail for k in range(1, n + units)])
    W1, b1 = np.ones((n, len(weights))), -np.arange(len(weights), dtype=float)
    return W1, b1, (-weights if flip else weights)[:, None], np.ones(1) * flip


def test_a_right_parity_passes():
    check("parity", parity)


def two_hinges(n):
    _, b1, W2, b2 = parity(2)
    return np.ones((n, 2)), b1, W2, b2


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda n: parity(n, units=1), "2 bits need 2 units; you have 3"),
        (lambda n: parity(n, flip=True), "number of ones is even"),
        (lambda n: parity(n, tail=1.0), r"\[1\. 1\.\] gives 1, not 0"),
        (two_hinges, "the zigzag must turn again"),
    ],
)
def test_wrong_parities_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("parity", answer)


def wilson(k, n, z=1.96, root=True):
    share = k / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    spread = share * (1 - share) / n + z * z / (4 * n * n)
    half = z * (spread**0.5 if root else spread) / (1 + z * z / n)
    return middle - half, middle + half


def wald(k, n):
    half = 1.96 * (k / n * (1 - k / n) / n) ** 0.5
    return k / n - half, k / n + half


def test_a_right_interval_passes():
    check("wilson", wilson)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (wald, "taken at the share itself"),
        (lambda k, n: wilson(k, n, z=1.0), "1.00 of its own standard errors"),
        (lambda k, n: wilson(k, n, root=False), "not 1.96"),
        (lambda k, n: wilson(k, n)[::-1], r"a share is in \[0, 1\]"),
    ],
)
def test_wrong_intervals_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("wilson", answer)


def leaky(change=lambda g, dy, x: (g,), value=1.0):
    def rule(x, *, slope):
        def pullback(dy):
            return change(np.where(x > 0, dy, slope * dy), dy, x)

        return value * np.where(x > 0, x, slope * x), pullback

    return rule


def written_into(g, dy, x):
    dy[x < 0] *= 0.1
    return (dy,)


def test_a_right_leaky_relu_passes():
    check("leaky", leaky())


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (leaky(value=2.0), "value is not right"),
        (leaky(lambda g, dy, x: g), "returns a tuple"),
        (leaky(written_into), "writes into the gradient"),
        (leaky(lambda g, dy, x: (dy * (x > 0),)), "nothing comes back on the left"),
        (leaky(lambda g, dy, x: (np.where(x > 0, 1, 0.1),)), "the slope alone"),
        (leaky(lambda g, dy, x: (dy,)), "the gradient check gives"),
        (leaky(lambda g, dy, x: (g.astype(float),)), "float64 came out"),
    ],
)
def test_wrong_leaky_relus_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("leaky", answer)


def bilinear(dW=None, du=None, value=lambda y: y):
    def rule(u, W, v):
        def pullback(dy):
            d = dy[:, None]
            right = (d * (v @ W.T), (d * u).T @ v, d * (u @ W))
            return (
                du(d, u, W, v) if du else right[0],
                dW(d, u, W, v) if dW else right[1],
                right[2],
            )

        return value(((u @ W) * v).sum(axis=1)), pullback

    return rule


def test_a_right_bilinear_rule_passes():
    check("bilinear", bilinear())


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (bilinear(value=lambda y: y[:, None]), r"y has shape \(4, 1\)"),
        (bilinear(value=lambda y: 2 * y), "not u W v"),
        (bilinear(dW=lambda d, u, W, v: v.T @ (d * u)), r"dW has shape \(5, 3\); it must be \(3, 5\)"),
        (bilinear(dW=lambda d, u, W, v: u.T @ v), "dW ignores dy"),
        (bilinear(dW=lambda d, u, W, v: (d * u).T @ v / 4), "dW is a mean"),
        (bilinear(du=lambda d, u, W, v: v @ W.T), "the gradient check gives"),
    ],
)
def test_wrong_bilinear_rules_get_a_hint(answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check("bilinear", answer)


def test_unknown_exercises_are_refused():
    with pytest.raises(ValueError, match="there is no exercise"):
        check("nothing", None)
