"""Annealed importance sampling: log Z of a machine too large to sum, from chains that are cooled step by step."""
from dataclasses import dataclass

import numpy as np

from .. import kernels, validation
from ..kernels.products import as_states
from ..rbm.gibbs import Draws, sample_hidden
from ..rbm.model import unit

LEAST_RATE = 0.01                                        # of the base machine: no pixel is frozen from the start
FEW = 64                                                 # hidden units: up to so many are drawn one by one


@dataclass(frozen=True)
class AnnealedEstimate:
    """An estimate of log Z, in nats, with its error  (E5)

    log_z                  the estimate: base_log_z + log mean w forwards, base_log_z - log mean w in reverse
    standard_error         of log_z, to first order in the spread of w; infinite for a single chain
    effective_sample_size  how many equally weighted chains would be worth as much, from 1 to n_chains
    log_weights            (n_chains,), log w
    base_log_z             log Z_0 of the base machine, exact
    bound                  "lower": log_z is below log Z in the mean; "upper": above; "heuristic": nothing is proved"""
    log_z: float
    standard_error: float
    effective_sample_size: float
    log_weights: np.ndarray
    base_log_z: float
    bound: str


def annealed_importance_sampling(rbm, n_chains, n_temperatures, rng, base_rates=None, schedule=None, collapsed=None):
    """Return the AnnealedEstimate of log Z from chains that start at independent pixels: on average too low  (E3, E4)

    n_temperatures  how many steps lead from the base machine to rbm
    base_rates      (n_visible,), means of the pixels of the base machine, such as those of the data, clipped to
                    [0.01, 0.99]; by default those of rbm with its hidden units off
    schedule        (n_temperatures + 1,), increasing from 0 to 1; by default in equal steps
    collapsed       True: hidden units are drawn one by one with the pixels summed out, which finds valleys that Gibbs
                    steps miss (E7, E8); False: Gibbs steps. By default True up to 64 hidden units: a sweep takes
                    twice as long as a Gibbs step with 20 of them, and longer in proportion with more
    Sources: Neal, Annealed importance sampling (2001); Salakhutdinov and Murray (2008)."""
    n_chains, rng = validation.positive_integer(n_chains, "n_chains"), validation.generator(rng)
    base_bias, schedule = _base_bias(rbm, base_rates), _schedule(schedule, n_temperatures)
    if _collapsed(collapsed, rbm):                       # the first sweep, at t = 0, makes them fair coins
        h = np.zeros((n_chains, rbm.n_hidden), np.uint8)
        log_w = anneal_collapsed(rbm, h, base_bias, schedule, rng)
    else:
        rates = unit.mean(rbm.beta * base_bias)
        v = (rng.random((n_chains, rbm.n_visible)) < rates).astype(np.uint8)
        log_w = anneal(rbm, v, base_bias, schedule, Draws(rng).key)
    return _estimate(rbm, base_bias, log_w, 1, "lower")


def reverse_annealed_importance_sampling(rbm, v, n_temperatures, rng, base_rates=None, schedule=None,
                                         exact_samples=False, collapsed=None):
    """Return the AnnealedEstimate of log Z from chains that start at rows v of the model: on average too high  (E6)

    v              (n_chains, n_visible), independent samples of p(v)
    exact_samples  say True only if they are: exact.sample(rbm, ...). The end of a Gibbs chain is not, and then nothing
                   is proved. The other arguments are those of annealed_importance_sampling"""
    v, rng = validation.states(v, rbm.n_visible, "v"), validation.generator(rng)
    base_bias, schedule = _base_bias(rbm, base_rates), _schedule(schedule, n_temperatures)[::-1]
    if _collapsed(collapsed, rbm):
        log_w = anneal_collapsed(rbm, sample_hidden(rbm, v, rng), base_bias, schedule, rng)
    else:
        log_w = anneal(rbm, v, base_bias, schedule, Draws(rng).key)
    return _estimate(rbm, base_bias, log_w, -1, "upper" if exact_samples else "heuristic")


def anneal(rbm, v, base_bias, schedule, key):
    """Return log w (n,) of chains that start at v (n, n_visible) and follow the schedule, up or down  (E3)

    At t the machine has the inverse temperature beta t and the visible bias a + (1/t - 1) base_bias: W and b stay."""
    a, base_bias = (x.astype(np.float64) for x in (rbm.a, base_bias))
    bias_change = (a - base_bias).astype(rbm.W.dtype)
    log_w = np.zeros(len(v))
    for k in range(1, len(schedule)):
        beta_0, beta_1 = rbm.beta * schedule[k - 1], rbm.beta * schedule[k]
        h, change = kernels.anneal_units(v, rbm.W, rbm.b, beta_0, beta_1, key, 2 * k)
        log_w += (beta_1 - beta_0) * (v @ bias_change) + change
        if k < len(schedule) - 1:                        # no weight needs the state after the last
            bias = a + (1 / schedule[k] - 1) * base_bias
            mean = unit.mean(rbm.W.dtype.type(beta_1) * (bias.astype(rbm.W.dtype) + as_states(h) @ rbm.W.T))
            v = kernels.draw_units(mean, key, 2 * k + 1)
    return log_w


def anneal_collapsed(rbm, h, base_bias, schedule, rng):
    """Return log w (n,) of chains of h (n, n_hidden) alone, one sweep at each t of the schedule, up or down  (E7, E8)

    A sweep returns log p*_t(h) before and after it; log w gathers what lies between the sweeps."""
    rbm, log_w = rbm.double(), np.zeros(len(h))
    for k, t in enumerate(schedule):
        W, a, b = t * rbm.W, (1 - t) * base_bias + t * rbm.a, t * rbm.b
        h, before, after = kernels.collapsed_sweep(h, rbm.beta * W, rbm.beta * a, rbm.beta * b, rng.random(h.shape))
        if k > 0:
            log_w += before - last
        last = after
    return log_w


def _estimate(rbm, base_bias, log_w, sign, bound):
    """Return the AnnealedEstimate of these weights; sign is 1 forwards, -1 in reverse  (E5)"""
    n, top = len(log_w), log_w.max()
    w = np.exp(log_w - top)                              # of the largest weight
    sample_size = w.sum() ** 2 / (w**2).sum()
    base_log_z = unit.potential(rbm.beta * base_bias).sum() + rbm.n_hidden * np.log(2)
    error = np.sqrt(max(n / sample_size - 1, 0) / (n - 1)) if n > 1 else np.inf
    return AnnealedEstimate(float(base_log_z + sign * (top + np.log(w.mean()))), float(error), float(sample_size),
                            log_w, float(base_log_z), bound)


def _base_bias(rbm, base_rates):
    """Return the visible bias (n_visible,) of the base machine, in float64, whose hidden units are fair coins  (E3)"""
    rbm = rbm.double()
    if base_rates is None:
        base_rates = unit.mean(rbm.beta * rbm.a)
    else:
        base_rates = validation.real_array(base_rates, "base_rates", n_dims=1, dtype=np.float64)
        if base_rates.shape != rbm.a.shape or base_rates.min() < 0 or base_rates.max() > 1:
            raise ValueError(f"base_rates must be {rbm.n_visible} numbers in [0, 1], got shape {base_rates.shape} with "
                             f"values from {base_rates.min()} to {base_rates.max()}")
    return unit.field(np.clip(base_rates, LEAST_RATE, 1 - LEAST_RATE)) / rbm.beta


def _collapsed(collapsed, rbm):
    """Return whether the pixels are summed out."""
    if collapsed is not None and not isinstance(collapsed, (bool, np.bool_)):
        raise ValueError(f"collapsed must be True, False or None, got {collapsed!r}")
    return rbm.n_hidden <= FEW if collapsed is None else collapsed


def _schedule(schedule, n_temperatures):
    """Return the temperatures' shares t (n_temperatures + 1,), increasing from 0 to 1."""
    n_temperatures = validation.positive_integer(n_temperatures, "n_temperatures")
    if schedule is None:
        return np.linspace(0, 1, n_temperatures + 1)
    schedule = validation.real_array(schedule, "schedule", n_dims=1, dtype=np.float64)
    if len(schedule) != n_temperatures + 1 or schedule[0] != 0 or schedule[-1] != 1 or (np.diff(schedule) <= 0).any():
        raise ValueError(f"schedule must be {n_temperatures + 1} increasing numbers from 0 to 1, got {len(schedule)} "
                         f"from {schedule[0]} to {schedule[-1]}")
    return schedule
