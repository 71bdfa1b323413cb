"""Exact answers for small machines: sum over the states of one layer, the other one factorises."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..kernels.products import all_states, as_states
from .gibbs import Draws
from .model import RBM, Machine
from .moments import Moments
from .sums import log_weights_of_block

LARGEST_LAYER = 25
CHUNK = 2**12                                            # states at a time, with their fields
BLOCK = 2**16                                            # states at a time, without


@dataclass(frozen=True)
class ExactThermodynamics:
    """F = U - T S and the heat capacity C = dU/dT: energies F and U, pure numbers S and C  (R11)"""
    F: float
    U: float
    S: float
    C: float


def log_partition_function(rbm):
    """Return log Z, the log of the sum of e^(-beta E) over all states of both layers  (R2, R7)"""
    return float(_log_sum(_log_block_sums(_with_few_hidden_units(rbm))))


def log_likelihood(rbm, X):
    """Return the mean of log p(v) = -beta F(v) - log Z over rows v, in nats  (R6)

    The rows of X (n, n_visible) are binary; for a GaussianRBM numbers, and p is a density."""
    X = _machine(rbm).states(X, "X")
    return float(np.mean(-rbm.beta * rbm.free_energy(X), dtype=float)) - log_partition_function(rbm)


def log_likelihood_gradient(rbm, X):
    """Return the gradient of the mean log-likelihood in W, a and b  (R9)"""
    data, model = _machine(rbm).clamped_moments(rbm.states(X, "X")), moments(rbm)
    return (rbm.beta * (data - model)).by_parameter()


def moments(rbm):
    """Return the Moments <v>, <h>, <v h> of the model  (R10)"""
    few, log_z = _with_few_hidden_units(rbm), log_partition_function(rbm)
    mean_v, mean_h, mean_vh = 0, 0, 0
    for h, p in _chunks(few, log_z):
        p_v = p[:, None] * few.visible_mean(h)           # (n, n_visible), p(h) p(v_i = 1 | h)
        mean_v = mean_v + p_v.sum(axis=0)
        mean_h = mean_h + p @ h
        mean_vh = mean_vh + p_v.T @ h
    if few.n_hidden < rbm.n_hidden:                      # the layers were exchanged
        return Moments(mean_h, mean_v, mean_vh.T)
    return Moments(mean_v, mean_h, mean_vh)


def thermodynamics(rbm):
    """Return F, U, S and C at the machine's temperature  (R11)"""
    few, beta, log_z = _with_few_hidden_units(rbm), rbm.beta, log_partition_function(rbm)
    U = sum(p @ few.energy_given(h)[0] for h, p in _chunks(few, log_z))
    variance = 0.0
    for h, p in _chunks(few, log_z):               # a second pass: no digits lost in <E^2> - U^2
        mean, spread = few.energy_given(h)
        variance += p @ ((mean - U) ** 2 + spread)
    return ExactThermodynamics(F=-log_z / beta, U=float(U), S=float(beta * U + log_z),
                               C=float(beta**2 * variance))


def sample(rbm, n, rng):
    """Return n independent exact samples of v (n, n_visible), without a chain  (R7, R4)

    A state of the smaller layer is drawn by its weight among all of them, then the other layer
    given that state."""
    n, rng = validation.positive_integer(n, "n"), validation.generator(rng)
    few = _with_few_hidden_units(rbm)
    size, number = min(BLOCK, 2**few.n_hidden), np.empty(n, dtype=np.int64)
    block = _draw(_log_block_sums(few), n, rng)    # first the block of states, then the state in it
    for k in np.unique(block):
        log_weight = _log_weights(few, k * size, size)
        number[block == k] = k * size + _draw(log_weight, np.sum(block == k), rng)
    h = as_states(number[:, None] >> np.arange(few.n_hidden) & 1)
    if few.n_hidden < rbm.n_hidden:                # the layers were exchanged: these are v
        return h
    if isinstance(few, RBM):
        return as_states(rng.random((n, few.n_visible)) < few.visible_mean(h))
    return few.draw_visible(h, Draws(rng))


def _machine(rbm):
    return validation.instance(rbm, "rbm", Machine)


def _with_few_hidden_units(rbm):
    """Return the machine in float64; of an RBM the layers are exchanged if that makes h smaller."""
    binary = isinstance(_machine(rbm), RBM)
    few = rbm.swapped() if binary and rbm.n_visible < rbm.n_hidden else rbm
    if few.n_hidden > LARGEST_LAYER:
        raise ValueError(f"exact sums need at most {LARGEST_LAYER} units in the hidden layer"
                         f"{' or in the visible one' if binary else ''} (2^{LARGEST_LAYER} terms), "
                         f"got {rbm.n_visible} visible and {rbm.n_hidden} hidden")
    return few.double()


def _chunks(few, log_z):
    """Yield all hidden states h, with p(h) = w(h) / Z, a chunk at a time  (R2, R7)"""
    size = min(CHUNK, 2**few.n_hidden)
    for start in range(0, 2**few.n_hidden, size):
        h = as_states(all_states(few.n_hidden, start, start + size))
        yield h, np.exp(_log_weights(few, start, size) - log_z)


def _log_block_sums(few):
    """Return the log of the sum of w(h) over each block of hidden states (n_blocks,)  (R7)"""
    size = min(BLOCK, 2**few.n_hidden)
    starts = range(0, 2**few.n_hidden, size)
    return np.array([_log_sum(_log_weights(few, start, size)) for start in starts])


def _log_weights(few, start, size):
    """Return log w(h) of `size` hidden states from number `start` on: (size,)  (R7)"""
    if isinstance(few, RBM):
        return log_weights_of_block(few, start, size)    # the same without exponentials  (R15)
    stop = start + size
    return np.concatenate([few.log_weights(all_states(few.n_hidden, k, min(k + CHUNK, stop)))
                           for k in range(start, stop, CHUNK)])


def _log_sum(log_weight):
    """Return log of the sum of e^log_weight, a number."""
    top = log_weight.max()
    return top + np.log(np.exp(log_weight - top).sum())


def _draw(log_weight, n, rng):
    """Return n numbers drawn with probabilities proportional to e^log_weight: (n,)"""
    cumulative = np.cumsum(np.exp(log_weight - log_weight.max()))
    return np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
