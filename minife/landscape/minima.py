"""Several minima: cooling slowly into one of them, and finding and weighing many."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..rbm.model import RBM
from ..tap.solvers import distinct, fixed_point, starts
from ..tap.stability import smallest_eigenvalue


@dataclass(frozen=True)
class States:
    """Distinct fixed points of Gamma_k, the lowest first, n of them  (L2)

    m_v, m_h                magnetisations (n, n_visible), (n, n_hidden)
    free_energy             Gamma_k at them (n,), energies
    smallest_eigenvalue     of the scaled second derivatives (n,)
    is_minimum              whether that is positive (n,)
    n_starts                how many of the starts ended there (n,)
    weight                  e^(-beta Gamma_k) over its sum over the minima (n,); 0 where there is no minimum
    log_partition_function  log of that sum, the estimate of log Z by all minima together; -inf without any"""
    m_v: np.ndarray
    m_h: np.ndarray
    free_energy: np.ndarray
    smallest_eigenvalue: np.ndarray
    is_minimum: np.ndarray
    n_starts: np.ndarray
    weight: np.ndarray
    log_partition_function: float


def anneal(rbm, order=2, n_temperatures=20, m_v=None, m_h=None, method="block", **solver):
    """Return the FixedPoint at the machine's temperature that slow cooling reaches: the end of annealing_path."""
    return annealing_path(rbm, order, n_temperatures, m_v, m_h, method, **solver)[-1][1]


def annealing_path(rbm, order=2, n_temperatures=20, m_v=None, m_h=None, method="block", **solver):
    """Return a list of (beta, FixedPoint) on the way from a high temperature down to the machine's own

    The first beta times the largest singular value of W is 2, or less: there Gamma_1 and Gamma_2 are convex, by (T16),
    and have one minimum. Temperatures fall in equal ratios, and each start is the last end. A symmetric machine can
    stay at its saddle point, exactly between two minima: a small field breaks that, or a start m_v at one temperature.
    solver: arguments of fixed_point; order 3 needs method="damped"."""
    n_temperatures = validation.positive_integer(n_temperatures, "n_temperatures")
    coupling, path = np.linalg.norm(rbm.W, ord=2), []
    first = min(rbm.beta, 2 / coupling) if coupling > 0 else rbm.beta
    for beta in np.geomspace(rbm.beta, first, n_temperatures)[::-1]:
        state = fixed_point(RBM(rbm.W, rbm.a, rbm.b, beta), order, m_v, m_h, method, **solver)
        m_v, m_h = state.m_v, state.m_h
        path.append((float(beta), state))
    return path


def states(rbm, order, n_starts, rng, m_v=None, m_h=None, merge=1e-4, method="block", **solver):
    """Return the distinct States that the solver finds from n_starts random starts, and from m_v, m_h if given  (L2)

    The random starts are uniform in [0, 1). Fixed points that differ by less than `merge` in every unit are one;
    rows that did not converge are left out. solver: arguments of fixed_point."""
    n_starts, merge = validation.positive_integer(n_starts, "n_starts"), validation.positive(merge, "merge")
    random_v = validation.generator(rng).random((n_starts, rbm.n_visible))
    random_h = rng.random((n_starts, rbm.n_hidden))
    if m_v is not None:
        m_v, m_h, order = starts(rbm.double(), m_v, m_h, order)
        random_v, random_h = np.vstack([m_v, random_v]), np.vstack([m_h, random_h])
    found = fixed_point(rbm, order, random_v, random_h, method, **solver)
    rows, counts = distinct(found, merge)
    m_v, m_h, free_energy = found.m_v[rows], found.m_h[rows], found.free_energy[rows]
    curvature = smallest_eigenvalue(rbm.double(), m_v, m_h, order) if len(rows) else np.zeros(0)
    exponent = np.where(curvature > 0, -rbm.beta * free_energy, -np.inf)
    log_z = np.logaddexp.reduce(exponent, initial=-np.inf)
    weight = np.exp(exponent - log_z) if np.isfinite(log_z) else np.zeros(len(rows))
    return States(m_v, m_h, free_energy, curvature, curvature > 0, counts, weight, float(log_z))
