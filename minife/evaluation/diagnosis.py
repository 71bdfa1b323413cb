"""Why is this RBM bad, and what to do about it: the questions of findings.py, asked in turn."""
import warnings
from dataclasses import dataclass

import numpy as np

from .. import tap, validation
from ..rbm.model import RBM
from .chains import record_chains
from .findings import (on_coupling, on_filters, on_hidden_units, on_magnetisations, on_mixing,
                       on_moments, on_overfitting, on_starting_points, on_visible_units)

N_ROWS = 10000      # of the data at most, drawn at random
N_CHAINS = 25       # from data, and as many from fair coins: enough for the spread of their means
N_TAP_ROWS = 32     # starts of the TAP iteration: so many make its sweeps matrix products
N_SWEEPS = 500      # of the TAP iteration at most
TOLERANCE = 1e-6    # residual at which it has settled: sampling leaves larger errors by far


@dataclass(frozen=True)
class Diagnosis:
    """The Findings on a machine: print it to read them, diagnosis["mixing"] is one of them."""
    subject: str
    findings: tuple

    @property
    def alarms(self):
        """Return the names of the findings that are alarms."""
        return [finding.name for finding in self.findings if finding.alarm]

    def __getitem__(self, name):
        return {finding.name: finding for finding in self.findings}[name]

    def __str__(self):
        n = len(self.alarms)
        title = f"{self.subject}: {n or 'no'} alarm{'s' * (n != 1)}"
        return "\n".join([title, *map(str, self.findings)])


def diagnose(rbm, X, X_other=None, *, rng=None, n_steps=1000):
    """Return the Diagnosis of a binary RBM: what is wrong with it, by which numbers, what to do

    X        training rows (n, n_visible), binary, or grey values in [0, 1] that are drawn
    X_other  held-out rows, if there are any: is the machine overfitted?
    rng      a numpy.random.Generator; without one the same chains are drawn at every call
    n_steps  Gibbs steps of each of 50 chains; the first half is not recorded
    At most 10000 rows are looked at. 784 x 500 units take two to four seconds of one core."""
    validation.instance(rbm, "rbm", RBM)
    rng = np.random.default_rng(0) if rng is None else validation.generator(rng)
    half = validation.positive_integer(n_steps, "n_steps") // 2
    if half < 2:
        raise ValueError(f"n_steps must be at least 4, got {n_steps}")
    v = some_rows(rbm, X, "X", rng)
    h = rbm.hidden_mean(v)
    data, coins = v[rng.integers(len(v), size=N_CHAINS)], rbm.random_states(N_CHAINS, rng)
    chains = record_chains(rbm, np.concatenate([data, coins]), n_steps - half, half, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tap.NotConvergedWarning)       # it is one of the findings
        settled = tap.fixed_point(rbm, order=2, m_v=v[:N_TAP_ROWS], tol=TOLERANCE,
                                  max_iter=N_SWEEPS)
    findings = [on_hidden_units(h), on_visible_units(rbm, v, h), on_filters(rbm, h),
                on_mixing(chains), on_starting_points(chains, N_CHAINS), on_moments(v, h, chains),
                on_magnetisations(rbm, v, settled), on_coupling(rbm, settled)]
    if X_other is not None:
        findings.append(on_overfitting(rbm, v, some_rows(rbm, X_other, "X_other", rng)))
    return Diagnosis(f"{rbm.n_visible} x {rbm.n_hidden} units at beta = {rbm.beta:g}, "
                     f"seen with {len(v)} rows", tuple(findings))


def some_rows(rbm, X, name, rng):
    """Return at most N_ROWS rows of X in random order, as binary states."""
    X = rbm.rows(X, name)
    if len(X) < 2:
        raise ValueError(f"{name} must have at least two rows, got {len(X)}")
    return rbm.states_at(X[rng.permutation(len(X))[:N_ROWS]], rng)
