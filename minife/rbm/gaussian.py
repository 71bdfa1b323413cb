"""Gaussian visible units: the RBM of real numbers."""
import math

import numpy as np

from .. import validation
from .model import Machine, unit


class GaussianRBM(Machine):
    """E(v, h) = |v - a|^2 / 2 - b.h - v^T W h over real v and binary h  (R20)

    The parameters are those of RBM. Given h, v is Gaussian with mean a + W h and variance 1/beta,
    so p(v) is a mixture of 2^n_hidden such Gaussians: standardise the data, or choose beta = 1 over
    the variance around a cluster. It is trained, sampled and summed like any other machine."""

    def energy(self, v, h):
        """Return E(v, h) (n,) of real v (n, n_visible), binary h (n, n_hidden)  (R20)"""
        v, h = self.pairs(v, h)
        return ((v - self.a) ** 2).sum(axis=1) / 2 - h @ self.b - ((v @ self.W) * h).sum(axis=1)

    def free_energy(self, v):
        """Return F(v) (n,) of real v (n, n_visible)  (R21)"""
        v = self.states(v, "v")
        x = self.hidden_field(v)                                            # (n, n_hidden)
        softplus = unit.potential(self.beta * x)
        with np.errstate(over="ignore"):                                    # far out F is infinite
            return ((v - self.a) ** 2).sum(axis=1) / 2 - softplus.sum(axis=1) / self.beta

    def free_energy_gradient(self, v):
        """Return dF(v)/dW, dF/da, dF/db, averaged over the rows of v: dF/da is a - v  (R21)"""
        slope = super().free_energy_gradient(v)
        return slope | {"a": self.a + slope["a"]}

    def visible_mean(self, h):
        """Return the mean a + h W^T of v given h (n, n_visible)  (R20)"""
        return self.visible_field(h)

    def draw_visible(self, h, draw):
        """Return v (n, n_visible) drawn from p(v | h): the mean, plus noise  (R20)"""
        return self._around(self.visible_mean(h), draw.generator())

    def random_states(self, n, rng):
        """Return n visible states with which chains can begin: as at W = 0."""
        return self._around(np.tile(self.a, (n, 1)), rng)

    def log_weights(self, h):
        """Return log w(h) (n,), w(h) the integral of e^(-beta E) over v, of states h  (R21)"""
        h = validation.states(h, self.n_hidden, "h")
        Wh = h @ self.W.T                                                   # (n, n_visible)
        log_width = self.n_visible / 2 * math.log(2 * math.pi / self.beta)
        return log_width + self.beta * (h @ self.b + Wh @ self.a + (Wh**2).sum(axis=1) / 2)

    def energy_given(self, h):
        """Return <E | h> and Var(E | h), both (n,), of states h (n, n_hidden)  (R11, R21)"""
        h = validation.states(h, self.n_hidden, "h")
        Wh = h @ self.W.T                                                   # (n, n_visible)
        mean = self.n_visible / (2 * self.beta) - h @ self.b - Wh @ self.a - (Wh**2).sum(axis=1) / 2
        return mean, np.full_like(mean, self.n_visible / (2 * self.beta**2))

    # Rows are numbers of any size, and data are states as they stand.

    def rows(self, X, name):
        """Return X (n, n_visible), checked to be numbers, in the type of W."""
        X = validation.real_array(X, name, n_dims=2, dtype=self.W.dtype)
        if X.shape[1] != self.n_visible:
            raise ValueError(f"{name} must have shape (n, {self.n_visible}), got {X.shape}")
        return X

    states = rows

    def states_at(self, rows, rng):
        return rows

    @staticmethod
    def bias_of(X, n_visible):
        return validation.real_array(X, "X", n_dims=2).mean(axis=0)

    def _around(self, mean, rng):
        return mean + rng.standard_normal(mean.shape, mean.dtype) / math.sqrt(self.beta)
