"""A loss that pulls at output units: its slope in their means, and the exact minimum of unit and
pull together."""
import numpy as np

from .. import tap, validation
from ..backprop.losses import SquaredError


class NudgeWarning(tap.NotConvergedWarning):
    """A nudged machine did not come to rest; carries the worst residual and the sweeps done."""

    def __str__(self):
        return (f"{self.n_rows} nudged machines are not at rest after {self.n_iter} sweeps, with a "
                f"residual of {self.residual:.1e}: a smaller nudge may help (below 0 there need be "
                "no minimum), or more sweeps (max_iter)")


def check_nudge(nudge):
    """Return nudge as a positive float, which may be infinite: that clamps the output at its
    targets."""
    if isinstance(nudge, float) and nudge == np.inf:
        return nudge
    return validation.positive(nudge, "nudge")


def loss_value(loss, m, y):
    """Return the loss (n,) of output means m (n, n_outputs) at targets y: |m - y|^2 / 2, or cross
    entropy  (B5, B7)"""
    if isinstance(loss, SquaredError):
        return ((m - y) ** 2).sum(axis=1) / 2
    logs = (share * np.log(np.where(share > 0, mean, 1))
            for share, mean in ((y, m), (1 - y, 1 - m)))
    return -sum(logs).sum(axis=1)                                           # 0 log 0 = 0


def loss_gradient(loss, m, y):
    """Return the slope of a loss in the output means m (n, n_outputs): m - y or, of the cross
    entropy, (m - y) / c

    It is the slope in the fields over the variance c of the units  (B4, B7)."""
    return m - y if isinstance(loss, SquaredError) else (m - y) / (m - m**2)


def pull(loss, unit, t, y):
    """Return loss_gradient at m = A'(t), and its slope in the field t: finite where units are
    saturated  (C10)"""
    if isinstance(loss, SquaredError):
        return unit.mean(t) - y, unit.variance(t)
    up, down = (np.exp(np.minimum(x, 40)) for x in (t, -t))  # beyond 40, m is 0 or 1 to rounding
    return (1 - y) * (1 + up) - y * (1 + down), (1 - y) * up + y * down


def minimum(unit, x, reaction=0.0, loss=None, y=0.0, nudge=0.0):
    """Return the means (n, n_units) that minimise A*(m) - x m - reaction (m - m^2) / 2 + nudge l(m,
    y)  (C10)

    Each is m = A'(t) at the root t of t = x + reaction (1/2 - m) - nudge l'(m), the only one if
    nudge >= 0, by Newton's steps. For a negative nudge they start at x, and give NaN where they
    come to no minimum. x (n, n_units) are fields times beta; reaction is that of Onsager at order 2
    (T18)."""
    if nudge == 0 and not np.any(reaction):
        return unit.mean(x)
    x, dtype = x.astype(np.float64), x.dtype
    t = x if nudge < 0 else start(loss, x, y, nudge)
    with np.errstate(all="ignore"):  # without a minimum, steps lead nowhere
        for _ in range(100):
            m, force, stiffness = unit.mean(t), 0.0, 0.0
            if nudge != 0:
                force, stiffness = pull(loss, unit, t, y)
            g = t - x - reaction * (0.5 - m) + nudge * force
            slope = 1 + reaction * unit.variance(t) + nudge * stiffness     # of g, in t
            if np.all(np.abs(g) <= 1e-15 * (1 + np.abs(x) + reaction + np.abs(nudge)
                                            * (1 + stiffness))):
                break
            t = t - g / slope
        found = (slope > 0) & (np.abs(g / slope) <= 1e-9 * (1 + np.abs(t)))
        return np.where(found, m, np.nan).astype(dtype)


def start(loss, x, y, nudge):
    """Return fields t (n, n_units) from which Newton's steps cannot cycle: on the side of the root
    where g flattens.

    A sigmoid flattens away from 0, so the steps that begin there stop short of the root, and climb.
    The force of the cross entropy is a sum of exponentials, which is met from where it is no larger
    than x."""
    if nudge == 0 or isinstance(loss, SquaredError):
        return np.zeros_like(x)
    with np.errstate(divide="ignore"):
        return np.clip(x, -np.log1p(np.abs(x) / (nudge * y)),
                       np.log1p(np.abs(x) / (nudge * (1 - y))))
