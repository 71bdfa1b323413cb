"""Extended mean field: learning with magnetisations in place of samples (Gabrié, Tramel and Krzakala 2015)."""
from .. import validation
from ..rbm.moments import Moments
from ..rbm.training import NegativePhase
from .expansion import ORDERS, pair_means
from .solvers import check_method, sweeps


class ExtendedMeanField(NegativePhase):
    """The negative phase of EMF: magnetisations that live on from step to step, moved towards fixed points  (T15)

    order     1, 2 or 3, of the TAP free energy
    n_steps   sweeps per step
    n_chains  rows of magnetisations, whatever the batch size; they start uniform in [0, 1)
    step   the share of the new value in (0, 1]
    method    of the sweeps, as in fixed_point: "damped", "alternating", "synchronous" or "block"
    persistent   False starts the magnetisations afresh at every batch, one row for each of its rows, as CD does"""

    def __init__(self, order=2, n_steps=3, n_chains=100, step=0.5, method="damped", persistent=True):
        self.order = validation.one_of(order, "order", ORDERS)
        self.n_steps = validation.positive_integer(n_steps, "n_steps")
        self.n_chains = validation.positive_integer(n_chains, "n_chains")
        self.step = validation.share(step, "step")
        self.method = check_method(method, order)
        self.persistent = bool(persistent)
        self.m_v = self.m_h = None

    def moments(self, rbm, batch, rng):
        if not self.persistent:
            self.m_v, self.m_h = batch.astype(rbm.W.dtype), rbm.hidden_mean(batch)
        elif self.m_v is None:
            self.m_v = rng.random((self.n_chains, rbm.n_visible)).astype(rbm.W.dtype)
            self.m_h = rbm.hidden_mean(self.m_v)
        self.m_v, self.m_h, _, _ = sweeps(rbm, self.m_v, self.m_h, self.order, self.method, self.step, 0.0,
                                          self.n_steps)
        return Moments(v=self.m_v.mean(axis=0), h=self.m_h.mean(axis=0),
                       vh=pair_means(rbm, self.m_v, self.m_h, self.order))

    def state(self):
        return {} if self.m_v is None else {"m_v": self.m_v, "m_h": self.m_h}

    def restore(self, state):
        self.m_v, self.m_h = state.get("m_v"), state.get("m_h")
