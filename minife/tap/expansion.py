"""The TAP free energy Gamma_k: the expansion (T3) of orders k = 1, 2, 3 and its derivatives, in closed form.

In all of this, c = m - m^2 is the variance of a unit and skew = c (1/2 - m) half its third cumulant."""
import numpy as np

from .. import validation
from ..rbm.model import unit

ORDERS = (1, 2, 3)


def free_energy(rbm, m_v, m_h, order=2):
    """Return Gamma_k (n,) at magnetisations m_v (n, n_visible), m_h (n, n_hidden); beta Gamma is dimensionless  (T8)"""
    m_v, m_h, order = check_magnetisations(rbm, m_v, m_h, order)
    W, beta = rbm.W, rbm.beta
    c_v, c_h, skew_v, skew_h = cumulants(m_v, m_h)
    entropy = -unit.conjugate(m_v).sum(axis=1) - unit.conjugate(m_h).sum(axis=1)
    gamma = -(m_v @ rbm.a) - m_h @ rbm.b - entropy / beta             # order 0: free units  (T4)
    gamma -= bilinear(m_v, W, m_h)                                    # order 1: the mean-field energy  (T5)
    if order >= 2:
        gamma -= beta / 2 * bilinear(c_v, W**2, c_h)                  # order 2: Onsager's reaction  (T6)
    if order >= 3:
        gamma -= 2 * beta**2 / 3 * bilinear(skew_v, W**3, skew_h)     # order 3  (T7)
    return gamma


def stationarity(rbm, m_v, m_h, order=2):
    """Return dGamma_k/dm_v (n, n_visible) and dGamma_k/dm_h (n, n_hidden), zero at a fixed point  (T9)

    A unit at exactly 0 or 1 has an infinite slope."""
    m_v, m_h, order = check_magnetisations(rbm, m_v, m_h, order)
    theta_v, theta_h = local_fields(rbm, m_v, m_h, order)
    return (unit.field(m_v) - theta_v) / rbm.beta, (unit.field(m_h) - theta_h) / rbm.beta


def free_energy_gradient(rbm, m_v, m_h, order=2):
    """Return the explicit partials of Gamma_k in W, a and b, averaged over the rows of m_v and m_h  (T11)

    At a fixed point they are the total derivatives, by the envelope theorem."""
    m_v, m_h, order = check_magnetisations(rbm, m_v, m_h, order)
    return {"W": -pair_means(rbm, m_v, m_h, order), "a": -m_v.mean(axis=0), "b": -m_h.mean(axis=0)}


def pair_means(rbm, m_v, m_h, order):
    """Return the estimate of <v h> (n_visible, n_hidden), averaged over the rows: minus the partial in W  (T11, T15)"""
    beta, share, pairs = rbm.W.dtype.type(rbm.beta), 1 / len(m_v), [(m_v, m_h)]
    if order >= 2:
        c_v, c_h = m_v - m_v**2, m_h - m_h**2
        pairs.append((beta * c_v, c_h))                               # factors go into the small arrays
    if order >= 3:
        pairs.append((2 * beta**2 * c_v * (0.5 - m_v), c_h * (0.5 - m_h)))
    *lower, (x, y) = pairs
    vh, term = np.empty_like(rbm.W), np.empty_like(rbm.W[:256])
    for first in range(0, len(vh), 256):                              # rows of W that stay in the cache
        rows = slice(first, first + 256)
        W, block = rbm.W[rows], vh[rows]
        np.matmul(x[:, rows].T, y, out=block)
        for x_k, y_k in reversed(lower):                              # m m + W (c c + W skew skew)
            block *= W
            block += np.matmul(x_k[:, rows].T, y_k, out=term[:len(W)])
        block *= share
    return vh


def local_fields(rbm, m_v, m_h, order):
    """Return theta_v (n, n_visible), theta_h (n, n_hidden): beta times the fields, with Onsager reaction  (T9)"""
    W, beta = rbm.W, rbm.beta
    c_v, c_h, skew_v, skew_h = cumulants(m_v, m_h)
    theta_v = beta * (rbm.a + m_h @ W.T)
    theta_h = beta * (rbm.b + m_v @ W)
    if order >= 2:
        theta_v += beta**2 * (0.5 - m_v) * (c_h @ (W**2).T)
        theta_h += beta**2 * (0.5 - m_h) * (c_v @ W**2)
    if order >= 3:
        theta_v += beta**3 * (1 / 3 - 2 * c_v) * (skew_h @ (W**3).T)
        theta_h += beta**3 * (1 / 3 - 2 * c_h) * (skew_v @ W**3)
    return theta_v, theta_h


def cumulants(m_v, m_h):
    """Return c_v, c_h, skew_v, skew_h: second and half the third cumulants of the units at their means."""
    c_v, c_h = m_v - m_v**2, m_h - m_h**2
    return c_v, c_h, c_v * (0.5 - m_v), c_h * (0.5 - m_h)


def bilinear(x, W, y):
    """Return x^T W y for each row of x (n, n_visible) and y (n, n_hidden): (n,)"""
    return ((x @ W) * y).sum(axis=1)


def check_magnetisations(rbm, m_v, m_h, order):
    """Return m_v and m_h in the machine's type and the order, or say what is wrong with them."""
    order = validation.one_of(order, "order", ORDERS)
    m_v = validation.means(m_v, rbm.n_visible, "m_v").astype(rbm.W.dtype, copy=False)
    m_h = validation.means(m_h, rbm.n_hidden, "m_h").astype(rbm.W.dtype, copy=False)
    if len(m_v) != len(m_h):
        raise ValueError(f"m_v and m_h must have the same number of rows, got {len(m_v)} and {len(m_h)}")
    return m_v, m_h, order
