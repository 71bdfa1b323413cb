"""Fixed points of the TAP equations: the magnetisations where Gamma_k is stationary."""
import warnings
from dataclasses import dataclass

import numpy as np

from .. import kernels, validation
from ..kernels import reference
from ..rbm.model import unit
from .free_energy import check_magnetisations, free_energy

METHODS = ("damped",)


class NotConvergedWarning(UserWarning):
    """Some fixed-point iteration stopped short; carries the worst residual and the iterations done."""

    def __init__(self, residual, n_iter, n_rows):
        super().__init__(residual, n_iter, n_rows)
        self.residual, self.n_iter, self.n_rows = residual, n_iter, n_rows

    def __str__(self):
        return (f"{self.n_rows} fixed-point iterations stopped after {self.n_iter} sweeps with a residual of "
                f"{self.residual:.1e}: more sweeps (max_iter), a smaller share (damping) or weaker couplings may help")


@dataclass(frozen=True)
class FixedPoint:
    """Magnetisations m_v (n, n_visible), m_h (n, n_hidden) and, per row, what the solver says of them.

    free_energy  Gamma_k at them, an energy
    residual     of the last sweep, each layer just before it moved  (T12)
    n_iter       sweeps done
    converged    whether the residual came down to tol"""
    m_v: np.ndarray
    m_h: np.ndarray
    free_energy: np.ndarray
    residual: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray


def fixed_point(rbm, order=2, m_v=None, m_h=None, method="damped", damping=0.5, tol=1e-10, max_iter=1000):
    """Return the FixedPoint of Gamma_k that damped sweeps of m_h, then m_v, reach from each row  (T10)

    m_v, m_h  starts (n, n_visible), (n, n_hidden); without m_v, one row of free units, sigma(beta a); without
              m_h, the hidden means at m_v
    damping   the share of the new value in (0, 1]; 1 is no damping
    tol       on the residual, the largest |sigma(theta) - m| / (c + eps^(1/3)) over the units: the error of theta,
              of saturated units as far as rounding lets it be known  (T12)
    All in float64, whatever the machine's type. Warns NotConvergedWarning where a row is not there after max_iter
    sweeps."""
    validation.one_of(method, "method", METHODS)
    damping = validation.share(damping, "damping")
    tol, max_iter = validation.positive(tol, "tol"), validation.positive_integer(max_iter, "max_iter")
    rbm = rbm.double()
    m_v, m_h, order = starts(rbm, m_v, m_h, order)
    m_v, m_h, residual, n_iter = damped_sweeps(rbm, m_v, m_h, order, damping, tol, max_iter)
    converged = residual <= tol
    if not converged.all():
        warnings.warn(NotConvergedWarning(residual.max(), max_iter, (~converged).sum()), stacklevel=2)
    return FixedPoint(m_v, m_h, free_energy(rbm, m_v, m_h, order), residual, n_iter, converged)


def lowest(state):
    """Return the row of the lowest free energy among the converged ones, or among all where none converged."""
    counts = state.converged if state.converged.any() else np.ones(len(state.converged), dtype=bool)
    return int(np.where(counts, state.free_energy, np.inf).argmin())


def starts(rbm, m_v, m_h, order):
    """Return the magnetisations that an iteration starts from, checked and completed, and the order."""
    if m_v is None:
        m_v = unit.mean(rbm.beta * rbm.a)[None]
    if m_h is None:
        m_h = rbm.hidden_mean(m_v)
    return check_magnetisations(rbm, m_v, m_h, order)


def damped_sweeps(rbm, m_v, m_h, order, damping, tol, max_iter):
    """Return m_v, m_h, residual (n,) and n_iter (n,) of at most max_iter sweeps  (T10)

    For many rows of a large machine the NumPy twin is the faster one, as its products are BLAS: demos/benchmark.py."""
    many = len(m_v) >= 32 and rbm.W.size >= 2**14
    sweeps = reference.damped_fixed_point if many else kernels.damped_fixed_point
    return sweeps(rbm.W, rbm.a, rbm.b, rbm.beta, m_v, m_h, order, damping, tol, max_iter)
