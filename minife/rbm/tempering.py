"""Parallel tempering: chains at many temperatures swap their states and so leave their valleys."""
import copy

import numpy as np

from .. import validation
from .gaussian import GaussianRBM
from .gibbs import gibbs_chain
from .training import NegativePhase


class ParallelTempering(NegativePhase):
    """Ladders of chains, from hot ones to the machine's own, which give the moments  (R19)

    betas      the rungs: inverse temperatures in units of the machine's own, ascending from 0 or
               above to 1; or how many, equally spaced from 0 to 1. At 0 the units are fair coins,
               which Gaussian units cannot be
    n_chains   ladders, whatever the batch size
    n_steps    Gibbs steps of every chain per update, before one round of swaps
    swap_rates (n_betas - 1,), the share of accepted swaps of each pair of neighbours, last update
    Sources: Swendsen and Wang 1986; Desjardins, Courville, Bengio, Vincent and Delalleau 2010."""

    def __init__(self, betas=10, n_chains=100, n_steps=1):
        if np.ndim(betas) == 0:
            betas = np.linspace(0, 1, validation.positive_integer(betas, "betas"))
        betas = validation.real_array(betas, "betas", n_dims=1, dtype=np.float64)
        if betas[0] < 0 or betas[-1] != 1 or not (np.diff(betas) > 0).all():
            raise ValueError(f"betas must ascend from 0 or above to 1, got {betas.tolist()}")
        self.betas = tuple(betas.tolist())
        self.n_chains = validation.positive_integer(n_chains, "n_chains")
        self.n_steps = validation.positive_integer(n_steps, "n_steps")
        self.v = self.swap_rates = None            # v (n_betas, n_chains, n_visible), hottest first

    def moments(self, rbm, batch, rng):
        v = self.chains(rbm, rng)
        E = np.empty(v.shape[:2])
        for q, share in enumerate(self.betas):
            v[q], h = gibbs_chain(at_share(rbm, share), v[q], self.n_steps, rng)
            E[q] = rbm.energy(v[q], h)             # (v, h) is swapped; h is then drawn anew from v
        self.swap_rates = swap_neighbours(v, E, rbm.beta * np.array(self.betas), rng)
        self.v = v
        return rbm.clamped_moments(v[-1])

    def chains(self, rbm, rng):
        """Return where the chains of v are; they begin at random visible states."""
        if self.betas[0] == 0 and isinstance(rbm, GaussianRBM):
            raise ValueError("betas must begin above 0 for Gaussian units, which have no width "
                             "there")
        if self.v is None:
            return np.stack([rbm.random_states(self.n_chains, rng) for _ in self.betas])
        if self.v.shape[2:] != rbm.a.shape:
            raise ValueError(f"these chains have {self.v.shape[-1]} visible units; "
                             f"the machine has {rbm.n_visible}")
        return self.v

    def state(self):
        return {} if self.v is None else {"v": self.v}

    def restore(self, state):
        self.v = state.get("v")


def at_share(rbm, share):
    """Return the machine at `share` of its inverse temperature, which may be 0, with its arrays."""
    hot = copy.copy(rbm)
    vars(hot)["beta"] = share * rbm.beta
    return hot


def swap_neighbours(states, E, beta, rng):
    """Return the share of accepted swaps of each pair (q, q + 1), after one round in place  (R19)

    states  (n_betas, n_chains, ...), E their energies (n_betas, n_chains), beta (n_betas,)
    Pairs of even q come first, then those of odd q."""
    rates = np.empty(len(beta) - 1)
    for q in (*range(0, len(rates), 2), *range(1, len(rates), 2)):
        log_ratio = (beta[q] - beta[q + 1]) * (E[q] - E[q + 1])
        accepted = np.log(1 - rng.random(len(log_ratio))) <= log_ratio      # 1 - u lies in (0, 1]
        for x in (states, E):
            x[q, accepted], x[q + 1, accepted] = x[q + 1, accepted], x[q, accepted]
        rates[q] = accepted.mean()
    return rates
