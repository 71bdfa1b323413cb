"""Losses of a network, each from the fields x (n, n_outputs) of its output units and targets y.

A matching loss is A(x) - x.y, with A the potential of the output unit  (B3): its slope in x is the
error m - y. It is the free energy of the clamped output minus that of the free one  (B6)."""
import numpy as np

from .. import validation
from ..units import Binary, Gaussian, Potts


class SquaredError:
    """|m - y|^2 / 2 with m = A'(x): for Gaussian outputs the matching loss plus |y|^2 / 2  (B5)

    With any other elementwise unit, such as Binary for sigmoid outputs, it matches no potential,
    and its slope carries the variance of the output unit  (B7)."""

    def __init__(self, unit=Gaussian()):
        if isinstance(unit, (type, Potts)) or not hasattr(unit, "third_cumulant"):
            raise TypeError("unit must be an elementwise unit with mean, variance and "
                            f"third_cumulant, such as Binary(), got {unit!r:.60}")
        self.unit = unit

    def targets(self, y, n_outputs):
        """Return y as floats (n, n_outputs); one output may be given as (n,)."""
        return _rows(y, n_outputs)

    def value(self, x, y):
        """Return the loss of each row: (n,)  (B5)"""
        return ((self.unit.mean(x) - y) ** 2).sum(axis=1) / 2

    def gradient(self, x, y):
        """Return d value / dx (n, n_outputs)  (B7)"""
        return (self.unit.mean(x) - y) * self.unit.variance(x)

    def hessian_product(self, x, y, r_x):
        """Return the change of the gradient as x moves along r_x (n, n_outputs)  (B11)"""
        c = self.unit.variance(x)
        return (c**2 + (self.unit.mean(x) - y) * self.unit.third_cumulant(x)) * r_x


class BinaryCrossEntropy:
    """-sum_k [y_k log m_k + (1 - y_k) log(1 - m_k)], m = sigma(x): matches binary outputs  (B5)"""

    unit = Binary()

    def targets(self, y, n_outputs):
        """Return y as floats (n, n_outputs) in [0, 1]; one output may be given as (n,)."""
        return validation.means(_rows(y, n_outputs), n_outputs, "y")

    def value(self, x, y):
        """Return the loss of each row in nats, A(x) - x.y: (n,)  (B3)"""
        return (self.unit.potential(x) - x * y).sum(axis=1)

    def gradient(self, x, y):
        """Return d value / dx (n, n_outputs)  (B4)"""
        return self.unit.mean(x) - y

    def hessian_product(self, x, y, r_x):
        """Return the change of the gradient as x moves along r_x (n, n_outputs)  (B11)"""
        return self.unit.variance(x) * r_x


class CategoricalCrossEntropy:
    """-sum_k y_k log m_k with m = softmax(x): it matches one Potts output unit  (B5, B6)"""

    unit = Potts()

    def targets(self, y, n_outputs):
        """Return y as rows (n, n_outputs) that sum to one: from labels (n,), or probabilities."""
        y = validation.real_array(y, "y", n_dims=(1, 2))
        if y.ndim == 1:
            return np.eye(n_outputs)[validation.labels(y, n_outputs, "y")]
        y = validation.means(y, n_outputs, "y")
        sums = y.sum(axis=1)
        if not np.allclose(sums, 1):
            raise ValueError("each row of y must sum to one, got sums from "
                             f"{sums.min()} to {sums.max()}")
        return y

    def value(self, x, y):
        """Return the loss of each row in nats, A(x) - x.y: (n,)  (B3, B6)"""
        return self.unit.potential(x) - (x * y).sum(axis=1)

    def gradient(self, x, y):
        """Return d value / dx (n, n_outputs)  (B4, B6)"""
        return self.unit.mean(x) - y

    def hessian_product(self, x, y, r_x):
        """Return the change of the gradient along r_x: covariance times r_x  (B11)"""
        m = self.unit.mean(x)
        return m * r_x - m * (m * r_x).sum(axis=1, keepdims=True)


def _rows(y, n_outputs):
    """Return y as finite floats (n, n_outputs); for one output, (n,) becomes (n, 1)."""
    y = validation.real_array(y, "y", n_dims=(1, 2))
    if y.ndim == 1 and n_outputs == 1:
        return y[:, None]
    if y.shape[1:] != (n_outputs,):
        raise ValueError(f"y must have shape (n, {n_outputs}), got {y.shape}")
    return y
