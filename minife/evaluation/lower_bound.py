"""The likelihood of rows under annealing itself: conservative, where annealing is optimistic."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..kernels.products import as_states
from .annealing import base_log_partition_function, checked_path, heated_log_weights


@dataclass(frozen=True)
class AnnealedLogLikelihood:
    """The log-likelihood of rows under the annealing model, too low in the mean, in nats  (E17)

    log_likelihood         the mean over the rows
    standard_error         of that mean, by the spread of the rows
    log_likelihoods        (n,), of each row
    effective_sample_size  (n,), how many equally weighted chains those of a row are worth"""
    log_likelihood: float
    standard_error: float
    log_likelihoods: np.ndarray
    effective_sample_size: np.ndarray

    def __repr__(self):
        return (f"AnnealedLogLikelihood({self.log_likelihood:.3f} ± {self.standard_error:.3f}, "
                f"{len(self.log_likelihoods)} rows)")


def annealed_log_likelihood(rbm, X, n_chains, n_temperatures, rng, base_rates=None, schedule=None,
                            collapsed=None):
    """Return the AnnealedLogLikelihood of the binary rows of X (n, n_visible): RAISE  (E16, E17)

    n_chains  chains that are heated from each row

    p_ann(v) is the probability with which a chain that cools from the base machine ends at v, and
    the mean weight of chains that are heated from v is unbiased for it. So its logarithm is, in the
    mean, a lower bound of the log-likelihood of a model that can be drawn from. With more
    temperatures p_ann tends to p. Other arguments are those of annealed_importance_sampling.
    Source: Burda, Grosse and Salakhutdinov (2015), arXiv:1412.8566."""
    n_chains, rng = validation.positive_integer(n_chains, "n_chains"), validation.generator(rng)
    a_0, schedule, collapsed = checked_path(rbm, base_rates, schedule, n_temperatures, collapsed)
    X = validation.states(X, rbm.n_visible, "X")
    starts = as_states(np.tile(X, (n_chains, 1)))                        # (n_chains * n, n_visible)
    log_w = heated_log_weights(rbm, starts, a_0, schedule, collapsed, rng).reshape(n_chains, len(X))
    top = log_w.max(axis=0)
    w = np.exp(log_w - top)                                              # of a row's largest weight
    log_mean_w = top + np.log(w.mean(axis=0))                            # (n,)
    F, log_z_0 = rbm.double().free_energy(X), base_log_partition_function(rbm, a_0)
    log_p = -rbm.beta * F - log_z_0 + log_mean_w
    error = log_p.std(ddof=1) / np.sqrt(len(X)) if len(X) > 1 else np.inf
    n_eff = w.sum(axis=0) ** 2 / (w**2).sum(axis=0)
    return AnnealedLogLikelihood(float(log_p.mean()), float(error), log_p, n_eff)
