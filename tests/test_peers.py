"""Comparisons with scikit-learn, which is needed for nothing else: skipped where it is not
installed."""
import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose

sklearn_neural_network = pytest.importorskip("sklearn.neural_network")
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from minife import MLP, RBM
from minife.backprop import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError
from minife.data import load_digits
from minife.estimators import BernoulliRBM
from minife.evaluation import pseudo_likelihoods
from minife.units import Binary, Gaussian, Rectified, Spin

X = load_digits().X_train[:300]


@pytest.fixture(scope="module")
def peer():
    return sklearn_neural_network.BernoulliRBM(30, n_iter=3, random_state=0).fit(X.astype(float))


@pytest.fixture(scope="module")
def ours(peer):
    return RBM(peer.components_.T, peer.intercept_visible_, peer.intercept_hidden_)


def test_same_parameters_same_features_and_free_energies(peer, ours):
    """(R4) and (R5)"""
    assert_allclose(ours.hidden_mean(X), peer.transform(X), rtol=1e-12, atol=1e-15)
    assert_allclose(ours.free_energy(X), peer._free_energy(X.astype(float)), rtol=1e-12)


def test_scikit_learns_score_is_a_one_pixel_sample_of_ours(peer, ours):
    """(E1): it flips one random pixel per row and multiplies by 784; the mean of many draws is our
    sum"""
    draws = np.array([peer.score_samples(X[:40].astype(float)) for _ in range(300)])
    error = draws.mean(axis=0) - pseudo_likelihoods(ours, X[:40])
    assert abs(error.mean()) < 5 * draws.std() / np.sqrt(draws.size)


def test_estimator_can_be_cloned_and_works_in_a_pipeline():
    model = clone(BernoulliRBM(40, n_iter=10, learning_rate=0.05, random_state=0))
    digits = load_digits()
    pipeline = make_pipeline(model,
                             LogisticRegression(max_iter=500)).fit(digits.X_train[:1000],
                                                                   digits.y_train[:1000])
    assert pipeline.score(digits.X_test, digits.y_test) > 0.7


def test_learns_at_least_as_well_as_scikit_learn_with_its_own_settings():
    settings = {
        "n_components": 40, "learning_rate": 0.05, "batch_size": 10, "n_iter": 10, "random_state": 0
    }
    peer = sklearn_neural_network.BernoulliRBM(**settings).fit(X.astype(float))
    theirs = RBM(peer.components_.T, peer.intercept_visible_, peer.intercept_hidden_)
    assert BernoulliRBM(**settings).fit(X).score_samples(X).mean() > pseudo_likelihoods(theirs,
                                                                                        X).mean()


ACTIVATIONS = {"logistic": Binary(), "tanh": Spin(), "relu": Rectified(), "identity": Gaussian()}
ROWS = np.random.default_rng(0).normal(size=(11, 4))
HEADS = {  # the peer, what it learns from, our loss
    "softmax": (sklearn_neural_network.MLPClassifier, np.arange(11) % 3, CategoricalCrossEntropy()),
    "sigmoid": (sklearn_neural_network.MLPClassifier, np.arange(11) % 2, BinaryCrossEntropy()),
    "sigmoids": (sklearn_neural_network.MLPClassifier, np.arange(33).reshape(11, 3) % 2,
                 BinaryCrossEntropy()),
    "number": (sklearn_neural_network.MLPRegressor, np.sin(np.arange(11.0)), SquaredError()),
    "numbers": (sklearn_neural_network.MLPRegressor, np.sin(np.arange(33.0)).reshape(11, 3),
                SquaredError()),
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(5,), (5, 3), (5, 3, 6)], ids=str)
def test_same_weights_same_loss_and_gradient(hidden, activation, head):
    """(B5), (B8) and (B9). scikit-learn's squared error is a mean over outputs; its gradient is
    that of the sum"""
    kind, y, loss = HEADS[head]
    peer = kind(hidden_layer_sizes=hidden, activation=activation, alpha=0, max_iter=1,
                random_state=0).fit(ROWS, y)
    targets = peer._label_binarizer.transform(
        y) if kind is sklearn_neural_network.MLPClassifier else y.reshape(11, -1)
    ours = MLP((4, *hidden, targets.shape[1]), ACTIVATIONS[activation], loss)
    for k, (W, b) in enumerate(zip(peer.coefs_, peer.intercepts_, strict=True), start=1):
        ours.parameters |= {f"W{k}": W, f"b{k}": b}
    n_layers = len(peer.coefs_)
    weights = (None,) if "sample_weight" in inspect.signature(peer._backprop).parameters else ()
    their_loss, d_W, d_b = peer._backprop(ROWS, targets, *weights, [ROWS] + [None] * n_layers,
                                          [None] * n_layers, [None] * n_layers, [None] * n_layers)
    outputs = targets.shape[1] if isinstance(loss, SquaredError) else 1
    assert_allclose(ours.loss(ROWS, y), outputs * their_loss, rtol=1e-12)
    gradient = ours.gradient(ROWS, y)
    for k in range(n_layers):
        assert_allclose(gradient[f"W{k + 1}"], d_W[k], rtol=1e-12, atol=1e-15)
        assert_allclose(gradient[f"b{k + 1}"], d_b[k], rtol=1e-12, atol=1e-15)
    expected = peer.predict(ROWS) if isinstance(loss, SquaredError) else peer.predict_proba(ROWS)
    got = ours.predict(ROWS)
    assert_allclose(got, expected[:, 1:] if head == "sigmoid" else expected.reshape(got.shape),
                    rtol=1e-12)
