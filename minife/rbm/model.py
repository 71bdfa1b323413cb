"""The restricted Boltzmann machine: energy, fields, conditionals and free energy of binary units."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..kernels.products import as_states
from ..units import Binary

unit = Binary()


@dataclass(frozen=True)
class Moments:
    """The means that learning compares: <v> (n_visible,), <h> (n_hidden,), <v h> (n_visible, n_hidden)  (R9)"""
    v: np.ndarray
    h: np.ndarray
    vh: np.ndarray


def averages(v, h):
    """Return the Moments averaged over rows of v (n, n_visible), states or means, and of h (n, n_hidden)  (R9)"""
    return Moments(v=v.mean(axis=0, dtype=h.dtype), h=h.mean(axis=0), vh=v.T @ (h / len(v)))


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
        """Return a machine with weights of standard deviation 0.01 and, if X (n, n_visible) is given, its means."""
        n_visible = validation.positive_integer(n_visible, "n_visible")
        n_hidden = validation.positive_integer(n_hidden, "n_hidden")
        W = 0.01 * validation.generator(rng).standard_normal((n_visible, n_hidden))
        a = np.zeros(n_visible) if X is None else cls.bias_of(X, n_visible)
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
        v, h = self.states(v, "v"), validation.states(h, self.n_hidden, "h")
        if len(v) != len(h):
            raise ValueError(f"v and h must have the same number of rows, got {len(v)} and {len(h)}")
        return self.visible_energy(v) - (self.hidden_field(v) * h).sum(axis=1)

    def hidden_field(self, v):
        """Return b + v W (n, n_hidden), the field of the hidden units at v (n, n_visible), states or means  (R3)"""
        return self.b + self.rows(v, "v") @ self.W

    def visible_field(self, h):
        """Return a + h W^T (n, n_visible), the field of the visible units at h (n, n_hidden), states or means  (R3)"""
        h = validation.states_or_means(h, self.n_hidden, "h", self.W.dtype)
        return self.a + h @ self.W.T

    def hidden_mean(self, v):
        """Return p(h_j = 1 | v) (n, n_hidden)  (R4)"""
        return unit.mean(self.beta * self.hidden_field(v))

    def visible_mean(self, h):
        """Return p(v_i = 1 | h) (n, n_visible)  (R4)"""
        return unit.mean(self.beta * self.visible_field(h))

    def free_energy(self, v):
        """Return F(v) (n,) of binary states v (n, n_visible); p(v) = e^(-beta F(v)) / Z  (R5)"""
        v = self.states(v, "v")
        return self.visible_energy(v) - unit.potential(self.beta * self.hidden_field(v)).sum(axis=1) / self.beta

    def free_energy_gradient(self, v):
        """Return dF(v)/dW, dF/da, dF/db, averaged over the rows of v  (R8)"""
        clamped = self.clamped_moments(self.states(v, "v"))
        return {"W": -clamped.vh, "a": -clamped.v, "b": -clamped.h}

    def clamped_moments(self, v):
        """Return the Moments with v held at the rows of v (n, n_visible), states or means: exact, as h factorises  (R9)"""
        v = self.rows(v, "v")
        return averages(v, self.hidden_mean(v))

    # What a visible layer of another kind does differently stands below; training and sampling ask the machine.

    def states(self, v, name):
        """Return v (n, n_visible), checked to be visible states, as States."""
        return validation.states(v, self.n_visible, name)

    def rows(self, X, name):
        """Return X (n, n_visible), checked to be what data may be: states, or means in [0, 1]."""
        return validation.states_or_means(X, self.n_visible, name, self.W.dtype)

    @staticmethod
    def bias_of(X, n_visible):
        """Return the a (n_visible,) that gives free units the means of X, clipped to what n rows can resolve.

        Source: Hinton, A practical guide to training restricted Boltzmann machines, 2010."""
        X = validation.states_or_means(X, n_visible, "X")
        least = 1 / (len(X) + 2)
        return unit.field(np.clip(X.mean(axis=0), least, 1 - least))

    def visible_energy(self, v):
        """Return the part of the energy that is v's alone, -a.v, at states v (n, n_visible): (n,)  (R1)"""
        return -(v @ self.a)

    def random_states(self, n, rng):
        """Return n visible states with which chains can begin: fair coins."""
        return as_states(rng.integers(2, size=(n, self.n_visible), dtype=np.uint8))

    def states_at(self, rows, rng):
        """Return visible states at checked rows of data (n, n_visible): grey values are probabilities, to be drawn."""
        return rows if rows.dtype == np.uint8 else as_states(rng.random(rows.shape) < rows)

    def draw_visible(self, h, draw):
        """Return v (n, n_visible) drawn from p(v | h) at states h (n, n_hidden) by a Draws  (R4)"""
        return draw(self.visible_mean(h))
