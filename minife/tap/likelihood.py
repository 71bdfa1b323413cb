"""The likelihood with Gamma_k* in place of -log Z / beta: an estimate, and its gradient."""
import warnings

import numpy as np

from .. import validation
from .expansion import check_machine, free_energy_gradient
from .solvers import FixedPoint, NotConvergedWarning, distinct, fixed_point, lowest

SAME = 1e-2           # fixed points are one state where no magnetisation differs by more
ALARM = 0.05          # nats by which other states may raise log Z without a warning


class SeveralStatesWarning(UserWarning):
    """The likelihood counts one state of several; carries n_states and the excess in nats."""

    def __init__(self, n_states, excess):
        super().__init__(n_states, excess)
        self.n_states, self.excess = n_states, excess

    def __str__(self):
        return (f"{self.n_states} states found: by one of them alone the log-likelihood is "
                f"{self.excess:.2f} nats higher than by all; landscape.find_minima weighs them")


def log_likelihood(rbm, X, order=2, n_starts=8, **solver):
    """Return beta (Gamma_k* - mean F(x)) over the binary rows of X (n, n_visible), in nats  (T13)

    n_starts  rows of X, and as many random starts, from which it looks for other states; 0: none
    solver    arguments of fixed_point; of several starts m_v the lowest Gamma_k* counts
    At order 1 this is an upper bound of the log-likelihood, at orders 2 and 3 it is no bound. At
    every order states that are left out make it too high: warns SeveralStatesWarning where others
    are found that would raise log Z by more than 0.05 nats."""
    n_starts = validation.not_negative_integer(n_starts, "n_starts")
    X = validation.states(X, check_machine(rbm).n_visible, "X")
    state = fixed_point(rbm, order, **solver)
    gamma = state.free_energy[lowest(state)]
    if n_starts > 0:
        n_states, log_z = look_around(rbm, X, order, state, n_starts)
        if log_z + rbm.beta * gamma > ALARM:
            warnings.warn(SeveralStatesWarning(n_states, log_z + rbm.beta * gamma), stacklevel=2)
    return float(rbm.beta * (gamma - rbm.free_energy(X).mean()))


def log_likelihood_gradient(rbm, X, order=2, **solver):
    """Return the slope of log_likelihood: beta (moments at the data + dGamma_k*/dtheta)  (T14)"""
    X = validation.states(X, check_machine(rbm).n_visible, "X")
    state = fixed_point(rbm, order, **solver)
    row = [lowest(state)]
    model = free_energy_gradient(rbm, state.m_v[row], state.m_h[row], order)
    data = rbm.free_energy_gradient(X)
    return {name: rbm.beta * (model[name] - data[name]) for name in model}


def look_around(rbm, X, order, state, n_starts):
    """Return how many states a FixedPoint and more starts find, and log sum e^(-beta Gamma_k*)."""
    data = np.linspace(0, len(X) - 1, min(n_starts, len(X))).astype(int)
    anywhere = np.random.default_rng(0).random((n_starts, rbm.n_visible))
    with warnings.catch_warnings():
        # rows that do not converge count for nothing
        warnings.simplefilter("ignore", NotConvergedWarning)
        found = fixed_point(rbm, order, np.vstack([X[data], anywhere]), tol=1e-5, max_iter=300,
                            method="block" if order < 3 else "damped")
    parts = zip(vars(state).values(), vars(found).values(), strict=True)
    together = FixedPoint(*map(np.concatenate, parts))
    rows, _ = distinct(together, SAME)
    exponent = -rbm.beta * together.free_energy[rows]
    return len(rows), float(np.logaddexp.reduce(exponent, initial=-np.inf))
