"""The estimators in the hands of scikit-learn: its own checks, and its tools as people use them.
Skipped without it."""
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (AdaBoostRegressor, BaggingClassifier, StackingClassifier,
                              VotingClassifier, VotingRegressor)
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (GridSearchCV, RandomizedSearchCV, cross_val_predict,
                                     cross_val_score, learning_curve, validation_curve)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

from minife.estimators import BernoulliRBM, MLPClassifier, MLPRegressor, RBMClassifier, features

UNEQUAL = {"check_sample_weight_equivalence_on_dense_data":
           "a weight of 2 is not a row that stands twice: batches are drawn from rows"}
NETWORKS = [
    MLPClassifier((10,), random_state=0),
    MLPRegressor((50,), learning_rate_init=0.01, random_state=0)
]
MACHINES = [
    BernoulliRBM(3, n_iter=1, random_state=0),
    RBMClassifier(10, n_iter=100, learning_rate=0.5, random_state=0)
]


def failed(estimator, expected=None):
    """Return the names of the checks that fail, with what is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, expected_failed_checks=expected, on_fail=None,
                                  on_skip=None)
    return {
        result["check_name"]: str(result["exception"])[:300]
        for result in results if result["status"] == "failed"
    }


@pytest.mark.parametrize("estimator", NETWORKS, ids=lambda estimator: type(estimator).__name__)
def test_the_checks_of_scikit_learn(estimator):
    assert failed(estimator, UNEQUAL) == {}


@pytest.mark.parametrize("estimator", MACHINES, ids=lambda estimator: type(estimator).__name__)
def test_an_rbm_fails_only_the_checks_whose_numbers_leave_0_1(estimator):
    """States are 0 and 1 or probabilities: many of scikit-learn's checks draw normal numbers, which
    are refused."""
    for name, message in failed(estimator).items():
        assert "X must lie in [0, 1]" in message, f"{name}: {message}"


@pytest.mark.parametrize("estimator", MACHINES, ids=lambda estimator: type(estimator).__name__)
def test_an_rbm_passes_the_same_checks_on_numbers_that_are_brought_there(estimator, monkeypatch):
    monkeypatch.setattr(features, "probabilities",
                        lambda X: 1 / (1 + np.exp(-np.clip(X, -30, 30))))
    monkeypatch.setattr(type(estimator), "_in_unit_interval", False)
    assert failed(estimator) == {}


rng = np.random.default_rng(0)
X = rng.standard_normal((90, 4))
V, y, t = (X > 0).astype(np.uint8), (X[:, 0] > 0).astype(int), X @ [1.0, 2, 3, 4]
three = np.digitize(X[:, 0], [-0.5, 0.5])


def clf(**changes):
    return MLPClassifier(**{"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0} | changes)


def reg(**changes):
    return MLPRegressor(**{"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0} | changes)


def rbm(**changes):
    return BernoulliRBM(**{"n_components": 3, "n_iter": 1, "random_state": 0} | changes)


def grid(values):
    return GridSearchCV(clf(), values, cv=2).fit(X, y).best_score_


def raises(error, call):
    with pytest.raises(error):
        call()


def warns(category, call):
    with pytest.warns(category):
        call()


USES = {
    "is_classifier": lambda: is_classifier(clf()) or 1 / 0,
    "is_regressor": lambda: is_regressor(reg()) or 1 / 0,
    "clone": lambda: clone(clf(alpha=0.1)).alpha == 0.1 or 1 / 0,
    "cross_val_score of a classifier": lambda: cross_val_score(clf(), X, y, cv=3),
    "cross_val_score of a regressor": lambda: cross_val_score(reg(), X, t, cv=3),
    "cross_val_score of an RBM classifier": lambda: cross_val_score(
        RBMClassifier(3, n_iter=1, random_state=0), V, y, cv=3),
    "cross_val_score of an RBM": lambda: cross_val_score(rbm(), V, cv=3),
    "cross_val_predict": lambda: cross_val_predict(clf(), X, three, cv=3, method="predict_proba"),
    "grid over alpha": lambda: grid({"alpha": [1e-4, 1e-2]}),
    "grid over solvers and sizes": lambda: grid(
        {"solver": ["adam", "sgd"], "hidden_layer_sizes": [5, (3, 3)]}),
    "grid over schedules": lambda: GridSearchCV(clf(
        solver="sgd"), {"learning_rate": ["constant", "invscaling", "adaptive"]}, cv=2).fit(X, y),
    "grid over early stopping": lambda: grid(
        {"early_stopping": [True, False], "batch_size": ["auto", 7]}),
    "randomized search in two processes": lambda: RandomizedSearchCV(clf(
    ), {"alpha": [1e-4, 1e-3, 1e-2]}, n_iter=2, cv=2, n_jobs=2, random_state=0).fit(X, y),
    "scaler and classifier": lambda: make_pipeline(StandardScaler(), clf()).fit(X, y).predict(X),
    "MinMaxScaler, RBM, logistic regression": lambda: make_pipeline(MinMaxScaler(), rbm(
    ), LogisticRegression()).fit(X, y).score(X, y),
    "MinMaxScaler in float32": lambda: make_pipeline(MinMaxScaler(), rbm()).fit(X.astype(
        np.float32)).transform(X.astype(np.float32)),
    "one RBM on another": lambda: make_pipeline(rbm(), rbm(), clf()).fit(V, y).predict(V),
    "grid over a step of a pipeline": lambda: GridSearchCV(
        make_pipeline(rbm(), LogisticRegression()), {
            "bernoullirbm__n_components": [2, 4], "bernoullirbm__learning_rate": [0.01, 0.1]
        }, cv=2).fit(V, y),
    "feature union": lambda: FeatureUnion([("a", rbm()),
                                           ("b", rbm(n_components=2))]).fit(V).transform(V),
    "column transformer": lambda: ColumnTransformer([("rbm", rbm(), [0, 1])], remainder=
                                                    "passthrough").fit_transform(V),
    "voting": lambda: VotingClassifier([("a", clf()),
                                        ("b", clf())], voting="soft").fit(X, y).predict(X),
    "voting of regressors": lambda: VotingRegressor([("a", reg()),
                                                     ("b", reg())]).fit(X, t).predict(X),
    "bagging": lambda: BaggingClassifier(clf(), n_estimators=2).fit(X, y).predict(X),
    "boosting": lambda: AdaBoostRegressor(reg(), n_estimators=2).fit(X, t).predict(X),
    "stacking": lambda: StackingClassifier([("a", clf())], LogisticRegression(), cv=2).fit(X, y).
    predict(X),
    "calibration": lambda: CalibratedClassifierCV(clf(), cv=2).fit(X, y).predict_proba(X),
    "one against the rest": lambda: OneVsRestClassifier(clf()).fit(X, three).predict(X),
    "several outputs": lambda: MultiOutputClassifier(clf()).fit(X, np.column_stack([y, three])
                                                                ).predict(X),
    "several targets": lambda: MultiOutputRegressor(reg()).fit(X, np.column_stack([t, -t])).predict(
        X),
    "targets of another scale": lambda: TransformedTargetRegressor(reg(
    ), transformer=StandardScaler()).fit(X, t).predict(X),
    "permutation importance": lambda: permutation_importance(clf().fit(X, y), X, y, n_repeats=2),
    "feature selection": lambda: SequentialFeatureSelector(clf(), n_features_to_select=1, cv=2).fit(
        X, y),
    "learning curve": lambda: learning_curve(clf(), X, y, cv=2, train_sizes=[0.5, 1.0]),
    "validation curve": lambda: validation_curve(clf(), X, y, param_name="alpha", param_range=
                                                 [1e-4, 1e-2], cv=2),
    "log loss": lambda: log_loss(three,
                                 clf().fit(X, three).predict_proba(X)),
    "check_is_fitted": lambda:
    (raises(NotFittedError, lambda: check_is_fitted(clf())), check_is_fitted(clf().fit(X, y))),
    "pickle": lambda: pickle.loads(pickle.dumps(clf().fit(X, y))).predict(X),
    "a warning that learning did not converge": lambda: warns(ConvergenceWarning, lambda: clf().fit(
        X, y)),
    "a column of labels": lambda: warns(DataConversionWarning, lambda: clf().fit(X, y[:, None])),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("use", USES)
def test_ordinary_uses(use):
    USES[use]()


@pytest.mark.filterwarnings("ignore")
def test_tables_of_pandas_keep_their_names_and_index():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(V, columns=list("abcd"), index=range(100, 190))
    model = rbm().set_output(transform="pandas").fit(table)
    features = model.transform(table)
    assert list(features.columns) == ["bernoullirbm0", "bernoullirbm1", "bernoullirbm2"] and list(
        features.index) == list(table.index)
    with pytest.raises(ValueError, match="same order as they were in fit"):
        model.transform(table[list("dcba")])
    with pytest.raises(ValueError, match="unseen at fit time"):
        model.transform(table.rename(columns={"a": "x"}))
    names = pd.Series(np.where(y, "yes", "no"), dtype="category")
    assert set(clf().fit(table, names).predict(table)) <= {"yes", "no"}


@pytest.mark.filterwarnings("ignore")
def test_the_ridge_solution_is_the_judge_of_alpha():
    """alpha |W|^2 / 2 beside the loss summed over the rows, whatever the batch_size"""
    rows, alpha = np.random.default_rng(0).standard_normal((20, 4)), 20.0
    targets = rows @ [1.0, 2, 3, 4] + 5
    centred = rows - rows.mean(axis=0)
    ridge = np.linalg.solve(centred.T @ centred + alpha * np.eye(4),
                            centred.T @ (targets - targets.mean()))
    for batch_size in (20, 21, 200):
        model = MLPRegressor((), solver="sgd", learning_rate_init=0.05, alpha=alpha,
                             batch_size=batch_size, max_iter=3000, tol=1e-12, n_iter_no_change=100,
                             random_state=0, dtype=np.float64).fit(rows, targets)
        np.testing.assert_allclose(model.coefs_[0].ravel(), ridge, rtol=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_weights_and_biases_reproduce_the_predictions():
    scaled = 1e3 * X + 1e6
    model = reg(activation="tanh", max_iter=20).fit(scaled, 1e4 * t)
    (W1, W2), (b1, b2) = model.coefs_, model.intercepts_
    np.testing.assert_allclose(
        np.tanh(scaled@W1 + b1) @ W2[:, 0] + b2, model.predict(scaled), rtol=1e-6, atol=1e-2)
