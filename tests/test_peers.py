"""Comparisons with scikit-learn, which is needed for nothing else: skipped where it is not installed."""
import numpy as np
import pytest
from numpy.testing import assert_allclose

sklearn_neural_network = pytest.importorskip("sklearn.neural_network")
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from minife import RBM
from minife.data import load_digits
from minife.estimators import BernoulliRBM
from minife.rbm.likelihood import pseudo_likelihoods

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
    """(R17): it flips one random pixel per row and multiplies by 784; the mean of many draws is our sum"""
    draws = np.array([peer.score_samples(X[:40].astype(float)) for _ in range(300)])
    error = draws.mean(axis=0) - pseudo_likelihoods(ours, X[:40])
    assert abs(error.mean()) < 5 * draws.std() / np.sqrt(draws.size)


def test_estimator_can_be_cloned_and_works_in_a_pipeline():
    model = clone(BernoulliRBM(40, n_iter=10, learning_rate=0.05, random_state=0))
    digits = load_digits()
    pipeline = make_pipeline(model, LogisticRegression(max_iter=500)).fit(digits.X_train[:1000], digits.y_train[:1000])
    assert pipeline.score(digits.X_test, digits.y_test) > 0.7


def test_learns_at_least_as_well_as_scikit_learn_with_its_own_settings():
    settings = {"n_components": 40, "learning_rate": 0.05, "batch_size": 10, "n_iter": 10, "random_state": 0}
    peer = sklearn_neural_network.BernoulliRBM(**settings).fit(X.astype(float))
    theirs = RBM(peer.components_.T, peer.intercept_visible_, peer.intercept_hidden_)
    assert BernoulliRBM(**settings).fit(X).score_samples(X).mean() > pseudo_likelihoods(theirs, X).mean()
