"""The exact Gibbs free energy of a small machine: what the expansion of free_energy.py approaches."""
import numpy as np

from ..rbm.exact import all_states
from ..rbm.model import unit
from .expansion import check_magnetisations

MOST_UNITS = 14


def gibbs_free_energy(rbm, m_v, m_h):
    """Return Gamma (n,), exactly, at m_v (n, n_visible), m_h (n, n_hidden) strictly inside (0, 1)  (T1, T2)

    Newton's method on the dual: find the fields (u, w) at which the machine has these means. All
    2^(n_visible + n_hidden) states are summed, so at most 14 units in all."""
    rbm = rbm.double()
    if rbm.n_visible + rbm.n_hidden > MOST_UNITS:
        raise ValueError(f"the exact Gibbs free energy sums over all states of at most {MOST_UNITS} units, "
                         f"got {rbm.n_visible} visible and {rbm.n_hidden} hidden")
    m = np.hstack(check_magnetisations(rbm, m_v, m_h, order=1)[:2])
    if m.min() == 0 or m.max() == 1:
        raise ValueError("m_v and m_h must lie strictly inside (0, 1): at 0 or 1 no finite field has those means")
    s = all_states(rbm.n_visible + rbm.n_hidden).astype(float)               # (n_states, n_units)
    v, h = s[:, :rbm.n_visible].astype(np.uint8), s[:, rbm.n_visible:].astype(np.uint8)
    log_weight = -rbm.beta * rbm.energy(v, h)
    return np.array([_largest_dual(row, s, log_weight, rbm) for row in m]) / rbm.beta


def _largest_dual(m, s, log_weight, rbm):
    """Return beta Gamma(m) = max_u [u.m - log sum_s e^(log_weight + u.s)], concave in u."""
    u = unit.field(m) - rbm.beta * np.concatenate([rbm.a, rbm.b])            # exact at W = 0

    def dual(u):
        exponent = log_weight + s @ u
        log_z = np.logaddexp.reduce(exponent)
        return u @ m - log_z, np.exp(exponent - log_z)

    value, p = dual(u)
    c, ridge = np.diag(m - m**2), 1e-3                                       # Levenberg: small steps far away
    for _ in range(1000):
        mean = p @ s
        covariance = ((s - mean) * p[:, None]).T @ (s - mean)                # never indefinite by rounding
        gain = (m - mean) @ np.linalg.solve(covariance + 1e-9 * c, m - mean)  # twice what Newton's step promises
        rounding = 64 * np.finfo(float).eps * max(1.0, abs(value))
        if gain < rounding:
            return value
        step = np.linalg.solve(covariance + ridge * c, m - mean)
        new_value, new_p = dual(u + step)
        if new_value >= value - rounding:
            u, value, p, ridge = u + step, new_value, new_p, ridge / 10
        else:
            ridge *= 10
    raise FloatingPointError(f"no fields found at which the means are {m}: some may be too close to 0 or 1")
