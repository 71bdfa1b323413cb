"""The post's network: tied layers with a softmax on top, and the same layers untied."""
import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife.backprop import train
from minife.bridge.tied import TiedClassifier
from minife.data import load_digits
from minife.descent import Adam
from minife.descent.loop import descend


@proves("C4")
def test_the_gradient_of_tied_weights_is_the_sum_over_layers(rng):
    """(C4): over the layers of the untied network; those with W^T give their share transposed"""
    tied = TiedClassifier(random_rbm(rng, 7, 5), 2, rng.standard_normal((5, 3)),
                          rng.standard_normal(3))
    X, y = rng.random((9, 7)), rng.integers(3, size=9)
    mlp = tied.untie()
    assert mlp.sizes == (7, 5, 7, 5, 7, 5, 3)
    assert_array_equal(mlp.predict(X), tied.predict(X))
    own, shared = mlp.gradient(X, y), tied.gradient(X, y)
    assert_allclose(shared["W"], own["W1"] + own["W2"].T + own["W3"] + own["W4"].T + own["W5"],
                    rtol=0, atol=1e-15)
    assert_allclose(shared["a"], own["b2"] + own["b4"], rtol=0, atol=1e-15)
    assert_allclose(shared["b"], own["b1"] + own["b3"] + own["b5"], rtol=0, atol=1e-15)
    assert_allclose(shared["U"], own["W6"], rtol=0, atol=1e-15)
    assert_allclose(shared["d"], own["b6"], rtol=0, atol=1e-15)


def test_tied_and_untied_networks_learn_with_the_loop_of_chapter_b():
    digits = load_digits()
    X, y, rng = digits.X_train[:1000], digits.y_train[:1000], np.random.default_rng(0)
    tied = TiedClassifier.initialise(784, 20, 10, 1, rng, X, dtype=np.float32)
    untied, before = tied.untie(), tied.loss(X, y)
    assert before == pytest.approx(np.log(10)) and untied.loss(X, y) == pytest.approx(before)
    descend(tied, lambda r: tied.gradient(X[r], y[r]), len(X), Adam(0.005), 5, rng, batch_size=50)
    train(untied, X, y, Adam(0.005), 5, rng, batch_size=50)
    assert tied.loss(X, y) < 0.7 * before and untied.loss(X, y) < 0.8 * before
    assert all(array.dtype == np.float32 for array in tied.parameters.values())
