import numpy as np
import pytest

from llmbook.book.certificate import load_golden
from llmbook.optimization import stepping
from llmbook.optimization.muon import Muon, newton_schulz
from llmbook.optimization.optimizers import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    Momentum,
    Nesterov,
    RMSProp,
    clip_by_global_norm,
)

WITH_PEER = {
    "SGD": lambda: SGD(0.02),
    "Momentum": lambda: Momentum(0.02),
    "Nesterov": lambda: Nesterov(0.02),
    "Adagrad": lambda: Adagrad(0.02),
    "RMSProp": lambda: RMSProp(0.02),
    "Adam": lambda: Adam(0.02),
    "Adam, l2": lambda: Adam(0.02, l2=0.3),
    "AdamW": lambda: AdamW(0.02, weight_decay=0.3),
    "Muon": lambda: Muon(0.02, weight_decay=0.3),
}
ALL = {**WITH_PEER, "Lion": lambda: Lion(0.02, weight_decay=0.3)}
with_peer = pytest.mark.parametrize("name", WITH_PEER)
every = pytest.mark.parametrize("name", ALL)


def follow(optimizer, start, curvature):
    """Where the optimizer stands after every tenth of 100 steps, on the problem of make_golden.py."""
    params, way = {key: p.copy() for key, p in start.items()}, []
    for _ in range(100):
        optimizer.step(params, {key: curvature[key] * p + np.sin(3 * p) for key, p in params.items()})
        way.append({key: p.copy() for key, p in params.items()})
    return {key: np.array([at[key] for at in way[9::10]]) for key in params}


def compare(name, theirs):
    def part(what):
        prefix = f"{name}: {what} "
        return {k.removeprefix(prefix): a for k, a in theirs.items() if k.startswith(prefix)}

    ways = part("way")
    assert len(ways) >= 2
    for key, way in follow(WITH_PEER[name](), part("start"), part("curvature")).items():
        np.testing.assert_allclose(way, ways[key], rtol=1e-6, atol=1e-9, err_msg=key)


@with_peer
def test_hundred_steps_are_those_of_pytorch(name):
    compare(name, load_golden("optimization"))


@with_peer
def test_hundred_steps_are_those_of_pytorch_live(name):
    pytest.importorskip("torch", reason="the reference packages are not installed")
    from make_golden import follow_torch

    theirs, golden = follow_torch(name), load_golden("optimization")
    compare(name, theirs)
    for key, array in theirs.items():  # the committed file is current
        np.testing.assert_allclose(golden[key], array, rtol=1e-9, atol=1e-12)


def test_the_golden_file_holds_nothing_else():
    assert {key.split(":")[0] for key in load_golden("optimization")} == set(WITH_PEER)


def problem(rng, dtype=np.float32):
    shapes = {"W": (5, 4), "W.b": (4,), "s": ()}
    params = {name: np.array(rng.standard_normal(shape), dtype) for name, shape in shapes.items()}
    return params, {name: np.array(rng.standard_normal(shape), dtype) for name, shape in shapes.items()}


@every
def test_float32_stays_and_gradients_are_not_written_to(name, rng):
    optimizer, (params, grads) = ALL[name](), problem(rng)
    before, moved = {k: g.copy() for k, g in grads.items()}, {k: p.copy() for k, p in params.items()}
    optimizer.lr = np.float64(0.01)
    for _ in range(2):
        optimizer.step(params, grads)
    for key in params:
        np.testing.assert_array_equal(grads[key], before[key])
        assert (params[key] != moved[key]).all()
        assert params[key].dtype == np.float32
    assert {a.dtype for k, a in optimizer.state().items() if k != "t"} <= {np.dtype("float32")}


@every
def test_updates_stay_in_float32(name, rng, monkeypatch):
    optimizer, (params, grads) = ALL[name](), problem(rng)
    seen = []
    for function in ("sqrt", "sign"):
        own = getattr(np, function)
        monkeypatch.setattr(np, function, lambda x, own=own: seen.append(x.dtype) or own(x))
    optimizer.step(params, grads)
    assert set(seen) <= {np.dtype("float32")}


@every
def test_a_loaded_state_goes_on_exactly(name, rng):
    (params, grads), copy = problem(rng), ALL[name]()
    optimizer = ALL[name]()
    for _ in range(3):
        optimizer.step(params, grads)
    twin = {k: p.copy() for k, p in params.items()}
    copy.load_state(optimizer.state())
    for _ in range(3):
        optimizer.step(params, grads)
        copy.step(twin, grads)
    for key in params:
        np.testing.assert_array_equal(params[key], twin[key])


@every
def test_the_cutting_into_blocks_changes_nothing(name, rng, monkeypatch):
    params, grads = problem(rng, np.float64)
    twin = {k: p.copy() for k, p in params.items()}
    ALL[name]().step(params, grads)
    monkeypatch.setattr(stepping, "BLOCK", 3)
    ALL[name]().step(twin, grads)
    for key in params:
        np.testing.assert_allclose(params[key], twin[key], rtol=1e-14)


def test_blocks_cover_every_number_once_without_copies(monkeypatch):
    monkeypatch.setattr(stepping, "BLOCK", 8)
    for array in (np.zeros((7, 3)), np.zeros((3, 7)).T, np.zeros((2, 20)), np.zeros(17), np.zeros(())):
        for block in stepping.blocks(array):
            assert block.size <= 8 or len(block) == 1
            block += 1
        assert (array == 1).all()
    assert list(stepping.blocks(np.zeros((0, 3)))) == []


def test_adamw_is_not_adam_with_l2(rng):
    params, grads = problem(rng, np.float64)
    twin = {k: p.copy() for k, p in params.items()}
    AdamW(0.1, weight_decay=0.5).step(params, grads)
    Adam(0.1, l2=0.5).step(twin, grads)
    assert np.abs(params["W"] - twin["W"]).max() > 0.01


def test_lion_moves_every_entry_by_lr(rng):
    params, grads = problem(rng, np.float64)
    before = {k: p.copy() for k, p in params.items()}
    Lion(0.25).step(params, grads)
    for key, p in params.items():
        np.testing.assert_allclose(p - before[key], -0.25 * np.sign(grads[key]), rtol=1e-12)


def test_two_steps_of_lion_by_hand():
    params, lion = {"w": np.array([1.0])}, Lion(0.1, weight_decay=0.5)
    lion.step(params, {"w": np.array([2.0])})  # 0.95 - 0.1; m = 0.01 * 2
    np.testing.assert_allclose(params["w"], [0.85])
    # 0.9 * 0.02 - 0.1 * 0.1 is positive: the momentum outweighs the gradient
    lion.step(params, {"w": np.array([-0.1])})
    np.testing.assert_allclose(params["w"], [0.85 * 0.95 - 0.1])
    np.testing.assert_allclose(lion.state()["m.w"], [0.99 * 0.02 - 0.01 * 0.1])


@pytest.mark.parametrize("shape", [(8, 8), (5, 20), (20, 5), (1, 7)])
def test_newton_schulz_brings_singular_values_near_one(shape, rng):
    U, _, Vt = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    G = U * np.geomspace(1, 0.05, len(Vt)) @ Vt * 30
    O = newton_schulz(G)  # noqa: E741
    values = np.linalg.svd(O, compute_uv=False)
    assert 0.65 < values.min() and values.max() < 1.25
    np.testing.assert_allclose(U.T @ O @ Vt.T, np.diag(np.diag(U.T @ O @ Vt.T)), atol=1e-8)  # same vectors


def test_newton_schulz_of_nothing_is_nothing():
    np.testing.assert_array_equal(newton_schulz(np.zeros((2, 3))), np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"G has shape \(3,\); it must be a matrix"):
        newton_schulz(np.zeros(3))


def test_muon_leaves_vectors_and_what_groups_says_to_adamw(rng):
    params, grads = problem(rng, np.float64)
    params["table"], grads["table"] = rng.standard_normal((2, 6, 3))
    twin = {k: p.copy() for k, p in params.items()}
    muon = Muon(0.1, groups=lambda name: {"orthogonal": False} if name == "table" else {})
    muon.step(params, grads)
    AdamW(0.1).step(twin, grads)
    assert {k for k in params if (params[k] == twin[k]).all()} == {"W.b", "s", "table"}
    assert muon.state().keys() == {"t", "u.W", "m.W.b", "v.W.b", "m.s", "v.s", "m.table", "v.table"}


def test_groups_override_the_settings_of_a_parameter(rng):
    params, grads = problem(rng, np.float64)
    before = {k: p.copy() for k, p in params.items()}
    nothing = {k: np.zeros_like(g) for k, g in grads.items()}
    groups = lambda name: {"weight_decay": 0.0} if name.endswith(".b") else {}  # noqa: E731
    AdamW(0.1, weight_decay=0.5, groups=groups).step(params, nothing)
    np.testing.assert_array_equal(params["W.b"], before["W.b"])
    np.testing.assert_allclose(params["W"], 0.95 * before["W"])


def test_groups_are_asked_once_for_each_name(rng):
    asked, (params, grads) = [], problem(rng)
    optimizer = Adam(0.1, groups=lambda name: asked.append(name) or {})
    for _ in range(3):
        optimizer.step(params, grads)
    assert asked == list(params)


@every
def test_arrays_may_be_others_at_every_step(name, rng):
    (params, grads), optimizer, twin = problem(rng), ALL[name](), ALL[name]()
    others = {k: p.copy() for k, p in params.items()}
    for _ in range(3):
        optimizer.step(params, grads)
        others = {k: others[k].copy() for k in reversed(others)}
        twin.step(others, grads)
    for key in params:
        np.testing.assert_array_equal(others[key], params[key])


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays | {"W": np.zeros((4, 5), np.float32)},
        lambda arrays: arrays | {"new": np.zeros(3, np.float32)},
        lambda arrays: {k: a for k, a in arrays.items() if k != "s"},
    ],
)
def test_parameters_that_do_not_fit_the_moments_are_refused_at_any_step(change, rng):
    (params, grads), optimizer = problem(rng), Adam(0.1)
    optimizer.step(params, grads)
    before = {k: a.copy() for k, a in (params | optimizer.state()).items()}
    changed = change(params)
    with pytest.raises(ValueError, match="the optimizer's state"):
        optimizer.step(changed, {k: np.ones_like(p) for k, p in changed.items()})
    for key, array in (params | optimizer.state()).items():
        np.testing.assert_array_equal(array, before[key])
    optimizer.step(params, grads)  # and the right ones still move
    assert optimizer.t == 2


def test_a_state_loaded_in_the_middle_replaces_the_moments(rng):
    (params, grads), optimizer, fresh = problem(rng), Momentum(0.1), Momentum(0.1)
    optimizer.step(params, grads)
    state = {k: a.copy() for k, a in optimizer.state().items()}
    twin = {k: p.copy() for k, p in params.items()}
    for _ in range(2):
        optimizer.step(params, grads)
    optimizer.load_state(state)
    fresh.load_state(state)
    for key in params:
        params[key][...] = twin[key]
    optimizer.step(params, grads)
    fresh.step(twin, grads)
    for key in params:
        np.testing.assert_array_equal(params[key], twin[key])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(-0.1), "lr is -0.1; it must be finite, and not negative"),
        (lambda: SGD(float("nan")), "lr is nan"),
        (lambda: SGD(float("inf")), "lr is inf"),
        (lambda: Momentum(0.1, momentum=1.0), r"momentum is 1.0; it must be in \[0, 1\)"),
        (lambda: RMSProp(0.1, decay=-0.1), "decay is -0.1"),
        (lambda: Adam(0.1, betas=(0.9, 1.0)), r"betas is \(0.9, 1.0\); it must be in \[0, 1\)"),
        (lambda: Lion(0.1, betas=(-0.1, 0.9)), "betas is"),
        (lambda: Adam(0.1, betas=0.9), "betas is 0.9; it must be two numbers"),
        (lambda: Adam(0.1, betas=(0.9, 0.99, 0.999)), "it must be two numbers"),
        (lambda: Adam(0.1, eps=-1e-8), "eps is -1e-08; it must be finite"),
        (lambda: AdamW(0.1, weight_decay=float("nan")), "weight_decay is nan"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.pop("s"), r"grads lacks \['s'\] and has unknown \[\]"),
        (lambda g: g.update(x=g["s"]), r"grads lacks \[\] and has unknown \['x'\]"),
        (lambda g: g.update(W=g["W"].T), r"grads: W has shape \(4, 5\); the parameter's is \(5, 4\)"),
    ],
)
def test_gradients_that_do_not_fit_are_refused_and_nothing_moves(change, message, rng):
    params, grads = problem(rng)
    change(grads)
    before = {k: p.copy() for k, p in params.items()}
    with pytest.raises(ValueError, match=message):
        Adam(0.1).step(params, grads)
    for key in params:
        np.testing.assert_array_equal(params[key], before[key])


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"lr": 0.1}, r"groups\('W'\) sets \['lr'\]; the settings are \['betas', 'eps', 'l2'\]"),
        ({"betas": (0.9, 2)}, "betas is"),
        ({"betas": (0.9,)}, "it must be two numbers"),
    ],
)
def test_groups_that_return_nonsense_are_refused(own, message, rng):
    with pytest.raises(ValueError, match=message):
        Adam(0.1, groups=lambda name: own).step(*problem(rng))


def test_the_state_of_another_training_is_refused(rng):
    params, grads = problem(rng)
    momentum, adam = Momentum(0.1), Adam(0.1)
    momentum.step(params, grads)
    adam.load_state(momentum.state())
    with pytest.raises(ValueError, match=r"state lacks \['m.W', .* unknown \['v.W|state lacks"):
        adam.step(params, grads)
    with pytest.raises(ValueError, match="needs 't'"):
        adam.load_state({})


def test_clipping_scales_all_by_one_factor():
    grads = {"a": np.array([3.0], np.float32), "b": np.array([[4.0]], np.float32)}
    clipped, norm = clip_by_global_norm(grads, 1.0)
    assert norm == 5.0
    np.testing.assert_allclose(clipped["a"], [0.6], rtol=1e-6)
    np.testing.assert_allclose(clipped["b"], [[0.8]], rtol=1e-6)
    assert clipped["a"].dtype == np.float32
    assert grads["a"] == 3.0
    assert clip_by_global_norm(grads, 5.0) == (grads, 5.0)


def test_clipping_survives_squares_beyond_float32():
    clipped, norm = clip_by_global_norm({"a": np.array([1e30, 0], np.float32)}, 2.0)
    assert norm == pytest.approx(1e30, rel=1e-6)
    np.testing.assert_allclose(clipped["a"], [2, 0], rtol=1e-6)


def test_clipping_survives_squares_below_float32():
    clipped, norm = clip_by_global_norm({"a": np.array([3e-30, 4e-30], np.float32)}, 1e-30)
    assert norm == pytest.approx(5e-30, rel=1e-6)
    np.testing.assert_allclose(clipped["a"], [6e-31, 8e-31], rtol=1e-6)
    nothing = {"a": np.zeros(3, np.float32)}
    assert clip_by_global_norm(nothing, 1.0) == (nothing, 0.0)


@pytest.mark.parametrize("max_norm", [0.5, np.float64(0.5), np.float32(0.5)])
def test_clipped_gradients_stay_in_float32(max_norm, rng):
    grads = problem(rng)[1]
    clipped, norm = clip_by_global_norm(grads, max_norm)
    assert norm > 0.5 and type(norm) is float
    assert {g.dtype for g in clipped.values()} == {np.dtype("float32")}
    assert clip_by_global_norm(clipped, 1.0)[1] == pytest.approx(0.5, rel=1e-6)


def test_the_norm_is_that_of_one_long_vector(rng):
    grads = {
        "many": rng.standard_normal((700, 1000), dtype=np.float32),
        "transposed": rng.standard_normal((30, 20), dtype=np.float32).T,
        "every other": rng.standard_normal((40, 40))[::2, ::2],
        "number": np.array(3.0),
        "empty": np.zeros((0, 4), np.float32),
        "too large": np.array([1e25], np.float32),
    }
    for kept in (grads, {k: g for k, g in grads.items() if k != "too large"}):
        flat = np.concatenate([g.ravel().astype(np.float64) for g in kept.values()])
        assert clip_by_global_norm(kept, 1e30)[1] == pytest.approx(np.linalg.norm(flat), rel=1e-6)


def test_clipping_returns_what_no_factor_can_mend():
    grads = {"a": np.array([np.inf, 1.0])}
    assert clip_by_global_norm(grads, 1.0) == (grads, np.inf)
    with pytest.raises(ValueError, match="max_norm is 0; it must be positive"):
        clip_by_global_norm(grads, 0)


def test_an_optimizer_needs_a_rule(rng):
    with pytest.raises(NotImplementedError):
        stepping.Optimizer(0.1).step(*problem(rng))


@pytest.mark.parametrize("p", [np.arange(3), [1.0, 2.0, 3.0], np.float64(1)])
def test_a_parameter_that_is_no_array_of_floats_is_refused(p):
    params = {"first": np.ones(3), "p": p}
    with pytest.raises(ValueError, match=r"params: p is .* an array of floats"):
        SGD(0.1).step(params, {"first": np.ones(3), "p": np.ones(np.shape(p))})
    np.testing.assert_array_equal(params["first"], [1, 1, 1])


def test_groups_must_return_a_dictionary():
    with pytest.raises(ValueError, match=r"groups\('p'\) returns None; it must return a dictionary"):
        AdamW(0.1, groups=lambda name: None).step({"p": np.ones(3)}, {"p": np.ones(3)})


def test_gradients_may_be_lists():
    params = {"p": np.ones(2)}
    SGD(0.5).step(params, {"p": [1, 2]})
    np.testing.assert_array_equal(params["p"], [0.5, 0])
