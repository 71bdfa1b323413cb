"""Annealed importance sampling: log Z of a machine too large to sum, from chains that are cooled.

In order of reading: the log weights of chains, by Gibbs steps (E3) and with the pixels summed out
(E7); the functions that run chains up the schedule (E4) and down (E6); the estimate (E5)."""
from dataclasses import dataclass

import numpy as np

from .. import kernels, validation
from ..kernels.products import as_states
from ..rbm.gibbs import Draws, sample_hidden
from ..rbm.model import RBM, unit

LEAST_RATE = 0.01     # of a pixel of the base machine: none is frozen from the start
FEW = 64              # hidden units: up to so many are drawn one by one


def gibbs_log_weights(rbm, v, a_0, schedule, key):
    """Return log w (n,) of chains from v (n, n_visible) that follow the schedule, up or down  (E3)

    At the share t of the way the machine has the inverse temperature beta_t and the visible bias
    a_t; W and b stay. Step k takes draws 2k and 2k + 1 of the random stream of this key  (K3)"""
    W, a, b, a_0 = rbm.W, rbm.a, rbm.b, a_0.astype(rbm.W.dtype)
    t, log_w = [float(share) for share in schedule], np.zeros(len(v))
    for k in range(1, len(t)):
        beta_before, beta_t = rbm.beta * t[k - 1], rbm.beta * t[k]
        h, change = draw_hidden(v, W, b, beta_before, beta_t, key, 2 * k)    # (n, n_hidden), (n,)
        log_w += (beta_t - beta_before) * (v @ (a - a_0)) + change
        if k < len(t) - 1:                               # no weight needs the state after the last
            a_t = a + (1 / t[k] - 1) * a_0
            v = kernels.draw_units(unit.mean(beta_t * (a_t + h @ W.T)), key, 2 * k + 1)
    return log_w


def draw_hidden(v, W, b, beta_before, beta_t, key, draw):
    """Return h (n, n_hidden) drawn from p_t(h | v), and the change of its log weight (n,)  (R4, E3)

    The change is sum_j [softplus(beta_t x_j) - softplus(beta_before x_j)]. Both are made from the
    fields x = b + v W of one row sum."""
    h, change = kernels.anneal_units(v, W, b, beta_before, beta_t, key, draw)
    return as_states(h), change


def collapsed_log_weights(rbm, h, a_0, schedule, rng):
    """Return log w (n,) of chains of h (n, n_hidden) alone, pixels summed out, up or down  (E7, E8)

    There is one sweep at each t of the schedule. It returns log p*_t(h) before and after; log w
    gathers what lies between the sweeps."""
    rbm, log_w, last = rbm.double(), np.zeros(len(h)), None
    for t in schedule:
        W, a, b = t * rbm.W, (1 - t) * a_0 + t * rbm.a, t * rbm.b
        h, before, after = kernels.collapsed_sweep(
            h, rbm.beta * W, rbm.beta * a, rbm.beta * b, rng.random(h.shape))
        if last is not None:
            log_w += before - last
        last = after
    return log_w


@dataclass(frozen=True)
class AnnealedEstimate:
    """An estimate of log Z, in nats, with its error  (E5)

    log_z                  the estimate: base_log_z + log mean w forwards, base_log_z - log mean w
                           in reverse
    standard_error         of log_z, to first order in the spread of w; infinite for a single chain
    effective_sample_size  how many equally weighted chains would be worth as much, from 1 to
                           n_chains
    log_weights            (n_chains,), log w
    base_log_z             log Z_0 of the base machine, exact
    bound                  "lower": log_z is below log Z in the mean; "upper": above; "heuristic":
                           nothing is proved"""
    log_z: float
    standard_error: float
    effective_sample_size: float
    log_weights: np.ndarray
    base_log_z: float
    bound: str

    def __repr__(self):
        return (f"AnnealedEstimate(log Z = {self.log_z:.3f} ± {self.standard_error:.3f}, "
                f"{self.bound}, {self.effective_sample_size:.1f} of {len(self.log_weights)} chains "
                "effective)")


def annealed_importance_sampling(rbm, n_chains, n_temperatures, rng, base_rates=None,
                                 schedule=None, collapsed=None):
    """Return the AnnealedEstimate of log Z from chains that are cooled: too low in the mean  (E4)

    The chains start at independent pixels.

    n_temperatures  how many steps lead from the base machine to rbm
    base_rates      (n_visible,), means of the pixels of the base machine, such as those of the
                    data, clipped to [0.01, 0.99]; by default those of rbm with its hidden units off
    schedule        (n_temperatures + 1,), increasing from 0 to 1; by default in equal steps
    collapsed       True: hidden units are drawn one by one with the pixels summed out, which finds
                    valleys that Gibbs steps miss (E7, E8); False: Gibbs steps. By default True up
                    to 64 hidden units: a sweep takes twice as long as a Gibbs step with 20 of them,
                    and longer in proportion with more
    Sources: Neal, Annealed importance sampling (2001); Salakhutdinov and Murray (2008)."""
    n_chains, rng = validation.positive_integer(n_chains, "n_chains"), validation.generator(rng)
    a_0, schedule, collapsed = checked_path(rbm, base_rates, schedule, n_temperatures, collapsed)
    if collapsed:
        h = np.zeros((n_chains, rbm.n_hidden), np.uint8)        # the sweep at t = 0 draws coins
        log_w = collapsed_log_weights(rbm, h, a_0, schedule, rng)
    else:
        v = as_states(rng.random((n_chains, rbm.n_visible)) < unit.mean(rbm.beta * a_0))
        log_w = gibbs_log_weights(rbm, v, a_0, schedule, Draws(rng).key)
    return estimate_of(log_w, base_log_partition_function(rbm, a_0), 1, "lower")


def reverse_annealed_importance_sampling(rbm, v, n_temperatures, rng, base_rates=None,
                                         schedule=None, exact_samples=False, collapsed=None):
    """Return the AnnealedEstimate of log Z from chains that are heated: too high in the mean  (E6)

    v              (n_chains, n_visible), independent samples of p(v)
    exact_samples  say True only if they are: exact.sample(rbm, ...). The end of a Gibbs chain is
                   not, and then nothing is proved. The other arguments are those of
                   annealed_importance_sampling"""
    rng, exact_samples = validation.generator(rng), validation.flag(exact_samples, "exact_samples")
    a_0, schedule, collapsed = checked_path(rbm, base_rates, schedule, n_temperatures, collapsed)
    v = validation.states(v, rbm.n_visible, "v")
    log_w = heated_log_weights(rbm, v, a_0, schedule, collapsed, rng)
    bound = "upper" if exact_samples else "heuristic"
    return estimate_of(log_w, base_log_partition_function(rbm, a_0), -1, bound)


def heated_log_weights(rbm, v, a_0, schedule, collapsed, rng):
    """Return log w (n,) of chains from rows v (n, n_visible) down the schedule  (E6)"""
    if collapsed:
        return collapsed_log_weights(rbm, sample_hidden(rbm, v, rng), a_0, schedule[::-1], rng)
    return gibbs_log_weights(rbm, v, a_0, schedule[::-1], Draws(rng).key)


def estimate_of(log_w, base_log_z, sign, bound):
    """Return the AnnealedEstimate of these weights; sign is 1 forwards, -1 in reverse  (E5)"""
    n, top = len(log_w), log_w.max()
    w = np.exp(log_w - top)                              # of the largest weight
    n_eff = w.sum() ** 2 / (w**2).sum()
    log_z = base_log_z + sign * (top + np.log(w.mean()))
    error = np.sqrt(max(n / n_eff - 1, 0) / (n - 1)) if n > 1 else np.inf
    return AnnealedEstimate(float(log_z), float(error), float(n_eff), log_w, base_log_z, bound)


def base_log_partition_function(rbm, a_0):
    """Return log Z_0 of the base machine: independent pixels, all hidden units fair coins  (E3)"""
    return float(unit.potential(rbm.beta * a_0).sum() + rbm.n_hidden * np.log(2))


def checked_path(rbm, base_rates, schedule, n_temperatures, collapsed):
    """Return a_0 (n_visible,) in float64, all t, and whether pixels are summed out, checked."""
    validation.instance(rbm, "rbm", RBM)
    return (_base_bias(rbm.double(), base_rates), _schedule(schedule, n_temperatures),
            rbm.n_hidden <= FEW if collapsed is None else validation.flag(collapsed, "collapsed"))


def _base_bias(rbm, base_rates):
    """Return the visible bias a_0 (n_visible,) of the base machine  (E3)"""
    if base_rates is None:
        base_rates = unit.mean(rbm.beta * rbm.a)
    else:
        base_rates = validation.real_array(base_rates, "base_rates", n_dims=1, dtype=np.float64)
        if base_rates.shape != rbm.a.shape or base_rates.min() < 0 or base_rates.max() > 1:
            raise ValueError(f"base_rates must be {rbm.n_visible} numbers in [0, 1], got shape "
                             f"{base_rates.shape} with values from {base_rates.min()} to "
                             f"{base_rates.max()}")
    return unit.field(np.clip(base_rates, LEAST_RATE, 1 - LEAST_RATE)) / rbm.beta


def _schedule(schedule, n_temperatures):
    """Return the temperatures' shares t (n_temperatures + 1,), increasing from 0 to 1."""
    n_temperatures = validation.positive_integer(n_temperatures, "n_temperatures")
    if schedule is None:
        return np.linspace(0, 1, n_temperatures + 1)
    schedule = validation.real_array(schedule, "schedule", n_dims=1, dtype=np.float64)
    if (len(schedule) != n_temperatures + 1 or schedule[0] != 0 or schedule[-1] != 1
            or (np.diff(schedule) <= 0).any()):
        raise ValueError(f"schedule must be {n_temperatures + 1} increasing numbers from 0 to 1, "
                         f"got {len(schedule)} from {schedule[0]} to {schedule[-1]}")
    return schedule
