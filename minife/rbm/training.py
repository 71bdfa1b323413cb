"""Learning: one loop for all negative phases, which differ only in how the model dreams."""
import zlib

import numpy as np

from .. import validation
from ..descent.loop import descend
from . import exact
from .centering import Centering
from .gibbs import Draws, gibbs_chain, sample_hidden
from .model import Machine
from .moments import averages

GREY = ("means", "drawn")


def descent_direction(rbm, batch, negative_phase, rng, centering=None):
    """Return the gradient of minus the mean log-likelihood of checked rows  (R9, D1)

    The offsets move towards the batch first; then the step is centered  (R18)."""
    data = averages(batch, rbm.hidden_mean(batch))
    model = negative_phase.moments(rbm, batch, rng)
    slope = (rbm.beta * (model - data)).by_parameter()
    if centering is None:
        return slope
    centering.follow(data)
    return centering.direction(slope)


class NegativePhase:
    """How the model dreams: its moments, and what must be kept from one step to the next."""

    def moments(self, rbm, batch, rng):
        """Return the Moments of the model, averages(v, h_mean) of its dreams; batch (n, n_visible)
        is the data of this step."""
        raise NotImplementedError(f"{type(self).__name__} must have moments(rbm, batch, rng)")

    def state(self):
        """Return what a resumed run needs: a dict of arrays."""
        return {}

    def restore(self, state):
        """Go on from a state() of an earlier run."""

    def __repr__(self):
        return f"{type(self).__name__}({settings(self)})"


class ExactEnumeration(NegativePhase):
    """Sums over all states, for small machines: the gradient itself  (R10)"""

    def moments(self, rbm, batch, rng):
        return exact.moments(rbm)


class ContrastiveDivergence(NegativePhase):
    """CD-k: chains that start at the batch and run k Gibbs steps (Hinton 2002)  (R13)"""

    def __init__(self, n_steps=1):
        self.n_steps = validation.positive_integer(n_steps, "n_steps")

    def moments(self, rbm, batch, rng):
        v, _ = gibbs_chain(rbm, rbm.states_at(batch, rng), self.n_steps, rng)
        return averages(v, rbm.hidden_mean(v))


class PersistentContrastiveDivergence(NegativePhase):
    """PCD-k: chains that live on from step to step, k Gibbs steps each (Tieleman 2008)  (R14)

    What lives on is h (n_chains, n_hidden), drawn from the same means that give the moments: a step
    costs one product with W and one with W^T. The chains start at independent fair coins."""

    def __init__(self, n_chains=100, n_steps=1):
        self.n_chains = validation.positive_integer(n_chains, "n_chains")
        self.n_steps = validation.positive_integer(n_steps, "n_steps")
        self.h = None

    def moments(self, rbm, batch, rng):
        """Return the Moments after n_steps of v ~ p(v | h), h ~ p(h | v); h lives on  (R14)"""
        h, draw = self.chains(rbm, rng), Draws(rng)
        for _ in range(self.n_steps):
            v = rbm.draw_visible(h, draw)
            h_mean = rbm.hidden_mean(v)
            h = draw(h_mean)
        self.h = h
        return averages(v, h_mean)

    def chains(self, rbm, rng):
        """Return where the chains of h are; they begin at draws given random visible states."""
        if self.h is None:
            return sample_hidden(rbm, rbm.random_states(self.n_chains, rng), rng)
        if self.h.shape[1:] != rbm.b.shape:
            raise ValueError(f"these chains have {self.h.shape[-1]} hidden units; "
                             f"the machine has {rbm.n_hidden}")
        return validation.states(self.h, rbm.n_hidden, "h")

    def state(self):
        return {} if self.h is None else {"h": self.h}

    def restore(self, state):
        self.h = state.get("h")


def train(rbm, X, negative_phase, optimizer, n_epochs, rng, centering=None, grey="means", **loop):
    """Return the history, one dict per epoch, of raising the likelihood of X; rbm changes  (D1)

    X               (n, n_visible), what rbm.rows allows: binary, or grey values in [0, 1]; numbers,
                    where the visible units are Gaussian
    negative_phase  a NegativePhase
    centering       None or a Centering
    grey            "means" clamps binary units at grey values; "drawn" takes these as the
                    probabilities of binary rows, which are drawn anew at every step  (R25)
    optimizer, n_epochs, rng, and by name what else minife.descent.loop.descend takes, the loop that
                    does the work: batch_size, norm_constraint, callbacks, checkpoint, ..."""
    X = validation.instance(rbm, "rbm", Machine).rows(X, "X")
    check_phase(negative_phase)
    validation.one_of(grey, "grey", GREY)
    keep = {"phase": negative_phase}
    if centering is not None:
        validation.instance(centering, "centering", Centering).begin(rbm, X)
        keep["centering"] = centering

    def gradient(rows):
        batch = X.take(rows, axis=0)
        if grey == "drawn":
            batch = rbm.states_at(batch, rng)
        return descent_direction(rbm, batch, negative_phase, rng, centering)

    return descend(rbm, gradient, len(X), optimizer, n_epochs, rng, keep=keep,
                   kind=lambda: run_kind(rbm, X, negative_phase, centering, grey), **loop)


def check_phase(negative_phase):
    """Return the negative phase, if it is one."""
    return validation.instance(negative_phase, "negative_phase", NegativePhase)


def run_kind(rbm, X, negative_phase, centering=None, grey="means"):
    """Return what must agree for a run to go on from a checkpoint, each in words, by name."""
    return {"machine": f"{rbm.n_visible} visible and {rbm.n_hidden} hidden units of {rbm.W.dtype} "
                       f"at beta = {rbm.beta}",
            "negative_phase": repr(negative_phase), "centering": f"centering={centering}",
            "grey": f"grey={grey}",
            "X": f"{len(X)} rows with checksum {zlib.crc32(np.ascontiguousarray(X)):08x}"}


def settings(part):
    """Return in words what a negative phase was made with."""
    return ", ".join(f"{name}={value}" for name, value in vars(part).items()
                     if isinstance(value, (int, float, str, tuple)))
