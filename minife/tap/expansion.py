"""The TAP free energy Gamma_k: the expansion of orders k = 1, 2, 3, and its slopes."""
from .. import validation
from ..kernels.reference import layer_field
from ..rbm.model import RBM, unit

ORDERS = (1, 2, 3)


def free_energy(rbm, m_v, m_h, order=2):
    """Return Gamma_k (n,), an energy, at the means m_v (n, n_visible), m_h (n, n_hidden)  (T8)

    Its terms (T4), (T5), (T6), (T7) are the derivatives (T3) of the exact Gamma, over 0! to 3!."""
    m_v, m_h, order = check_magnetisations(rbm, m_v, m_h, order)
    a, b, W, beta = rbm.a, rbm.b, rbm.W, rbm.beta
    c_v, c_h, skew_v, skew_h = cumulants(m_v, m_h)
    entropy = -unit.conjugate(m_v).sum(axis=1) - unit.conjugate(m_h).sum(axis=1)
    gamma = -(m_v @ a) - m_h @ b - entropy / beta                       # free units  (T4)
    gamma -= bilinear(m_v, W, m_h)                                      # mean field  (T5)
    if order >= 2:
        gamma -= beta / 2 * bilinear(c_v, W**2, c_h)                    # Onsager's reaction  (T6)
    if order >= 3:
        gamma -= 2 * beta**2 / 3 * bilinear(skew_v, W**3, skew_h)       # (T7)
    return gamma


def stationarity(rbm, m_v, m_h, order=2):
    """Return dGamma_k/dm_v (n, n_visible), dGamma_k/dm_h (n, n_hidden), 0 at a fixed point  (T9)

    A unit at exactly 0 or 1 has an infinite slope."""
    m_v, m_h, order = check_magnetisations(rbm, m_v, m_h, order)
    theta_v = layer_field(m_h, m_v, rbm.W.T, rbm.a, rbm.beta, order)
    theta_h = layer_field(m_v, m_h, rbm.W, rbm.b, rbm.beta, order)
    return (unit.field(m_v) - theta_v) / rbm.beta, (unit.field(m_h) - theta_h) / rbm.beta


def free_energy_gradient(rbm, m_v, m_h, order=2):
    """Return the explicit partials of Gamma_k in W, a and b, averaged over the rows  (T11)

    At a fixed point they are the total derivatives, by the envelope theorem."""
    m_v, m_h, order = check_magnetisations(rbm, m_v, m_h, order)
    return {"W": -pair_means(rbm, m_v, m_h, order), "a": -m_v.mean(axis=0), "b": -m_h.mean(axis=0)}


def pair_means(rbm, m_v, m_h, order):
    """Return the estimate of <v h> (n_visible, n_hidden), a mean over the rows  (T11, T15)"""
    W, beta, n = rbm.W, rbm.beta, len(m_v)
    c_v, c_h, skew_v, skew_h = cumulants(m_v, m_h)
    vh = m_v.T @ m_h / n                                                # (n_visible, n_hidden)
    if order >= 2:
        vh += beta * W * (c_v.T @ c_h) / n
    if order >= 3:
        vh += 2 * beta**2 * W**2 * (skew_v.T @ skew_h) / n
    return vh


def cumulants(m_v, m_h):
    """Return c_v, c_h, skew_v, skew_h of units of these means: variance, half the third cumulant"""
    c_v, c_h = m_v - m_v**2, m_h - m_h**2
    return c_v, c_h, c_v * (0.5 - m_v), c_h * (0.5 - m_h)


def bilinear(x, W, y):
    """Return x^T W y (n,) for each row of x (n, n_visible) and y (n, n_hidden)"""
    return ((x @ W) * y).sum(axis=1)


def check_magnetisations(rbm, m_v, m_h, order):
    """Return m_v and m_h in the machine's type, and the order, or say what is wrong with them."""
    check_machine(rbm)
    order = validation.one_of(order, "order", ORDERS)
    m_v = validation.means(m_v, rbm.n_visible, "m_v").astype(rbm.W.dtype, copy=False)
    m_h = validation.means(m_h, rbm.n_hidden, "m_h").astype(rbm.W.dtype, copy=False)
    if len(m_v) != len(m_h):
        raise ValueError("m_v and m_h must have the same number of rows, "
                         f"got {len(m_v)} and {len(m_h)}")
    return m_v, m_h, order


def check_machine(rbm):
    """Return rbm, a machine of binary units: units of another kind have another expansion."""
    return validation.instance(rbm, "rbm", RBM)
