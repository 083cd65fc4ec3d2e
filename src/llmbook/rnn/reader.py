"""Chapter 12: recurrent layers that read a sequence and answer once."""

from llmbook.feedforward import ops
from llmbook.feedforward.layers import Linear, Module


class Reader(Module):
    """Recurrent layers, and a linear layer that answers after the last step.

    (B, T, D) -> (B, d_out).  ``recurrent`` is an :class:`~llmbook.rnn.rnn.RNN`
    or one of its subclasses.  Where ``mask`` (B, T) is False the state is
    carried on, so that each sequence is answered after its own last step.
    """

    def __init__(self, recurrent, d_out, *, rng):
        self.recurrent = recurrent
        dtype = recurrent.layers[0]["W_h"].dtype
        self.output = Linear(recurrent.d_hidden, d_out, rng=rng, dtype=dtype)

    def __call__(self, x, mask=None):
        _, state = self.recurrent(x, mask=mask)
        h, *_ = state[-1]
        return self.output(h)

    def loss(self, x, targets, mask=None, *, rng=None):
        """Compare the answers with targets, one for each sequence.

        Mean surprise in nats where targets are integers (B,), the classes; mean
        squared error where they are floats (B, d_out).
        """
        if targets.dtype.kind == "i":
            return ops.cross_entropy(self(x, mask), targets)
        error = self(x, mask) - targets
        return ops.mean(error * error)
