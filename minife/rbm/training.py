"""Learning: one loop, and negative phases that differ only in how the model dreams."""
import zlib

import numpy as np

from .. import validation
from ..backprop.descent import descend
from . import exact
from .gibbs import gibbs_chain


class NegativePhase:
    """How the model dreams: the moments of the model, and what must be kept from one step to the next."""

    def moments(self, rbm, batch, rng):
        """Return the Moments of the model, exact or estimated; batch (n, n_visible) is the data of this step."""
        raise NotImplementedError

    def state(self):
        """Return what a resumed run needs: a dict of arrays."""
        return {}

    def restore(self, state):
        """Take up a state() again."""


class ExactEnumeration(NegativePhase):
    """The negative phase by summing over all states: for small machines, the gradient itself  (R10)"""

    def moments(self, rbm, batch, rng):
        return exact.moments(rbm)


class ContrastiveDivergence(NegativePhase):
    """CD-k: chains that start at the batch and run k Gibbs steps (Hinton 2002)  (R13)"""

    def __init__(self, n_steps=1):
        self.n_steps = validation.positive_integer(n_steps, "n_steps")

    def moments(self, rbm, batch, rng):
        if batch.dtype != np.uint8:  # grey values are the probabilities of binary pixels
            batch = (rng.random(batch.shape) < batch).astype(np.uint8)
        v, _ = gibbs_chain(rbm, batch, self.n_steps, rng)
        return rbm.clamped_moments(v)


class PersistentContrastiveDivergence(NegativePhase):
    """PCD-k: any number of chains that live on from step to step, k Gibbs steps each (Tieleman 2008)  (R14)

    The chains start as independent fair coins."""

    def __init__(self, n_chains=100, n_steps=1):
        self.n_chains = validation.positive_integer(n_chains, "n_chains")
        self.n_steps = validation.positive_integer(n_steps, "n_steps")
        self.v = None

    def moments(self, rbm, batch, rng):
        if self.v is None:
            self.v = rng.integers(2, size=(self.n_chains, rbm.n_visible), dtype=np.uint8)
        self.v, _ = gibbs_chain(rbm, self.v, self.n_steps, rng)
        return rbm.clamped_moments(self.v)

    def state(self):
        return {} if self.v is None else {"v": self.v}

    def restore(self, state):
        self.v = state.get("v")


def train(rbm, X, negative_phase, optimizer, n_epochs, rng, **loop):
    """Return the history, one dict per epoch, of maximising the likelihood of X; rbm is changed in place  (R15)

    X               (n, n_visible), binary, or grey values in [0, 1], which clamp the visible units at those means
    negative_phase  a NegativePhase
    optimizer, n_epochs, rng, and by name batch_size, norm_constraint, callbacks, checkpoint, history, label: as in
                    minife.backprop.descent.descend, the loop that does the work"""
    X = validation.states_or_means(X, rbm.n_visible, "X")

    def gradient(rows):
        return descent_direction(rbm, X[rows], negative_phase, rng)

    return descend(rbm, gradient, len(X), optimizer, n_epochs, rng, keep={"phase": negative_phase},
                   kind=lambda: run_kind(rbm, X, negative_phase), **loop)


def descent_direction(rbm, batch, negative_phase, rng):
    """Return the gradient of minus the mean log-likelihood of a batch: beta times (model - data)  (R9)"""
    data = rbm.clamped_moments(batch)
    model = negative_phase.moments(rbm, batch, rng)
    beta = rbm.W.dtype.type(rbm.beta)
    return {"W": beta * (model.vh - data.vh),
            "a": beta * (model.v - data.v),
            "b": beta * (model.h - data.h)}


def run_kind(rbm, X, negative_phase):
    """Return in words what must agree for a run to go on from a checkpoint: machine, negative phase and data."""
    settings = ", ".join(f"{name}={value}" for name, value in vars(negative_phase).items()
                         if isinstance(value, (int, float)))
    return (f"{rbm.n_visible} visible and {rbm.n_hidden} hidden units of {rbm.W.dtype} at beta = {rbm.beta}, "
            f"{type(negative_phase).__name__}({settings}), {len(X)} rows with checksum {zlib.crc32(X.tobytes()):08x}")
