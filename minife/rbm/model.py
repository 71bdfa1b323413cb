"""The restricted Boltzmann machine: energy, fields, conditionals and free energy of binary units."""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import kernels, validation
from ..products import outer_sum, product
from ..units import Binary

unit = Binary()


@dataclass(frozen=True)
class Moments:
    """The means that a gradient needs: <v> (n_visible,), <h> (n_hidden,) and <v h> (n_visible, n_hidden)  (R9)"""
    v: np.ndarray
    h: np.ndarray
    vh: np.ndarray


class ClampedMoments:
    """The Moments with v held at rows, averaged over them: exact, as h factorises. Computed when asked for  (R9)

    rows    (n, n_visible), states or means
    mean_h  (n, n_hidden), the hidden means at each"""

    def __init__(self, rows, mean_h):
        self.rows, self.mean_h = rows, mean_h

    v = cached_property(lambda self: mean_row(self.rows, self.mean_h.dtype))
    h = cached_property(lambda self: self.mean_h.mean(axis=0))
    vh = cached_property(lambda self: product(self.rows.T, self.mean_h / self.mean_h.dtype.type(len(self.rows))))


def difference(model, data, factor):
    """Return the dict of factor times (model - data): vh under W, v under a, h under b; the data are clamped  (R9)

    Where the model's Moments are clamped at rows of the same kind, W is one outer_sum over these and the data; else
    that over the data starts from the model's array."""
    factor, n = data.h.dtype.type(factor), len(data.rows)
    a, b = factor * (model.v - data.v), factor * (model.h - data.h)  # first, while the cache still holds the rows
    if isinstance(model, ClampedMoments) and model.rows.dtype == data.rows.dtype:
        share = np.empty((len(model.rows) + n, len(model.h)), factor.dtype)
        np.multiply(factor / len(model.rows), model.mean_h, out=share[:-n])
        np.multiply(-factor / n, data.mean_h, out=share[-n:])
        W = outer_sum(np.concatenate([model.rows, data.rows]), share)
    else:
        base = np.ascontiguousarray(model.vh if factor == 1 else factor * model.vh, dtype=factor.dtype)
        W = outer_sum(data.rows, data.mean_h / (-n / factor), base)
    return {"W": W, "a": a, "b": b}


def mean_row(rows, dtype):
    """Return the mean of checked rows, states or means: for states a count, in the smallest type that holds it."""
    if rows.dtype != np.uint8:
        return rows.mean(axis=0, dtype=dtype)
    return np.add.reduce(rows, axis=0, dtype=np.min_scalar_type(len(rows))).astype(dtype) / dtype.type(len(rows))


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
        return self.visible_energy(v) - (self._hidden_field(v) * h).sum(axis=1)

    def hidden_field(self, v):
        """Return b + v W (n, n_hidden), the field of the hidden units at v (n, n_visible), states or means  (R3)"""
        return self._hidden_field(self.rows(v, "v"))

    def visible_field(self, h):
        """Return a + h W^T (n, n_visible), the field of the visible units at h (n, n_hidden), states or means  (R3)"""
        return self.a + product(validation.states_or_means(h, self.n_hidden, "h"), self.W.T)

    def hidden_mean(self, v):
        """Return p(h_j = 1 | v) (n, n_hidden)  (R4)"""
        return self._hidden_mean(self.rows(v, "v"))

    def visible_mean(self, h):
        """Return p(v_i = 1 | h) (n, n_visible)  (R4)"""
        return unit.mean(self.beta * self.visible_field(h))

    def free_energy(self, v):
        """Return F(v) (n,) of binary states v (n, n_visible); p(v) = e^(-beta F(v)) / Z  (R5)"""
        v = self.states(v, "v")
        return self.visible_energy(v) - unit.potential(self.beta * self._hidden_field(v)).sum(axis=1) / self.beta

    def free_energy_gradient(self, v):
        """Return dF(v)/dW, dF/da, dF/db, averaged over the rows of v  (R8)"""
        clamped = self.clamped_moments(self.states(v, "v"))
        return {"W": -clamped.vh, "a": -clamped.v, "b": -clamped.h}

    def clamped_moments(self, v):
        """Return the ClampedMoments at the rows of v (n, n_visible), states or means  (R9)"""
        return self.clamp(self.rows(v, "v"))

    def clamp(self, rows):
        """Return the ClampedMoments at checked rows  (R9)"""
        return ClampedMoments(rows, self._hidden_mean(rows))

    def _hidden_field(self, v):
        return self.b + product(v, self.W)

    def _hidden_mean(self, v):
        if v.dtype == np.uint8:
            return kernels.unit_means(v, self.W, self.b, self.beta)
        return unit.mean(self.beta * self._hidden_field(v))

    # What a visible layer of another kind does differently stands below; training and sampling ask the machine.

    def states(self, v, name):
        """Return v (n, n_visible), checked to be visible states, as zeros and ones of uint8."""
        return validation.states(v, self.n_visible, name)

    def rows(self, X, name):
        """Return X (n, n_visible), checked to be what data may be: states, or means in [0, 1]."""
        return validation.states_or_means(X, self.n_visible, name)

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
        return rng.integers(2, size=(n, self.n_visible), dtype=np.uint8)

    def states_at(self, rows, rng):
        """Return visible states at checked rows of data (n, n_visible): grey values are probabilities, to be drawn."""
        return rows if rows.dtype == np.uint8 else (rng.random(rows.shape) < rows).astype(np.uint8)

    def draw_hidden(self, v, key, draw):
        """Return h (n, n_hidden) drawn from p(h | v) at checked v, by the numbers of the key and the draw  (R4)"""
        return kernels.draw_units(self._hidden_mean(v), key, draw)

    def draw_visible(self, h, key, draw):
        """Return v (n, n_visible) drawn from p(v | h) at checked h, by the numbers of the key and the draw  (R4)"""
        return kernels.sample_units(h, self.W.T, self.a, self.beta, key, draw)
