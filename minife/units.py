"""Chapter U. A unit is a convex potential A(x): its slope is the mean of the unit, its curvature
the response.

Each class writes the same five functions of the local field x or of the mean m, elementwise:

    potential(x)   A(x) = log sum_s w(s) e^(x s), up to a constant    (U1)
    mean(x)        m = A'(x), the activation                          (U2)
    variance(x)    A''(x) >= 0, the factor that backprop multiplies by: the variance of a unit with
                   a spread of states, the response of a cold one                 (U3)
    conjugate(m)   A*(m) = sup_x [x m - A(x)], minus the entropy relative to w   (U4)
    field(m)       x = A*'(m), the inverse of the activation          (U5)

Units that can be hidden in a network have a sixth. Step has none: its response is 0, which stops
backprop, so it cannot be hidden.

    third_cumulant(x)  A'''(x), how the variance changes with the field  (U8)

At a kink, x = 0, slopes are those of the left side.
"""
import numpy as np

from . import validation


def x_log_x(x):
    """Return x log x, with 0 log 0 = 0."""
    return x * np.log(np.where(x > 0, x, 1))


class Unit:
    """What all units have in common: a name that a reader understands."""

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(map(str, vars(self).values()))})"


class Binary(Unit):
    """States 0 and 1: softplus, sigmoid and m - m^2."""

    def potential(self, x):
        """Return A(x) = log(1 + e^x), the softplus  (U1)"""
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))  # log(1 + e^x), safe for large |x|

    def mean(self, x):
        """Return m = A'(x), the sigmoid  (U2)"""
        with np.errstate(over="ignore"):  # where e^-x overflows, the mean is 0
            return 1 / (1 + np.exp(-x))

    def variance(self, x):
        """Return c = A''(x)  (U3)"""
        tail = np.exp(-np.abs(x))
        return tail / (1 + tail) ** 2                           # m - m^2

    def third_cumulant(self, x):
        """Return A'''(x)  (U8)"""
        return self.variance(x) * (1 - 2 * self.mean(x))

    def conjugate(self, m):
        """Return A*(m), minus the entropy of a unit with the mean m  (U4)"""
        return x_log_x(m) + x_log_x(1 - m)

    def field(self, m):
        """Return the field x of a unit with the mean m, the logit  (U5)"""
        with np.errstate(divide="ignore"):  # a saturated unit has an infinite field
            return np.log(m) - np.log1p(-m)


class Spin(Unit):
    """States -1 and +1: log 2cosh, tanh and 1 - m^2."""

    def potential(self, x):
        return np.abs(x) + np.log1p(np.exp(-2 * np.abs(x)))

    def mean(self, x):
        return np.tanh(x)

    def variance(self, x):
        tail = np.exp(-2 * np.abs(x))
        return 4 * tail / (1 + tail) ** 2                       # 1 - m^2

    def third_cumulant(self, x):
        return -2 * self.mean(x) * self.variance(x)

    def conjugate(self, m):
        return x_log_x((1 + m) / 2) + x_log_x((1 - m) / 2)

    def field(self, m):
        with np.errstate(divide="ignore"):
            return np.arctanh(m)


class Gaussian(Unit):
    """States on the whole line, with weight e^(-s^2/2): x^2/2, the identity and 1."""

    def potential(self, x):
        return x**2 / 2

    def mean(self, x):
        return x

    def variance(self, x):
        return np.ones_like(x)

    def third_cumulant(self, x):
        return np.zeros_like(x)

    def conjugate(self, m):
        return m**2 / 2

    def field(self, m):
        return m


class LeakyRectified(Unit):
    """The Gaussian unit whose response falls to `slope` below zero: leaky ReLU."""

    def __init__(self, slope=0.01):
        self.slope = validation.share(slope, "slope")

    def potential(self, x):
        return self.variance(x) * x**2 / 2

    def mean(self, x):
        return np.maximum(x, self.slope * x)

    def variance(self, x):
        return np.maximum(x > 0, self.slope, dtype=x.dtype)

    def third_cumulant(self, x):
        return np.zeros_like(x)

    def conjugate(self, m):
        return m**2 / (2 * self.variance(m))

    def field(self, m):
        return m / self.variance(m)


class Rectified(Unit):
    """States s >= 0, of which the largest x s - s^2/2 wins: x_+^2 / 2, ReLU and its step."""

    def potential(self, x):
        return np.maximum(x, 0) ** 2 / 2

    def mean(self, x):
        return np.maximum(x, 0)

    def variance(self, x):
        return (x > 0).astype(x.dtype)

    def third_cumulant(self, x):
        return np.zeros_like(x)

    def conjugate(self, m):
        return np.where(m >= 0, m**2 / 2, np.inf)

    def field(self, m):
        return m  # where m > 0; at m = 0 any x <= 0 has this mean


class Step(Unit):
    """The binary unit at T = 0, the limit of T A(x/T): ReLU the potential, a step the mean  (U6)"""

    def potential(self, x):
        return np.maximum(x, 0)

    def mean(self, x):
        return (x > 0).astype(x.dtype)

    def variance(self, x):
        return np.zeros_like(x)

    def conjugate(self, m):
        return np.where((m >= 0) & (m <= 1), np.zeros_like(m), np.inf)  # no entropy at T = 0


class Potts(Unit):
    """One of K states, a row of fields (..., K): log-sum-exp, softmax and the covariance diag(m) -
    m m^T  (U7)"""

    def potential(self, x):
        top = x.max(axis=-1, keepdims=True)
        return top[..., 0] + np.log(np.exp(x - top).sum(axis=-1))   # (...)

    def mean(self, x):
        weight = np.exp(x - x.max(axis=-1, keepdims=True))
        return weight / weight.sum(axis=-1, keepdims=True)          # (..., K)

    def variance(self, x):
        m = self.mean(x)
        identity = np.eye(m.shape[-1], dtype=m.dtype)
        return m[..., None] * identity - m[..., :, None] * m[..., None, :]  # (..., K, K)

    def conjugate(self, m):
        return x_log_x(m).sum(axis=-1)                              # (...)

    def field(self, m):
        with np.errstate(divide="ignore"):
            return np.log(m)  # up to a constant, which softmax does not see
