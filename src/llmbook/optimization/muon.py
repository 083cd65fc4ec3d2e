"""Chapter 8: Muon, which steps by all directions of a matrix alike."""

import numpy as np

from llmbook.optimization.optimizers import AdamW
from llmbook.optimization.stepping import Optimizer


def newton_schulz(G: np.ndarray, *, steps: int = 5) -> np.ndarray:
    """Bring all singular values near 1, by products of matrices alone.

    Each step maps a singular value s to 3.4445 s - 4.7750 s³ + 2.0315 s⁵, and
    leaves the singular vectors.  After five, a value that was not tiny beside
    the largest is between about 0.7 and 1.2.  (D, F) -> (D, F)

    Raises:
        ValueError: ``G`` is not a matrix.

    Source: Jordan et al. (2024).
    """
    if G.ndim != 2:
        raise ValueError(f"G has shape {G.shape}; it must be a matrix")
    X = G.T if G.shape[0] > G.shape[1] else G  # the smaller product
    X = X / max(float(np.linalg.norm(X)), 1e-7)  # no value is above 1
    for _ in range(steps):
        A = X @ X.T
        X = 3.4445 * X + (-4.7750 * A + 2.0315 * A @ A) @ X
    return X.T if G.shape[0] > G.shape[1] else X


class Muon(AdamW):
    """Momentum whose matrices are made orthogonal; AdamW for all the rest.

    For a matrix,  u = momentum u + (1 - momentum) g,  and with
    O = newton_schulz((1 - momentum) g + momentum u)
    p = p - lr (0.2 √max(D, F) O + decay p).  The factor gives the step about
    the size of AdamW's, so that one learning rate serves both.

    Vectors go to AdamW.  So does what ``groups`` gives the setting
    ``{"orthogonal": False}``, as embeddings and output layers should get.

    Source: Jordan et al. (2024), with the factor of Liu et al. (2025).
    """

    def __init__(
        self,
        lr,
        *,
        momentum=0.95,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0.01,
        groups=None,
    ):
        Optimizer.__init__(
            self,
            lr,
            groups,
            momentum=momentum,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            orthogonal=True,
        )

    def moments_of(self, p, settings):
        matrix = p.ndim == 2 and settings["orthogonal"]
        return ("u",) if matrix else ("m", "v")

    def move(self, p, g, *moments, momentum, orthogonal, **settings):
        if len(moments) == 2:
            return super().move(p, g, *moments, **settings)
        [u] = moments
        u *= momentum
        u += (1 - momentum) * g
        O = newton_schulz((1 - momentum) * g + momentum * u)  # noqa: E741
        p *= 1 - self.lr * settings["weight_decay"]
        p -= self.lr * 0.2 * max(p.shape) ** 0.5 * O
