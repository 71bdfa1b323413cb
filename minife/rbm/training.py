"""Learning: one loop, and negative phases that differ only in how the model dreams."""
import zlib

import numpy as np

from .. import validation
from ..descent.loop import descend
from . import exact
from .gibbs import Draws, gibbs_chain, sample_hidden
from .model import averages


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
    """The negative phase by summing over all states: for small machines, the gradient itself  (R10)

    sums   the function that returns the Moments of a machine; another kind of visible layer has another"""

    def __init__(self, sums=exact.moments):
        self.sums = sums

    def moments(self, rbm, batch, rng):
        return self.sums(rbm)


class ContrastiveDivergence(NegativePhase):
    """CD-k: chains that start at the batch and run k Gibbs steps (Hinton 2002)  (R13)"""

    def __init__(self, n_steps=1):
        self.n_steps = validation.positive_integer(n_steps, "n_steps")

    def moments(self, rbm, batch, rng):
        v, _ = gibbs_chain(rbm, rbm.states_at(batch, rng), self.n_steps, rng)
        return averages(v, rbm.hidden_mean(v))


class PersistentContrastiveDivergence(NegativePhase):
    """PCD-k: any number of chains that live on from step to step, k Gibbs steps each (Tieleman 2008)  (R14)

    What lives on is h (n_chains, n_hidden), drawn from the very means that give the moments: a step costs one product
    with W and one with W^T. The chains start at independent fair coins."""

    def __init__(self, n_chains=100, n_steps=1):
        self.n_chains = validation.positive_integer(n_chains, "n_chains")
        self.n_steps = validation.positive_integer(n_steps, "n_steps")
        self.h = None

    def moments(self, rbm, batch, rng):
        if self.h is None:
            self.h = sample_hidden(rbm, rbm.random_states(self.n_chains, rng), rng)
        draw = Draws(rng)
        for _ in range(self.n_steps):
            v = rbm.draw_visible(self.h, draw)
            h_mean = rbm.hidden_mean(v)
            self.h = draw(h_mean)
        return averages(v, h_mean)

    def state(self):
        return {} if self.h is None else {"h": self.h}

    def restore(self, state):
        self.h = state.get("h")


class Centering:
    """Offsets mu of v and lambda of h: with them a step does not care which state of a unit is called 0  (R17, R18)

    rate   share of each batch in the running means of the data, in (0, 1]
    mu     (n_visible,), the mean of v, at first over all data
    lam    (n_hidden,), the mean of the hidden means, at first those of the mean row
    Sources: Montavon and Müller 2012; Melchior, Fischer and Wiskott 2016."""

    def __init__(self, rate=0.01):
        self.rate = validation.share(rate, "rate")
        self.mu = self.lam = None

    def begin(self, rbm, X):
        """Set the offsets for checked data X (n, n_visible), if there are none yet."""
        if self.mu is None:
            self.mu = X.mean(axis=0, dtype=np.float64).astype(rbm.W.dtype)
            self.lam = rbm.hidden_mean(self.mu[None])[0]

    def follow(self, data):
        """Move the offsets towards the Moments at a batch."""
        self.mu += self.rate * (data.v - self.mu)
        self.lam += self.rate * (data.h - self.lam)

    def direction(self, slope):
        """Return the centered step in W, a and b that belongs to the plain gradient, a dict of the same keys  (R18)"""
        W = slope["W"] - np.column_stack([self.mu, slope["a"]]) @ np.stack([slope["b"], self.lam])
        return {"W": W, "a": slope["a"] - W @ self.lam, "b": slope["b"] - self.mu @ W}

    def state(self):
        """Return what a resumed run needs: a dict of arrays."""
        return {} if self.mu is None else {"mu": self.mu, "lam": self.lam}

    def restore(self, state):
        """Take up a state() again."""
        self.mu, self.lam = state.get("mu"), state.get("lam")


def train(rbm, X, negative_phase, optimizer, n_epochs, rng, centering=None, **loop):
    """Return the history, one dict per epoch, of maximising the likelihood of X; rbm is changed in place  (D1)

    X               (n, n_visible), what rbm.rows allows: binary, or grey values in [0, 1], which clamp binary units at
                    those means; numbers, where the visible units are Gaussian
    negative_phase  a NegativePhase
    centering       None or a Centering
    optimizer, n_epochs, rng, and by name batch_size, norm_constraint, callbacks, checkpoint, history, label: as in
                    minife.descent.loop.descend, the loop that does the work"""
    X = rbm.rows(X, "X")
    keep = {"phase": negative_phase}
    if centering is not None:
        centering.begin(rbm, X)
        keep["centering"] = centering

    def gradient(rows):
        return descent_direction(rbm, X.take(rows, axis=0), negative_phase, rng, centering)

    return descend(rbm, gradient, len(X), optimizer, n_epochs, rng, keep=keep,
                   kind=lambda: run_kind(rbm, X, negative_phase, centering), **loop)


def descent_direction(rbm, batch, negative_phase, rng, centering=None):
    """Return the gradient of minus the mean log-likelihood of checked rows, beta (model - data), centered or not  (R9)

    The offsets have taken in the batch before the step is centered  (R18)."""
    data = averages(batch, rbm.hidden_mean(batch))
    model = negative_phase.moments(rbm, batch, rng)
    slope = {"W": rbm.beta * (model.vh - data.vh), "a": rbm.beta * (model.v - data.v), "b": rbm.beta * (model.h - data.h)}
    if centering is None:
        return slope
    centering.follow(data)
    return centering.direction(slope)


def run_kind(rbm, X, negative_phase, centering=None):
    """Return in words what must agree for a run to go on from a checkpoint: machine, how it learns, and data."""
    how = ", ".join(f"{type(part).__name__}({settings(part)})" for part in (negative_phase, centering) if part)
    return (f"{rbm.n_visible} visible and {rbm.n_hidden} hidden units of {rbm.W.dtype} at beta = {rbm.beta}, {how}, "
            f"{len(X)} rows with checksum {zlib.crc32(np.ascontiguousarray(X)):08x}")


def settings(part):
    """Return in words what a negative phase or a Centering was made with."""
    return ", ".join(f"{name}={value}" for name, value in vars(part).items() if isinstance(value, (int, float, tuple)))
