"""Chapter 2: reverse mode on single numbers, in the fewest lines.

A :class:`Scalar` is a number that remembers what it was computed from, and the
derivative by each ingredient.  :meth:`Scalar.backward` goes back along every
path, multiplies on the way, and adds where paths meet.
"""

import math


class Scalar:
    """A number that can tell how it depends on its ingredients.

    >>> x = Scalar(3.0)
    >>> y = x * x + x
    >>> y.backward()
    >>> x.grad  # 2x + 1
    7.0
    """

    def __init__(self, value, sources=()):
        self.value = value
        self.sources = sources  # pairs: an ingredient, the derivative by it
        self.grad = 0.0

    def __add__(self, other):
        other = lift(other)
        return Scalar(self.value + other.value, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        other = lift(other)
        rates = ((self, other.value), (other, self.value))
        return Scalar(self.value * other.value, rates)

    def __pow__(self, power):  # the power is a plain number
        rate = power * self.value ** (power - 1) if power else 0.0
        return Scalar(self.value**power, ((self, rate),))

    def exp(self):
        value = math.exp(self.value)
        return Scalar(value, ((self, value),))

    def log(self):
        return Scalar(math.log(self.value), ((self, 1 / self.value),))

    def tanh(self):
        value = math.tanh(self.value)
        return Scalar(value, ((self, 1 - value**2),))

    def __sub__(self, other):
        return self + lift(other) * -1.0

    def __truediv__(self, other):
        return self * lift(other) ** -1

    def __neg__(self):
        return self * -1.0

    def __rsub__(self, other):
        return lift(other) - self

    def __rtruediv__(self, other):
        return lift(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def backward(self):
        """Add to ``grad`` of every ingredient the derivative of this number."""
        gradients = {self: 1.0}
        for node in reversed(ordered(self)):
            gradient = gradients.pop(node)
            node.grad += gradient
            for source, rate in node.sources:
                gradients[source] = gradients.get(source, 0.0) + rate * gradient


def ordered(result):
    """List a number and its ingredients, each after what it was made of."""
    order, seen, todo = [], set(), [(result, False)]
    while todo:
        node, complete = todo.pop()
        if complete:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            todo.append((node, True))  # once its sources are through
            todo += [(source, False) for source, _ in node.sources]
    return order


def lift(number):
    """Make a plain number a :class:`Scalar` without sources."""
    return number if isinstance(number, Scalar) else Scalar(float(number))
