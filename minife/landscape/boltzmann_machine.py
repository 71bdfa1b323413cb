"""The mean-field Boltzmann machine (Peterson and Anderson 1987) learns without a backward pass."""
import warnings
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..tap.solvers import NotConvergedWarning
from ..units import Spin

unit = Spin()
FLOOR = np.finfo(float).eps ** (1 / 3)      # added to the variance in a residual, as in (T12)
COOLING_SWEEPS = 10                         # at a temperature that annealing only passes


@dataclass(frozen=True, eq=False, repr=False)
class SpinFixedPoint:
    """Magnetisations m (n, n_units) in [-1, 1] and, per row, what the sweeps say of them.

    free_energy  Gamma at them, an energy
    residual     of the last sweep: the largest |tanh(theta) - m| / (1 - m^2 + eps^(1/3)) over the
                 units that move, each just before it moves  (T12)
    n_iter       sweeps done, over all temperatures
    converged    whether the residual came down to tol"""
    m: np.ndarray
    free_energy: np.ndarray
    residual: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray

    def __repr__(self):
        return (f"SpinFixedPoint({len(self.m)} rows of {self.m.shape[1]} spins, "
                f"{self.converged.sum()} converged)")


class BoltzmannMachine:
    """E(s) = -s^T J s / 2 - b.s over spins s_i = -1 or 1: inputs, hidden units, outputs  (L8)

    J      couplings (n_units, n_units), symmetric, 0 on the diagonal; J_ij = J_ji is one parameter
    b      fields (n_units,)
    beta   inverse temperature 1/T > 0
    bonds  which couplings may differ from 0, bool (n_units, n_units); None: those of all pairs
    J and b are copied, as float64; training changes the copies in place. inputs and outputs, bool
    (n_units,), say which units these are: the first ones and the last ones."""

    def __init__(self, J, b, beta=1.0, n_inputs=0, n_outputs=0, bonds=None):
        self.J = np.array(validation.real_array(J, "J", n_dims=2), dtype=float)
        self.b = np.array(validation.real_array(b, "b", n_dims=1), dtype=float)
        self.beta = validation.positive(beta, "beta")
        n, pairs = len(self.b), ~np.eye(len(self.b), dtype=bool)
        self.bonds = pairs if bonds is None else pairs & validation.mask(bonds, (n, n), "bonds")
        if self.J.shape != (n, n):
            raise ValueError(f"J must have shape {(n, n)} to go with b {(n,)}, got {self.J.shape}")
        if (self.J != self.J.T).any() or (self.bonds != self.bonds.T).any():
            raise ValueError("J and bonds must be symmetric: J_ij and J_ji are one coupling")
        if self.J[~self.bonds].any():
            raise ValueError("J must be 0 on the diagonal and where bonds is False")
        n_inputs = validation.not_negative_integer(n_inputs, "n_inputs")
        n_outputs = validation.not_negative_integer(n_outputs, "n_outputs")
        if n_inputs + n_outputs > n:
            raise ValueError(f"{n_inputs} inputs and {n_outputs} outputs are more than the {n} "
                             "units of J")
        self.inputs, self.outputs = np.arange(n) < n_inputs, np.arange(n) >= n - n_outputs

    @classmethod
    def initialise(cls, n_inputs, n_hidden, n_outputs, rng, beta=1.0, scale=1.0, layered=True):
        """Return a machine with normal couplings of standard deviation scale and no fields.

        layered  True: bonds from inputs to hidden units and from these to outputs; False: of all
                 pairs but two inputs"""
        sizes = (validation.positive_integer(n_inputs, "n_inputs"),
                 validation.positive_integer(n_hidden, "n_hidden"),
                 validation.positive_integer(n_outputs, "n_outputs"))
        layer = np.repeat([0, 1, 2], sizes)
        next_to, with_inputs = abs(layer[:, None] - layer) == 1, layer[:, None] + layer > 0
        bonds = next_to if validation.flag(layered, "layered") else with_inputs
        scale = validation.not_negative(scale, "scale")
        J = np.triu(scale * validation.generator(rng).standard_normal(bonds.shape) * bonds, 1)
        return cls(J + J.T, np.zeros(len(layer)), beta, n_inputs, n_outputs, bonds)

    n_units = property(lambda self: len(self.b))

    def __repr__(self):
        return (f"BoltzmannMachine({self.n_units} spins, {self.inputs.sum()} of them inputs and "
                f"{self.outputs.sum()} outputs, beta={self.beta})")

    @property
    def parameters(self):
        """Return the dict of J and b: the arrays themselves."""
        return {"J": self.J, "b": self.b}

    def free_energy(self, m):
        """Return Gamma (n,) at means m (n, n_units) in [-1, 1]: energy - T * entropy  (L8)"""
        m = validation.means(m, self.n_units, "m", least=-1)
        energy = -((m @ self.J) * m).sum(axis=1) / 2 - m @ self.b             # (n,)
        return energy + unit.conjugate(m).sum(axis=1) / self.beta

    def stationarity(self, m):
        """Return dGamma/dm (n, n_units), 0 where m = tanh(beta (J m + b))  (L8)"""
        m = validation.means(m, self.n_units, "m", least=-1)
        return unit.field(m) / self.beta - (m @ self.J + self.b)

    def splitting_temperature(self):
        """Return the largest eigenvalue of J: from this T on Gamma has one minimum  (L9)"""
        return float(np.linalg.eigvalsh(self.J)[-1])

    def fixed_point(self, m, clamped=None, n_temperatures=1, tol=1e-10, max_iter=1000):
        """Return the SpinFixedPoint that sweeps of the free units reach from m (n, n_units)  (L8)

        clamped         units that keep their value in m, bool (n_units,) or, row by row,
                        (n, n_units); None: none
        n_temperatures  above 1, annealing: so many temperatures fall in equal ratios from twice the
                        splitting temperature to 1/beta, a few sweeps at each
        At one temperature no sweep raises Gamma. Warns NotConvergedWarning where the residual of a
        row is still above tol after max_iter sweeps at the last one."""
        m = np.array(validation.means(m, self.n_units, "m", least=-1), dtype=float)
        clamped = np.zeros(self.n_units, dtype=bool) if clamped is None else clamped
        shape = m.shape if np.ndim(clamped) == 2 else (self.n_units,)
        free = np.broadcast_to(~validation.mask(clamped, shape, "clamped"), m.shape)
        n_temperatures = validation.positive_integer(n_temperatures, "n_temperatures")
        tol = validation.positive(tol, "tol")
        max_iter = validation.positive_integer(max_iter, "max_iter")
        hottest, n_cooling = max(2 * self.splitting_temperature(), 1 / self.beta), 0
        for T in np.geomspace(1 / self.beta, hottest, n_temperatures)[:0:-1]:   # all but 1 / beta
            n_cooling = n_cooling + self._sweeps(m, free, T, tol, COOLING_SWEEPS)[1]
        residual, n_iter = self._sweeps(m, free, 1 / self.beta, tol, max_iter)
        converged = residual <= tol
        if not converged.all():
            late = NotConvergedWarning(residual.max(), max_iter, (~converged).sum())
            warnings.warn(late, stacklevel=2)
        return SpinFixedPoint(m, self.free_energy(m), residual, n_iter + n_cooling, converged)

    def _sweeps(self, m, free, T, tol, max_iter):
        """Move the free units of m, in place; return residual (n,) and sweeps done (n,)"""
        groups, residual = self._groups(free), np.full(len(m), np.inf)
        n_iter = np.zeros(len(m), dtype=np.intp)
        for _ in range(max_iter):
            rows = np.flatnonzero(residual > tol)
            if len(rows) == 0:
                break
            x, moving, largest = m[rows], free[rows], np.zeros(len(rows))
            for i in groups:
                old, theta = x[:, i], (x @ self.J[:, i] + self.b[i]) / T      # (n, len(i))
                x[:, i] = np.where(moving[:, i], unit.mean(theta), old)       # minimum over each
                error = np.abs(x[:, i] - old) / (1 - old**2 + FLOOR)
                largest = np.maximum(largest, error.max(axis=1))
            m[rows], residual[rows] = x, largest
            n_iter[rows] += 1
        return residual, n_iter

    def _groups(self, free):
        """Return lists of units, in order: those that share no coupling may move at once."""
        groups = []
        for i in np.flatnonzero(free.any(axis=0)):
            if groups and not self.J[i, groups[-1]].any():
                groups[-1].append(i)
            else:
                groups.append([i])
        return groups

    def contrastive_loss(self, X, y, **solver):
        """Return the mean of Gamma* (X, y clamped) - Gamma* (only X clamped), an energy  (L20)

        X, y    0 or 1: (n, n_inputs) and (n, n_outputs), or (n,) for one output
        solver  arguments of fixed_point
        Free units start at 0. Never negative if the free phase finds its lowest minimum."""
        clamped, free = self._phases(X, y, solver)
        return float((clamped.free_energy - free.free_energy).mean())

    def contrastive_gradient(self, X, y, **solver):
        """Return the gradient of contrastive_loss: <m m^T> and <m>, free - clamped  (L19, L20)

        A coupling counts once: d_J[i, j] is the derivative when J_ij and J_ji move together."""
        clamped, free = self._phases(X, y, solver)
        d_J = (free.m.T @ free.m - clamped.m.T @ clamped.m) / len(free.m)
        return {"J": self.bonds * d_J, "b": (free.m - clamped.m).mean(axis=0)}

    def predict(self, X, **solver):
        """Return the outputs, 0 or 1, (n, n_outputs) or (n,) for one, that settle at inputs X"""
        settled = self.fixed_point(self._clamp(X), self.inputs, **solver).m
        y = (settled[:, self.outputs] > 0).astype(np.int64)
        return y[:, 0] if y.shape[1] == 1 else y

    def _phases(self, X, y, solver):
        """Return the fixed points with X and y clamped and with X alone."""
        start, y = self._clamp(X), np.reshape(y, (-1, 1)) if np.ndim(y) == 1 else y
        y = validation.states(y, self.outputs.sum(), "y")
        if len(y) != len(start):
            raise ValueError(f"X and y must have the same number of rows, got {len(start)} and "
                             f"{len(y)}")
        free = self.fixed_point(start, self.inputs, **solver)
        start[:, self.outputs] = 2.0 * y - 1
        return self.fixed_point(start, self.inputs | self.outputs, **solver), free

    def _clamp(self, X):
        """Return magnetisations (n, n_units): the inputs at the spins of X, the others at 0."""
        X = validation.states(X, self.inputs.sum(), "X")
        m = np.zeros((len(X), self.n_units))
        m[:, self.inputs] = 2.0 * X - 1
        return m
