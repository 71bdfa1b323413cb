"""Exact answers for small machines: sum over all states of the smaller layer, the other one factorises."""
from dataclasses import dataclass

import numpy as np

from .. import kernels, validation
from .model import Moments, unit

LARGEST_LAYER = 25
CHUNK = 2**12                                            # states at a time, with their fields
BLOCK = 2**16                                            # states at a time, without


@dataclass(frozen=True)
class Thermodynamics:
    """F = U - T S and the heat capacity C = dU/dT; F and U are energies, S and C are pure numbers  (R11)"""
    F: float
    U: float
    S: float
    C: float


def all_states(n_units, start=0, stop=None):
    """Return the binary states (n, n_units) number start to stop, of 2**n_units, as uint8; bit i is unit i."""
    numbers = np.arange(start, 2**n_units if stop is None else stop)
    return (numbers[:, None] >> np.arange(n_units) & 1).astype(np.uint8)


def log_partition_function(rbm):
    """Return log Z, a number: log of the sum of e^(-beta E) over all 2^(n_visible + n_hidden) states  (R7)"""
    small = _with_small_hidden_layer(rbm)
    return float(_log_sum(_log_block_sums(small)))


def moments(rbm):
    """Return the Moments <v>, <h>, <v h> of the model  (R10)"""
    small = _with_small_hidden_layer(rbm)
    log_z = log_partition_function(rbm)
    mean_v, mean_h, mean_vh = 0, 0, 0
    for h, field, log_weight in _chunks(small):
        p = np.exp(log_weight - log_z)                   # (n,), p(h)
        conditional = p[:, None] * unit.mean(small.beta * field)  # (n, n_visible), p(h) p(v_i = 1 | h)
        mean_v = mean_v + conditional.sum(axis=0)
        mean_h = mean_h + p @ h
        mean_vh = mean_vh + conditional.T @ h
    if rbm.n_hidden <= rbm.n_visible:
        return Moments(mean_v, mean_h, mean_vh)
    return Moments(mean_h, mean_v, mean_vh.T)


def log_likelihood(rbm, X):
    """Return the mean of log p(x) = -beta F(x) - log Z over the binary rows of X (n, n_visible), in nats  (R6)"""
    return float(np.mean(-rbm.beta * rbm.free_energy(X))) - log_partition_function(rbm)


def log_likelihood_gradient(rbm, X):
    """Return the gradient of the mean log-likelihood: beta times (moments at the data - moments of the model)  (R9)"""
    data = rbm.clamped_moments(validation.states(X, rbm.n_visible, "X"))
    model = moments(rbm)
    return {"W": rbm.beta * (data.vh - model.vh),
            "a": rbm.beta * (data.v - model.v),
            "b": rbm.beta * (data.h - model.h)}


def thermodynamics(rbm):
    """Return F, U, S and C at the machine's temperature  (R11)"""
    small, beta = _with_small_hidden_layer(rbm), rbm.beta
    log_z = log_partition_function(rbm)
    U, variance = 0.0, 0.0
    for h, field, log_weight in _chunks(small):
        U += np.exp(log_weight - log_z) @ _energy_given(h, field, small)[0]
    for h, field, log_weight in _chunks(small):          # a second pass: no digits lost in <E^2> - U^2
        mean, spread = _energy_given(h, field, small)
        variance += np.exp(log_weight - log_z) @ ((mean - U) ** 2 + spread)
    return Thermodynamics(F=-log_z / beta, U=float(U), S=float(beta * U + log_z), C=float(beta**2 * variance))


def sample(rbm, n, rng):
    """Return n independent exact samples of v (n, n_visible), uint8: no chain, so nothing to wait for  (R7, R4)

    A state of the smaller layer is drawn by its weight among all of them, then the other layer given that state."""
    n, rng = validation.positive_integer(n, "n"), validation.generator(rng)
    small = _with_small_hidden_layer(rbm)
    size, number = min(BLOCK, 2**small.n_hidden), np.empty(n, dtype=np.int64)
    block = _draw(_log_block_sums(small), n, rng)        # first the block of states, then the state within it
    for k in np.unique(block):
        number[block == k] = k * size + _draw(_log_weights(small, k * size, size), np.sum(block == k), rng)
    h = (number[:, None] >> np.arange(small.n_hidden) & 1).astype(np.uint8)
    if rbm.n_hidden > rbm.n_visible:                     # the layers were exchanged: these are the visible units
        return h
    return (rng.random((n, rbm.n_visible)) < small.visible_mean(h)).astype(np.uint8)


def _with_small_hidden_layer(rbm):
    """Return the machine, its layers exchanged if need be, in float64."""
    if min(rbm.n_visible, rbm.n_hidden) > LARGEST_LAYER:
        raise ValueError(f"exact sums need a layer of at most {LARGEST_LAYER} units (2^{LARGEST_LAYER} terms), "
                         f"got {rbm.n_visible} visible and {rbm.n_hidden} hidden")
    return (rbm if rbm.n_hidden <= rbm.n_visible else rbm.swapped()).double()


def _energy_given(h, field, rbm):
    """Return <E | h> and Var(E | h), both (n,): v factorises  (R11)"""
    m = unit.mean(rbm.beta * field)
    return -(h @ rbm.b) - (m * field).sum(axis=1), ((m - m**2) * field**2).sum(axis=1)


def _chunks(rbm):
    """Yield all hidden states h, the fields a + h W^T of v, and log sum_v e^(-beta E(v, h)), a chunk at a time  (R7)"""
    size = min(CHUNK, 2**rbm.n_hidden)
    for start in range(0, 2**rbm.n_hidden, size):
        h = all_states(rbm.n_hidden, start, start + size).astype(np.float64)
        field = rbm.a + h @ rbm.W.T                      # (n, n_visible)
        yield h, field, _log_weights(rbm, start, size)


def _log_block_sums(rbm):
    """Return the log of the sum of w(h) over each block of hidden states (n_blocks,)  (R7)"""
    size = min(BLOCK, 2**rbm.n_hidden)
    return np.array([_log_sum(_log_weights(rbm, start, size)) for start in range(0, 2**rbm.n_hidden, size)])


def _log_weights(rbm, start, size):
    """Return log w(h), w(h) = sum_v e^(-beta E(v, h)), of `size` hidden states from number `start` on: (size,)  (R15)

    h is cut in two, h = (low units, high units), and the field of v is a sum of two parts. size is a power of two."""
    n_low = 2 ** ((size.bit_length() - 1) // 2)
    low = all_states(rbm.n_hidden, 0, n_low).astype(np.float64)
    high = all_states(rbm.n_hidden, start, start + size)[::n_low].astype(np.float64)
    x, y = rbm.beta * (rbm.a + high @ rbm.W.T), rbm.beta * (rbm.W @ low.T)     # (n_high, n_visible), (n_visible, n_low)
    bias = rbm.beta * ((high @ rbm.b)[:, None] + low @ rbm.b)                  # (n_high, n_low)
    return (bias + kernels.softplus_product(x, y)).ravel()


def _log_sum(log_weight):
    """Return log of the sum of e^log_weight, a number."""
    top = log_weight.max()
    return top + np.log(np.exp(log_weight - top).sum())


def _draw(log_weight, n, rng):
    """Return n numbers drawn with probabilities proportional to e^log_weight: (n,)"""
    cumulative = np.cumsum(np.exp(log_weight - log_weight.max()))
    return np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
