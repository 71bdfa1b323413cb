"""How fast Gibbs chains forget, and whether chains that began apart agree: what a mean over chains is worth."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..rbm.gibbs import Draws

WINDOW = 3            # of (E10): for one exponential the sum left out is e^(-6) of the time; Sokal's c is twice this
ROUNDING = 1e-6       # a series that varies less than this share of its size does not vary: its sums are in float32
N_MODES = 3           # of W that are watched


@dataclass(frozen=True)
class AutocorrelationTime:
    """The integrated autocorrelation time of a series  (E9, E10)

    tau                    in steps, at least 1; infinite if the chains are too short to show it
    standard_error         of tau, in steps
    effective_sample_size  independent draws that all steps of all chains are worth"""
    tau: float
    standard_error: float
    effective_sample_size: float


@dataclass(frozen=True)
class Chains:
    """What was recorded of chains, c of them

    observables     dict of name -> (n_steps, c): the free energy F(v), the units on, and the leading modes of W
    mean_v, mean_h  means over the steps of v and of p(h = 1 | v), a row per chain (c, n_visible), (c, n_hidden)"""
    observables: dict
    mean_v: np.ndarray
    mean_h: np.ndarray


def record_chains(rbm, v, n_discarded, n_steps, rng):
    """Return the Chains of n_steps Gibbs steps from each row of v (c, n_visible), after n_discarded steps  (R12)

    A mode is v.u with u a left singular vector of W: the directions in which the hidden units pull v together."""
    v = rbm.states(v, "v")
    n_discarded = validation.not_negative_integer(n_discarded, "n_discarded")
    n_steps = validation.positive_integer(n_steps, "n_steps")
    modes = np.linalg.svd(rbm.W, full_matrices=False)[0][:, :N_MODES]           # (n_visible, n_modes)
    names = ["F(v)", "units on"] + [f"mode {k + 1}" for k in range(modes.shape[1])]
    series = np.empty((n_steps, len(v), len(names)))
    mean_v, mean_h = np.zeros(v.shape), np.zeros((len(v), rbm.n_hidden))
    draw = Draws(rng)
    for t in range(n_discarded + n_steps):
        v = rbm.draw_visible(draw(rbm.hidden_mean(v)), draw)
        if t >= n_discarded:
            series[t - n_discarded] = np.column_stack([rbm.free_energy(v), v.sum(axis=1), v @ modes])
            mean_v += v / n_steps
            mean_h += rbm.hidden_mean(v) / n_steps
    return Chains(dict(zip(names, np.moveaxis(series, 2, 0))), mean_v, mean_h)


def autocorrelation_time(series):
    """Return the AutocorrelationTime of chains in equilibrium, a series (n_steps, c) of one observable  (E9, E10)

    Deviations are from the mean of all chains: if they sit in different valleys, tau is infinite."""
    series = validation.real_array(series, "series", n_dims=2, dtype=np.float64)
    n_steps = len(series)
    if not varies(series):
        return AutocorrelationTime(1.0, 0.0, float(series.size))                # nothing to forget
    transform = np.fft.rfft(series - series.mean(), 2 * n_steps, axis=0)        # as many zeros: no wrapping around
    covariance = np.fft.irfft(np.abs(transform) ** 2, axis=0)[:n_steps].mean(axis=1) / np.arange(n_steps, 0, -1)
    tau = 2 * np.cumsum(covariance / covariance[0]) - 1                         # (n_steps,), of windows 0, 1, ...
    wide_enough = np.flatnonzero(np.arange(n_steps) >= WINDOW * tau)
    if len(wide_enough) == 0:
        return AutocorrelationTime(np.inf, np.inf, 0.0)
    window = wide_enough[0]
    tau = max(float(tau[window]), 1.0)                                          # below 1 is noise: rho(t) >= 0
    return AutocorrelationTime(tau, tau * float(np.sqrt(2 * (2 * window + 1) / series.size)), series.size / tau)


def scale_reduction(series):
    """Return by what factor the spread of a series (n_steps, c) over all chains exceeds that within them: R  (E11)

    1 for chains that agree; infinite for chains that stand still in different places."""
    series = validation.real_array(series, "series", n_dims=2, dtype=np.float64)
    if min(series.shape) < 2:
        raise ValueError(f"series must have at least two steps and two chains, got shape {series.shape}")
    if not varies(series):
        return 1.0
    within, between = series.var(axis=0, ddof=1).mean(), series.mean(axis=0).var(ddof=1)
    with np.errstate(divide="ignore"):
        return float(np.sqrt(1 - 1 / len(series) + between / within))


def varies(series):
    """Return whether a series is more than rounding."""
    return np.ptp(series) > ROUNDING * np.abs(series).max()
