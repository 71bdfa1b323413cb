"""How fast Gibbs chains forget, and whether they agree: what a mean over chains is worth."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..rbm.gibbs import Draws
from ..rbm.model import RBM

WINDOW = 3          # of (E10): of one exponential, the sum leaves out e^(-6) of the time
ROUNDING = 1e-6     # a series that varies less than this share of its size, float32, stands still
N_MODES = 3         # of W that are watched


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
    """What was recorded of chains

    observables     name -> (n_steps, n_chains): the free energy F(v), the units on, and the leading
                    modes of W
    mean_v, mean_h  means over the steps of v and of p(h = 1 | v), a row per chain"""
    observables: dict
    mean_v: np.ndarray
    mean_h: np.ndarray


def record_chains(rbm, v, n_discarded, n_steps, rng):
    """Return the Chains of n_steps Gibbs steps from each row of v, after n_discarded steps  (R12)

    A mode is v.u with u a left singular vector of W: the directions in which the hidden units pull
    v (n_chains, n_visible) together."""
    validation.instance(rbm, "rbm", RBM)
    v, draw = rbm.states(v, "v"), Draws(rng)
    n_discarded = validation.not_negative_integer(n_discarded, "n_discarded")
    n_steps = validation.positive_integer(n_steps, "n_steps")
    modes = np.linalg.svd(rbm.W, full_matrices=False)[0][:, :N_MODES]         # (n_visible, n_modes)
    names = ["F(v)", "units on"] + [f"mode {k + 1}" for k in range(modes.shape[1])]
    series = np.empty((n_steps, len(v), len(names)))
    mean_v, mean_h = np.zeros(v.shape), np.zeros((len(v), rbm.n_hidden))
    for k in range(-n_discarded, n_steps):
        h = draw(rbm.hidden_mean(v))
        v = rbm.draw_visible(h, draw)
        if k >= 0:
            series[k] = np.column_stack([rbm.free_energy(v), v.sum(axis=1), v @ modes])
            mean_v += v / n_steps
            mean_h += rbm.hidden_mean(v) / n_steps
    return Chains(dict(zip(names, np.moveaxis(series, 2, 0))), mean_v, mean_h)


def autocorrelation_time(series):
    """Return the AutocorrelationTime of one observable in equilibrium  (E9, E10)

    series  (n_steps, n_chains)
    Deviations are from the mean of all chains: if these sit in different valleys, tau = inf."""
    series = validation.real_array(series, "series", n_dims=2, dtype=np.float64)
    n_steps, n = len(series), series.size
    if not varies(series):
        return AutocorrelationTime(1.0, 0.0, float(n))                          # nothing to forget
    C = covariances(series - series.mean())                                     # (n_steps,)
    tau = 1 + 2 * (np.cumsum(C / C[0]) - 1)                                    # of windows 0 on
    wide_enough = np.flatnonzero(np.arange(n_steps) >= WINDOW * tau)
    if len(wide_enough) == 0:
        return AutocorrelationTime(np.inf, np.inf, 0.0)
    window = int(wide_enough[0])
    tau = max(float(tau[window]), 1.0)                                          # as rho(k) >= 0
    error = tau * float(np.sqrt(2 * (2 * window + 1) / n))
    return AutocorrelationTime(tau, error, n / tau)


def covariances(f):
    """Return the means over all pairs of deviations f (n_steps, n_chains) that are k steps apart

    They are the C(k) of (E10), k = 0 to n_steps - 1: sums of products by a Fourier transform, with
    as many zeros behind f, so that its end does not meet its beginning."""
    power = np.abs(np.fft.rfft(f, 2 * len(f), axis=0)) ** 2
    sums = np.fft.irfft(power, axis=0)[:len(f)]                               # (n_steps, n_chains)
    return sums.mean(axis=1) / np.arange(len(f), 0, -1)


def scale_reduction(series):
    """Return R, the spread of a series (n_steps, n_chains) over that within its chains  (E11)

    1 for chains that agree; infinite for chains that stand still in different places."""
    series = validation.real_array(series, "series", n_dims=2, dtype=np.float64)
    if min(series.shape) < 2:
        raise ValueError("series must have at least two steps and two chains, "
                         f"got shape {series.shape}")
    if not varies(series):
        return 1.0
    within, of_means = series.var(axis=0, ddof=1).mean(), series.mean(axis=0).var(ddof=1)
    with np.errstate(divide="ignore"):
        return float(np.sqrt(1 - 1 / len(series) + of_means / within))


def varies(series):
    """Return whether a series is more than rounding."""
    return np.ptp(series) > ROUNDING * np.abs(series).max()
