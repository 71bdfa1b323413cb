"""Files of machines and networks: what comes back computes the same numbers, to the last bit."""
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import minife
from minife import MLP, RBM
from minife.backprop import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError
from minife.rbm import ClassificationRBM, GaussianRBM
from minife.units import Binary, LeakyRectified, Potts, Spin

DRAW = np.random.default_rng(0).standard_normal


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("model", [
    lambda: RBM(DRAW((5, 3)), DRAW(5), DRAW(3), 0.7),
    lambda: GaussianRBM(DRAW((5, 3)), DRAW(5), DRAW(3), 2.0),
    lambda: ClassificationRBM(DRAW((5, 3)), DRAW((2, 3)), DRAW(5), DRAW(3), DRAW(2), 1.5)],
                         ids=["binary", "Gaussian", "labels"])
def test_a_machine_comes_back(model, dtype, tmp_path):
    model = model()
    model = type(model)(*(array.astype(dtype) for array in model.parameters.values()), model.beta)
    minife.save(model, tmp_path / "m.npz")
    again = minife.load(tmp_path / "m.npz")
    assert type(again) is type(model) and again.beta == model.beta
    for name, array in model.parameters.items():
        assert_array_equal(again.parameters[name], array, strict=True)


@pytest.mark.parametrize("hidden", [Spin(), LeakyRectified(0.2)])
@pytest.mark.parametrize("loss", [CategoricalCrossEntropy(), BinaryCrossEntropy(), SquaredError(),
                                  SquaredError(Binary())])
def test_a_network_comes_back(hidden, loss, tmp_path):
    mlp = MLP((4, 3, 2), hidden, loss, np.random.default_rng(0), np.float32)
    X = 5 + DRAW((10, 4))
    mlp.normalise_input(X)
    minife.save(mlp, tmp_path / "m.npz")
    assert_array_equal(minife.load(tmp_path / "m.npz").predict(X), mlp.predict(X), strict=True)


def test_what_no_file_can_hold_is_refused(tmp_path):
    class Mine(Spin):
        pass
    with pytest.raises(TypeError, match="model must be an RBM"):
        minife.save({"W": 1}, tmp_path / "m.npz")
    with pytest.raises(TypeError, match="hidden must have one of the units"):
        minife.save(MLP((2, 2), Mine()), tmp_path / "m.npz")
    assert not list(tmp_path.iterdir())
    minife.descent.storage.write(tmp_path / "m.npz", "model", {"class": "Ising"}, {})
    with pytest.raises(ValueError, match="holds a Ising, which this minife does not know"):
        minife.load(tmp_path / "m.npz")
    assert isinstance(MLP((2, 2)).loss_function.unit, Potts)
