"""Chapter 17: positions as the hands of clocks of many speeds."""

import numpy as np


def sinusoidal(T, d_model, *, dtype=np.float32):
    """Encode the positions 0 to T - 1.  -> (T, D), where D is ``d_model``

    Columns 2i and 2i + 1 of position t are sin(w_i t) and cos(w_i t), with
    w_i = 10000^(-2i / D) radians a position: the hand of a clock that goes
    round once in 2 pi / w_i positions.  To shift by k is to turn each hand by
    w_i k, whatever t is.

    >>> sinusoidal(3, 4).round(2)
    array([[ 0.  ,  1.  ,  0.  ,  1.  ],
           [ 0.84,  0.54,  0.01,  1.  ],
           [ 0.91, -0.42,  0.02,  1.  ]], dtype=float32)

    Raises:
        ValueError: ``T`` is below 1, or ``d_model`` is not a positive even
            number.

    Source: Vaswani et al. (2017), section 3.5.
    """
    if T < 1:
        raise ValueError(f"T is {T}; it must be at least 1")
    if d_model < 2 or d_model % 2:
        raise ValueError(
            f"d_model is {d_model}; it must be a positive even number, "
            "two for each clock"
        )
    w = 10_000.0 ** (-np.arange(0, d_model, 2) / d_model)  # (D / 2,)
    angles = np.arange(T)[:, None] * w  # (T, D / 2)
    hands = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return hands.reshape(T, d_model).astype(dtype)
