"""Exact answers for small machines: sum over all states of the smaller layer, the other one factorises."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from .model import Moments, unit

LARGEST_LAYER = 25
CHUNK = 2**12


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
    return float(np.logaddexp.reduce([np.logaddexp.reduce(log_weight) for _, _, log_weight in _chunks(small)]))


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
    for start in range(0, 2**rbm.n_hidden, CHUNK):
        h = all_states(rbm.n_hidden, start, min(start + CHUNK, 2**rbm.n_hidden)).astype(np.float64)
        field = rbm.a + h @ rbm.W.T                      # (n, n_visible)
        yield h, field, rbm.beta * (h @ rbm.b) + unit.potential(rbm.beta * field).sum(axis=1)
