"""The classification RBM in scikit-learn's shape."""
import numpy as np

from .. import validation
from ..descent import storage
from ..descent.optimizers import SGD
from ..rbm.classification import ClassificationRBM, train
from ..rbm.gibbs import gibbs_chain
from ..rbm.training import ContrastiveDivergence, PersistentContrastiveDivergence
from .base import Estimator


class RBMClassifier(Estimator):
    """An RBM over data and labels that answers with p(y | x).

    n_components         hidden units
    objective            "discriminative" raises log p(y | x), "generative" log p(x, y), "hybrid" the first plus alpha
                         times the second
    alpha                the generative share ("hybrid")
    learning_rate        a number, or a function of the number of steps taken
    batch_size, n_iter   rows per step, epochs
    method               "pcd" or "cd": the negative phase ("generative" and "hybrid")
    n_chains             persistent chains ("pcd"), whatever the batch size
    n_gibbs_steps        Gibbs steps per update
    grey                 "means" takes grey values as they are, "drawn" as the probabilities of binary pixels, which
                         are drawn anew at every step
    momentum, weight_decay   of the steps; the decay is L2, on the weights alone
    random_state         None, an integer or a numpy.random.Generator
    verbose              true shows progress
    dtype                numpy.float32 or numpy.float64
    callbacks, checkpoint   as in minife.descent.loop.descend

    After fit: classes_, history_ (a dict per epoch), rbm_ (the ClassificationRBM itself)."""

    def __init__(self, n_components=256, *, objective="discriminative", alpha=0.01, learning_rate=0.1, batch_size=10,
                 n_iter=10, method="pcd", n_chains=100, n_gibbs_steps=1, grey="means", momentum=0.0,
                 weight_decay=0.0, random_state=None, verbose=0, dtype=np.float32, callbacks=(), checkpoint=None):
        self.n_components, self.objective, self.alpha = n_components, objective, alpha
        self.learning_rate, self.batch_size, self.n_iter, self.method = learning_rate, batch_size, n_iter, method
        self.n_chains, self.n_gibbs_steps, self.grey = n_chains, n_gibbs_steps, grey
        self.momentum, self.weight_decay, self.random_state = momentum, weight_decay, random_state
        self.verbose, self.dtype, self.callbacks, self.checkpoint = verbose, dtype, callbacks, checkpoint

    def fit(self, X, y):
        """Learn from X (n, n_features), binary or grey values in [0, 1], and labels y (n,), and return self."""
        validation.one_of(self.method, "method", ("pcd", "cd"))
        n_components = validation.positive_integer(self.n_components, "n_components")
        dtype = np.dtype(validation.one_of(np.dtype(self.dtype).name, "dtype", ("float32", "float64")))
        n_features = validation.real_array(X, "X", n_dims=2).shape[1]
        self.classes_, labels = np.unique(np.asarray(y), return_inverse=True)
        rng = np.random.default_rng(self.random_state)
        rbm = ClassificationRBM.initialise(n_features, n_components, len(self.classes_), rng, X, dtype)
        if self.method == "pcd":
            phase = PersistentContrastiveDivergence(self.n_chains, self.n_gibbs_steps)
        else:
            phase = ContrastiveDivergence(self.n_gibbs_steps)
        self.rbm_, self._rng, self.n_features_in_, self.history_ = rbm, rng, n_features, []
        train(rbm, X, labels, SGD(self.learning_rate, self.momentum, l2=self.weight_decay), self.n_iter, rng,
              objective=self.objective, alpha=self.alpha, negative_phase=phase, grey=self.grey,
              batch_size=self.batch_size, callbacks=self.callbacks, checkpoint=self.checkpoint,
              same_seed=self.random_state is not None, history=self.history_,
              label="RBMClassifier" if self.verbose else None)
        return self

    def predict_log_proba(self, X):
        """Return log p(y | x) (n, n_classes), in the order of classes_."""
        return self.fitted("rbm_").log_conditional(X)

    def predict_proba(self, X):
        """Return p(y | x) (n, n_classes), in the order of classes_."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X):
        """Return the most probable class of each row: (n,)"""
        best = self.predict_log_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X, y):
        """Return the share of the rows of X whose class is predicted as in y."""
        return float((self.predict(X) == np.asarray(y)).mean())

    def sample(self, y, n_steps=1000):
        """Return binary dreams (n, n_features) of the classes y (n,): n_steps Gibbs steps from fair coins, y held."""
        y = np.asarray(y)
        strange = y[~np.isin(y, self.fitted("classes_"))]
        if y.ndim != 1 or strange.size:
            raise ValueError(f"y must be a row of classes among {self.classes_}, got {strange if y.ndim == 1 else y}")
        dreams = np.empty((len(y), self.n_features_in_), dtype=np.uint8)
        for label in np.unique(y):
            rbm = self.rbm_.given_label(np.searchsorted(self.classes_, label))
            start = rbm.random_states(np.count_nonzero(y == label), self._rng)
            dreams[y == label] = gibbs_chain(rbm, start, n_steps, self._rng)[0]
        return dreams

    def save(self, path):
        """Write the fitted model to an .npz file: parameters, history, and all settings that are numbers or texts."""
        arrays = self.fitted("rbm_").parameters | {"classes": self.classes_}
        text = {"settings": self.settings(without=("checkpoint", "dtype")), "history": self.history_}
        storage.write(path, type(self).__name__, text, arrays)

    @classmethod
    def load(cls, path):
        """Return the model that save() wrote."""
        text, arrays = storage.read(path, cls.__name__, ("settings", "history"))
        dtype = storage.pick(path, arrays, ("W", "U", "classes"))["W"].dtype
        classes = arrays.pop("classes")
        model = cls.of_settings(path, text["settings"], dtype=dtype.type)
        model.classes_, model.rbm_, model.history_ = classes, ClassificationRBM(**arrays), text["history"]
        model.n_features_in_, model._rng = model.rbm_.n_visible, np.random.default_rng()
        return model
