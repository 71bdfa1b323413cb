"""The slope of a loss of the output of a machine at rest, found in three ways that must agree.

By backprop through the iterations that lead there, by the linear response of the equilibrium, and by the difference of
two equilibria: equilibrium propagation (Scellier and Bengio 2017)."""
import numpy as np

from .. import validation
from ..backprop.losses import BinaryCrossEntropy, SquaredError
from ..rbm.model import unit
from ..units import Binary
from .clamped import ClampedMachine
from .relaxation import relax_backward


def loss_gradient(loss, m, y):
    """Return the slope of a loss in the output means m (n, n_outputs): m - y or, of the cross entropy, (m - y) / c

    It is the slope in the fields over the variance c of the units  (B4, B7)."""
    return m - y if isinstance(loss, SquaredError) else (m - y) / (m - m**2)


class ClampedNetwork(ClampedMachine):
    """A ClampedMachine and a loss l(m_y, target) of its output at equilibrium

    W, U, b, d, beta, order, step   as for the ClampedMachine
    loss   SquaredError(Binary()), |m_y - y|^2 / 2, or BinaryCrossEntropy()"""

    def __init__(self, W, U, b, d, beta=1.0, order=1, loss=SquaredError(Binary()), step=None):
        super().__init__(W, U, b, d, beta, order, step)
        if not isinstance(loss, (SquaredError, BinaryCrossEntropy)) or not isinstance(loss.unit, Binary):
            raise TypeError(f"loss must be SquaredError(Binary()) or BinaryCrossEntropy(), got {type(loss).__name__}")
        self.loss_function = loss

    @classmethod
    def initialise(cls, n_inputs, n_hidden, n_outputs, rng, X, dtype=np.float64, **more):
        """Return a network whose hidden fields start with mean 0 and variance 1 over the rows of X (n, n_inputs)  (B13)

        more: beta, order, loss, step, by name."""
        X = validation.means(X, validation.positive_integer(n_inputs, "n_inputs"), "X")
        W = validation.generator(rng).standard_normal((n_inputs, n_hidden)) / np.sqrt(X.var(axis=0).sum())
        U = rng.standard_normal((n_hidden, n_outputs)) / np.sqrt(n_hidden)
        return cls(W.astype(dtype), U.astype(dtype), -X.mean(axis=0) @ W, -U.sum(axis=0) / 2, **more)

    def predict(self, X, **solver):
        """Return the output means at equilibrium (n, n_outputs); solver: tol and max_iter of equilibrium()."""
        return self.equilibrium(X, **solver).m_y

    def loss(self, X, y, **solver):
        """Return the mean loss at equilibrium over the rows of X and their targets y (n, n_outputs)."""
        return self.loss_of(self.predict(X, **solver), y)

    def loss_of(self, m_y, y):
        """Return the mean over the rows of the loss of output means m_y at targets y, both (n, n_outputs)."""
        return float(self.loss_function.value(unit.field(m_y), self._targets(y, m_y)).mean())

    def backprop_gradient(self, X, y, n_iterations):
        """Return the gradient of the mean loss of y_n by backprop through n iterations, a dict  (C9)"""
        X, layers = self._rows(X), self.layers(X, n_iterations)
        U, options = self.pair.W, self._options()
        means = [np.full_like(layers[1], 0.5), *layers]         # y_t = means[2 t], h_t = means[2 t + 1]
        d_y = loss_gradient(self.loss_function, layers[-1], self._targets(y, X))
        d_h, d_U, d_d, d_field = 0.0, 0.0, 0.0, 0.0             # d_field: the slope in b + x W
        for t in range(n_iterations, 0, -1):
            h_before, y_before = means[2 * t - 1], means[2 * t - 2]
            # y_t = relax(h_before, y_before, U, d, **options)
            d_in, d_y, d_U_here, d_here = relax_backward(d_y, means[2 * t], h_before, y_before, U, **options)
            d_h, d_U, d_d = d_h + d_in, d_U + d_U_here, d_d + d_here.sum(axis=0)
            if t > 1:
                # h_before = relax(y_before, h_before_that, U.T, field, **options)
                d_in, d_h, d_U_here, d_here = relax_backward(d_h, h_before, y_before, means[2 * t - 3], U.T, **options)
                d_y, d_U, d_field = d_y + d_in, d_U + d_U_here.T, d_field + d_here
        # h_0 = unit.mean(beta * field)
        d_field = d_field + self.beta * d_h * (layers[0] - layers[0] ** 2)
        return {"W": X.T @ d_field / len(X), "U": d_U / len(X), "b": d_field.mean(axis=0), "d": d_d / len(X)}

    def implicit_gradient(self, X, y, **solver):
        """Return the gradient of the mean loss at equilibrium, from the response p = H^-1 (dl/dm): a dict  (C8)"""
        X, free = self._rows(X), self.equilibrium(X, **solver)
        m_h, m_y = free.m_h, free.m_y
        p_h, p_y = self.response(m_h, m_y, loss_gradient(self.loss_function, m_y, self._targets(y, m_y)))
        # minus the change of the explicit partials of Gamma_k, such as -m_h^T m_y, as the means move along p
        d_U = p_h.T @ m_y + m_h.T @ p_y
        if self.order == 2:
            c_h, c_y = m_h - m_h**2, m_y - m_y**2
            d_U += self.beta * self.pair.W * (((1 - 2 * m_h) * p_h).T @ c_y + c_h.T @ ((1 - 2 * m_y) * p_y))
        return {"W": X.T @ p_h / len(X), "U": d_U / len(X), "b": p_h.mean(axis=0), "d": p_y.mean(axis=0)}

    def nudged(self, X, y, nudge, **solver):
        """Return the Equilibrium of Gamma_k + nudge * l: targets y (n, n_outputs) pull at the output  (C10)"""
        y = self._targets(y, X)
        return self.equilibrium(X, lambda m_y: nudge * loss_gradient(self.loss_function, m_y, y), **solver)

    def equilibrium_propagation_gradient(self, X, y, nudge=0.01, symmetric=True, **solver):
        """Return the gradient of the mean loss from two equilibria, the nudged one and another one: a dict  (C11)

        The other is nudged by -nudge if symmetric, with an error of order nudge^2, else free, with one of order nudge.
        The gradient is the difference of the explicit partials of Gamma_k, over that of the nudges."""
        nudge = validation.positive(nudge, "nudge")
        free = self.equilibrium(X, **solver)
        pulled = self.nudged(X, y, nudge, start=free, **solver)
        if not symmetric:
            return self._difference(X, pulled, free, nudge)
        return self._difference(X, pulled, self.nudged(X, y, -nudge, start=free, **solver), 2 * nudge)

    def _targets(self, y, like):
        y = self.loss_function.targets(y, self.pair.n_hidden).astype(self.W.dtype, copy=False)
        if len(y) != len(like):
            raise ValueError(f"X and y must have the same number of rows, got {len(like)} and {len(y)}")
        return y
