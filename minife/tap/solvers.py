"""Fixed points of the TAP equations: the magnetisations where Gamma_k is stationary."""
import warnings
from dataclasses import dataclass

import numpy as np

from .. import kernels, validation
from ..rbm.model import unit
from .expansion import check_magnetisations, free_energy, local_fields

METHODS = ("damped", "alternating", "synchronous", "block")


class NotConvergedWarning(UserWarning):
    """Some fixed-point iteration stopped short; carries the worst residual and the iterations done."""

    def __init__(self, residual, n_iter, n_rows):
        super().__init__(residual, n_iter, n_rows)
        self.residual, self.n_iter, self.n_rows = residual, n_iter, n_rows

    def __str__(self):
        return (f"{self.n_rows} fixed-point iterations stopped after {self.n_iter} sweeps with a residual of "
                f"{self.residual:.1e}: more sweeps (max_iter), a smaller share (step) or weaker couplings may help")


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


def fixed_point(rbm, order=2, m_v=None, m_h=None, method="damped", step=0.5, tol=1e-10, max_iter=1000):
    """Return the FixedPoint of Gamma_k that the sweeps of a method reach from each row of magnetisations  (T10, T18)

    m_v, m_h  starts (n, n_visible), (n, n_hidden); without m_v, one row of free units, sigma(beta a); without
              m_h, the hidden means at m_v
    method    "damped" sweeps move m_h, then m_v, by the share `step` of the way
              "alternating" sweeps are the same with share 1; step is not used
              "synchronous" sweeps move both layers at once by that share; undamped they can cycle for ever
              "block" sweeps put m_h, then m_v, at the exact minimum over the layer, at orders 1 and 2, where
              Gamma_k then never rises and the residual always falls to zero; step is not used
    step   the share of the new value in (0, 1]; 1 is no step
    tol       on the residual, the largest |sigma(theta) - m| / (c + eps^(1/3)) over the units: the error of theta,
              of saturated units as far as rounding lets it be known  (T12)
    All in float64, whatever the machine's type. Warns NotConvergedWarning where a row is not there after max_iter
    sweeps."""
    step = validation.share(step, "step")
    tol, max_iter = validation.positive(tol, "tol"), validation.positive_integer(max_iter, "max_iter")
    rbm = rbm.double()
    m_v, m_h, order = starts(rbm, m_v, m_h, order)
    method = check_method(method, order)
    m_v, m_h, residual, n_iter = sweeps(rbm, m_v, m_h, order, method, step, tol, max_iter)
    converged = residual <= tol
    if not converged.all():
        warnings.warn(NotConvergedWarning(residual.max(), max_iter, (~converged).sum()), stacklevel=2)
    return FixedPoint(m_v, m_h, free_energy(rbm, m_v, m_h, order), residual, n_iter, converged)


def lowest(state):
    """Return the row of the lowest free energy among the converged ones, or among all where none converged."""
    counts = state.converged if state.converged.any() else np.ones(len(state.converged), dtype=bool)
    return int(np.where(counts, state.free_energy, np.inf).argmin())


def distinct(found, merge):
    """Return the rows of the distinct fixed points, the lowest first, and how many rows ended at each."""
    m = np.hstack([found.m_v, found.m_h])
    rows, counts = [], []
    for row in np.argsort(found.free_energy, kind="stable"):
        if not found.converged[row]:
            continue
        same = [k for k, other in enumerate(rows) if np.abs(m[row] - m[other]).max() < merge]
        if same:
            counts[same[0]] += 1
        else:
            rows.append(row)
            counts.append(1)
    return np.array(rows, dtype=int), np.array(counts, dtype=int)


def starts(rbm, m_v, m_h, order):
    """Return the magnetisations that an iteration starts from, checked and completed, and the order."""
    if m_v is None:
        m_v = unit.mean(rbm.beta * rbm.a)[None]
    if m_h is None:
        m_h = rbm.hidden_mean(m_v)
    return check_magnetisations(rbm, m_v, m_h, order)


def check_method(method, order):
    """Return the method, or say why it does not go with the order."""
    validation.one_of(method, "method", METHODS)
    if method == "block" and order == 3:
        raise ValueError("method 'block' needs order 1 or 2: at order 3 the free energy need not be convex in a layer, "
                         "so there may be several minima over it; take 'damped'")
    return method


def sweeps(rbm, m_v, m_h, order, method, step, tol, max_iter):
    """Return m_v, m_h, residual (n,) and n_iter (n,) of at most max_iter sweeps of a method  (T10, T12, T18)"""
    if method == "synchronous":
        return synchronous_sweeps(rbm, m_v, m_h, order, step, tol, max_iter)
    if method == "block":
        return kernels.block_fixed_point(rbm.W, rbm.a, rbm.b, rbm.beta, m_v, m_h, order, tol, max_iter)
    share = 1.0 if method == "alternating" else step
    return kernels.damped_fixed_point(rbm.W, rbm.a, rbm.b, rbm.beta, m_v, m_h, order, share, tol, max_iter)


def synchronous_sweeps(rbm, m_v, m_h, order, step, tol, max_iter):
    """Return the same of sweeps that move both layers at once, each seeing the old means of the other  (T17)"""
    m, floor = np.hstack([m_v, m_h]), np.finfo(m_v.dtype).eps ** (1 / 3)     # (n, n_visible + n_hidden)
    residual, n_iter = np.full(len(m), np.inf, dtype=m.dtype), np.zeros(len(m), dtype=np.intp)
    for _ in range(max_iter):
        rows = np.flatnonzero(residual > tol)
        if len(rows) == 0:
            break
        here = m[rows]
        way = unit.mean(np.hstack(local_fields(rbm, *np.hsplit(here, [rbm.n_visible]), order))) - here
        residual[rows] = np.max(np.abs(way) / (here - here**2 + floor), axis=1)
        m[rows] = here + step * way
        n_iter[rows] += 1
    return *np.hsplit(m, [rbm.n_visible]), residual, n_iter
