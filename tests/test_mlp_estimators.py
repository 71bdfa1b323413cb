"""Networks in scikit-learn's shape, on their own."""
import numpy as np
import pytest

from minife import MLP
from minife.backprop import SquaredError
from minife.estimators import BernoulliRBM, MLPClassifier, MLPRegressor
from minife.units import Rectified


def blobs(rng, n=300):
    """Return points around three centres, and the names of the centres."""
    centres = np.array([[0.0, 3, 0], [3, 0, 0], [-3, 0, 0]])
    k = rng.integers(3, size=n)
    return centres[k] + rng.standard_normal((n, 3)), np.array(["up", "right", "left"])[k]


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("activation", ["relu", "logistic", "tanh", "identity", "leaky_relu"])
def test_a_classifier_learns_names(solver, activation, rng):
    X, y = blobs(rng)
    model = MLPClassifier((8,), activation, solver=solver, learning_rate_init=0.02, batch_size=50,
                          max_iter=15, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.95 and list(model.classes_) == ["left", "right", "up"]
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-6)
    assert model.loss_curve_[-1] < model.loss_curve_[0] and len(model.loss_curve_) == 15
    assert [W.shape for W in model.coefs_] == [(3, 8),
                                               (8, 3)] and [b.shape
                                                            for b in model.intercepts_] == [(8,),
                                                                                            (3,)]


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
def test_a_regressor_learns_a_plane_exactly(n_outputs, rng):
    X = rng.standard_normal((200, 3))
    y = X @ rng.standard_normal(3) + 2 if n_outputs is None else X @ rng.standard_normal(
        (3, n_outputs)) + 2
    model = MLPRegressor((), learning_rate_init=0.05, alpha=0, batch_size=20, max_iter=60,
                         random_state=0, dtype=np.float64).fit(X, y)
    assert model.predict(X).shape == y.shape and model.score(X, y) > 1 - 1e-6
    constant = MLPRegressor((), alpha=0, max_iter=1, random_state=0).fit(X, y)
    constant.mlp_.parameters["W1"][...], constant.mlp_.parameters["b1"][...] = 0, 0
    assert abs(constant.score(X, y)) < 1e-6  # R^2 of the mean is 0


def test_a_saved_network_is_the_same_network(tmp_path, rng):
    X, y = blobs(rng)
    classifier = MLPClassifier((5, 4), "tanh", max_iter=2, random_state=0).fit(X, y)
    classifier.save(tmp_path / "model.npz")
    loaded = MLPClassifier.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))
    assert loaded.history_ == classifier.history_ and loaded.get_params() == classifier.get_params()
    regressor = MLPRegressor((5,), max_iter=2, random_state=0, dtype=np.float64).fit(X, X[:, 0])
    regressor.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(
        MLPRegressor.load(tmp_path / "model.npz").predict(X), regressor.predict(X))
    BernoulliRBM(2, n_iter=1, random_state=0).fit(X > 0).save(tmp_path / "rbm.npz")
    with pytest.raises(ValueError, match="holds a BernoulliRBM, not a MLPClassifier"):
        MLPClassifier.load(tmp_path / "rbm.npz")


def test_the_l2_term_is_alpha_over_the_batch(rng):
    """One full batch of plain descent by hand, with scikit-learn's meaning of alpha"""
    X, y = rng.standard_normal((40, 3)), rng.standard_normal(40)
    settings = {
        "solver": "sgd", "momentum": 0, "learning_rate_init": 0.1, "alpha": 8.0, "batch_size": 40,
        "random_state": 3, "dtype": np.float64, "normalise": False
    }
    model = MLPRegressor((), max_iter=1, **settings).fit(X, y)
    fresh = MLP((3, 1), Rectified(), SquaredError(), np.random.default_rng(3))
    W, slope = fresh.parameters["W1"], fresh.gradient(X, y)["W1"]
    np.testing.assert_allclose(model.coefs_[0], W - 0.1 * (slope + 8 / 40 * W), rtol=1e-12)


@pytest.mark.parametrize("argument, value, message", [
    ("activation", "sine", "activation must be one of"),
    ("solver", "lbfgs", "solver='lbfgs' is not in minife"),
("alpha", -1, "alpha must be a number of at least 0"), ("batch_size", 0, "batch_size must be a "
                                                        "positive"),
    ("max_iter", 0, "max_iter must be a positive"),
    ("hidden_layer_sizes", (0,), "sizes must be a positive"),
("momentum", 1.0, "momentum must be a number in"),
    ("learning_rate_init", 0.0, "learning_rate_init must be a positive")])
def test_wrong_settings_of_a_network_are_named(argument, value, message, rng):
    X, y = blobs(rng, 20)
    solver = {} if argument == "solver" else {"solver": "sgd"}
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**{argument: value}, **solver).fit(X, y)


def test_a_network_that_has_not_learned_says_so():
    with pytest.raises(ValueError, match="this MLPClassifier instance has not learned yet"):
        MLPClassifier().predict([[0.0]])


def test_an_interrupted_fit_goes_on_from_its_checkpoint(tmp_path, rng):
    X, y = blobs(rng)
    whole = MLPClassifier((4,), max_iter=6, random_state=1).fit(X, y)
    MLPClassifier((4,), max_iter=3, random_state=1, checkpoint=tmp_path / "c.npz").fit(X, y)
    resumed = MLPClassifier((4,), max_iter=6, random_state=1,
                            checkpoint=tmp_path / "c.npz").fit(X, y)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
