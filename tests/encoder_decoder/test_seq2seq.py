from functools import partial

import numpy as np
import pytest

from llmbook.data import length_mask
from llmbook.encoder_decoder.attention import AdditiveAttention, DotAttention
from llmbook.encoder_decoder.seq2seq import Seq2Seq
from llmbook.feedforward.language_model import generate
from llmbook.lstm_gru.lstm import LSTM
from llmbook.math_foundations.evaluation import score

B, S, T, D, H, SIZE, V = 3, 5, 4, 3, 6, 7, 9
SOURCE_LENGTHS, TARGET_LENGTHS = [3, 5, 1], [4, 1, 3]
KINDS = {
    "GRU": {},
    "LSTM": {"recurrent": LSTM},
    "GRU, both ends": {"bidirectional": True},
    "GRU, dot": {"attention": DotAttention},
    "GRU, both ends, additive": {"bidirectional": True, "attention": AdditiveAttention},
    "LSTM, both ends, scaled": {
        "recurrent": LSTM,
        "bidirectional": True,
        "attention": partial(DotAttention, scale=H**-0.5),
    },
    "LSTM, additive": {"recurrent": LSTM, "attention": AdditiveAttention},
}
every_kind = pytest.mark.parametrize("kind", KINDS)
attending = pytest.mark.parametrize("kind", [kind for kind in KINDS if "attention" in KINDS[kind]])


def seq2seq(kind, rng, dtype=np.float64, **options):
    """A model whose parameters are all away from zero, and whose scores are not small."""
    model = Seq2Seq(SIZE, V, d_model=D, d_hidden=H, rng=rng, dtype=dtype, **KINDS[kind], **options)
    for p in model.params().values():
        p += rng.standard_normal(p.shape, dtype=dtype) / 2
    return model


def drawn(rng):
    """A padded batch; what stands in the padding is arbitrary."""
    source_mask, mask = length_mask(SOURCE_LENGTHS, S), length_mask(TARGET_LENGTHS, T)
    source, token_ids, targets = (
        rng.integers(size, size=shape) for size, shape in ((SIZE, (B, S)), (V, (B, T)), (V, (B, T)))
    )
    return source, source_mask, token_ids, targets, mask


def gradients(model, *batch):
    model.zero_grad()
    loss = model.loss(*batch)
    loss.backward()
    return float(loss), model.grads()


def assert_close(ours, theirs, rtol):
    """Each entry, relative to the largest of its array."""
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_allclose(ours[name], array, rtol=0, atol=rtol * abs(array).max(), err_msg=name)


@every_kind
def test_a_padded_batch_is_its_pairs_one_by_one(kind, rng):
    model, batch = seq2seq(kind, rng), drawn(rng)
    source, source_mask, token_ids, targets, mask = batch
    logits = model.given(source, source_mask).logits(token_ids)
    loss, grads = gradients(model, *batch)
    losses, sums = 0.0, dict.fromkeys(grads, 0.0)
    for row, (s, t) in enumerate(zip(SOURCE_LENGTHS, TARGET_LENGTHS, strict=True)):
        pair = source[row : row + 1, :s], None, token_ids[row : row + 1, :t], targets[row : row + 1, :t]
        alone = model.given(pair[0]).logits(pair[2])
        np.testing.assert_allclose(logits[row, :t], alone[0], rtol=1e-9, atol=1e-12)
        one, own = gradients(model, *pair)
        losses += one * t / mask.sum()
        sums = {name: sums[name] + g * (t / mask.sum()) for name, g in own.items()}
    assert losses == pytest.approx(loss, rel=1e-12)
    assert_close(grads, sums, 1e-9)


@every_kind
def test_what_stands_in_the_padding_does_not_matter(kind, rng):
    model, batch = seq2seq(kind, rng), drawn(rng)
    source, source_mask, token_ids, targets, mask = batch
    loss, grads = gradients(model, *batch)
    other = source + (~source_mask) * (SIZE - 1 - 2 * source), source_mask
    other = *other, *(ids + (~mask) * (V - 1 - 2 * ids) for ids in (token_ids, targets)), mask
    assert (other[0] != source).any() and (other[2] != token_ids).any()
    changed, changed_grads = gradients(model, *other)
    assert changed == pytest.approx(loss, rel=1e-14)
    assert_close(changed_grads, grads, 1e-12)


@every_kind
def test_a_new_model_expects_every_symbol_alike_in_float32(kind, rng):
    model = Seq2Seq(SIZE, V, d_model=D, d_hidden=H, rng=rng, **KINDS[kind])
    loss, grads = gradients(model, *drawn(rng))
    assert loss == pytest.approx(np.log(V), abs=0.1)
    assert {g.dtype for g in grads.values()} == {np.dtype("float32")}
    assert model.given(*drawn(rng)[:2]).logits([[0]] * B).dtype == np.float32


@every_kind
def test_step_by_step_with_a_cache_is_all_at_once(kind, rng):
    model = seq2seq(kind, rng)
    source, source_mask, token_ids, *_ = drawn(rng)
    given, cache = model.given(source, source_mask), {}
    whole = given.logits(token_ids)
    for t in range(T):
        step = given.logits(token_ids[:, t : t + 1], cache=cache)
        np.testing.assert_allclose(step[:, 0], whole[:, t], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(given.logits(token_ids), whole)  # and nothing was left behind


@every_kind
def test_a_single_source_serves_any_number_of_rows(kind, rng):
    model = seq2seq(kind, rng)
    source, source_mask, token_ids, *_ = drawn(rng)
    one, same = model.given(source[:1], source_mask[:1]), model.given(source[[0] * B], source_mask[[0] * B])
    cache = {}
    for ids in (token_ids[:, :1], token_ids[:, 1:]):
        logits = one.logits(ids, cache=cache)
    np.testing.assert_allclose(logits, same.logits(token_ids)[:, 1:], rtol=1e-9, atol=1e-12)


def test_the_ruler_scores_it_given_its_sources(rng):
    model, (source, source_mask, *_) = seq2seq("GRU, dot", rng), drawn(rng)
    sequences = [rng.integers(V, size=n + 1) for n in TARGET_LENGTHS]
    found = score(model, sequences, given=(source, source_mask))
    for row, sequence in enumerate(sequences):
        pair = source[row : row + 1], source_mask[row : row + 1], sequence[None, :-1], sequence[None, 1:]
        nats = float(model.loss(*pair)) * TARGET_LENGTHS[row]
        assert found.nats[row] == pytest.approx(nats, rel=1e-9)


def test_generate_writes_what_is_given(rng):
    model, (source, source_mask, *_) = seq2seq("LSTM, additive", rng), drawn(rng)
    given = model.given(source, source_mask)
    written = np.zeros((B, 1), int)
    for ids in generate(given, written, n_tokens=3):
        np.testing.assert_array_equal(ids, given.logits(written)[:, -1].argmax(axis=-1))
        written = np.column_stack([written, ids])
    assert written.shape == (B, 4)


@attending
def test_the_alignment_has_a_row_of_weights_for_each_step(kind, rng):
    model, (source, source_mask, token_ids, *_) = seq2seq(kind, rng), drawn(rng)
    weights = model.given(source, source_mask).alignment(token_ids)
    assert weights.shape == (B, T, S) and isinstance(weights, np.ndarray)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-12)
    assert not weights.swapaxes(1, 2)[~source_mask].any()
    with pytest.raises(ValueError, match="the model has no attention"):
        seq2seq("GRU", rng).given(source).alignment(token_ids)


def test_uniform_weights_are_an_option_and_can_be_set_afterwards(rng):
    model, (source, source_mask, token_ids, *_) = seq2seq("GRU, dot", rng), drawn(rng)
    looked = model.given(source, source_mask).alignment(token_ids)
    model.attention.scale = 0
    even = model.given(source, source_mask).alignment(token_ids)
    np.testing.assert_allclose(even[1], 1 / S, rtol=1e-14)
    assert abs(looked[1] - even[1]).max() > 0.1


def test_dropout_acts_only_while_training(rng):
    model, batch = seq2seq("GRU, dot", rng, dropout_rate=0.5), drawn(rng)
    plain = float(model.loss(*batch))
    assert plain == float(model.loss(*batch))
    dropped = [float(model.loss(*batch, rng=np.random.default_rng(seed))) for seed in (1, 1, 2)]
    assert dropped[0] == dropped[1] != dropped[2] and plain not in dropped


def cell_params(torch, params, layer):
    """A layer's parameters in PyTorch's order: two weights, transposed, and two biases."""
    p = {name.rpartition(".")[2]: t for name, t in params.items() if name.startswith(f"{layer}.layers.0.")}
    if "b" in p:  # PyTorch adds two
        p |= {"b_x": p["b"], "b_h": torch.zeros_like(p["b"])}
    return p["W_x"].T, p["W_h"].T, p["b_x"], p["b_h"]


def torch_encode(torch, model, params, source):
    both = hasattr(model.encoder, "backward")
    cell = type(model.decoder).__name__
    names = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"
    if both:
        named = dict(zip(names, cell_params(torch, params, "encoder.onward"), strict=True))
        backward = cell_params(torch, params, "encoder.backward")
        named |= {f"{name}_reverse": p for name, p in zip(names, backward, strict=True)}
    else:
        named = dict(zip(names, cell_params(torch, params, "encoder"), strict=True))
    x = params["source.table"][source]
    network = getattr(torch.nn, cell)(x.shape[-1], H, batch_first=True, bidirectional=both, dtype=x.dtype)
    utils = torch.nn.utils.rnn
    packed = utils.pack_padded_sequence(x, torch.tensor(SOURCE_LENGTHS), True, enforce_sorted=False)
    y, ends = torch.func.functional_call(network, named, (packed,))
    memory, _ = utils.pad_packed_sequence(y, batch_first=True)
    ends = ends if cell == "LSTM" else (ends,)
    if not both:
        return memory, [end[0] for end in ends]
    W, b = ([params[f"encoder.bridges.{i}.{name}"] for i in range(len(ends))] for name in "Wb")
    joined = [torch.cat([end[0], end[1]], dim=1) for end in ends]
    return memory, [torch.tanh(j @ W[i] + b[i]) for i, j in enumerate(joined)]


def torch_loss(torch, model, params, source, source_mask, token_ids, targets, mask):
    """One step of the decoder, and one lookup, at a time."""
    memory, state = torch_encode(torch, model, params, source)
    cell, weights = type(model.decoder).__name__, cell_params(torch, params, "decoder")
    outputs = []
    for t in range(token_ids.shape[1]):
        x = params["target.table"][token_ids[:, t]]
        if cell == "LSTM":
            state = torch.lstm_cell(x, state, *weights)
        else:
            state = [torch.gru_cell(x, state[0], *weights)]
        y = state[0]
        if model.attention is not None:
            keys = memory @ params["attention.W_k"]
            if isinstance(model.attention, DotAttention):
                scores = model.attention.scale * (keys @ y[..., None])[..., 0]
            else:
                query = y @ params["attention.W_q"]
                scores = torch.tanh(query[:, None] + keys) @ params["attention.v"]
            p = torch.softmax(scores.masked_fill(~source_mask, -torch.inf), dim=-1)
            mean = (p[..., None] * memory).sum(dim=1)
            y = torch.tanh(torch.cat([y, mean], dim=-1) @ params["combine.W"] + params["combine.b"])
        outputs.append(y @ params["output.W"] + params["output.b"])
    logits = torch.stack(outputs, dim=1)
    return torch.nn.functional.cross_entropy(logits[mask], targets[mask])


@every_kind
@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 1e-6), (np.float32, 1e-4)])
def test_loss_and_every_gradient_are_pytorchs(kind, dtype, limit, rng):
    torch = pytest.importorskip("torch", reason="the reference packages are not installed")
    model, batch = seq2seq(kind, rng, dtype), drawn(rng)
    ours, grads = gradients(model, *batch)
    params = {name: torch.tensor(p, requires_grad=True) for name, p in model.params().items()}
    theirs = torch_loss(torch, model, params, *map(torch.tensor, batch))
    theirs.backward()
    assert ours == pytest.approx(theirs.item(), rel=limit)
    assert_close(grads, {name: t.grad.numpy() for name, t in params.items()}, limit)


RIGHT = {
    "source": np.zeros((B, S), int),
    "source_mask": np.ones((B, S), bool),
    "token_ids": np.zeros((B, T), int),
    "targets": np.zeros((B, T), int),
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": np.zeros((B, 0), int)}, r"source ids have shape \(3, 0\); .* one symbol at least"),
        ({"source": np.zeros(S, int)}, r"source ids have shape \(5,\); they must be a batch of rows"),
        ({"source": np.full((B, S), SIZE)}, r"source ids run from 7 to 7; they must lie in 0\.\.6"),
        ({"source": np.zeros((B, S))}, r"source ids have dtype float64; they must be integers"),
        ({"source_mask": np.ones((B, S))}, r"mask of the sources is float64 .* must be bool"),
        (
            {"source_mask": np.ones((B, 1), bool)},
            r"is bool of shape \(3, 1\); it must be bool of shape \(3, 5\)",
        ),
        ({"source_mask": np.zeros((B, S), bool)}, "row 0 of the mask of the sources allows nothing"),
        ({"token_ids": np.full((B, T), -1)}, r"token_ids run from -1 to -1; they must lie in 0\.\.8"),
        ({"token_ids": np.zeros((B, 0), int)}, r"token_ids have shape \(3, 0\)"),
        ({"token_ids": np.zeros((B + 1, T), int)}, "token_ids have 4 rows; there are 3 sources"),
        ({"targets": np.full((B, T), V)}, r"targets run from 9 to 9"),
        ({"targets": np.zeros((B, T + 1), int)}, r"targets have shape \(3, 5\)"),
        ({"mask": np.ones((B, T))}, r"mask is float64 .*; it must be bool of shape \(3, 4\)"),
        ({"mask": np.zeros((B, T), bool)}, "no position counts"),
    ],
)
@pytest.mark.parametrize("kind", ["GRU", "LSTM, both ends, scaled"])
def test_what_does_not_fit_is_named(kind, change, message, rng):
    model = seq2seq(kind, rng)
    with pytest.raises(ValueError, match=message):
        model.loss(**RIGHT | change)
    if "source" in change:
        with pytest.raises(ValueError, match=message):
            model.given(change["source"])
