"""Energy and entropy in the TAP free energy: Gamma_k = U - S / beta, split by the explicit beta."""
from dataclasses import dataclass

import numpy as np

from ..rbm.model import unit
from ..tap.expansion import bilinear, check_magnetisations, cumulants


@dataclass(frozen=True)
class Thermodynamics:
    """F = Gamma_k, U and S (n,) with F = U - T S; F and U are energies, S is a pure number  (L1)"""
    F: np.ndarray
    U: np.ndarray
    S: np.ndarray


def thermodynamics(rbm, m_v, m_h, order=2):
    """Return F, U and S (n,) at magnetisations m_v (n, n_visible), m_h (n, n_hidden)  (L1)

    F is Gamma_k and F = U - S / beta at any magnetisations. At a fixed point S is minus dGamma*/dT, and U is
    d(beta Gamma*)/dbeta. The entropy of independent units, order 1, is too large at order 2."""
    m_v, m_h, order = check_magnetisations(rbm, m_v, m_h, order)
    W, beta = rbm.W, rbm.beta
    c_v, c_h, skew_v, skew_h = cumulants(m_v, m_h)
    S = -unit.conjugate(m_v).sum(axis=1) - unit.conjugate(m_h).sum(axis=1)
    U = -(m_v @ rbm.a) - m_h @ rbm.b - bilinear(m_v, W, m_h)
    if order >= 2:
        onsager = bilinear(c_v, W**2, c_h)
        U -= beta * onsager                                               # twice what Gamma_2 has
        S -= beta**2 / 2 * onsager                                        # which the entropy gives back once
    if order >= 3:
        third = bilinear(skew_v, W**3, skew_h)
        U -= 2 * beta**2 * third                                          # three times what Gamma_3 has
        S -= 4 * beta**3 / 3 * third                                      # which the entropy gives back twice
    return Thermodynamics(F=U - S / beta, U=U, S=S)
