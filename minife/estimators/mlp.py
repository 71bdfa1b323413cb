"""Networks in scikit-learn's shape: a classifier with softmax output, and a regressor."""
import numpy as np

from .. import validation
from ..descent import storage
from ..backprop.losses import CategoricalCrossEntropy, SquaredError
from ..backprop.mlp import MLP
from ..backprop.training import train
from ..descent.optimizers import SGD, Adam, RMSProp
from ..units import Binary, Gaussian, LeakyRectified, Rectified, Spin
from .base import Estimator

ACTIVATIONS = {"relu": Rectified, "logistic": Binary, "tanh": Spin, "identity": Gaussian, "leaky_relu": LeakyRectified}
SOLVERS = ("adam", "sgd", "rmsprop")


class MLPEstimator(Estimator):
    """What classifier and regressor share. The arguments follow sklearn.neural_network.MLPClassifier.

    hidden_layer_sizes   numbers of hidden units, layer by layer
    activation           "relu", "logistic", "tanh", "identity" or "leaky_relu"
    solver               "adam", "sgd" (with momentum) or "rmsprop"
    alpha                L2 decay: alpha |W|^2 / 2 is added to the loss summed over a batch
    batch_size           rows per step
    learning_rate_init   a number, or a function of the number of steps taken
    max_iter             epochs, all of which are done
    random_state         None, an integer or a numpy.random.Generator
    verbose              true shows progress
    momentum             of "sgd"
    normalise            centres each input and brings all to one scale, measured when learning begins  (B14)
    dtype                numpy.float32 or numpy.float64
    callbacks, checkpoint   as in minife.descent.loop.descend

    After fit: coefs_, intercepts_ (lists, layer by layer), loss_curve_, history_, mlp_ (the minife.MLP itself)."""

    def __init__(self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001, batch_size=200,
                 learning_rate_init=0.001, max_iter=200, random_state=None, verbose=False, momentum=0.9, normalise=True,
                 dtype=np.float32, callbacks=(), checkpoint=None):
        self.hidden_layer_sizes, self.activation, self.solver = hidden_layer_sizes, activation, solver
        self.alpha, self.batch_size, self.learning_rate_init = alpha, batch_size, learning_rate_init
        self.max_iter, self.random_state, self.verbose = max_iter, random_state, verbose
        self.momentum, self.normalise, self.dtype = momentum, normalise, dtype
        self.callbacks, self.checkpoint = callbacks, checkpoint

    coefs_ = property(lambda self: [self.mlp_.parameters[f"W{k}"] for k in range(1, self.mlp_.depth + 1)])
    intercepts_ = property(lambda self: [self.mlp_.parameters[f"b{k}"] for k in range(1, self.mlp_.depth + 1)])
    loss_curve_ = property(lambda self: [record["loss"] for record in self.history_])

    def _fit(self, X, y, n_outputs, loss):
        """Learn from X and targets y, from the beginning, and return self."""
        validation.one_of(self.solver, "solver", SOLVERS)
        batch_size = validation.positive_integer(self.batch_size, "batch_size")
        decay = validation.not_negative(self.alpha, "alpha") / batch_size
        rng = np.random.default_rng(self.random_state)
        X = validation.real_array(X, "X", n_dims=2)
        self.mlp_ = MLP((X.shape[1], *self.hidden_layer_sizes, n_outputs), self._unit(), loss, rng, self.dtype)
        self.n_features_in_ = X.shape[1]
        if self.normalise:
            self.mlp_.normalise_input(X)
        if self.solver == "sgd":
            optimizer = SGD(self.learning_rate_init, self.momentum, l2=decay)
        else:
            optimizer = {"adam": Adam, "rmsprop": RMSProp}[self.solver](self.learning_rate_init, l2=decay)
        self.history_ = []
        train(self.mlp_, X, y, optimizer, self.max_iter, rng, batch_size=batch_size, callbacks=self.callbacks,
              checkpoint=self.checkpoint, same_seed=self.random_state is not None, history=self.history_,
              label=type(self).__name__ if self.verbose else None)
        return self

    def _unit(self):
        return ACTIVATIONS[validation.one_of(self.activation, "activation", tuple(ACTIVATIONS))]()

    def _save(self, path, **more):
        """Write settings that are numbers or texts, history, parameters and the normalisation to an .npz file."""
        mlp = self.fitted("mlp_")
        text = {"settings": self.settings(without=("checkpoint",)), "sizes": mlp.sizes, "history": self.history_}
        arrays = {"input_mean": mlp.input_mean, "input_scale": np.array(mlp.input_scale), **more}
        storage.write(path, type(self).__name__, text, mlp.parameters | arrays)

    @classmethod
    def _load(cls, path, loss):
        """Return the model of a file that _save() wrote, and the arrays of the file."""
        text, arrays = storage.read(path, cls.__name__, ("settings", "sizes", "history"))
        dtype = storage.pick(path, arrays, ("W1", "input_mean", "input_scale"))["W1"].dtype
        model = cls.of_settings(path, text["settings"], hidden_layer_sizes=tuple(text["sizes"][1:-1]), dtype=dtype.type)
        model.mlp_ = mlp = MLP(text["sizes"], model._unit(), loss, dtype=dtype)
        mlp.parameters = storage.pick(path, arrays, mlp.parameters)
        mlp.check_parameters()
        mlp.input_mean, mlp.input_scale = arrays["input_mean"], float(arrays["input_scale"])
        model.history_, model.n_features_in_ = text["history"], mlp.sizes[0]
        return model, arrays


class MLPClassifier(MLPEstimator):
    """A network with softmax output and categorical cross entropy. Arguments and attributes: MLPEstimator; classes_."""

    def fit(self, X, y):
        """Learn from X (n, n_features) and labels y (n,), whatever they are, and return self."""
        self.classes_, labels = np.unique(np.asarray(y), return_inverse=True)
        return self._fit(X, labels, len(self.classes_), CategoricalCrossEntropy())

    def predict_proba(self, X):
        """Return the probabilities of the classes (n, n_classes), in the order of classes_."""
        return self.fitted("mlp_").predict(X)

    def predict(self, X):
        """Return the most probable class of each row: (n,)"""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X, y):
        """Return the share of the rows of X whose class is predicted as in y."""
        return float((self.predict(X) == np.asarray(y)).mean())

    def save(self, path):
        """Write the fitted model to an .npz file: settings that are numbers or texts, history and parameters."""
        self._save(path, classes=self.fitted("classes_"))

    @classmethod
    def load(cls, path):
        """Return the model that save() wrote."""
        model, arrays = cls._load(path, CategoricalCrossEntropy())
        model.classes_ = arrays["classes"]
        return model


class MLPRegressor(MLPEstimator):
    """A network with linear output and squared error. Arguments and attributes: MLPEstimator."""

    def fit(self, X, y):
        """Learn from X (n, n_features) and numbers y (n,) or (n, n_outputs), and return self."""
        self._one = np.ndim(y) == 1
        return self._fit(X, y, 1 if self._one else np.shape(y)[1], SquaredError())

    def predict(self, X):
        """Return the numbers of each row, in the shape of the y of fit: (n,) or (n, n_outputs)"""
        y = self.fitted("mlp_").predict(X)
        return y[:, 0] if self._one else y

    def score(self, X, y):
        """Return the coefficient of determination R^2, over all outputs together."""
        y = np.asarray(y, dtype=float)
        return float(1 - ((self.predict(X) - y) ** 2).sum() / ((y - y.mean(axis=0)) ** 2).sum())

    def save(self, path):
        """Write the fitted model to an .npz file: settings that are numbers or texts, history and parameters."""
        self._save(path, one=np.array(self._one))

    @classmethod
    def load(cls, path):
        """Return the model that save() wrote."""
        model, arrays = cls._load(path, SquaredError())
        model._one = bool(arrays["one"])
        return model
