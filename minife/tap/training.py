"""Extended mean field: learning with magnetisations in place of samples."""
from .. import validation
from ..rbm.moments import Moments
from ..rbm.training import NegativePhase
from .expansion import ORDERS, check_machine, pair_means
from .solvers import check_method, sweeps


class ExtendedMeanField(NegativePhase):
    """The negative phase of EMF: magnetisations that sweeps move towards fixed points  (T15)

    order       1, 2 or 3, of the TAP free energy
    n_steps     sweeps per step
    n_chains    rows of magnetisations that live on, if persistent, whatever the batch size
    step        the share of the way that a sweep moves, in (0, 1]; 1 is undamped
    method      of the sweeps, as in fixed_point: "damped", "alternating", "synchronous" or "block"
    persistent  False: each step starts at its batch, one row for each of its rows, as in CD
                True: the rows live on from step to step, as in PCD, and begin uniform in [0, 1)
    Source: Gabrié, Tramel and Krzakala 2015."""

    def __init__(self, order=2, n_steps=3, n_chains=100, step=0.5, method="damped",
                 persistent=False):
        self.order = validation.one_of(order, "order", ORDERS)
        self.n_steps = validation.positive_integer(n_steps, "n_steps")
        self.n_chains = validation.positive_integer(n_chains, "n_chains")
        self.step = validation.share(step, "step")
        self.method = check_method(method, order)
        self.persistent = validation.flag(persistent, "persistent")
        self.m_v = self.m_h = None

    def moments(self, rbm, batch, rng):
        m_v, m_h = self.starts(check_machine(rbm), batch, rng)
        m_v, m_h, _, _ = sweeps(rbm, m_v, m_h, self.order, self.method, self.step, tol=0.0,
                                max_iter=self.n_steps)
        self.m_v, self.m_h = m_v, m_h
        return Moments(v=m_v.mean(axis=0), h=m_h.mean(axis=0),
                       vh=pair_means(rbm, m_v, m_h, self.order))

    def starts(self, rbm, batch, rng):
        """Return the m_v (n, n_visible), m_h (n, n_hidden) from which this step's sweeps start."""
        if not self.persistent:
            m_v = rbm.rows(batch, "batch").astype(rbm.W.dtype)
            return m_v, rbm.hidden_mean(batch)
        if self.m_v is None:
            m_v = validation.generator(rng).random((self.n_chains, rbm.n_visible))
            m_v = m_v.astype(rbm.W.dtype)                         # (n_chains, n_visible)
            return m_v, rbm.hidden_mean(m_v)
        units = self.m_v.shape[1], self.m_h.shape[1]
        if units != rbm.W.shape:
            raise ValueError(f"these magnetisations are of {units[0]} x {units[1]} units, rbm has "
                             f"{rbm.n_visible} x {rbm.n_hidden}: take a new ExtendedMeanField")
        return self.m_v, self.m_h

    def state(self):
        lives = self.persistent and self.m_v is not None
        return {"m_v": self.m_v, "m_h": self.m_h} if lives else {}

    def restore(self, state):
        self.m_v, self.m_h = state.get("m_v"), state.get("m_h")
