"""What can be wrong with a binary RBM: one function for each question, which returns a Finding."""
import textwrap
from dataclasses import dataclass

import numpy as np

from .. import tap
from ..tap.solvers import distinct, lowest
from .chains import autocorrelation_time, scale_reduction

BAND = 0.05         # a mean in so narrow a band tells at most 0.02 of log 2 nats of a row
PARALLEL = 0.95     # cosine of filters, correlation of means: nine tenths of a square are shared
UNMIXED = 1.1       # scale reduction R of chains shorter than about five autocorrelation times
SKEWED = 0.1        # difference of a mean: the unit is in the wrong state in every tenth row
SKEWED_RMS = 0.03   # the same over all units, noise subtracted
STUCK = 0.1         # share of TAP iterations that do not settle
OVERFIT = 0.2       # gap over the spread of F: a held-out row is the higher of 56 in 100 pairs
# Standard errors beyond which a difference is no chance: of one number, one healthy machine in 370;
# of two groups of 25 chains in five observables, one in 1000; of one of many units, by the spread
# of 50 chains, one unit in 130 000.
OF_ONE, OF_GROUPS, OF_MANY = 3, 4, 5


@dataclass(frozen=True)
class Finding:
    """One finding: its name, whether it is an alarm, numbers by name, what they say, what to do."""
    name: str
    alarm: bool
    numbers: dict
    verdict: str
    remedy: str

    def __str__(self):
        lines = textwrap.wrap(f"{self.name}: {self.verdict}", width=92)
        if self.alarm:
            lines += textwrap.wrap(f"-> {self.remedy}", width=92)
        return f"{'ALARM' if self.alarm else 'ok':5}  " + "\n       ".join(lines)


def on_hidden_units(h):
    """Return the Finding on hidden units with one mean h (n, n_hidden) for all rows  (R4)"""
    least, most = h.min(axis=0), h.max(axis=0)
    dead, always_on = most < BAND, least > 1 - BAND
    constant = (most - least < BAND) & ~dead & ~always_on
    numbers = {"dead": np.flatnonzero(dead), "always on": np.flatnonzero(always_on),
               "constant": np.flatnonzero(constant)}
    counts = ", ".join(f"{len(units)} {name}" for name, units in numbers.items())
    return Finding(
        "hidden units", any(map(len, numbers.values())), numbers,
        f"of {h.shape[1]}, {counts} over the data",
        "they have the same value for all rows, as a bias has: if training has only begun, train "
        "on; if not, give them small random weights and b = 0 again; if that does not last, lower "
        "the learning rate or the weight decay, or do with fewer")


def on_visible_units(rbm, v, h):
    """Return the Finding on units that vary in rows v, but not given their h (n, n_hidden)  (R4)"""
    back = rbm.visible_mean(h)                                            # (n, n_visible)
    mean, error = mean_and_error(v)
    large = np.abs(rbm.beta * rbm.a) > np.log(len(v) + 1)                 # one flip in n + 2 rows
    still = (back.max(axis=0) < BAND) | (back.min(axis=0) > 1 - BAND)
    far = np.abs(mean - back.mean(axis=0)) > OF_MANY * error
    frozen = large & still & far & (error > 0)
    numbers = {"saturated": np.flatnonzero(frozen), "large bias": np.flatnonzero(large),
               "constant in the data": np.flatnonzero(error == 0)}
    return Finding(
        "visible units", bool(frozen.any()), numbers,
        f"of {len(rbm.a)}, {frozen.sum()} saturated by their bias; {(error == 0).sum()} constant "
        "in the data",
        "the data move these units, and the machine cannot: set their a to logit(mean of the data) "
        "/ beta, and lower the learning rate")


def on_filters(rbm, h):
    """Return the Finding on pairs of hidden units, means h (n, n_hidden), that are copies  (E13)"""
    cosine, correlation = cosines(rbm.W), cosines(h - h.mean(axis=0))     # (n_hidden, n_hidden)
    awake = np.ptp(h, axis=0) >= BAND                                     # the rest is idle
    alike = np.minimum(np.abs(cosine), np.abs(correlation)) > PARALLEL
    alike &= (cosine * correlation > 0) & np.outer(awake, awake)
    pairs = np.argwhere(np.triu(alike, k=1))
    largest = np.abs(np.triu(cosine, k=1)).max()
    return Finding(
        "filters", len(pairs) > 0, {"pairs": pairs, "largest cosine": float(largest)},
        f"{len(pairs)} pair{'s' * (len(pairs) != 1)} of hidden units with the same weights and the "
        f"same answers; the largest cosine is {largest:.2f}",
        "one of each pair is wasted: start it again with small random weights, or do with fewer; "
        "if most are alike, they began too equal, or training has only begun")


def cosines(columns):
    """Return the cosines between all columns of a matrix (n, k), 0 for zeros: (k, k)  (E13)"""
    length = np.linalg.norm(columns, axis=0)
    columns = columns / np.where(length > 0, length, 1)
    return columns.T @ columns


def on_mixing(chains):
    """Return the Finding on how fast Chains forget, and whether they agree  (E10, E11)"""
    times = {name: autocorrelation_time(f) for name, f in chains.observables.items()}
    reductions = {name: scale_reduction(f) for name, f in chains.observables.items()}
    slowest = max(times, key=lambda name: times[name].tau)
    widest = max(reductions, key=reductions.get)
    time, R = times[slowest], reductions[widest]
    n_steps, n_chains = chains.observables[slowest].shape
    numbers = {"tau": time.tau, "standard error": time.standard_error, "observable": slowest,
               "effective sample size": time.effective_sample_size, "scale reduction": R}
    seen = (f"tau = {time.tau:.1f} ± {time.standard_error:.1f} steps for {slowest}, the slowest "
            f"observable, so {n_chains} chains of {n_steps} steps are worth "
            f"{time.effective_sample_size:.0f} draws"
            if np.isfinite(time.tau) else f"{slowest} is not forgotten in {n_steps} steps")
    return Finding(
        "mixing", bool(np.isinf(time.tau) or R > UNMIXED), numbers,
        f"{seen}; R = {R:.3f} for {widest}",
        "chains stay where they are: trust neither dreams nor a gradient from few steps. More "
        "n_steps tell slow from stuck; ParallelTempering crosses barriers, weight_decay or a "
        "norm_constraint lowers them")


def on_starting_points(chains, n_data):
    """Return the Finding on whether Chains from data, the first n_data, and others meet  (E12)"""
    scores = {}
    for name, f in chains.observables.items():
        means = f.mean(axis=0)                                            # (n_chains,), independent
        scores[name] = score(*mean_and_error(means[:n_data]), *mean_and_error(means[n_data:]))
    worst = max(scores, key=lambda name: abs(scores[name]))
    return Finding(
        "starting points", bool(abs(scores[worst]) > OF_GROUPS),
        {"score": scores[worst], "observable": worst},
        f"chains from data and from noise differ by {abs(scores[worst]):.1f} standard errors in "
        f"{worst}",
        "chains from noise do not reach the data, or end in other valleys: dreams that start at "
        "noise need more steps; learning needs persistent chains, which find such valleys and fill "
        "them")


def on_moments(v, h, chains):
    """Return the Finding on whether Chains have the means of rows v and of their h  (R9, E12)"""
    means, errors = zip(mean_and_error(chains.mean_v), mean_and_error(chains.mean_h))
    n_steps, n_chains = chains.observables["F(v)"].shape
    difference = np.concatenate(means) - np.concatenate([v.mean(axis=0), h.mean(axis=0)])
    error = np.maximum(np.concatenate(errors), 1 / (n_steps * n_chains))  # no mean is known better
    k = int(np.abs(difference).argmax())
    largest, score_of_largest = abs(float(difference[k])), abs(float(difference[k] / error[k]))
    square, noise = np.mean(difference**2), np.mean(error**2)
    rms = float(np.sqrt(max(0.0, square - noise)))
    alarm = (rms > SKEWED_RMS and square > OF_ONE**2 * noise
             or largest > SKEWED and score_of_largest > OF_MANY)
    unit = f"visible unit {k}" if k < v.shape[1] else f"hidden unit {k - v.shape[1]}"
    return Finding(
        "moments", bool(alarm),
        {"largest": largest, "standard errors": score_of_largest, "rms": rms, "unit": unit},
        f"means of data and chains differ by {rms:.3f} (rms, noise subtracted), at most by "
        f"{largest:.3f}, {score_of_largest:.3g} standard errors, at {unit}",
        "the gradient has not vanished: train on, with a rate that falls to zero; if training has "
        "come to rest, its negative phase misleads it: more Gibbs steps, or PCD in place of CD")


def on_magnetisations(rbm, v, settled):
    """Return the Finding on the FixedPoint of sweeps of order 2 that start at rows v  (T12, L10)"""
    n, n_stuck = len(settled.converged), int(np.sum(~settled.converged))
    residual = float(settled.residual.max())
    distance = float(np.sqrt(np.mean((settled.m_v - v[:n]) ** 2)))
    states = rbm.beta * settled.free_energy[distinct(settled, merge=1e-4)[0]]    # the lowest first
    spread, left_out, several = 0.0, 0.0, ""
    if len(states) > 1:                                                   # what the lowest lacks
        spread, left_out = float(np.ptp(states)), float(np.log(np.exp(states[0] - states).sum()))
        several = (f"; their beta Gamma differ by up to {spread:.1f} nats, and the lowest alone, "
                   f"which the TAP log-likelihood takes, leaves out {left_out:.2f} nats of log Z")
    return Finding(
        "magnetisations", n_stuck > STUCK * n,
        {"stuck": n_stuck, "starts": n, "residual": residual, "distance": distance,
         "fixed points": len(states), "spread": spread, "left out": left_out},
        f"{n_stuck} of {n} TAP iterations from data are stuck, the worst residual is "
        f"{residual:.1e}; they end {distance:.2f} (rms) from the data, at {len(states)} fixed "
        f"point{'s' * (len(states) != 1)}{several}",
        "at these couplings do not train by EMF, nor judge by the TAP log-likelihood: PCD and "
        "annealed importance sampling do not need it to settle")


def on_coupling(rbm, settled):
    """Return the Finding on the couplings against the limits of order 2  (T17, T19)"""
    rbm, row = rbm.double(), [lowest(settled)]
    m_v, m_h, is_point = settled.m_v[row], settled.m_h[row], bool(settled.converged[row[0]])
    strength = float(rbm.beta * np.linalg.norm(rbm.W, ord=2))
    trust = float(tap.spectral_trust(rbm, m_v, m_h)[0])
    smallest = float(tap.smallest_eigenvalue(rbm, m_v, m_h, order=2)[0])
    minima = "one minimum" if strength < np.sqrt(48) - 4 else "perhaps several minima"
    kind = ("a minimum" if smallest > 0 else "no minimum") if is_point else "no fixed point"
    return Finding(
        "coupling", trust >= 1 or is_point and smallest <= 0,
        {"beta sigma_max": strength, "rho": trust, "smallest eigenvalue": smallest},
        f"beta sigma_max(W) = {strength:.2f}, {minima}; rho(P) = {trust:.3f} and the smallest "
        f"eigenvalue {smallest:.3f} at {kind}",
        "the TAP free energy of order 2 is past its line and its value worthless: take annealed "
        "importance sampling; EMF needs smaller weights")


def on_overfitting(rbm, v, v_other):
    """Return the Finding on how much higher in F held-out rows lie than training rows  (E2, E12)"""
    beta_F, beta_F_other = (rbm.beta * rbm.free_energy(rows).astype(float) for rows in (v, v_other))
    (mean, error), (mean_other, error_other) = mean_and_error(beta_F), mean_and_error(beta_F_other)
    gap, error = float(mean_other - mean), float(np.hypot(error, error_other))
    spread = float(np.sqrt((beta_F.var(ddof=1) + beta_F_other.var(ddof=1)) / 2))
    return Finding(
        "overfitting", bool(gap > OF_ONE * error and gap > OVERFIT * spread),
        {"gap": gap, "standard error": error, "spread": spread},
        f"the gap between held-out and training rows is {gap:.2f} ± {error:.2f} nats; "
        f"F spreads by {spread:.1f}",
        "the training rows are memorised: stop earlier, or take fewer hidden units, weight_decay "
        "or more data")


def mean_and_error(samples):
    """Return the mean of independent samples (n, ...) over axis 0, and its standard error  (E12)"""
    return samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(len(samples))


def score(mean, error, other_mean, other_error):
    """Return the difference of two means in standard errors, 0 where they are the same  (E12)"""
    difference = mean - other_mean
    return float(difference / np.hypot(error, other_error)) if difference else 0.0
