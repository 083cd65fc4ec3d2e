"""Chapter 8: optimizers, which move parameters against their gradients.

Below, p is a parameter, g its gradient, and the other letters are moments,
which begin at zero.
"""

import math

import numpy as np

from llmbook.optimization.stepping import Optimizer, blocks


class SGD(Optimizer):
    """Step against the gradient: p = p - lr g.

    Source: Robbins and Monro (1951).
    """

    def __init__(self, lr, *, groups=None):
        super().__init__(lr, groups)

    def update(self, p, g):
        p -= self.lr * g


class Momentum(Optimizer):
    """Keep a velocity: v = momentum v + g,  p = p - lr v.

    Source: Polyak (1964), the heavy ball.
    """

    moments = ("v",)

    def __init__(self, lr, *, momentum=0.9, groups=None):
        super().__init__(lr, groups, momentum=momentum)

    def update(self, p, g, v, *, momentum):
        v *= momentum
        v += g
        p -= self.lr * v


class Nesterov(Momentum):
    """Look ahead along the velocity: p = p - lr (g + momentum v).

    p is the point ahead, where the gradient is taken.

    Source: Nesterov (1983), in the form of Bengio et al. (2013), section 3.5.
    """

    def update(self, p, g, v, *, momentum):
        v *= momentum
        v += g
        p -= self.lr * (g + momentum * v)


class Adagrad(Optimizer):
    """Divide by what was seen: s = s + g²,  p = p - lr g / (√s + eps).

    Source: Duchi et al. (2011).
    """

    moments = ("s",)

    def __init__(self, lr, *, eps=1e-10, groups=None):
        super().__init__(lr, groups, eps=eps)

    def update(self, p, g, s, *, eps):
        s += g * g
        p -= self.lr * g / (np.sqrt(s) + eps)


class RMSProp(Optimizer):
    """Divide by what was seen lately: s = decay s + (1 - decay) g².

    Source: Tieleman and Hinton (2012), lecture 6.5.
    """

    moments = ("s",)

    def __init__(self, lr, *, decay=0.99, eps=1e-8, groups=None):
        super().__init__(lr, groups, decay=decay, eps=eps)

    def update(self, p, g, s, *, decay, eps):
        s *= decay
        s += (1 - decay) * g * g
        p -= self.lr * g / (np.sqrt(s) + eps)


class Adam(Optimizer):
    """Average the gradient and its square, and divide one by the other's root.

    m = β₁ m + (1 - β₁) g,  v = β₂ v + (1 - β₂) g²,  and at step t
    p = p - lr m̂ / (√v̂ + eps)  with  m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ).

    ``l2`` adds l2 p to the gradient, which is not what AdamW does.

    Source: Kingma and Ba (2015), algorithm 1.
    """

    moments = ("m", "v")

    def __init__(
        self, lr, *, betas=(0.9, 0.999), eps=1e-8, l2=0.0, groups=None
    ):
        super().__init__(lr, groups, betas=betas, eps=eps, l2=l2)

    def update(self, p, g, m, v, *, betas, eps, l2=0.0):
        if l2:
            g = g + l2 * p
        beta1, beta2 = betas
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * g * g
        root = np.sqrt(v)
        root /= math.sqrt(1 - beta2**self.t)
        root += eps
        p -= self.lr / (1 - beta1**self.t) * m / root


class AdamW(Adam):
    """Adam, with weights that shrink by themselves: first p = p - lr decay p.

    Source: Loshchilov and Hutter (2019), algorithm 2, where lr does not
    multiply the decay.
    """

    def __init__(
        self,
        lr,
        *,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0.01,
        groups=None,
    ):
        Optimizer.__init__(
            self, lr, groups, betas=betas, eps=eps, weight_decay=weight_decay
        )

    def update(self, p, g, m, v, *, weight_decay=0.0, **settings):
        p *= 1 - self.lr * weight_decay
        super().update(p, g, m, v, **settings)


class Lion(Optimizer):
    """Step by the sign alone: an entry moves by lr, or not if it has no sign.

    p = p - lr (sign(β₁ m + (1 - β₁) g) + decay p),  m = β₂ m + (1 - β₂) g.

    Source: Chen et al. (2023), algorithm 2.
    """

    moments = ("m",)

    def __init__(self, lr, *, betas=(0.9, 0.99), weight_decay=0.0, groups=None):
        super().__init__(lr, groups, betas=betas, weight_decay=weight_decay)

    def update(self, p, g, m, *, betas, weight_decay):
        beta1, beta2 = betas
        p *= 1 - self.lr * weight_decay
        p -= self.lr * np.sign(beta1 * m + (1 - beta1) * g)
        m *= beta2
        m += (1 - beta2) * g


def clip_by_global_norm(
    grads: dict[str, np.ndarray], max_norm: float
) -> tuple[dict[str, np.ndarray], float]:
    """Shorten the gradient to max_norm, in its own direction.

    All arrays together are one vector, and are scaled by the same factor, into
    new arrays.  A gradient that is short enough, or not finite, is returned as
    it is.

    Returns:
        The gradients, and the norm that they had.

    Raises:
        ValueError: ``max_norm`` is not positive.

    Source: Pascanu et al. (2013), algorithm 1.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm is {max_norm}; it must be positive")
    norm = math.sqrt(sum(map(_squared_length, grads.values())))
    if max_norm < norm < math.inf:
        factor = float(max_norm) / norm
        grads = {name: g * factor for name, g in grads.items()}
    return grads, norm


def _squared_length(g):
    """Sum the squares, in the array's own dtype if it holds them."""
    total = sum(float(np.vdot(block, block)) for block in blocks(g))
    if 1e-30 < total < math.inf:
        return total
    return float(np.square(g, dtype=np.float64).sum())
