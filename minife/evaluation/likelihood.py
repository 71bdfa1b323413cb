"""How good is the model? Measures that need no partition function; annealing.py estimates those that do."""
import numpy as np

from .. import kernels, validation
from .annealing import (AnnealedEstimate, annealed_importance_sampling,
                        reverse_annealed_importance_sampling)
from ..rbm.model import unit

__all__ = ["AnnealedEstimate", "annealed_importance_sampling", "reverse_annealed_importance_sampling",
           "pseudo_likelihood", "pseudo_likelihoods", "free_energy_gap"]
ROWS = 1000                                              # at a time, for the memory


def pseudo_likelihood(rbm, X):
    """Return the mean over rows of sum_i log p(v_i | the other pixels), in nats, every pixel, deterministic  (E1)

    X  binary (n, n_visible)"""
    return float(pseudo_likelihoods(rbm, X).mean())


def pseudo_likelihoods(rbm, X):
    """Return sum_i log p(v_i | the other pixels) of each row of X (n, n_visible), in nats: (n,)  (E1)

    In float64. Flipping pixel i moves the hidden fields by a row of W, up where the pixel is off, down where it is on,
    and all pixels are flipped at once  (R16)"""
    rbm = rbm.double()
    v = validation.states(X, rbm.n_visible, "X")
    total = np.empty(len(v))
    for start in range(0, len(v), ROWS):
        rows = slice(start, start + ROWS)
        off, x = v[rows] == 0, rbm.beta * rbm.hidden_field(v[rows])     # (n, n_visible), (n, n_hidden)
        flipped = np.where(off, kernels.softplus_product(x, rbm.beta * rbm.W.T),
                           kernels.softplus_product(x, -rbm.beta * rbm.W.T))
        gain = rbm.beta * np.where(off, rbm.a, -rbm.a) + flipped - unit.potential(x).sum(axis=1)[:, None]
        total[rows] = -unit.potential(gain).sum(axis=1)                 # log sigma(-gain)
    return total


def free_energy_gap(rbm, X, X_other):
    """Return mean F(X_other) - mean F(X), an energy: how much better the model likes the rows of X  (E2)

    Held-out data as X_other: the gap grows when the model overfits. Noise: it grows as the model learns."""
    return float(rbm.free_energy(X_other).mean() - rbm.free_energy(X).mean())
