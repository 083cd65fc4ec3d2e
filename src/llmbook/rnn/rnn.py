"""Chapter 9: the recurrent network, step by step and a sequence at a time.

Chapter 10 derives the pullback of :func:`rnn`, chapter 11 trains the language
model.
"""

import numpy as np

from llmbook.feedforward import ops
from llmbook.feedforward.language_model import LanguageModel
from llmbook.feedforward.layers import (
    Embedding,
    Linear,
    Module,
    dropout,
    normal,
)
from llmbook.feedforward.tape import Tensor, record
from llmbook.rnn.sequences import chooser, fitting, or_zeros


def rnn_step(x, h, W_x, W_h, b):
    """Read one symbol: tanh(x W_x + h W_h + b).  (B, D), (B, H) -> (B, H)

    It is made of recorded rules: given Tensors, the tape can replay it.

    Raises:
        ValueError: the shapes do not fit.

    Source: Elman (1990).
    """
    return ops.tanh(ops.linear(x, W_x, b) + ops.matmul(h, W_h))


def rnn(x, h0, W_x, W_h, b, *, mask=None):
    """Read a sequence.  (B, T, D), (B, H) -> (B, T, H), (B, H)

    Each step is h_t = tanh(x_t W_x + h_{t-1} W_h + b), from h_0 on.  The values
    are all states h_1 to h_T, and the last one once more, which goes on.  Where
    ``mask`` (B, T) is False the state is carried on as it was, and the output
    is 0.  The pullback is backpropagation through time; it holds D + H numbers
    for each step of a sequence.

    Raises:
        ValueError: the shapes do not fit, there is no step, or ``mask`` is not
            boolean.

    Source: Elman (1990); Werbos (1990) for the pullback.
    """
    x, h0, W_x, W_h, b = fitting(x=x, h0=h0, W_x=W_x, W_h=W_h, b=b)
    B, T, D = x.shape
    choose = chooser(mask, B, T)

    rows = x.swapaxes(0, 1).reshape(T * B, D)  # time first
    a = (rows @ W_x + b).reshape(T, B, -1)  # the inputs' part, for all t
    h = np.empty((T + 1, *h0.shape), a.dtype)  # (T + 1, B, H)
    h[0] = h0
    for t in range(T):
        h[t + 1] = choose(t, np.tanh(a[t] + h[t] @ W_h), h[t])
    y = choose(..., h[1:], 0).swapaxes(0, 1)  # (B, T, H)

    def pullback(dy, dh_T):
        dy = choose(..., or_zeros(dy, y).swapaxes(0, 1), 0)  # (T, B, H)
        dh = or_zeros(dh_T, h0)
        da = choose(..., 1 - h[1:] * h[1:], 0)  # the slopes of tanh, for all t
        W_back = W_h.T.copy()
        for t in reversed(range(T)):
            dh = dh + dy[t]  # from the steps after, and from the output
            da[t] *= dh
            dh = choose(t, da[t] @ W_back, dh)
        da = da.reshape(T * B, -1)
        dx = (da @ W_x.T).reshape(T, B, D).swapaxes(0, 1)
        dW_h = h[:-1].reshape(T * B, -1).T @ da
        return dx, dh, rows.T @ da, dW_h, da.sum(axis=0)

    return (y, h[-1]), pullback


class RNN(Module):
    """Recurrent layers, each reading what the one below puts out.

    Called with x (B, T, D), it returns the last layer's outputs (B, T, H), and
    the state: for each layer a tuple of what its rule carries on, here (h,),
    each (B, H).  Given that state, the next call goes on from there; without
    one, it is zero.  ``mask`` (B, T) is True where a position counts.

    W_x and W_h are drawn so that both parts of a sum vary as much as what goes
    in; the eigenvalues of W_h then fill the unit circle.  PyTorch's
    ``weight_ih_l0`` is the first layer's W_x transposed, ``weight_hh_l0`` its
    W_h transposed, and b the sum of its two biases.  With ``rng=None`` all is
    zero, but for the bias of the gate that keeps (LSTM, MinGRU), to be loaded.

    Raises:
        ValueError: there is no layer, the shapes of a call do not fit, or a
            state is not one of these layers.
    """

    rule = staticmethod(record(rnn))
    carried = 1  # arrays that the rule carries on
    blocks = 1  # of H columns of the weights, one for each gate
    biases: tuple[str, ...] = ("b",)

    def __init__(self, d_in, d_hidden, *, n_layers=1, rng, dtype=np.float32):
        if n_layers < 1:
            raise ValueError(f"n_layers is {n_layers}; it must be at least 1")
        self.d_hidden = d_hidden
        sizes = [d_in] + [d_hidden] * (n_layers - 1)
        self.layers = [self.layer(size, rng, dtype) for size in sizes]

    def layer(self, d_in, rng, dtype):
        """Draw the parameters of a layer, in the order of the rule."""
        H, F = self.d_hidden, self.blocks * self.d_hidden
        W_x = normal((d_in, F), rng=rng, std=d_in**-0.5, dtype=dtype)
        W_h = normal((H, F), rng=rng, std=H**-0.5, dtype=dtype)
        biases = {name: np.zeros(F, dtype) for name in self.biases}
        params = {"W_x": W_x, "W_h": W_h, **biases}
        return {name: Tensor(array) for name, array in params.items()}

    def __call__(self, x, state=None, *, mask=None):
        if state is None:
            dtype = self.layers[0]["W_h"].dtype
            zeros = np.zeros((x.shape[0], self.d_hidden), dtype)
            state = [(zeros,) * self.carried] * len(self.layers)
        self._check(state)
        ends = []
        for layer, starts in zip(self.layers, state, strict=True):
            x, *end = self.rule(x, *starts, *layer.values(), mask=mask)
            ends.append(tuple(end))
        return x, ends

    def _check(self, state):
        tuples = list | tuple
        lengths = [len(s) if isinstance(s, tuples) else 0 for s in state]
        if lengths != [self.carried] * len(self.layers):
            raise ValueError(
                f"state is a {type(state).__name__} of {len(state)}; it must "
                f"hold, for each of the {len(self.layers)} layers, a tuple of "
                f"{self.carried}, as an earlier call returned it"
            )


def detached(state):
    """Return a state as bare arrays: no gradient goes back beyond it."""
    return [
        tuple(s.data if isinstance(s, Tensor) else s for s in layer)
        for layer in state
    ]


class RNNLanguageModel(LanguageModel):
    """A recurrent network that reads symbols and scores the next one.

    A row of ``d_model`` numbers for each symbol, recurrent layers of
    ``d_hidden`` units, and a linear layer to V scores, which begins so small
    that the first loss is close to ln V.  ``recurrent`` is the class of the
    layers, :class:`RNN` or one of its subclasses.  Dropout acts on what goes
    into the layers and on what comes out, never on the state.

    A cache holds the state after the symbols read so far, detached: in
    training, too, the next window goes on from there, but no gradient goes back
    into this one.

    Source: Mikolov et al. (2010); Zaremba et al. (2014) for the dropout.
    """

    def __init__(
        self,
        vocab_size,
        *,
        d_model,
        d_hidden,
        rng,
        recurrent=RNN,
        n_layers=1,
        dropout_rate=0.0,
        dtype=np.float32,
    ):
        how = {"rng": rng, "dtype": dtype}
        self.dropout_rate = dropout_rate
        self.embedding = Embedding(vocab_size, d_model, **how)
        self.recurrent = recurrent(d_model, d_hidden, n_layers=n_layers, **how)
        self.output = Linear(d_hidden, vocab_size, gain=0.1, **how)

    def forward(self, token_ids, *, rng=None, cache=None):
        cache = {} if cache is None else cache
        x = dropout(self.embedding(token_ids), self.dropout_rate, rng)
        y, state = self.recurrent(x, cache.get("state"))  # (B, T, H)
        cache["state"] = detached(state)
        return self.output(dropout(y, self.dropout_rate, rng))
