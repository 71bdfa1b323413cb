"""The exact Gibbs free energy of a small machine: what the expansion in expansion.py approaches."""
import numpy as np

from ..rbm.exact import all_states
from ..rbm.model import unit
from .expansion import check_machine, check_magnetisations

MOST_UNITS = 14


def gibbs_free_energy(rbm, m_v, m_h):
    """Return the exact Gamma (n,) at m_v (n, n_visible), m_h (n, n_hidden) inside (0, 1)  (T1, T2)

    All 2^(n_visible + n_hidden) states are summed, so at most 14 units in all."""
    rbm = check_machine(rbm).double()
    if rbm.n_visible + rbm.n_hidden > MOST_UNITS:
        raise ValueError("the exact Gibbs free energy sums over all states of at most 14 units, "
                         f"got {rbm.n_visible} visible and {rbm.n_hidden} hidden")
    m = np.hstack(check_magnetisations(rbm, m_v, m_h, order=1)[:2])         # (n, n_units)
    if m.min() == 0 or m.max() == 1:
        raise ValueError("m_v and m_h must lie strictly inside (0, 1): "
                         "at 0 or 1 no finite field has those means")
    s = all_states(rbm.n_visible + rbm.n_hidden).astype(float)              # (n_states, n_units)
    v, h = s[:, :rbm.n_visible].astype(np.uint8), s[:, rbm.n_visible:].astype(np.uint8)
    log_weight = -rbm.beta * rbm.energy(v, h)
    free = rbm.beta * np.concatenate([rbm.a, rbm.b])
    gamma = [largest_dual(row, s, log_weight, unit.field(row) - free) / rbm.beta for row in m]
    return np.array(gamma)


def dual(u, m, s, log_weight):
    """Return u.m - log sum_s e^(log_weight + u.s), and p(s) (n_states,) at the fields u  (T1)"""
    exponent = log_weight + s @ u
    log_z = np.logaddexp.reduce(exponent)
    return u @ m - log_z, np.exp(exponent - log_z)


def largest_dual(m, s, log_weight, u):
    """Return beta Gamma(m), the largest dual over all fields u, by Newton's method  (T1)

    u   the fields to start from; those that give free units the means m are exact at W = 0"""
    value, p = dual(u, m, s, log_weight)
    c, ridge = np.diag(m - m**2), 1e-3                                      # small steps far away
    for _ in range(1000):
        mean = p @ s                                                        # <s> at the fields u
        covariance = ((s - mean) * p[:, None]).T @ (s - mean)               # no eigenvalue < 0
        gain = (m - mean) @ np.linalg.solve(covariance + 1e-9 * c, m - mean)
        rounding = 64 * np.finfo(float).eps * max(1.0, abs(value))
        # a step gains about half
        if gain < rounding:
            return value
        step = np.linalg.solve(covariance + ridge * c, m - mean)
        new_value, new_p = dual(u + step, m, s, log_weight)
        if new_value >= value - rounding:
            u, value, p, ridge = u + step, new_value, new_p, ridge / 10
        else:
            ridge *= 10
    raise FloatingPointError(f"no fields found at which the means are {m}: "
                             "some may be too close to 0 or 1")
