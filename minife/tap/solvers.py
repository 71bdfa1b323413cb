"""Fixed points of the TAP equations: the magnetisations where Gamma_k is stationary."""
import warnings
from dataclasses import dataclass

import numpy as np

from .. import kernels, validation
from ..kernels.reference import layer_field, worst
from ..rbm.model import unit
from .expansion import check_machine, check_magnetisations, free_energy

METHODS = ("damped", "alternating", "synchronous", "block")


class NotConvergedWarning(UserWarning):
    """Some rows stopped short; carries their number, the worst residual and the sweeps done."""

    def __init__(self, residual, n_iter, n_rows):
        super().__init__(residual, n_iter, n_rows)
        self.residual, self.n_iter, self.n_rows = residual, n_iter, n_rows

    def __str__(self):
        return (f"{self.n_rows} fixed-point iterations stopped after {self.n_iter} sweeps with a "
                f"residual of {self.residual:.1e}: a smaller step, more sweeps (max_iter) or "
                "weaker couplings may help")


@dataclass(frozen=True, repr=False)
class FixedPoint:
    """Magnetisations m_v (n, n_visible), m_h (n, n_hidden) and, per row, what the solver found.

    free_energy  Gamma_k at them, an energy
    residual     of the last sweep, each layer measured just before it moved  (T12)
    n_iter       sweeps done
    converged    whether the residual came down to tol"""
    m_v: np.ndarray
    m_h: np.ndarray
    free_energy: np.ndarray
    residual: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray

    def __repr__(self):
        units = f"{self.m_v.shape[1]} x {self.m_h.shape[1]} units"
        return f"FixedPoint({len(self.m_v)} rows of {units}, {self.converged.sum()} converged)"


def fixed_point(rbm, order=2, m_v=None, m_h=None, method="damped", step=0.5, tol=1e-10,
                max_iter=1000):
    """Return the FixedPoint of Gamma_k that sweeps reach from each row of m_v and m_h  (T10, T18)

    m_v, m_h  starts (n, n_visible), (n, n_hidden); without m_v, one row of free units at
              sigma(beta a); without m_h, the hidden means at m_v
    method    "damped" sweeps move m_h, then m_v, by the share `step` of the way  (T10)
              "alternating" sweeps are the same with step 1
              "synchronous" sweeps move both layers at once; undamped they can cycle for ever  (T17)
              "block" sweeps put m_h, then m_v, at the exact minimum over the layer, at orders 1 and
              2, where Gamma_k then never rises and the residual always falls to zero  (T18)
    step      the share of the way that a sweep moves, in (0, 1]; 1 is undamped
    tol       of the residual of a row, the largest error of theta over its units  (T12)
    All in float64, whatever the machine's type. Warns NotConvergedWarning where the residual of a
    row is still above tol after max_iter sweeps."""
    step, tol = validation.share(step, "step"), validation.positive(tol, "tol")
    max_iter = validation.positive_integer(max_iter, "max_iter")
    rbm = check_machine(rbm).double()
    m_v, m_h, order = starts(rbm, m_v, m_h, order)
    method = check_method(method, order)
    m_v, m_h, residual, n_iter = sweeps(rbm, m_v, m_h, order, method, step, tol, max_iter)
    converged = residual <= tol
    if not converged.all():
        n_rows = int((~converged).sum())
        warnings.warn(NotConvergedWarning(residual.max(), max_iter, n_rows), stacklevel=2)
    return FixedPoint(m_v, m_h, free_energy(rbm, m_v, m_h, order), residual, n_iter, converged)


def sweeps(rbm, m_v, m_h, order, method, step, tol, max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,) of at most max_iter sweeps  (T10, T12, T18)"""
    machine, rows = (rbm.W, rbm.a, rbm.b, rbm.beta), (m_v, m_h)
    if method == "synchronous":
        return synchronous_fixed_point(*machine, *rows, order, step, tol, max_iter)
    if method == "block":
        return kernels.block_fixed_point(*machine, *rows, order, tol, max_iter)
    step = 1.0 if method == "alternating" else step
    return kernels.damped_fixed_point(*machine, *rows, order, step, tol, max_iter)


def synchronous_fixed_point(W, a, b, beta, m_v, m_h, order, step, tol, max_iter):
    """Return the same of sweeps that move both layers at once, at the old other layer  (T17)"""
    m_v, m_h = m_v.copy(), m_h.copy()
    residual, n_iter = np.full(len(m_v), np.inf, m_v.dtype), np.zeros(len(m_v), np.intp)
    for _ in range(max_iter):
        rows = np.flatnonzero(residual > tol)
        if len(rows) == 0:
            break
        v, h = m_v[rows], m_h[rows]
        way_v = unit.mean(layer_field(h, v, W.T, a, beta, order)) - v
        way_h = unit.mean(layer_field(v, h, W, b, beta, order)) - h
        m_v[rows], m_h[rows] = v + step * way_v, h + step * way_h
        residual[rows] = np.maximum(worst(way_v, v), worst(way_h, h))
        n_iter[rows] += 1
    return m_v, m_h, residual, n_iter


def starts(rbm, m_v, m_h, order):
    """Return the starts of an iteration, checked and completed, and the order."""
    m_v = unit.mean(rbm.beta * rbm.a)[None] if m_v is None else m_v
    if m_h is None:
        m_h = rbm.hidden_mean(validation.means(m_v, rbm.n_visible, "m_v"))
    return check_magnetisations(rbm, m_v, m_h, order)


def check_method(method, order):
    """Return the method, or say why it does not go with the order."""
    validation.one_of(method, "method", METHODS)
    if method == "block" and order == 3:
        raise ValueError("method 'block' needs order 1 or 2: at order 3 the free energy need not "
                         "be convex in a layer, so there may be several minima: take 'damped'")
    return method


def lowest(state):
    """Return the row of the lowest Gamma_k among those that converged, or of all if none did."""
    counts = state.converged if state.converged.any() else np.ones(len(state.converged), dtype=bool)
    return int(np.where(counts, state.free_energy, np.inf).argmin())


def distinct(found, merge):
    """Return the rows of distinct fixed points, the lowest first, and how many rows ended there."""
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
