"""The joint machine of an image and its label: the last visible units are one unit of several
states."""
import numpy as np

from .. import validation
from ..kernels.products import as_states
from ..units import Potts
from .model import Machine, unit

label_unit = Potts()


class LabelledRBM(Machine):
    """The machine whose last n_classes visible units are one label y, written one-hot  (R22)

    The label is a unit of the Potts kind; the other visible units are binary pixels."""

    def __init__(self, W, a, b, beta=1.0, *, n_classes):
        super().__init__(W, a, b, beta)
        self.n_classes = validation.positive_integer(n_classes, "n_classes")
        if self.n_classes >= self.n_visible:
            raise ValueError(f"n_classes must be below the {self.n_visible} visible units, "
                             f"got {n_classes}")

    def visible_mean(self, h):
        """Return p(v_i = 1 | h) and p(y | h) side by side (n, n_visible)  (R4, R22)"""
        x, x_y = self._fields(h)
        return np.hstack([unit.mean(self.beta * x), label_unit.mean(self.beta * x_y)])

    def draw_visible(self, h, draw):
        """Return (v, one-hot y) drawn from p(v | h) p(y | h), the label from a softmax  (R22)"""
        u = np.random.default_rng((draw.key, draw.n)).random((len(h), 1))
        mean = self.visible_mean(h)
        p = mean[:, -self.n_classes:].cumsum(axis=1, dtype=np.float64)      # (n, n_classes)
        y = np.minimum((p < u).sum(axis=1), self.n_classes - 1)  # a sum may round to less than 1
        return self._labelled(draw(mean), y)

    def random_states(self, n, rng):
        """Return n visible states with which chains can begin: fair coins, and any label."""
        v = as_states(rng.integers(2, size=(n, self.n_visible), dtype=np.uint8))
        return self._labelled(v, rng.integers(self.n_classes, size=n))

    def log_weights(self, h):
        """Return log w(h) (n,), w(h) = sum_vy e^(-beta E(v, y, h)), of states h  (R7, R22)"""
        h = validation.states(h, self.n_hidden, "h")
        x, x_y = self._fields(h)
        return (self.beta * (h @ self.b) + unit.potential(self.beta * x).sum(axis=1)
                + label_unit.potential(self.beta * x_y))

    def energy_given(self, h):
        """Return <E | h> and Var(E | h), both (n,), of states h (n, n_hidden)  (R11)"""
        h = validation.states(h, self.n_hidden, "h")
        x, x_y = self._fields(h)
        m, p = unit.mean(self.beta * x), label_unit.mean(self.beta * x_y)
        mean = (p * x_y).sum(axis=1)
        return (-(h @ self.b) - (m * x).sum(axis=1) - mean,
                ((m - m**2) * x**2).sum(axis=1) + (p * (x_y - mean[:, None]) ** 2).sum(axis=1))

    def _fields(self, h):
        """Return the fields of the pixels and those of the label (n, n_classes)."""
        return np.hsplit(self.visible_field(h), [-self.n_classes])

    def _labelled(self, v, y):
        v[:, -self.n_classes:] = np.arange(self.n_classes) == y[:, None]
        return v
