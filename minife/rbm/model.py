"""The restricted Boltzmann machine: energy, fields, conditionals and free energy."""
import numpy as np

from .. import validation
from ..kernels.products import as_states
from ..units import Binary
from .base import TwoLayers
from .moments import averages

unit = Binary()


class Machine(TwoLayers):
    """E(v, h) = -a.v - b.h - v^T W h over visible v and binary h, at inverse temperature beta  (R1)

    What holds at given v stands here. RBM, LabelledRBM and GaussianRBM add what holds at given h;
    GaussianRBM has an energy of its own."""

    def energy(self, v, h):
        """Return E(v, h) (n,) of states v (n, n_visible), h (n, n_hidden)  (R1)"""
        v, h = self.pairs(v, h)
        return -(v @ self.a) - h @ self.b - ((v @ self.W) * h).sum(axis=1)

    def hidden_field(self, v):
        """Return b + v W (n, n_hidden), the field of the hidden units at v  (R3)"""
        return self.b + self.rows(v, "v") @ self.W

    def visible_field(self, h):
        """Return a + h W^T (n, n_visible), the field of the visible units at h  (R3)"""
        return self.a + self.hidden_rows(h, "h") @ self.W.T

    def hidden_mean(self, v):
        """Return p(h_j = 1 | v) (n, n_hidden)  (R4)"""
        return unit.mean(self.beta * self.hidden_field(v))

    def free_energy(self, v):
        """Return F(v) (n,) of states v (n, n_visible); p(v) = e^(-beta F(v)) / Z  (R5)"""
        v = self.states(v, "v")
        x = self.hidden_field(v)                                            # (n, n_hidden)
        return -(v @ self.a) - unit.potential(self.beta * x).sum(axis=1) / self.beta

    def free_energy_gradient(self, v):
        """Return dF(v)/dW, dF/da, dF/db, averaged over the rows of v  (R8)"""
        clamped = self.clamped_moments(self.states(v, "v"))
        return {"W": -clamped.vh, "a": -clamped.v, "b": -clamped.h}

    def clamped_moments(self, v):
        """Return the Moments at the rows of v (n, n_visible), states or means, h at its mean  (R9)
        """
        v = self.rows(v, "v")
        return averages(v, self.hidden_mean(v))

    # What rows may be: zeros and ones, and grey values between them, which are their means.

    def states(self, v, name):
        """Return v (n, n_visible), checked to be visible states, as States."""
        return validation.states(v, self.n_visible, name)

    def rows(self, X, name):
        """Return X (n, n_visible), checked to be what data may be: states, or means in [0, 1]."""
        return validation.states_or_means(X, self.n_visible, name, self.W.dtype)

    def hidden_rows(self, h, name):
        """Return h (n, n_hidden), checked to be states or means in [0, 1] of the hidden units."""
        return validation.states_or_means(h, self.n_hidden, name, self.W.dtype)

    def pairs(self, v, h):
        """Return v and h, checked to be states of the two layers, row by row."""
        v, h = self.states(v, "v"), validation.states(h, self.n_hidden, "h")
        if len(v) != len(h):
            raise ValueError("v and h must have the same number of rows, "
                             f"got {len(v)} and {len(h)}")
        return v, h

    def states_at(self, rows, rng):
        """Return visible states at checked rows of data: grey values are probabilities  (R25)"""
        return rows if rows.dtype == np.uint8 else as_states(rng.random(rows.shape) < rows)

    @staticmethod
    def bias_of(X, n_visible):
        """Return the a (n_visible,) that gives uncoupled units the means of X, kept inside (0, 1).

        Source: Hinton, A practical guide to training restricted Boltzmann machines, 2010."""
        X = validation.states_or_means(X, n_visible, "X")
        least = 1 / (len(X) + 2)
        return unit.field(np.clip(X.mean(axis=0), least, 1 - least))


class RBM(Machine):
    """The machine with binary units in both layers.

    W     weights (n_visible, n_hidden), float32 or float64; a, b are of the same type
    a, b  visible and hidden biases (n_visible,), (n_hidden,)
    beta  inverse temperature 1/T > 0
    An array is kept, not copied, where its type and layout allow; training changes it in place."""

    def visible_mean(self, h):
        """Return p(v_i = 1 | h) (n, n_visible)  (R4)"""
        return unit.mean(self.beta * self.visible_field(h))

    def draw_visible(self, h, draw):
        """Return v (n, n_visible) drawn from p(v | h) at states h (n, n_hidden) by a Draws  (R4)"""
        return draw(self.visible_mean(h))

    def random_states(self, n, rng):
        """Return n visible states with which chains can begin: fair coins."""
        return as_states(rng.integers(2, size=(n, self.n_visible), dtype=np.uint8))

    def log_weights(self, h):
        """Return log w(h) (n,), w(h) = sum_v e^(-beta E(v, h)), of states h (n, n_hidden)  (R7)"""
        h = validation.states(h, self.n_hidden, "h")
        x = self.visible_field(h)                                           # (n, n_visible)
        return self.beta * (h @ self.b) + unit.potential(self.beta * x).sum(axis=1)

    def energy_given(self, h):
        """Return <E | h> and Var(E | h), both (n,), of states h (n, n_hidden)  (R11)"""
        h = validation.states(h, self.n_hidden, "h")
        x = self.visible_field(h)                                           # (n, n_visible)
        m = unit.mean(self.beta * x)
        return -(h @ self.b) - (m * x).sum(axis=1), ((m - m**2) * x**2).sum(axis=1)

    def swapped(self):
        """Return a copy of the machine with its layers exchanged: v for h, W^T for W."""
        return RBM(self.W.T.copy(), self.b.copy(), self.a.copy(), self.beta)
