"""The balance of a loss: the entropy that a model leaves open, plus the energy gap to the truth."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..backprop.losses import CategoricalCrossEntropy
from ..rbm import exact
from ..tap.expansion import check_machine
from ..units import Binary, Potts
from .temperature import at_temperature, data_energy

binary, potts = Binary(), Potts()
FARTHEST = 20                               # of log beta from 0 in the search for T*


@dataclass(frozen=True, eq=False, repr=False)
class Balance:
    """What -log p of each row is made of, in nats, each (n,): loss = entropy + gap  (L1, L3)

    entropy  S, how much the model leaves open, whatever the truth is
    gap      beta (E_y - U), how far the truth lies above the mean energy"""
    entropy: np.ndarray
    gap: np.ndarray
    loss = property(lambda self: self.entropy + self.gap)

    def __repr__(self):
        return (f"Balance({len(self.gap)} rows, mean loss {self.loss.mean():.4g} = entropy "
                f"{self.entropy.mean():.4g} + gap {self.gap.mean():.4g})")


def label_balance(x, y, beta=1.0):
    """Return the Balance of -log p(y) of softmax outputs with the fields x (n, n_classes)  (L1)

    y   labels (n,), or probabilities (n, n_classes). The energy of the label k is -x_k."""
    x, y = _fields_and_targets(x, y)
    beta = validation.positive(beta, "beta")
    m = potts.mean(beta * x)                                          # (n, n_classes)
    S = -potts.conjugate(m)                                           # (n,)
    U = -(m * x).sum(axis=1)
    E_y = -(y * x).sum(axis=1)
    return Balance(S, beta * (E_y - U))


def data_balance(rbm, X, model):
    """Return the Balance of -log p(x) of an RBM at the states X (n, n_visible)  (L3)

    model   what knows U and S of the machine: exact.thermodynamics(rbm), or thermodynamics(rbm,
            m_v, m_h, order) at one fixed point, or sampled_thermodynamics(rbm, v, log_z)"""
    rbm = check_machine(rbm).double()
    X = rbm.states(X, "X")
    if not hasattr(model, "U") or not hasattr(model, "S"):
        raise TypeError(f"model must know U and S of the machine, as exact.thermodynamics(rbm) "
                        f"does, "
                        f"got {model!r:.60}")
    S_x = -binary.conjugate(rbm.hidden_mean(X)).sum(axis=1)           # (n,), S(h|x)
    U_x = data_energy(rbm, X)                                         # (n,)
    return Balance(model.S - S_x, rbm.beta * (U_x - model.U))


def label_temperature(x, y):
    """Return T*, the temperature at which the mean loss of the labels is lowest, its gap 0  (L2)

    x and y as in label_balance. 0 if the right label always has the largest field; infinity if it
    does no better than a label drawn at random."""
    x, y = _fields_and_targets(x, y)
    E_y = -(y * x).sum(axis=1).mean()
    if E_y <= -x.max(axis=1).mean():                                  # U at beta = infinity
        return 0.0
    if E_y >= -x.mean():                                              # U at beta = 0
        return np.inf
    return _temperature_without_gap(lambda beta: label_balance(x, y, beta).gap.mean())


def data_temperature(rbm, X, model=exact.thermodynamics):
    """Return T*, in units of the machine's T, at which the mean gap of the states X is 0  (L3)

    model   function of a machine to its U and S; exact sums if nothing is said"""
    check_machine(rbm)

    def gap(beta):
        machine = at_temperature(rbm, 1 / (rbm.beta * beta))
        return data_balance(machine, X, model(machine)).gap.mean()
    return _temperature_without_gap(gap)


def _fields_and_targets(x, y):
    """Return x (n, n_classes) and y as floats of the same shape."""
    x = validation.real_array(x, "x", n_dims=2, dtype=np.float64)
    y = CategoricalCrossEntropy().targets(y, x.shape[1])
    if len(x) != len(y):
        raise ValueError(f"x and y must have the same number of rows, got {len(x)} and {len(y)}")
    return x, y


def _temperature_without_gap(gap):
    """Return 1/beta at the zero of gap(beta) nearest to 1: below it gap < 0, above gap > 0

    A bracket that grows from log beta = 0; then secants, with Illinois' halving of an end's value
    where that end stays."""
    low = high = 0.0
    f_low = f_high = gap(1.0)
    while f_low > 0 and low > -FARTHEST:
        high, f_high, low = low, f_low, 2 * low - 0.1
        f_low = gap(np.exp(low))
    while f_high < 0 and high < FARTHEST:
        low, f_low, high = high, f_high, 2 * high + 0.1
        f_high = gap(np.exp(high))
    if f_low > 0 or f_high < 0:
        return np.inf if f_low > 0 else 0.0
    t, last = high, 0
    while high - low > 1e-12 and f_low < f_high:
        t = low - f_low * (high - low) / (f_high - f_low)
        f = gap(np.exp(t))
        if abs(f) < 1e-14:
            break
        if f < 0:
            low, f_low, f_high = t, f, f_high / 2 if last < 0 else f_high
        else:
            high, f_high, f_low = t, f, f_low / 2 if last > 0 else f_low
        last = f
    return float(np.exp(-t))
