"""The likelihood of rows as annealing itself would draw them: a conservative estimate beside the optimistic one."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..kernels.products import as_states
from .annealing import base_log_partition_function, checked_path, heated_log_weights


@dataclass(frozen=True)
class AnnealedLogLikelihood:
    """The log-likelihood of rows under the annealing model, from below in the mean, in nats  (E17)

    log_likelihood         the mean over the rows
    standard_error         of that mean, by the spread of the rows
    log_likelihoods        (n,), of each row
    effective_sample_size  (n,), how many equally weighted chains the chains of a row are worth"""
    log_likelihood: float
    standard_error: float
    log_likelihoods: np.ndarray
    effective_sample_size: np.ndarray

    def __repr__(self):
        return (f"AnnealedLogLikelihood({self.log_likelihood:.3f} ± {self.standard_error:.3f}, "
                f"{len(self.log_likelihoods)} rows)")


def annealed_log_likelihood(rbm, X, n_chains, n_temperatures, rng, base_rates=None, schedule=None, collapsed=None):
    """Return the AnnealedLogLikelihood of the binary rows of X (n, n_visible): RAISE  (E17)

    p_annealed(v) is the probability with which a chain that cools from the base machine ends at v, so its logarithm is
    that of a model that can be drawn from. n_chains chains are heated from each row, and the mean of their weights is
    unbiased for p_annealed(v), so its logarithm is too low in the mean. With more temperatures p_annealed tends to p.
    The other arguments are those of annealed_importance_sampling.
    Source: Burda, Grosse and Salakhutdinov, Accurate and conservative estimates of MRF log-likelihood using reverse
    annealing (2015)."""
    n_chains, rng = validation.positive_integer(n_chains, "n_chains"), validation.generator(rng)
    a_0, schedule, collapsed = checked_path(rbm, base_rates, schedule, n_temperatures, collapsed)
    v = validation.states(X, rbm.n_visible, "X")
    start = as_states(np.tile(v, (n_chains, 1)))                            # (n_chains * n, n_visible)
    log_w = heated_log_weights(rbm, start, a_0, schedule, collapsed, rng).reshape(n_chains, len(v))
    top = log_w.max(axis=0)
    w = np.exp(log_w - top)                              # of the largest weight of a row, (n_chains, n)
    log_p = -rbm.beta * rbm.double().free_energy(v) - base_log_partition_function(rbm, a_0) + top + np.log(w.mean(axis=0))
    error = log_p.std(ddof=1) / np.sqrt(len(v)) if len(v) > 1 else np.inf
    return AnnealedLogLikelihood(float(log_p.mean()), float(error), log_p, w.sum(axis=0) ** 2 / (w**2).sum(axis=0))
