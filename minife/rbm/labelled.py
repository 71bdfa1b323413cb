"""The joint machine of an image and its label: an RBM whose last visible units are one unit of several states."""
import numpy as np

from ..units import Potts
from .model import RBM

label_unit = Potts()


class LabelledRBM(RBM):
    """The RBM whose last n_classes visible units are one label y, written one-hot: a unit of the Potts kind  (R22)"""

    def __init__(self, W, a, b, beta=1.0, *, n_classes):
        super().__init__(W, a, b, beta)
        self.n_classes = n_classes

    def double(self):
        raise TypeError("sums over all binary states would count rows with no label: use ClassificationRBM's own sums")

    swapped = double

    def random_states(self, n, rng):
        return self._labelled(super().random_states(n, rng), rng.integers(self.n_classes, size=n))

    def draw_visible(self, h, draw):
        """Return (x, one-hot y) drawn from p(x | h) p(y | h): the label is one draw from a softmax  (R22)"""
        u = np.random.default_rng((draw.key, draw.n)).random((len(h), 1))
        v = draw(self.visible_mean(h))
        labels = slice(self.n_visible - self.n_classes, None)
        p = label_unit.mean(self.beta * (self.a[labels] + h @ self.W[labels].T))      # (n, n_classes)
        y = (p.cumsum(axis=1, dtype=np.float64) < u).sum(axis=1)
        return self._labelled(v, np.minimum(y, self.n_classes - 1))                 # a sum may round to less than 1

    def _labelled(self, v, y):
        v[:, self.n_visible - self.n_classes:] = np.arange(self.n_classes) == y[:, None]
        return v
