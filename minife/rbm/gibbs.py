"""Block Gibbs sampling: all hidden units at once given v, all visible units at once given h."""
import numpy as np

from .. import kernels, validation
from ..kernels.products import States
from .model import Machine


def gibbs_chain(rbm, v, n_steps, rng):
    """Return v (n, n_visible), h (n, n_hidden) after n_steps of h ~ p(h | v), v ~ p(v | h)  (R12)

    Each row is a chain, which starts at a row of v. The returned pair is a state of the joint
    chain: v was drawn from p(v | h)."""
    v, draw = _machine(rbm).states(v, "v"), Draws(rng)
    for _ in range(validation.positive_integer(n_steps, "n_steps")):
        h = draw(rbm.hidden_mean(v))
        v = rbm.draw_visible(h, draw)
    return v, h


def sample_hidden(rbm, v, rng):
    """Return binary h (n, n_hidden) drawn from p(h | v) at visible states v (n, n_visible)  (R4)"""
    return Draws(rng)(_machine(rbm).hidden_mean(rbm.states(v, "v")))


def sample_visible(rbm, h, rng):
    """Return visible states v (n, n_visible) drawn from p(v | h) at binary h (n, n_hidden)  (R4)"""
    return _machine(rbm).draw_visible(validation.states(h, rbm.n_hidden, "h"), Draws(rng))


class Draws:
    """Draws of units, one call after the other, from a counter-based stream of random numbers  (K3)

    A draw depends on rng, on how many draws went before, on the row and on the unit, and on nothing
    else."""

    def __init__(self, rng):
        self.key = int(validation.generator(rng).integers(2**64, dtype=np.uint64))
        self.n = 0

    def __call__(self, mean):
        """Return States (n, n_units), each 1 with the probability mean (n, n_units)  (R4)"""
        self.n += 1
        return kernels.draw_units(np.ascontiguousarray(mean), self.key, self.n - 1).view(States)

    def generator(self):
        """Return a numpy.random.Generator for the next draw, where units are not binary."""
        self.n += 1
        return np.random.default_rng((self.key, self.n - 1))

    def __repr__(self):
        return f"Draws({self.n} so far)"


def _machine(rbm):
    return validation.instance(rbm, "rbm", Machine)
