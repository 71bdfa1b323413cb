"""Networks that many tests share: units, losses, sizes."""
import numpy as np
import pytest

from minife import MLP
from minife.backprop import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError
from minife.units import Binary, Gaussian, LeakyRectified, Rectified, Spin

UNITS = [Binary(), Spin(), Gaussian(), Rectified(), LeakyRectified(0.1)]
LOSSES = [SquaredError(), SquaredError(Binary()), BinaryCrossEntropy(), CategoricalCrossEntropy()]
MATCHING = [LOSSES[0], *LOSSES[2:]]
DEPTHS = (1, 2, 3, 4)
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: type(unit).__name__)
each_loss = pytest.mark.parametrize(
    "loss", LOSSES, ids=lambda loss: type(loss).__name__ + type(loss.unit).__name__)
each_matching_loss = pytest.mark.parametrize("loss", MATCHING, ids=lambda loss: type(loss).__name__)


def network(sizes, hidden=Spin(), loss=CategoricalCrossEntropy(), seed=0, **more):
    """Return a random MLP."""
    return MLP(sizes, hidden, loss, np.random.default_rng(seed), **more)
