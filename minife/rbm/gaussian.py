"""Gaussian visible units: the RBM of real numbers, and its exact sums, of the names that exact.py gives them."""
import numpy as np

from .. import validation
from .exact import CHUNK, LARGEST_LAYER, all_states
from .model import RBM, Moments, unit


class GaussianRBM(RBM):
    """E(v, h) = |v - a|^2 / 2 - b.h - v^T W h over real v and binary h, at inverse temperature beta  (R20)

    The parameters are those of RBM. Given h, v is Gaussian with mean a + W h and variance 1/beta, so p(v) is a mixture
    of 2^n_hidden such Gaussians: standardise the data, or choose beta = 1 / (the variance around a cluster).
    Training is minife.rbm.training.train, with any negative phase that samples, or ExactEnumeration(moments)."""

    def double(self):
        raise TypeError("this is for binary visible units: the exact sums of a GaussianRBM are in minife.rbm.gaussian")

    swapped = double

    def free_energy_gradient(self, v):
        """Return dF(v)/dW, dF/da, dF/db, averaged over the rows of v: dF/da is a - v  (R21)"""
        slope = super().free_energy_gradient(v)
        return slope | {"a": slope["a"] + self.a}

    def visible_mean(self, h):
        """Return the mean a + h W^T of v given h (n, n_visible)  (R20)"""
        return self.visible_field(h)

    def rows(self, X, name):
        """Return X (n, n_visible), checked to be numbers, in the type of W."""
        X = validation.real_array(X, name, n_dims=2, dtype=self.W.dtype)
        if X.shape[1] != self.n_visible:
            raise ValueError(f"{name} must have shape (n, {self.n_visible}), got {X.shape}")
        return X

    states = rows

    @staticmethod
    def bias_of(X, n_visible):
        return validation.real_array(X, "X", n_dims=2).mean(axis=0)

    def visible_energy(self, v):
        """Return |v - a|^2 / 2 (n,) of checked v (n, n_visible)  (R20)"""
        return ((v - self.a) ** 2).sum(axis=1) / 2

    def random_states(self, n, rng):
        """Return n visible states with which chains can begin: as at W = 0."""
        return self._around(np.tile(self.a, (n, 1)), rng)

    def states_at(self, rows, rng):
        return rows

    def draw_visible(self, h, draw):
        """Return v (n, n_visible) drawn from p(v | h): the mean plus noise of variance 1/beta  (R20)"""
        return self._around(self.a + h @ self.W.T, draw.generator())

    def _around(self, mean, rng):
        return mean + rng.standard_normal(mean.shape, mean.dtype) / self.W.dtype.type(np.sqrt(self.beta))


def log_partition_function(rbm):
    """Return log Z, v integrated and h summed over its 2^n_hidden states  (R21)"""
    return float(np.logaddexp.reduce([np.logaddexp.reduce(log_weight) for _, _, log_weight in _chunks(rbm)]))


def moments(rbm):
    """Return the Moments <v>, <h>, <v h> of the model  (R21)"""
    log_z = log_partition_function(rbm)
    mean_v, mean_h, mean_vh = 0, 0, 0
    for h, mean, log_weight in _chunks(rbm):
        p = np.exp(log_weight - log_z)                                  # (n,), p(h)
        mean_v = mean_v + p @ mean
        mean_h = mean_h + p @ h
        mean_vh = mean_vh + (p[:, None] * mean).T @ h
    return Moments(mean_v, mean_h, mean_vh)


def log_likelihood(rbm, X):
    """Return the mean over the rows of X of log p(x) = -beta F(x) - log Z, p a density: nats  (R21)"""
    return float(np.mean(-rbm.beta * rbm.free_energy(X), dtype=float)) - log_partition_function(rbm)


def log_likelihood_gradient(rbm, X):
    """Return the gradient of the mean log-likelihood: beta times (moments at the data - moments of the model)  (R21)"""
    data, model = rbm.clamped_moments(X), moments(rbm)
    return {"W": rbm.beta * (data.vh - model.vh),
            "a": rbm.beta * (data.v - model.v),
            "b": rbm.beta * (data.h - model.h)}


def _chunks(rbm):
    """Yield all states h, the means a + h W^T of v, and log of the integral of e^(-beta E) over v, in float64  (R21)"""
    if rbm.n_hidden > LARGEST_LAYER:
        raise ValueError(f"exact sums need at most {LARGEST_LAYER} hidden units (2^{LARGEST_LAYER} terms), "
                         f"got {rbm.n_hidden}")
    W, a, b = (array.astype(np.float64) for array in rbm.parameters.values())
    log_width = rbm.n_visible / 2 * np.log(2 * np.pi / rbm.beta)
    for start in range(0, 2**rbm.n_hidden, CHUNK):
        h = all_states(rbm.n_hidden, start, min(start + CHUNK, 2**rbm.n_hidden)).astype(np.float64)
        shift = h @ W.T                                                 # (n, n_visible), W h
        yield h, a + shift, log_width + rbm.beta * (h @ b + ((a + shift / 2) * shift).sum(axis=1))
