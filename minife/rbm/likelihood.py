"""How good is the model? Measures that need no partition function."""
import numpy as np

from .. import validation
from .model import unit


def pseudo_likelihood(rbm, X):
    """Return the mean over rows of sum_i log p(v_i | the other pixels), in nats, every pixel, deterministic  (R17)

    X  binary (n, n_visible)"""
    return float(pseudo_likelihoods(rbm, X).mean())


def pseudo_likelihoods(rbm, X):
    """Return sum_i log p(v_i | the other pixels) of each row of X (n, n_visible), in nats: (n,)  (R17)

    Flipping pixel i moves the hidden fields by a row of W, so no matrix product is needed."""
    v = validation.states(X, rbm.n_visible, "X")
    beta, field = rbm.beta, rbm.hidden_field(v)
    potential = unit.potential(beta * field).sum(axis=1)                # (n,), -beta F(v) without the visible bias
    total = np.zeros(len(v))
    for i in range(rbm.n_visible):
        flip = (1.0 - 2.0 * v[:, i]).astype(rbm.W.dtype)                # (n,), +1 where the pixel is off
        flipped = unit.potential(beta * (field + flip[:, None] * rbm.W[i])).sum(axis=1)
        gain = beta * flip * rbm.a[i] + flipped - potential             # (n,), beta (F(v) - F(v with i flipped))
        total -= unit.potential(gain)                                   # log sigma(-gain)
    return total


def free_energy_gap(rbm, X, X_other):
    """Return mean F(X_other) - mean F(X), an energy: how much better the model likes the rows of X  (R18)

    Held-out data as X_other: the gap grows when the model overfits. Noise: it grows as the model learns."""
    return float(rbm.free_energy(X_other).mean() - rbm.free_energy(X).mean())
