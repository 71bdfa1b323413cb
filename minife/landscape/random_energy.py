"""Derrida's random energy model: 2^N independent levels, and where their entropy runs out."""
from statistics import NormalDist

import numpy as np

from .. import validation

LOG_2 = np.log(2)
GROUND = -np.sqrt(LOG_2)                    # e_0 = -0.8326, the lowest energy per unit  (L10)
CRITICAL = 1 / (2 * np.sqrt(LOG_2))         # T_c = 0.6006  (L10)
MOST_UNITS = 24


def entropy_density(e):
    """Return s(e) = log 2 - e^2 per unit at the energy N e; -inf where no levels are  (L10)"""
    e = np.asarray(e, dtype=float)
    return np.where(e**2 <= LOG_2, LOG_2 - e**2, -np.inf)


def free_energy_density(T):
    """Return f(T) per unit of a large model: -T log 2 - 1/(4 T) above T_c, e_0 below  (L11)"""
    T = _temperatures(T)
    return np.where(T > CRITICAL, -T * LOG_2 - 1 / (4 * T), GROUND)


def entropy_at(T):
    """Return s(T) = -df/dT per unit of a large model: log 2 - 1/(4 T^2) or, below T_c, 0  (L11)"""
    T = _temperatures(T)
    return np.where(T > CRITICAL, LOG_2 - 1 / (4 * T**2), 0.0)


def mean_participation(T, n_units=None):
    """Return E[Y] = 1 - T/T_N (0 above T_N) of n_units; if None, of a large model  (L12)"""
    T_N = CRITICAL if n_units is None else edge_temperature(n_units)
    return np.maximum(1 - _temperatures(T) / T_N, 0)


def edge_temperature(n_units):
    """Return T_N: 1 / T_N is the slope of the log density where the lowest level is expected  (L12)

    One of 2^N normal energies of variance N/2 is expected below -z sqrt(N/2); T_N falls to T_c."""
    n_units = validation.positive_integer(n_units, "n_units")
    z = -NormalDist().inv_cdf(2.0**-n_units)
    return np.sqrt(n_units / 2) / z


def random_levels(n_units, n_samples, rng):
    """Return energies (n_samples, 2^n_units), normal, of variance n_units / 2  (L10)"""
    n_units = validation.positive_integer(n_units, "n_units")
    if n_units > MOST_UNITS:
        raise ValueError(f"n_units must be at most {MOST_UNITS}: all 2^n levels are drawn; "
                         f"got {n_units}")
    n_samples = validation.positive_integer(n_samples, "n_samples")
    normal = validation.generator(rng).standard_normal((n_samples, 2**n_units))
    return np.sqrt(n_units / 2) * normal


def level_thermodynamics(E, T):
    """Return F, U, S and C (n,) of the whole system, from its energies E (n, n_levels)  (L5)"""
    p, F = _boltzmann(E, T)
    U = (p * E).sum(axis=1)
    C = (p * (E - U[:, None])**2).sum(axis=1) / T**2
    return F, U, (U - F) / T, C


def participation(E, T):
    """Return Y = sum of p^2 (n,) over levels E (n, n_levels): 1 over how many share  (L12)"""
    p, _ = _boltzmann(E, T)
    return (p**2).sum(axis=1)


def _boltzmann(E, T):
    """Return the probabilities (n, n_levels) of the levels, and F (n,)."""
    E, T = validation.real_array(E, "E", n_dims=2), validation.positive(T, "T")
    lowest = E.min(axis=1, keepdims=True)
    weight = np.exp((lowest - E) / T)
    Z = weight.sum(axis=1, keepdims=True)
    return weight / Z, (lowest - T * np.log(Z))[:, 0]


def _temperatures(T):
    """Return T, a positive number or an array of them, as an array."""
    T = np.asarray(T, dtype=float)
    if not (np.isfinite(T) & (T > 0)).all():
        raise ValueError(f"T must be positive, got {T}")
    return T
