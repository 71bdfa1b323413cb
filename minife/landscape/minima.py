"""Minima of a free energy: found from many starts, weighed, counted, and listed at T = 0."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..tap.expansion import check_machine
from ..tap.solvers import distinct, fixed_point, starts
from ..tap.stability import smallest_eigenvalue
from .boltzmann_machine import BoltzmannMachine

MOST_SPINS = 20                                          # of which all 2^n states are listed


@dataclass(frozen=True, eq=False, repr=False)
class Minima:
    """Distinct fixed points of Gamma_k of an RBM, the lowest first, n of them  (L7)

    m_v, m_h                magnetisations (n, n_visible), (n, n_hidden)
    free_energy             Gamma_k at them (n,), energies
    smallest_eigenvalue     of the scaled second derivatives (n,)
    is_minimum              whether that is positive (n,)
    n_starts                how many of the starts ended there (n,)
    weight                  e^(-beta Gamma_k) over its sum over the minima (n,); 0 at other points
    log_partition_function  log of that sum: log Z by all minima together; -inf without any"""
    m_v: np.ndarray
    m_h: np.ndarray
    free_energy: np.ndarray
    smallest_eigenvalue: np.ndarray
    is_minimum: np.ndarray
    n_starts: np.ndarray
    weight: np.ndarray
    log_partition_function: float

    def __repr__(self):
        return (f"Minima({self.is_minimum.sum()} of {len(self.is_minimum)} fixed points are "
                f"minima, "
                f"log Z about {self.log_partition_function:.6g})")


def find_minima(rbm, order, n_starts, rng, m_v=None, m_h=None, merge=1e-4, method="block",
                **solver):
    """Return the Minima that the solver finds from random starts, and from m_v, m_h if given  (L7)

    The n_starts random starts are uniform in [0, 1). Fixed points that differ by less than `merge`
    in every unit are one; rows that did not converge are left out. solver: arguments of
    tap.fixed_point."""
    n_starts = validation.positive_integer(n_starts, "n_starts")
    merge, rbm = validation.positive(merge, "merge"), check_machine(rbm)
    random_v = validation.generator(rng).random((n_starts, rbm.n_visible))
    random_h = rng.random((n_starts, rbm.n_hidden))
    if m_v is not None:
        m_v, m_h, order = starts(rbm.double(), m_v, m_h, order)
        random_v, random_h = np.vstack([m_v, random_v]), np.vstack([m_h, random_h])
    found = fixed_point(rbm, order, random_v, random_h, method, **solver)
    rows, counts = distinct(found, merge)
    m_v, m_h, gamma = found.m_v[rows], found.m_h[rows], found.free_energy[rows]
    least = smallest_eigenvalue(rbm.double(), m_v, m_h, order) if len(rows) else np.zeros(0)
    exponent = np.where(least > 0, -rbm.beta * gamma, -np.inf)                 # (n,)
    log_z = np.logaddexp.reduce(exponent, initial=-np.inf)
    weight = np.exp(exponent - log_z) if np.isfinite(log_z) else np.zeros(len(rows))
    return Minima(m_v, m_h, gamma, least, least > 0, counts, weight, float(log_z))


@dataclass(frozen=True, eq=False, repr=False)
class SpinMinima:
    """Distinct minima of Gamma of a Boltzmann machine, the lowest first, n of them  (L8)

    m             magnetisations (n, n_units)
    free_energy   Gamma at them (n,), energies
    n_starts      how many of the starts ended there (n,)"""
    m: np.ndarray
    free_energy: np.ndarray
    n_starts: np.ndarray

    def __repr__(self):
        return (f"SpinMinima({len(self.m)} minima of {self.m.shape[1]} spins from "
                f"{self.n_starts.sum()} starts, the lowest at {self.free_energy[0]:.6g})")


def find_spin_minima(machine, m, merge=1e-2, **solver):
    """Return the SpinMinima of a BoltzmannMachine that sweeps reach from starts m (n, n_units)

    Sweeps end in minima: a saddle point repels them. Those that differ by less than `merge` in
    every unit are one. solver: arguments of BoltzmannMachine.fixed_point."""
    machine = validation.instance(machine, "machine", BoltzmannMachine)
    merge, state = validation.positive(merge, "merge"), machine.fixed_point(m, **solver)
    order = np.argsort(state.free_energy, kind="stable")
    m, gamma, rows, counts = state.m[order], state.free_energy[order], [], []
    left = np.arange(len(m))
    while len(left):
        same = np.abs(m[left] - m[left[0]]).max(axis=1) < merge
        rows.append(left[0])
        counts.append(same.sum())
        left = left[~same]
    return SpinMinima(m[rows], gamma[rows], np.array(counts))


def flip_stable_states(machine):
    """Return all states s (n, n_units), -1 or 1, that no flip of one spin improves

    They are the minima of Gamma as T goes to 0. A list of all 2^n_units states, so at most 20."""
    machine = validation.instance(machine, "machine", BoltzmannMachine)
    n = machine.n_units
    if n > MOST_SPINS:
        raise ValueError(f"machine must have at most {MOST_SPINS} spins to list all their states, "
                         f"got {n}")
    s = 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1) - 1               # (2^n, n_units)
    return s[(s * (s @ machine.J + machine.b) > 0).all(axis=1)]


def random_couplings(n_units, rng, funnel=0.0):
    """Return J (n_units, n_units): a spin glass, plus `funnel` times the pattern of all spins up

    J_ij is normal with mean funnel / n and variance 1 / n; in a large machine a funnel of more than
    1 wins over the glass (Sherrington and Kirkpatrick 1975)."""
    n = validation.positive_integer(n_units, "n_units")
    mean = validation.not_negative(funnel, "funnel") / n
    J = np.triu(mean + validation.generator(rng).standard_normal((n, n)) / np.sqrt(n), 1)
    return J + J.T
