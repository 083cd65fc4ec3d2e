"""Chapter 12: recurrent layers that read a sequence and answer once."""

import numpy as np

from llmbook.feedforward import ops
from llmbook.feedforward.layers import Linear, Module


class Reader(Module):
    """Recurrent layers, and a linear layer that answers after the last step.

    (B, T, D) -> (B, d_out).  ``recurrent`` is an :class:`~llmbook.rnn.rnn.RNN`
    or one of its subclasses.  Where ``mask`` (B, T) is False the state is
    carried on, so that each sequence is answered after its own last step.

    Raises:
        ValueError: x or mask does not fit.
    """

    def __init__(self, recurrent, d_out, *, rng):
        self.recurrent = recurrent
        dtype = recurrent.layers[0]["W_x"].dtype
        self.output = Linear(recurrent.d_hidden, d_out, rng=rng, dtype=dtype)

    def __call__(self, x, mask=None):
        if len(getattr(x, "shape", ())) != 3:
            raise ValueError(
                f"x is a {type(x).__name__} of shape {np.shape(x)}; "
                "it must be an array (B, T, D)"
            )
        _, state = self.recurrent(x, mask=mask)
        h, *_ = state[-1]
        return self.output(h)

    def loss(self, x, targets, mask=None, *, rng=None):
        """Compare the answers with targets, one for each sequence.

        Mean surprise in nats where targets are integers (B,), the classes; mean
        squared error where they are floats (B, d_out).

        Raises:
            ValueError: targets have another shape, a class is not in
                0..d_out-1, or x or mask does not fit.
        """
        targets = np.asarray(targets)
        needed = *np.shape(x)[:1], *self.output.b.shape  # (B, d_out)
        classes = targets.dtype.kind in "iu"
        if targets.shape != (needed[:1] if classes else needed):
            raise ValueError(
                f"targets are {targets.dtype} of shape {targets.shape}; beside "
                f"x {np.shape(x)} they must be integers of shape {needed[:1]}, "
                f"the classes, or floats of shape {needed}"
            )
        if classes:
            return ops.cross_entropy(self(x, mask), targets)
        error = self(x, mask) - targets
        return ops.mean(error * error)
