"""Networks with scikit-learn's interface: a classifier with softmax output, and a regressor."""
import numpy as np

from .. import validation
from ..backprop.losses import CategoricalCrossEntropy, SquaredError
from ..units import Potts
from . import files, responses
from .network import MLPEstimator

label_unit = Potts()


class MLPClassifier(MLPEstimator):
    """A network with softmax output and categorical cross entropy. Arguments and attributes:
    MLPEstimator; classes_."""

    _estimator_type = "classifier"
    out_activation_ = "softmax"

    def fit(self, X, y, sample_weight=None):
        """Learn from X (n, n_features) and labels y (n,), whatever they are, and return self."""
        go_on = validation.flag(self.warm_start, "warm_start")
        return self._fit(X, y, None, sample_weight,
                         validation.positive_integer(self.max_iter, "max_iter"), go_on)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go on learning for one epoch over X and labels y, and return self.

        classes   all labels that will ever come, at the first call; later it may be left out"""
        return self._fit(X, y, classes, sample_weight, 1, True)

    def _fit(self, X, y, classes, sample_weight, n_epochs, go_on):
        X, names = self._read_to_learn(X, go_on)
        y = responses.labels(y)
        responses.same_length(X, y)
        known = self.classes_ if go_on and self.__sklearn_is_fitted__() else None
        if classes is None:
            classes = np.unique(y) if known is None else known
        else:
            classes = np.unique(responses.labels(classes))
        if known is not None and not np.array_equal(known, classes):
            raise ValueError(f"classes must be those of the first call, {known}, got {classes}")
        if not np.isin(y, classes).all():
            strange = y[~np.isin(y, classes)][0]
            raise ValueError(f"y must hold labels among {classes}, got {strange!r}")
        one_hot = np.eye(len(classes))[np.searchsorted(classes, y)]  # (n, n_classes)
        return self._learn(X, names, one_hot, CategoricalCrossEntropy(), sample_weight, n_epochs,
                           go_on, accuracy, classes_=classes)

    def predict_log_proba(self, X):
        """Return the log probabilities of the classes (n, n_classes), in the order of classes_."""
        x = self._fields(X)
        return x - label_unit.potential(x)[:, None]

    def predict_proba(self, X):
        """Return the probabilities of the classes (n, n_classes), in the order of classes_."""
        return label_unit.mean(self._fields(X))

    def predict(self, X):
        """Return the most probable class of each row: (n,)"""
        return self.fitted("classes_")[self._fields(X).argmax(axis=1)]

    def score(self, X, y, sample_weight=None):
        """Return the share of the rows of X whose class is predicted as in y."""
        predicted = self.predict(X)
        y = responses.compare_labels(y, self.classes_)
        responses.same_length(predicted, y)
        return float(np.average(predicted == y, weights=responses.weights(sample_weight, len(y))))

    def save(self, path):
        """Write the fitted model to an .npz file: settings that are numbers or texts, history and
        parameters."""
        files.save_network(self, path, classes=self.fitted("classes_"))

    @classmethod
    def load(cls, path):
        """Return the model that save() wrote."""
        model, arrays = files.load_network(cls, path, CategoricalCrossEntropy())
        model.classes_ = arrays["classes"]
        return model


class MLPRegressor(MLPEstimator):
    """A network with linear output and squared error. Arguments and attributes: MLPEstimator."""

    _estimator_type = "regressor"
    out_activation_ = "identity"

    def fit(self, X, y, sample_weight=None):
        """Learn from X (n, n_features) and numbers y (n,) or (n, n_outputs), and return self."""
        go_on = validation.flag(self.warm_start, "warm_start")
        return self._fit(X, y, sample_weight,
                         validation.positive_integer(self.max_iter, "max_iter"), go_on)

    def partial_fit(self, X, y, sample_weight=None):
        """Go on learning for one epoch over X and numbers y, and return self."""
        return self._fit(X, y, sample_weight, 1, True)

    def _fit(self, X, y, sample_weight, n_epochs, go_on):
        X, names = self._read_to_learn(X, go_on)
        y = responses.targets(y)
        responses.same_length(X, y)
        return self._learn(X, names, y.reshape(len(y), -1), SquaredError(), sample_weight, n_epochs,
                           go_on, r_squared, _one=y.ndim == 1)

    def predict(self, X):
        """Return the numbers of each row, in the shape of the y of fit: (n,) or (n, n_outputs)"""
        y = self._fields(X)
        return y[:, 0] if self._one else y

    def score(self, X, y, sample_weight=None):
        """Return the coefficient of determination R^2, its mean over the outputs."""
        predicted, y = self._fields(X), responses.targets(y)
        responses.same_length(predicted, y)
        y = y.reshape(len(y), -1)
        if y.shape != predicted.shape:
            raise ValueError(f"y must have {predicted.shape[1]} columns, got {y.shape[1]}")
        return r_squared(predicted, y, responses.weights(sample_weight, len(y)))

    def save(self, path):
        """Write the fitted model to an .npz file: settings that are numbers or texts, history and
        parameters."""
        files.save_network(self, path, one=np.array(self.fitted("_one")))

    @classmethod
    def load(cls, path):
        """Return the model that save() wrote."""
        model, arrays = files.load_network(cls, path, SquaredError())
        model._one = bool(arrays["one"])
        return model


def accuracy(x, y):
    """Return the share of rows whose largest output is at the label, y one-hot."""
    return float((x.argmax(axis=1) == y.argmax(axis=1)).mean())


def r_squared(predicted, y, weights=None):
    """Return R^2 (Draper and Smith), the mean over columns; of a constant column it is 1 if all is
    right, else 0."""
    with np.errstate(over="ignore"):  # a prediction far out has an infinite error
        error = np.average((predicted - y) ** 2, axis=0, weights=weights)
    spread = np.average((y - np.average(y, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
    known = spread > 0
    return float(np.where(known, 1 - error / np.where(known, spread, 1), (error == 0) * 1.0).mean())
