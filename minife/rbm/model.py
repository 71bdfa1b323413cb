"""The restricted Boltzmann machine: energy, fields, conditionals and free energy of binary units."""
from dataclasses import dataclass

import numpy as np

from .. import kernels, validation
from ..units import Binary

unit = Binary()


@dataclass(frozen=True)
class Moments:
    """The means that a gradient needs: <v> (n_visible,), <h> (n_hidden,) and <v h> (n_visible, n_hidden)  (R9)"""
    v: np.ndarray
    h: np.ndarray
    vh: np.ndarray


class RBM:
    """E(v, h) = -a.v - b.h - v^T W h over binary v and h, at inverse temperature beta  (R1, R2)

    W     weights (n_visible, n_hidden), float32 or float64; a, b are of the same type
    a, b  visible and hidden biases (n_visible,), (n_hidden,)
    beta  inverse temperature 1/T > 0
    The arrays are kept, not copied, where their type and layout allow; training changes them in place."""

    def __init__(self, W, a, b, beta=1.0):
        self.W = np.ascontiguousarray(validation.real_array(W, "W", n_dims=2))
        self.a = np.ascontiguousarray(validation.real_array(a, "a", n_dims=1, dtype=self.W.dtype))
        self.b = np.ascontiguousarray(validation.real_array(b, "b", n_dims=1, dtype=self.W.dtype))
        if np.shares_memory(self.a, self.b):              # training must not tie them
            self.b = self.b.copy()
        self.beta = validation.positive(beta, "beta")
        if self.a.shape != self.W.shape[:1] or self.b.shape != self.W.shape[1:]:
            raise ValueError(f"a and b must have shapes {self.W.shape[:1]} and {self.W.shape[1:]} to go with W "
                             f"{self.W.shape}, got {self.a.shape} and {self.b.shape}")

    @classmethod
    def initialise(cls, n_visible, n_hidden, rng, X=None, dtype=np.float64):
        """Return an RBM with weights of standard deviation 0.01 and, if X (n, n_visible) is given, its visible means.

        The visible bias is then the logit of the mean of X, clipped to what n rows can resolve (Hinton 2010)."""
        n_visible = validation.positive_integer(n_visible, "n_visible")
        n_hidden = validation.positive_integer(n_hidden, "n_hidden")
        W = 0.01 * validation.generator(rng).standard_normal((n_visible, n_hidden))
        a = np.zeros(n_visible)
        if X is not None:
            X = validation.states_or_means(X, n_visible, "X")
            least = 1 / (len(X) + 2)
            a = unit.field(np.clip(X.mean(axis=0), least, 1 - least))
        return cls(W.astype(dtype), a.astype(dtype), np.zeros(n_hidden, dtype))

    n_visible = property(lambda self: self.W.shape[0])
    n_hidden = property(lambda self: self.W.shape[1])

    @property
    def parameters(self):
        """Return the dict of W, a and b: the arrays themselves."""
        return {"W": self.W, "a": self.a, "b": self.b}

    def swapped(self):
        """Return a copy of the machine with its layers exchanged: v for h, W^T for W."""
        return RBM(self.W.T.copy(), self.b.copy(), self.a.copy(), self.beta)

    def double(self):
        """Return the machine in float64: itself if it is already."""
        if self.W.dtype == np.float64:
            return self
        return RBM(*(array.astype(np.float64) for array in (self.W, self.a, self.b)), self.beta)

    def energy(self, v, h):
        """Return E(v, h) (n,) of binary states v (n, n_visible), h (n, n_hidden)  (R1)"""
        v, h = validation.states(v, self.n_visible, "v"), validation.states(h, self.n_hidden, "h")
        if len(v) != len(h):
            raise ValueError(f"v and h must have the same number of rows, got {len(v)} and {len(h)}")
        return -(v @ self.a) - ((self.b + kernels.binary_product(v, self.W)) * h).sum(axis=1)

    def hidden_field(self, v):
        """Return b + v W (n, n_hidden), the field of the hidden units at v (n, n_visible), states or means  (R3)"""
        return self._hidden_field(validation.states_or_means(v, self.n_visible, "v"))

    def visible_field(self, h):
        """Return a + h W^T (n, n_visible), the field of the visible units at h (n, n_hidden), states or means  (R3)"""
        h = validation.states_or_means(h, self.n_hidden, "h")
        if h.dtype == np.uint8:
            return self.a + kernels.binary_product(h, np.ascontiguousarray(self.W.T))
        return self.a + h.astype(self.W.dtype) @ self.W.T

    def hidden_mean(self, v):
        """Return p(h_j = 1 | v) (n, n_hidden)  (R4)"""
        return unit.mean(self.beta * self.hidden_field(v))

    def visible_mean(self, h):
        """Return p(v_i = 1 | h) (n, n_visible)  (R4)"""
        return unit.mean(self.beta * self.visible_field(h))

    def free_energy(self, v):
        """Return F(v) (n,) of binary states v (n, n_visible); p(v) = e^(-beta F(v)) / Z  (R5)"""
        v = validation.states(v, self.n_visible, "v")
        return -(v @ self.a) - unit.potential(self.beta * self._hidden_field(v)).sum(axis=1) / self.beta

    def free_energy_gradient(self, v):
        """Return dF(v)/dW, dF/da, dF/db, averaged over the rows of v  (R8)"""
        clamped = self.clamped_moments(validation.states(v, self.n_visible, "v"))
        return {"W": -clamped.vh, "a": -clamped.v, "b": -clamped.h}

    def clamped_moments(self, v):
        """Return the Moments with v held at the rows of v (n, n_visible), states or means: exact, h factorises  (R9)"""
        v = validation.states_or_means(v, self.n_visible, "v")
        mean_h = unit.mean(self.beta * self._hidden_field(v))  # (n, n_hidden)
        if v.dtype == np.uint8:
            vh = kernels.binary_product(np.ascontiguousarray(v.T), mean_h)
        else:
            vh = v.astype(self.W.dtype).T @ mean_h
        return Moments(v.mean(axis=0, dtype=self.W.dtype), mean_h.mean(axis=0), vh / len(v))

    def _hidden_field(self, v):
        """Return b + v W of checked v: a sum of rows of W where v is binary."""
        if v.dtype == np.uint8:
            return self.b + kernels.binary_product(v, self.W)
        return self.b + v.astype(self.W.dtype) @ self.W
