"""The classification RBM with scikit-learn's interface."""
import numpy as np

from .. import validation
from ..descent.optimizers import SGD
from ..rbm.classification import ClassificationRBM, train
from ..rbm.gibbs import gibbs_chain
from ..rbm.training import ContrastiveDivergence, NegativePhase, PersistentContrastiveDivergence
from . import features, files, responses
from .base import Estimator


class RBMClassifier(Estimator):
    """An RBM over data and labels that answers with p(y | x).

    n_components         hidden units
    objective            "discriminative" raises log p(y | x), "generative" log p(x, y), "hybrid"
                         the first plus alpha times the second
    alpha                the generative share ("hybrid")
    learning_rate        a number, or a function of the number of steps taken
    batch_size, n_iter   rows per step, epochs
    method               "pcd", "cd" or a NegativePhase ("generative" and "hybrid")
    n_chains             persistent chains ("pcd"), whatever the batch size; None is one for each
                         row of a batch
    n_gibbs_steps        Gibbs steps per update
    grey                 "means" takes grey values as they are, "drawn" as the probabilities of
                         binary pixels, which are drawn anew at every step
    momentum, weight_decay   of the steps; the decay is L2, on the weights alone
    averaging            a share: fit ends at the mean of the parameters over this last part of its
                         steps; 0 at the last ones
    random_state         None, an integer or a numpy.random.Generator
    verbose              true shows progress
    dtype                numpy.float32 or numpy.float64
    callbacks, checkpoint   as in minife.descent.loop.descend

    After fit: classes_, n_iter_, history_ (a dict per epoch), rbm_ (the ClassificationRBM
    itself)."""

    _estimator_type, _model, _in_unit_interval = "classifier", "rbm_", True

    def __init__(self, n_components=256, *, objective="discriminative", alpha=0.01,
                 learning_rate=0.1, batch_size=10, n_iter=10, method="pcd", n_chains=None,
                 n_gibbs_steps=1, grey="means", momentum=0.0, weight_decay=0.0, averaging=0.0,
                 random_state=None, verbose=0, dtype=np.float32, callbacks=(), checkpoint=None):
        self.n_components, self.objective, self.alpha = n_components, objective, alpha
        self.learning_rate, self.batch_size = learning_rate, batch_size
        self.n_iter, self.method = n_iter, method
        self.n_chains, self.n_gibbs_steps, self.grey = n_chains, n_gibbs_steps, grey
        self.momentum, self.weight_decay, self.random_state = momentum, weight_decay, random_state
        self.averaging, self.verbose, self.dtype = averaging, verbose, dtype
        self.callbacks, self.checkpoint = callbacks, checkpoint

    n_iter_ = property(lambda self: len(self.fitted("history_")))

    def fit(self, X, y):
        """Learn from X (n, n_features), binary or grey values in [0, 1], and labels y (n,), and
        return self."""
        return self._fit(X, y, None, validation.positive_integer(self.n_iter, "n_iter"),
                         go_on=False)

    def partial_fit(self, X, y, classes=None):
        """Go on learning for one epoch over X and labels y, with chains and momentum as they are,
        and return self.

        classes   all labels that will ever come, at the first call; later it may be left out"""
        return self._fit(X, y, classes, 1, go_on=True)

    def _fit(self, X, y, classes, n_epochs, go_on):
        go_on = go_on and self.__sklearn_is_fitted__()
        (X, names), y = self._read_to_learn(X, go_on), responses.labels(y)
        responses.same_length(X, y)
        X = features.probabilities(X)
        if go_on:
            rbm, rng, history, known = self.rbm_, self._rng, self.history_, self.classes_
            phase, optimizer = vars(self).get("_learned_by") or self._learner()
        else:
            known = np.unique(y) if classes is None else np.unique(responses.labels(classes))
            rng, history = np.random.default_rng(self.random_state), []
            n_components = validation.positive_integer(self.n_components, "n_components")
            rbm = ClassificationRBM.initialise(X.shape[1], n_components, len(known), rng, X,
                                               validation.float_type(self.dtype))
            phase, optimizer = self._learner()
        if not np.isin(y, known).all():
            raise ValueError(f"y must hold labels among {known}, got {y[~np.isin(y, known)][0]!r}")
        with self._learning(names, X.shape[1], classes_=known, rbm_=rbm, _rng=rng, history_=history,
                            _learned_by=(phase, optimizer)):
            train(rbm, X, np.searchsorted(known, y), optimizer,
                  len(history) + n_epochs, rng, objective=self.objective, alpha=self.alpha,
                  negative_phase=phase, grey=self.grey, batch_size=self.batch_size,
                  averaging=self.averaging, callbacks=self.callbacks,
                  checkpoint=None if go_on else self.checkpoint, same_seed=self.random_state
                  is not None, history=history, label=type(self).__name__ if self.verbose else None)
        return self

    def _learner(self):
        """Return the negative phase and the optimizer that the arguments ask for."""
        n_chains = self.batch_size if self.n_chains is None else self.n_chains
        if isinstance(self.method, (NegativePhase, type)):
            phase = validation.instance(self.method, "method", NegativePhase)
        elif validation.one_of(self.method, "method", ("pcd", "cd")) == "pcd":
            phase = PersistentContrastiveDivergence(n_chains, self.n_gibbs_steps)
        else:
            phase = ContrastiveDivergence(self.n_gibbs_steps)
        return phase, SGD(self.learning_rate, self.momentum, l2=self.weight_decay)

    def predict_log_proba(self, X):
        """Return log p(y | x) (n, n_classes), in the order of classes_."""
        X, rbm = features.probabilities(self._read(X)), self.fitted()
        double = ClassificationRBM(*(array.astype(np.float64) for array in rbm.parameters.values()),
                                   rbm.beta)
        return double.log_conditional(X)

    def predict_proba(self, X):
        """Return p(y | x) (n, n_classes), in the order of classes_."""
        p = np.exp(self.predict_log_proba(X))
        return p / p.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Return the most probable class of each row: (n,)"""
        best = self.predict_log_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X, y, sample_weight=None):
        """Return the share of the rows of X whose class is predicted as in y."""
        predicted = self.predict(X)
        y = responses.compare_labels(y, self.classes_)
        responses.same_length(predicted, y)
        return float(np.average(predicted == y, weights=responses.weights(sample_weight, len(y))))

    def sample(self, y, n_steps=1000):
        """Return binary dreams (n, n_features) of the classes y (n,): n_steps Gibbs steps from fair
        coins, y held."""
        y = responses.compare_labels(y, self.fitted("classes_"))
        strange = y[~np.isin(y, self.classes_)]
        if strange.size:
            raise ValueError(f"y must be a row of classes among {self.classes_}, got {strange}")
        dreams = np.empty((len(y), self.n_features_in_), dtype=np.uint8)
        for label in np.unique(y):
            rbm = self.rbm_.given_label(np.searchsorted(self.classes_, label))
            start = rbm.random_states(np.count_nonzero(y == label), self._rng)
            dreams[y == label] = gibbs_chain(rbm, start, n_steps, self._rng)[0]
        return dreams

    def save(self, path):
        """Write the fitted model to an .npz file: parameters, history, and all settings that are
        numbers or texts."""
        files.save(self, path, self.fitted().parameters | {"classes": self.classes_})

    @classmethod
    def load(cls, path):
        """Return the model that save() wrote: it draws what the saved one would have drawn next."""
        model, text, arrays = files.load(cls, path, ("W", "U", "classes"))
        classes, rbm = arrays.pop("classes"), ClassificationRBM(**arrays)
        model._keep(files.columns(text), rbm.n_visible, classes_=classes, rbm_=rbm)
        return model
