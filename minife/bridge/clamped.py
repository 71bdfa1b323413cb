"""A machine that computes by coming to rest: its input clamped, hidden and output units at a minimum of Gamma_k."""
import warnings
from dataclasses import dataclass

import numpy as np

from .. import tap, validation
from ..rbm.model import RBM, unit
from .relaxation import ORDERS, relax


@dataclass(frozen=True)
class Equilibrium:
    """Means m_h (n, n_hidden) and m_y (n, n_outputs), and what the solver says of them.

    residual   the largest |sigma(theta) - m| of the last sweep, over all rows and units
    n_iter     sweeps done
    converged  whether the residual came down to tol"""
    m_h: np.ndarray
    m_y: np.ndarray
    residual: float
    n_iter: int
    converged: bool


class ClampedMachine:
    """E(h, y | x) = -h.(b + x W) - d.y - h^T U y, the input x clamped, at inverse temperature beta  (C7)

    W, U     (n_inputs, n_hidden), (n_hidden, n_outputs), float32 or float64; b, d are of the same type
    b, d     hidden and output biases (n_hidden,), (n_outputs,)
    order    1 or 2, of the free energy Gamma_k(x; m_h, m_y)
    step  the share of the new value in a half step; by default 1 at order 1 and 1/2 at order 2
    The arrays are kept, not copied, where their type and layout allow; training changes them in place."""

    def __init__(self, W, U, b, d, beta=1.0, order=1, step=None):
        self.W = np.ascontiguousarray(validation.real_array(W, "W", n_dims=2))
        # h and y make a machine of their own, to which x is a field on h
        self.pair = RBM(validation.real_array(U, "U", n_dims=2, dtype=self.W.dtype), b, d, beta)
        if self.W.shape[1] != self.pair.n_visible:
            raise ValueError(f"W and U must have shapes (n_inputs, n_hidden) and (n_hidden, n_outputs), got "
                             f"{self.W.shape} and {self.pair.W.shape}")
        self.order = validation.one_of(order, "order", ORDERS)
        self.step = (1.0, 0.5)[order - 1] if step is None else validation.share(step, "step")

    beta = property(lambda self: self.pair.beta)

    @property
    def parameters(self):
        """Return the dict of W, U, b and d: the arrays themselves."""
        return {"W": self.W, "U": self.pair.W, "b": self.pair.a, "d": self.pair.b}

    def free_energy(self, X, m_h, m_y):
        """Return Gamma_k(x; m_h, m_y) (n,) at the rows of X (n, n_inputs), states or means  (C7)"""
        return tap.free_energy(self.pair, m_h, m_y, self.order) - ((self._rows(X) @ self.W) * m_h).sum(axis=1)

    def free_energy_gradient(self, X, m_h, m_y):
        """Return the explicit partials of Gamma_k in W, U, b and d, averaged over the rows  (C7)"""
        slopes = tap.free_energy_gradient(self.pair, m_h, m_y, self.order)
        return {"W": -self._rows(X).T @ m_h / len(X), "U": slopes["W"], "b": slopes["a"], "d": slopes["b"]}

    def layers(self, X, n_iterations):
        """Return [h_0, y_1, h_1, ..., h_{n-1}, y_n], the means that n iterations from sigma(beta (b + x W)) pass  (C9)

        The first, y_1, is the output of an ordinary network with one hidden layer: no feedback has come back yet."""
        field, U, d, options = self._field(X), self.pair.W, self.pair.b, self._options()
        m_h, m_y = unit.mean(self.beta * field), np.full((len(field), len(d)), 0.5, U.dtype)
        layers = [m_h]
        for t in range(validation.positive_integer(n_iterations, "n_iterations")):
            if t > 0:
                m_h = relax(m_y, m_h, U.T, field, **options)
                layers.append(m_h)
            m_y = relax(m_h, m_y, U, d, **options)
            layers.append(m_y)
        return layers

    def equilibrium(self, X, pull=None, start=None, tol=1e-10, max_iter=1000):
        """Return the Equilibrium, a stationary point of Gamma_k, that sweeps of y, then h, reach  (C7)

        pull   a function of m_y (n, n_outputs), to a field that is taken from that of the output  (C10)
        start  an Equilibrium to begin from; by default a forward pass
        Warns NotConvergedWarning if the residual is above tol after max_iter sweeps."""
        field, U, d, options = self._field(X), self.pair.W, self.pair.b, self._options()
        tol, max_iter = validation.positive(tol, "tol"), validation.positive_integer(max_iter, "max_iter")
        m_h, m_y = self.layers(X, 1) if start is None else (start.m_h, start.m_y)
        residual, n_iter = np.inf, 0
        while not residual <= tol and n_iter < max_iter:      # NaN goes on too, and is reported
            before_h, before_y, n_iter = m_h, m_y, n_iter + 1
            m_y = relax(m_h, m_y, U, d if pull is None else d - pull(m_y), **options)
            m_h = relax(m_y, m_h, U.T, field, **options)
            residual = max(np.abs(m_y - before_y).max(), np.abs(m_h - before_h).max()) / self.step
        if not residual <= tol:
            warnings.warn(tap.NotConvergedWarning(residual, n_iter, len(m_h)), stacklevel=2)
        return Equilibrium(m_h, m_y, float(residual), n_iter, bool(residual <= tol))

    def response(self, m_h, m_y, field):
        """Return p_h (n, n_hidden), p_y (n, n_outputs): how the equilibrium m_h, m_y follows a field on y  (C8)

        p = H^-1 (0, field), where the Hessian H of Gamma_k is diagonal within a layer, [[1/r_h, -J], [-J^T, 1/r_y]]:
        only a system of the size of the output remains to be solved."""
        U, beta = self.pair.W, self.beta
        r_h, r_y, J = beta * (m_h - m_h**2), beta * (m_y - m_y**2), U[None]
        if self.order == 2:
            s_h, s_y = 1 - 2 * m_h, 1 - 2 * m_y
            J = U + beta / 2 * U**2 * s_h[:, :, None] * s_y[:, None, :]         # (n, n_hidden, n_outputs)
            r_h, r_y = r_h / (1 + r_h * (r_y @ U.T**2)), r_y / (1 + r_y * (r_h @ U**2))
        loop = r_y[:, :, None] * (J.transpose(0, 2, 1) @ (r_h[:, :, None] * J))  # (n, n_outputs, n_outputs)
        p_y = np.linalg.solve(np.eye(U.shape[1], dtype=U.dtype) - loop, (r_y * field)[:, :, None])
        return r_h * (J @ p_y)[:, :, 0], p_y[:, :, 0]

    def contrastive_loss(self, X, y, **solver):
        """Return the mean of Gamma_k*(y clamped) - Gamma_k*(free); y (n, n_outputs) are binary targets  (C12)"""
        clamped, free = self._clamped(X, y), self.equilibrium(X, **solver)
        return float((self.free_energy(X, clamped.m_h, clamped.m_y) - self.free_energy(X, free.m_h, free.m_y)).mean())

    def contrastive_gradient(self, X, y, **solver):
        """Return the gradient of the contrastive loss: explicit partials, clamped minus free  (C12)"""
        return self._difference(X, self._clamped(X, y), self.equilibrium(X, **solver), 1)

    def _clamped(self, X, y):
        """Return the Equilibrium with the output held at states y, where h has no reaction: exact at every order."""
        y = validation.states(y, self.pair.n_hidden, "y").astype(self.W.dtype)
        return Equilibrium(unit.mean(self.beta * (self._field(X) + y @ self.pair.W.T)), y, 0.0, 1, True)

    def _difference(self, X, one, other, distance):
        """Return (explicit partials at one - those at the other) / distance, with a single product for W."""
        at_one, at_other = (tap.free_energy_gradient(self.pair, at.m_h, at.m_y, self.order) for at in (one, other))
        slopes = {"W": self._rows(X).T @ (other.m_h - one.m_h) / len(X)}
        slopes |= {name: at_one[key] - at_other[key] for name, key in (("U", "W"), ("b", "a"), ("d", "b"))}
        return {name: slope / distance for name, slope in slopes.items()}

    def _rows(self, X):
        return validation.means(X, len(self.W), "X").astype(self.W.dtype, copy=False)

    def _field(self, X):
        return self.pair.a + self._rows(X) @ self.W

    def _options(self):
        return {"beta": self.beta, "order": self.order, "step": self.step}
