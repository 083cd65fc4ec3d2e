"""Chapter 5: the network of chapter 4, its pullbacks chained by hand."""

from llmbook.feedforward.activations import tanh
from llmbook.feedforward.rules import linear, reshape, take
from llmbook.math_foundations.softmax import cross_entropy


def loss_and_gradients(params, before, targets):
    """Run the neural n-gram forward, then backward.

    Args:
        params: arrays by name, as the model's ``params()`` has them.
        before: (N, C), the symbols before each target.
        targets: (N,), what came next.

    Returns:
        The loss in nats, and a gradient for every name.

    Raises:
        ValueError: shapes or ids do not fit.
    """
    table, W_1, b_1, W_2, b_2 = (params[name] for name in NAMES)

    rows, back_to_table = take(table, before)  # (N, C, D)
    x, back_to_rows = reshape(rows, shape=(len(before), -1))  # (N, C D)
    a, back_to_x = linear(x, W_1, b_1)  # (N, F)
    h, back_to_a = tanh(a)  # (N, F)
    logits, back_to_h = linear(h, W_2, b_2)  # (N, V)
    loss, back_to_logits = cross_entropy(logits, targets)

    dlogits, _ = back_to_logits(1.0)
    dh, dW_2, db_2 = back_to_h(dlogits)
    (da,) = back_to_a(dh)
    dx, dW_1, db_1 = back_to_x(da)
    (drows,) = back_to_rows(dx)
    dtable, _ = back_to_table(drows)

    gradients = (dtable, dW_1, db_1, dW_2, db_2)
    return loss, dict(zip(NAMES, gradients, strict=True))


NAMES = ("embedding.table", "hidden.W", "hidden.b", "output.W", "output.b")
