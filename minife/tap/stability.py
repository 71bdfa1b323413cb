"""Second derivatives of Gamma_k: which fixed points are minima, and when to trust order 2."""
import numpy as np

from .expansion import check_magnetisations, cumulants


def hessian(rbm, m_v, m_h, order=2):
    """Return the second derivatives of Gamma_k, energies (n, N, N), visible units first  (T16)

    N = n_visible + n_hidden; m_v (n, n_visible) and m_h (n, n_hidden) lie strictly inside (0, 1),
    as the curvature is infinite at 0 and 1."""
    m_v, m_h, order = check_magnetisations(rbm, m_v, m_h, order)
    m = np.hstack([m_v, m_h])
    if m.min() == 0 or m.max() == 1:
        raise ValueError("m_v and m_h must lie strictly inside (0, 1): "
                         "at 0 or 1 the curvature is infinite")
    width = np.sqrt(m - m**2)                                               # (n, N), D^(1/2)
    scaled = scaled_hessian(rbm, m_v, m_h, order)
    return scaled / (width[:, :, None] * width[:, None, :]) / rbm.beta


def scaled_eigenvalues(rbm, m_v, m_h, order=2):
    """Return the eigenvalues (n, N), ascending, of D^(1/2) H D^(1/2), with D = diag(c)  (T17)

    H are the second derivatives of beta Gamma_k. A fixed point is a minimum if all are positive.
    Synchronous sweeps of step d settle there, from nearby, if d times the largest is below 2. Units
    at 0 or 1 count as free units of eigenvalue 1."""
    m_v, m_h, order = check_magnetisations(rbm, m_v, m_h, order)
    return np.linalg.eigvalsh(scaled_hessian(rbm, m_v, m_h, order))


def smallest_eigenvalue(rbm, m_v, m_h, order=2):
    """Return the smallest scaled eigenvalue (n,), positive where a fixed point is minimal  (T17)"""
    return scaled_eigenvalues(rbm, m_v, m_h, order)[:, 0]


def spectral_trust(rbm, m_v, m_h):
    """Return rho(P) (n,), the growth of squared responses: trust order 2 only below 1  (T19)

    P is similar to V V^T, so rho(P) is the square of the largest singular value of V."""
    m_v, m_h, _ = check_magnetisations(rbm, m_v, m_h, order=2)
    c_v, c_h, _, _ = cumulants(m_v, m_h)
    V = rbm.beta**2 * c_v[:, :, None] * rbm.W**2 * c_h[:, None, :]      # (n, n_visible, n_hidden)
    return np.linalg.norm(V, ord=2, axis=(1, 2)) ** 2


def scaled_hessian(rbm, m_v, m_h, order):
    """Return D^(1/2) H D^(1/2) (n, N, N), finite also where units saturate  (T16)"""
    W, beta, n_visible = rbm.W, rbm.beta, rbm.n_visible
    c_v, c_h, skew_v, skew_h = cumulants(m_v, m_h)
    self_v, self_h = np.ones_like(m_v), np.ones_like(m_h)                   # c_i H_ii
    cross = -beta * W * np.ones((len(m_v), 1, 1), W.dtype)                  # H_ij
    if order >= 2:
        half_v, half_h = (0.5 - m_v)[:, :, None], (0.5 - m_h)[:, None, :]
        self_v += beta**2 * c_v * (c_h @ (W**2).T)
        self_h += beta**2 * c_h * (c_v @ W**2)
        cross -= 2 * beta**2 * W**2 * half_v * half_h
    if order >= 3:
        third_v, third_h = (1 / 3 - 2 * c_v)[:, :, None], (1 / 3 - 2 * c_h)[:, None, :]
        self_v += 4 * beta**3 * skew_v * (skew_h @ (W**3).T)
        self_h += 4 * beta**3 * skew_h * (skew_v @ W**3)
        cross -= 3 / 2 * beta**3 * W**3 * third_v * third_h
    cross = np.sqrt(c_v)[:, :, None] * cross * np.sqrt(c_h)[:, None, :]  # (n, n_visible, n_hidden)
    scaled = np.zeros((len(m_v), *2 * [n_visible + rbm.n_hidden]), dtype=cross.dtype)
    diagonal = np.arange(n_visible + rbm.n_hidden)
    scaled[:, diagonal, diagonal] = np.hstack([self_v, self_h])
    scaled[:, :n_visible, n_visible:] = cross
    scaled[:, n_visible:, :n_visible] = cross.transpose(0, 2, 1)
    return scaled
