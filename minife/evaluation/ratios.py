"""Ratios of probabilities, in which Z cancels: each pixel given all others, and two data sets under
one machine."""
import numpy as np

from .. import kernels, validation
from ..rbm.model import RBM, Machine, unit

ROWS = 1000                                              # at a time, for the memory


def pseudo_likelihood(rbm, X):
    """Return the mean over rows of sum_i log p(v_i | the other pixels), in nats, every pixel,
    deterministic  (E1)

    X  binary (n, n_visible)"""
    return float(pseudo_likelihoods(rbm, X).mean())


def pseudo_likelihoods(rbm, X):
    """Return sum_i log p(v_i | the other pixels) of each row of X (n, n_visible), in nats: (n,)
    (E1)

    In float64. Flipping pixel i moves the hidden fields by a row of W, up where the pixel is off,
    down where it is on, and all pixels are flipped at once  (R16)"""
    rbm = validation.instance(rbm, "rbm", RBM).double()
    v, beta = validation.states(X, rbm.n_visible, "X"), rbm.beta
    total = np.empty(len(v))
    for start in range(0, len(v), ROWS):
        rows = slice(start, start + ROWS)
        off, x = v[rows] == 0, rbm.hidden_field(v[rows])  # (n, n_visible), (n, n_hidden)
        now = unit.potential(beta * x).sum(axis=1)[:, None]             # sum_j softplus(beta x_j)
        flipped = np.where(off, kernels.softplus_product(beta * x, beta * rbm.W.T),
                           kernels.softplus_product(beta * x, -beta * rbm.W.T))
        gain = beta * np.where(off, rbm.a, -rbm.a) + flipped - now      # (n, n_visible)
        total[rows] = -unit.potential(gain).sum(axis=1)                         # log sigma(-gain)
    return total


def free_energy_gap(rbm, X, X_other):
    """Return mean F(X_other) - mean F(X), an energy: how much better the model likes the rows of X
    (E2)

    Held-out data as X_other: the gap grows when the model overfits. Noise: it grows as the model
    learns."""
    validation.instance(rbm, "rbm", Machine)
    X, X_other = rbm.states(X, "X"), rbm.states(X_other, "X_other")
    return float(rbm.free_energy(X_other).mean() - rbm.free_energy(X).mean())
