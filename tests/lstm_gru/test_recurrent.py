"""What recurrent layers have in common: the state they carry, masks, layers, and PyTorch's modules."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbook.feedforward import ops
from llmbook.feedforward.tape import Tensor
from llmbook.lstm_gru.gru import GRU, gru
from llmbook.lstm_gru.lstm import LSTM, lstm
from llmbook.lstm_gru.mingru import MinGRU
from llmbook.math_foundations.calculus import check_pullback
from llmbook.rnn.rnn import RNN, RNNLanguageModel, rnn

D, H = 3, 4
CELLS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU, "GRU, reset before": partial(GRU, reset_after=False)}
CELLS |= {"MinGRU": MinGRU}
every_cell = pytest.mark.parametrize("cell", CELLS)


def layers(cell, rng, n_layers=2, dtype=np.float64):
    """New layers, with biases that are not zero."""
    module = CELLS[cell](D, H, n_layers=n_layers, rng=rng, dtype=dtype)
    for params in module.layers:
        for name in params.keys() - {"W_x", "W_h"}:
            params[name].data[...] += rng.standard_normal(params[name].shape)
    return module


def states(module, B, rng):
    """A random state for each layer, as leaves."""
    one = [tuple(rng.standard_normal((B, H)) for _ in range(module.carried)) for _ in module.layers]
    return [tuple(map(Tensor, layer)) for layer in one]


def flat(state):
    return [s for layer in state for s in layer]


def gradients(module, x, state, y, ends, dy, dends):
    """Receive dy at the outputs and dends at the last states; return all gradients, inputs first."""
    for leaf in (*module.tensors().values(), x, *flat(state)):
        leaf.grad = None
    loss = ops.total(y * dy)
    for end, dend in zip(flat(ends), dends, strict=True):
        loss = loss + ops.total(end * dend)
    loss.backward()
    return [x.grad, *(s.grad for s in flat(state)), *module.grads().values()]


def assert_close(ours, theirs, rtol=1e-9):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * abs(b).max())


@every_cell
@pytest.mark.parametrize("cuts", [[3], [1, 2, 3, 4, 5]], ids=["two windows", "step by step"])
def test_windows_are_one_sequence_if_the_state_is_passed_on(cell, cuts, rng):
    B, T = 2, 6
    module = layers(cell, rng)
    whole, state = Tensor(rng.standard_normal((B, T, D))), states(module, B, rng)
    mask = rng.random((B, T)) < 0.7
    dy = rng.standard_normal((B, T, H))
    y, ends = module(whole, state, mask=mask)
    dends = [rng.standard_normal((B, H)) for _ in flat(ends)]
    expected = gradients(module, whole, state, y, ends, dy, dends)

    parts = [Tensor(part.copy()) for part in np.split(whole.data, cuts, axis=1)]
    outputs, carried = [], state
    for part, counts in zip(parts, np.split(mask, cuts, axis=1), strict=True):
        out, carried = module(part, carried, mask=counts)
        outputs.append(out)
    together = ops.concatenate(*outputs, axis=1)
    assert_close([together.data, *(s.data for s in flat(carried))], [y.data, *(s.data for s in flat(ends))])
    found = gradients(module, parts[0], state, together, carried, dy, dends)
    dx = np.concatenate([part.grad for part in parts], axis=1)
    assert_close([dx, *found[1:]], expected)


@every_cell
def test_a_padded_batch_is_its_sequences_one_by_one(cell, rng):
    lengths, T = [5, 2, 6, 1], 6
    module = layers(cell, rng)
    x, state = Tensor(rng.standard_normal((4, T, D))), states(module, 4, rng)
    mask = np.arange(T) < np.array(lengths)[:, None]
    y, ends = module(x, state, mask=mask)
    dy, dends = rng.standard_normal((4, T, H)), [rng.standard_normal((4, H)) for _ in flat(ends)]
    dx, *dstates = gradients(module, x, state, y, ends, dy, dends)
    dstates, dparams = dstates[: len(dends)], dstates[len(dends) :]
    assert not y.data[~mask].any() and not dx[~mask].any()

    sums = [np.zeros_like(g) for g in dparams]
    for row, n in enumerate(lengths):
        alone = Tensor(x.data[row : row + 1, :n].copy())
        start = [tuple(Tensor(s.data[row : row + 1]) for s in layer) for layer in state]
        out, last = module(alone, start)
        assert_close([out.data[0]], [y.data[row, :n]])
        assert_close([s.data[0] for s in flat(last)], [s.data[row] for s in flat(ends)])
        some = [d[row : row + 1] for d in dends]
        found = gradients(module, alone, start, out, last, dy[row : row + 1, :n], some)
        assert_close([g[0] for g in found[: 1 + len(dends)]], [dx[row, :n], *(d[row] for d in dstates)])
        sums = [a + b for a, b in zip(sums, found[1 + len(dends) :], strict=True)]
    assert_close(sums, dparams)


@every_cell
def test_where_nothing_counts_the_state_passes_untouched_and_nothing_is_learned(cell, rng):
    module = layers(cell, rng)
    x, state = Tensor(rng.standard_normal((3, 4, D))), states(module, 3, rng)
    mask = np.array([[True] * 4, [False] * 4, [True, False, True, False]])
    y, ends = module(x, state, mask=mask)
    dy, dends = rng.standard_normal((3, 4, H)), [rng.standard_normal((3, H)) for _ in flat(ends)]
    dx, *dstates = gradients(module, x, state, y, ends, dy, dends)
    assert not y.data[1].any() and not dx[1].any()
    for start, end, d, dend in zip(flat(state), flat(ends), dstates, dends, strict=False):
        np.testing.assert_array_equal(end.data[1], start.data[1])
        np.testing.assert_array_equal(d[1], dend[1])


@every_cell
def test_gaps_are_skipped(cell, rng):
    module = layers(cell, rng)
    x, mask = rng.standard_normal((1, 6, D)), np.array([[False, True, True, False, True, False]])
    y, ends = module(x, mask=mask)
    short, last = module(x[:, mask[0]])
    assert_close(
        [y.data[:, mask[0]], *(s.data for s in flat(ends))], [short.data, *(s.data for s in flat(last))]
    )


@every_cell
def test_layers_stand_on_each_other(cell, rng):
    module = layers(cell, rng, n_layers=3)
    x = rng.standard_normal((2, 5, D))
    y, ends = module(x)
    for n, params in enumerate(module.layers):
        one = CELLS[cell](D if n == 0 else H, H, rng=None, dtype=np.float64)
        one.load({f"layers.0.{name}": tensor.data for name, tensor in params.items()})
        x, [end] = one(x)
        np.testing.assert_array_equal(end[0].data, ends[n][0].data)
    np.testing.assert_array_equal(x.data, y.data)


@pytest.mark.parametrize(
    ("cell", "bias", "expected"),
    [
        (RNN, {}, [0]),
        (GRU, {}, [0, 0, 0]),
        (LSTM, {"forget_bias": 2.0}, [0, 2, 0, 0]),
        (MinGRU, {"update_bias": 2.0}, [2, 0]),
    ],
)
def test_without_an_rng_all_is_zero_but_the_bias_of_the_gate_that_keeps(cell, bias, expected):
    for layer in cell(D, H, n_layers=2, rng=None, **bias).layers:
        for name, tensor in layer.items():
            blocks = np.repeat(expected, H) if name == "b" else 0
            np.testing.assert_array_equal(tensor.data, np.broadcast_to(blocks, tensor.shape))


@every_cell
def test_the_first_state_is_zero_and_all_is_float32(cell, rng):
    module = layers(cell, rng, dtype=np.float32)
    x = rng.standard_normal((2, 5, D), dtype=np.float32)
    zeros = [(np.zeros((2, H), dtype=np.float32),) * module.carried] * 2
    (y, ends), (same, _) = module(x), module(x, zeros, mask=np.ones((2, 5), dtype=bool))
    np.testing.assert_array_equal(y.data, same.data)
    y.backward(np.ones(y.shape, dtype=np.float32))
    arrays = [y.data, *(s.data for s in flat(ends)), *module.grads().values()]
    assert {a.dtype for a in arrays} == {np.dtype("float32")}


@every_cell
def test_adopted_parameters_bring_their_dtype(cell, rng):
    module = layers(cell, rng, dtype=np.float64)
    module.adopt({name: p.astype(np.float32) for name, p in module.params().items()})
    y, ends = module(rng.standard_normal((2, 5, D), dtype=np.float32))
    assert {y.dtype, *(s.dtype for s in flat(ends))} == {np.dtype("float32")}


RULES = {"rnn": (rnn, 1, 1, 1), "lstm": (lstm, 4, 2, 1), "gru": (gru, 3, 1, 2)}


@given(st.sampled_from(list(RULES)), st.tuples(*[st.integers(1, 3)] * 4), st.booleans(), st.integers(0, 99))
def test_gradients_are_right_at_any_size_and_mask(name, sizes, reset_after, seed):
    rule, blocks, n_states, biases = RULES[name]
    options = {"reset_after": reset_after} if name == "gru" else {}
    (B, T, D, H), rng = sizes, np.random.default_rng(seed)
    F = blocks * H
    shapes = [(B, T, D), *[(B, H)] * n_states, (D, F), (H, F), *[(F,)] * biases]
    args = [rng.standard_normal(shape) for shape in shapes]
    mask = rng.random((B, T)) < 0.7
    assert check_pullback(rule, *args, rng=rng, n_directions=1, mask=mask, **options) < 1e-7


@pytest.mark.parametrize(("name", "widths"), [("rnn", 1), ("lstm", 7), ("gru", 5)])
def test_what_the_pullback_holds(name, widths):
    """Beside parameters and states: D + 1 H, 7 H or 5 H numbers for each of the T B steps."""
    rule, blocks, n_states, biases = RULES[name]
    B, T, D, H = 3, 50, 5, 7
    F = blocks * H
    shapes = [(B, T, D), *[(B, H)] * n_states, (D, F), (H, F), *[(F,)] * biases]
    _, pullback = rule(*(np.ones(shape) for shape in shapes))
    held = {}
    for cell in pullback.__closure__:
        array = cell.cell_contents
        while isinstance(array, np.ndarray):
            held[id(array)], array = array, array.base
    owned = sum(a.size for a in held.values() if a.base is None)
    parameters_and_states = D * F + 2 * H * F + (biases - 1) * F + 2 * n_states * B * H
    steps = T * B * (D + widths * H)
    assert steps <= owned <= steps + parameters_and_states


@every_cell
def test_saturated_units_overflow_nowhere(cell, rng):
    module = layers(cell, rng, dtype=np.float32)
    x = 1e30 * rng.standard_normal((2, 5, D), dtype=np.float32)
    y, _ = module(x)
    y.backward(np.ones(y.shape, dtype=np.float32))
    assert np.isfinite(y.data).all()


@every_cell
def test_a_language_model_of_each_reads_on_from_its_cache(cell, rng):
    how = {"recurrent": CELLS[cell], "n_layers": 2, "rng": rng, "dtype": np.float64}
    network = RNNLanguageModel(7, d_model=D, d_hidden=H, **how)
    ids, cache = rng.integers(0, 7, (2, 6)), {}
    parts = [network.logits(part, cache=cache) for part in np.split(ids, [1, 4], axis=1)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), network.logits(ids), rtol=1e-10)
    network.loss(ids[:, :-1], ids[:, 1:]).backward()
    assert all(g.any() for g in network.grads().values())


@every_cell
def test_mistakes_are_named(cell, rng):
    module, x = layers(cell, rng), np.zeros((2, 5, D))
    with pytest.raises(ValueError, match=r"state is a list of 1; .* each of the 2 layers"):
        module(x, states(module, 2, rng)[:1])
    with pytest.raises(ValueError, match=r"h0 has shape \(4, 4\); .* needs \(2, 4\)"):
        module(x, states(module, 4, rng))
    with pytest.raises(ValueError, match=r"x has shape \(2, 0, 3\); .* one step at least"):
        module(x[:, :0])
    with pytest.raises(ValueError, match=r"W_x has shape \(3, \d+\); beside x \(2, 5, 1\) .* needs \(1, "):
        module(x[..., :1])
    with pytest.raises(ValueError, match=r"mask is float64 of shape \(2, 5\); it must be bool"):
        module(x, mask=np.ones((2, 5)))


def to_pytorch(torch, module, dtype):
    """PyTorch's module with the same parameters: transposed, and with a second bias where ours has one."""
    peer = getattr(torch.nn, type(module).__name__)(
        D, H, len(module.layers), batch_first=True, dtype=getattr(torch, dtype)
    )
    named = {}
    for n, params in enumerate(module.layers):
        W_x, W_h, b_x, *b_h = (torch.tensor(tensor.data) for tensor in params.values())
        b_h = b_h[0] if b_h else torch.zeros_like(b_x)
        named |= {
            f"weight_ih_l{n}": W_x.T,
            f"weight_hh_l{n}": W_h.T,
            f"bias_ih_l{n}": b_x,
            f"bias_hh_l{n}": b_h,
        }
    peer.load_state_dict(named)
    return peer


def from_pytorch(module, peer):
    """PyTorch's gradients in the order of our parameters."""
    for n, params in enumerate(module.layers):
        grads = [
            getattr(peer, f"{name}_l{n}").grad for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        yield from [g.numpy().T for g in grads[: len(params)]]


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-6), ("float32", 1e-4)])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("cell", ["RNN", "LSTM", "GRU"])
def test_outputs_states_and_all_gradients_are_pytorchs(cell, n_layers, masked, dtype, rtol, rng):
    torch = pytest.importorskip("torch", reason="the reference packages are not installed")
    lengths, T = torch.tensor([4, 7, 1, 5]), 7
    module = layers(cell, rng, n_layers, dtype)
    peer = to_pytorch(torch, module, dtype)
    x = Tensor(rng.standard_normal((4, T, D)).astype(dtype))
    state = [tuple(Tensor(s.data.astype(dtype)) for s in layer) for layer in states(module, 4, rng)]
    y, ends = module(x, state, mask=np.arange(T) < lengths.numpy()[:, None] if masked else None)
    dy = rng.standard_normal(y.shape).astype(dtype)
    dends = [rng.standard_normal((4, H)).astype(dtype) for _ in flat(ends)]
    ours = gradients(module, x, state, y, ends, dy, dends)

    x_peer = torch.tensor(x.data, requires_grad=True)
    leaves = [torch.tensor(s.data, requires_grad=True) for s in flat(state)]
    kinds = [torch.stack(leaves[k :: module.carried]) for k in range(module.carried)]
    utils, read = torch.nn.utils.rnn, x_peer
    if masked:
        read = utils.pack_padded_sequence(x_peer, lengths, batch_first=True, enforce_sorted=False)
    y_peer, last = peer(read, tuple(kinds) if cell == "LSTM" else kinds[0])
    if masked:
        y_peer, _ = utils.pad_packed_sequence(y_peer, batch_first=True)
    last = last if cell == "LSTM" else (last,)
    last = [kind[n] for n in range(n_layers) for kind in last]
    loss = (y_peer * torch.tensor(dy)).sum() + sum(
        (end * torch.tensor(d)).sum() for end, d in zip(last, dends, strict=True)
    )
    loss.backward()
    theirs = [y_peer, *last, x_peer.grad, *(leaf.grad for leaf in leaves)]
    values = [y.data, *(s.data for s in flat(ends))]
    assert_close([*values, *ours], [*(t.detach().numpy() for t in theirs), *from_pytorch(module, peer)], rtol)
