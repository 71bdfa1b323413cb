"""A machine that computes by coming to rest: its input clamped, hidden and output units at a
minimum of Gamma_k."""
import warnings
from dataclasses import dataclass

import numpy as np

from .. import tap, validation
from ..rbm.model import RBM, unit
from .nudges import NudgeWarning, minimum
from .relaxation import ORDERS, relax


@dataclass(frozen=True)
class Equilibrium:
    """Means m_h (n, n_hidden) and m_y (n, n_outputs) and, per row, what the sweeps say of them.

    residual   of the last sweep, the largest |m' - m| / (c + eps^(1/3)), m' where the sweep put m
               (T12)
    n_iter     sweeps done
    converged  whether the residual came down to tol"""
    m_h: np.ndarray
    m_y: np.ndarray
    residual: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray


class ClampedMachine:
    """E(h, y | x) = -h.(b + x W) - d.y - h^T U y, the input x clamped, at inverse temperature beta
    (C7)

    W, U   (n_inputs, n_hidden), (n_hidden, n_outputs), float32 or float64; b, d are of the same
           type
    b, d   hidden and output biases (n_hidden,), (n_outputs,)
    order  1 or 2, of the free energy Gamma_k(x; m_h, m_y)
    step   of layers(), the share of the way that a half step goes; by default 1 at order 1, 1/2 at
           order 2
    The arrays are kept, not copied, where their type and layout allow; training changes them in
    place."""

    def __init__(self, W, U, b, d, beta=1.0, order=1, step=None):
        self.W = np.ascontiguousarray(validation.real_array(W, "W", n_dims=2))
        U, b, d = (validation.real_array(array, name, n_dims, self.W.dtype)
                   for array, name, n_dims in ((U, "U", 2), (b, "b", 1), (d, "d", 1)))
        if not (U.shape[0] == self.W.shape[1] == len(b) and U.shape[1] == len(d)):
            raise ValueError("W, U, b and d must have shapes (n_inputs, n_hidden), (n_hidden, "
                             f"n_outputs), (n_hidden,) and (n_outputs,), got {self.W.shape}, "
                             f"{U.shape}, {b.shape} and {d.shape}")
        self.pair = RBM(U, b, d, beta)  # a machine of h and y alone: to it x is a field on h
        self.order = validation.one_of(order, "order", ORDERS)
        self.step = (1.0, 0.5)[order - 1] if step is None else validation.share(step, "step")

    beta = property(lambda self: self.pair.beta)

    def __repr__(self):
        sizes = " x ".join(map(str, (len(self.W), *self.pair.W.shape)))
        name = type(self).__name__
        return f"{name}({sizes}, beta={self.beta}, order={self.order}, {self.W.dtype})"

    @property
    def parameters(self):
        """Return the dict of W, U, b and d: the arrays themselves."""
        return {"W": self.W, "U": self.pair.W, "b": self.pair.a, "d": self.pair.b}

    def free_energy(self, X, m_h, m_y):
        """Return Gamma_k(x; m_h, m_y) (n,) at the rows of X (n, n_inputs), states or means  (C7)"""
        X = self._rows(X)
        return tap.free_energy(self.pair, m_h, m_y, self.order) - ((X @ self.W) * m_h).sum(axis=1)

    def free_energy_gradient(self, X, m_h, m_y):
        """Return the explicit partials of Gamma_k in W, U, b and d, averaged over the rows  (C7)"""
        slopes = tap.free_energy_gradient(self.pair, m_h, m_y, self.order)
        return {"W": -self._rows(X).T @ m_h / len(X), "U": slopes["W"], "b": slopes["a"],
                "d": slopes["b"]}

    def layers(self, X, n_iterations):
        """Return [h_0, y_1, h_1, ..., h_{n-1}, y_n], the means that n iterations from sigma(beta (b
        + x W)) pass  (C9)

        The first output, y_1, is that of an ordinary network with one hidden layer: no feedback has
        come back yet."""
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

    def equilibrium(self, X, field=0.0, start=None, tol=1e-10, max_iter=1000):
        """Return the Equilibrium that block sweeps of y, then h, reach: each layer goes to its
        minimum of Gamma_k  (C7)

        field  put on the output units, a number or (n, n_outputs)
        start  an Equilibrium of as many rows to begin from; by default a forward pass
        tol    on the residual of each row. Warns NotConvergedWarning where it is above after
               max_iter sweeps."""
        field = validation.real_array(field, "field", n_dims=(0, 2), dtype=self.W.dtype)
        if field.ndim == 2 and field.shape != (len(X), self.pair.n_hidden):
            raise ValueError(f"field must have shape {(len(X), self.pair.n_hidden)}, got "
                             f"{field.shape}")
        return self._settle(X, {}, field, start, tol, max_iter)

    def _settle(self, X, nudge, field=0.0, start=None, tol=1e-10, max_iter=1000):
        """Return the Equilibrium with what nudge says in addition pulling at y: loss, y and nudge
        of minimum()."""
        bare_h, U, beta = self._field(X), self.pair.W, self.beta
        tol = validation.positive(tol, "tol")
        max_iter = validation.positive_integer(max_iter, "max_iter")
        m_h, m_y = self._start(X, start)
        n, floor = len(m_h), np.finfo(U.dtype).eps ** (1 / 3)
        bare_y = np.broadcast_to(self.pair.b + field, m_y.shape)
        y = np.broadcast_to(nudge.get("y", 0.0), m_y.shape)
        residual, n_iter = np.full(n, np.inf), np.zeros(n, dtype=np.intp)
        for _ in range(max_iter):
            rows = np.flatnonzero(residual > tol)                       # a row of NaN is given up
            if len(rows) == 0:
                break
            h, y_old = m_h[rows], m_y[rows]
            y_new = minimum(unit, beta * (bare_y[rows] + h @ U), self._reaction(h, U),
                            **nudge | {"y": y[rows]})
            h_new = minimum(unit, beta * (bare_h[rows] + y_new @ U.T), self._reaction(y_new, U.T))
            ways = [np.abs(new - m) / (m - m**2 + floor) for new, m in ((y_new, y_old), (h_new, h))]
            residual[rows] = np.hstack(ways).max(axis=1)
            m_h[rows], m_y[rows] = h_new, y_new
            n_iter[rows] += 1
        converged = residual <= tol
        if not converged.all():
            warning = NudgeWarning if nudge else tap.NotConvergedWarning
            warnings.warn(warning(residual.max(), max_iter, (~converged).sum()), stacklevel=3)
        return Equilibrium(m_h, m_y, residual, n_iter, converged)

    def _reaction(self, m, U):
        """Return beta^2 c U^2 (n, n_out), by which Onsager's term stiffens the units that see m
        through U  (T18)"""
        return self.beta**2 * ((m - m**2) @ U**2) if self.order == 2 else 0.0

    def response(self, m_h, m_y, field):
        """Return p_h (n, n_hidden), p_y (n, n_outputs): how the equilibrium m_h, m_y follows a
        field on y  (C8)

        p = H^-1 (0, field), where the Hessian H of Gamma_k is diagonal within a layer, [[1/chi_h,
        -J], [-J^T, 1/chi_y]]: only a system of the size of the output remains to be solved."""
        U, beta = self.pair.W, self.beta
        m_h, m_y = self._means(m_h, m_y)
        field = validation.real_array(field, "field", n_dims=2, dtype=U.dtype)
        if field.shape != m_y.shape:
            raise ValueError(f"field must have the shape of m_y, {m_y.shape}, got {field.shape}")
        chi_h, chi_y, J = beta * (m_h - m_h**2), beta * (m_y - m_y**2), U[None]
        if self.order == 2:
            s_h, s_y = 1 - 2 * m_h, 1 - 2 * m_y
            J = U + beta / 2 * U**2 * s_h[:, :, None] * s_y[:, None, :]  # (n, n_hidden, n_outputs)
            chi_h, chi_y = (chi_h / (1 + chi_h * (chi_y @ U.T**2)),
                            chi_y / (1 + chi_y * (chi_h @ U**2)))
        # (n, n_outputs, n_outputs)
        loop = chi_y[:, :, None] * (J.transpose(0, 2, 1) @ (chi_h[:, :, None] * J))
        p_y = np.linalg.solve(np.eye(U.shape[1], dtype=U.dtype) - loop, (chi_y * field)[:, :, None])
        return chi_h * (J @ p_y)[:, :, 0], p_y[:, :, 0]

    def _start(self, X, start):
        """Return copies of the means of an Equilibrium, compared with X, or those of a forward
        pass."""
        if start is None:
            m_h, m_y = self.layers(X, 1)
            return m_h, m_y
        validation.instance(start, "start", Equilibrium)
        m_h, m_y = self._means(start.m_h, start.m_y)
        if len(m_h) != len(X):
            raise ValueError(f"start must have as many rows as X, {len(X)}, got {len(m_h)}")
        return m_h.copy(), m_y.copy()

    def _means(self, m_h, m_y):
        """Return m_h and m_y in the machine's type, or say what is wrong with them."""
        m_h = validation.means(m_h, self.pair.n_visible, "m_h").astype(self.W.dtype, copy=False)
        m_y = validation.means(m_y, self.pair.n_hidden, "m_y").astype(self.W.dtype, copy=False)
        if len(m_h) != len(m_y):
            raise ValueError(f"m_h and m_y must have the same number of rows, got {len(m_h)} and "
                             f"{len(m_y)}")
        return m_h, m_y

    def _rows(self, X):
        return validation.means(X, len(self.W), "X").astype(self.W.dtype, copy=False)

    def _field(self, X):
        return self.pair.a + self._rows(X) @ self.W

    def _options(self):
        return {"beta": self.beta, "order": self.order, "step": self.step}
