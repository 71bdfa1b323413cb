"""Temperature: energy and entropy as slopes of a free energy, other temperatures, slow cooling."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..rbm.model import RBM, unit
from ..tap.expansion import bilinear, check_machine, check_magnetisations, cumulants
from ..tap.solvers import fixed_point


@dataclass(frozen=True, eq=False)
class Thermodynamics:
    """F, U and S with F = U - T S; F and U are energies, S is a pure number; of TAP per row"""
    F: np.ndarray
    U: np.ndarray
    S: np.ndarray


def thermodynamics(rbm, m_v, m_h, order=2):
    """Return F = Gamma_k, U, S (n,) at means m_v (n, n_visible), m_h (n, n_hidden)  (L6)

    F = U - S / beta at any means. At a fixed point S = -dGamma*/dT and U = d(beta Gamma*)/dbeta."""
    m_v, m_h, order = check_magnetisations(rbm, m_v, m_h, order)
    W, beta = rbm.W, rbm.beta
    c_v, c_h, skew_v, skew_h = cumulants(m_v, m_h)
    S = -unit.conjugate(m_v).sum(axis=1) - unit.conjugate(m_h).sum(axis=1)
    U = -(m_v @ rbm.a) - m_h @ rbm.b - bilinear(m_v, W, m_h)
    if order >= 2:
        onsager = bilinear(c_v, W**2, c_h)                            # Gamma^(2) is -beta/2 of it
        U -= beta * onsager                                           # twice what Gamma_2 has
        S -= beta**2 / 2 * onsager                                    # which S gives back once
    if order >= 3:
        third = bilinear(skew_v, W**3, skew_h)                        # Gamma^(3): -2 beta^2 / 3
        U -= 2 * beta**2 * third                                      # three times what Gamma_3 has
        S -= 4 * beta**3 / 3 * third                                  # which S gives back twice
    return Thermodynamics(F=U - S / beta, U=U, S=S)


def sampled_thermodynamics(rbm, v, log_z):
    """Return F, U, S, numbers, of a machine too large to sum: from samples and an estimate of log Z

    v       states (n, n_visible), samples of p(v); at each of them the hidden units are averaged
    log_z   for example evaluation.annealed_importance_sampling(...).log_z"""
    rbm = check_machine(rbm).double()
    log_z = validation.number(log_z, "log_z", "a finite number", lambda x: True)
    U = float(data_energy(rbm, rbm.states(v, "v")).mean())
    return Thermodynamics(F=-log_z / rbm.beta, U=U, S=rbm.beta * U + log_z)   # S = beta (U - F)


def data_energy(rbm, X):
    """Return U(x) (n,), the mean energy with v clamped at the states X (n, n_visible)  (L3)"""
    x, m = rbm.hidden_field(X), rbm.hidden_mean(X)                    # (n, n_hidden)
    return -(X @ rbm.a) - (m * x).sum(axis=1)


def at_temperature(rbm, T):
    """Return the machine with the same parameters, no copies, at T = 1/beta  (L4)"""
    return RBM(**check_machine(rbm).parameters, beta=1 / validation.positive(T, "T"))


def anneal(rbm, order=2, n_temperatures=20, m_v=None, m_h=None, method="block", **solver):
    """Return the FixedPoint that slow cooling reaches: the end of annealing_path."""
    return annealing_path(rbm, order, n_temperatures, m_v, m_h, method, **solver)[-1][1]


def annealing_path(rbm, order=2, n_temperatures=20, m_v=None, m_h=None, method="block", **solver):
    """Return a list of (beta, FixedPoint) from a high temperature down to the machine's own

    The first beta times the largest singular value of W is 2, or less: there Gamma_1 and Gamma_2
    are convex and have one minimum. Temperatures fall in equal ratios, and each start is the last
    end. A symmetric machine can stay at its saddle point, exactly between two minima: a small field
    breaks that, or a start m_v at one temperature. solver: arguments of tap.fixed_point; order 3
    needs method="damped"."""
    n_temperatures = validation.positive_integer(n_temperatures, "n_temperatures")
    coupling, path = np.linalg.norm(check_machine(rbm).W, ord=2), []
    first = min(rbm.beta, 2 / coupling) if coupling > 0 else rbm.beta
    for beta in np.geomspace(rbm.beta, first, n_temperatures)[::-1]:
        state = fixed_point(RBM(**rbm.parameters, beta=beta), order, m_v, m_h, method, **solver)
        m_v, m_h = state.m_v, state.m_h
        path.append((float(beta), state))
    return path
