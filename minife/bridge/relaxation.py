"""One layer relaxes while another one holds still, forward and backward on one screen: the step of
everything here."""
from ..kernels.reference import layer_field
from ..rbm.model import unit

ORDERS = (1, 2)


def relax(m_in, m_out, W, field, beta, order=1, step=1.0):
    """Return m_out (n, n_out), moved the share `step` of the way to sigma(theta) at fixed m_in (n,
    n_in)  (C1, C5)

    field   bare field of the units, (n_out,) or (n, n_out), without that of m_in through W (n_in,
            n_out)
    At order 1 with step 1 this is a sigmoid layer, and m_out is not used; Onsager's term brings it
    in at order 2."""
    theta = layer_field(m_in, m_out, W, field, beta, order)                  # (n, n_out)  (T9)
    mean = unit.mean(theta)
    return mean if step == 1 else m_out + step * (mean - m_out)


def relax_backward(d_new, new, m_in, m_out, W, beta, order=1, step=1.0):
    """Return d_in, d_out, d_W (n_in, n_out) and d_field (n, n_out), given d_new (n, n_out), for new
    = relax(...)  (C4)

    d_x is the slope of the loss in x: row by row, but for d_W, which is summed over the rows."""
    # new = m_out + step * (mean - m_out)
    d_out = (1 - step) * d_new
    mean = new if step == 1 else m_out + (new - m_out) / step
    # mean = unit.mean(theta)
    d_theta = step * d_new * (mean - mean**2)
    # theta = beta * (field + m_in @ W)
    d_field = beta * d_theta
    d_in, d_W = d_field @ W.T, m_in.T @ d_field
    if order == 2:
        # theta = theta + beta**2 * (0.5 - m_out) * (c_in @ W**2)
        c_in = m_in - m_in**2
        d_out = d_out - beta**2 * d_theta * (c_in @ W**2)
        d_reaction = beta**2 * (0.5 - m_out) * d_theta
        d_in = d_in + (1 - 2 * m_in) * (d_reaction @ W.T**2)
        d_W = d_W + 2 * W * (c_in.T @ d_reaction)
    return d_in, d_out, d_W, d_field
