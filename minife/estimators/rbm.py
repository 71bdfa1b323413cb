"""The RBM in scikit-learn's shape."""
import numpy as np

from .. import validation
from ..descent import storage
from ..descent.optimizers import SGD
from ..evaluation import diagnose, pseudo_likelihoods
from ..rbm import exact
from ..rbm.gibbs import gibbs_chain
from ..rbm.model import RBM
from ..rbm.training import (Centering, ContrastiveDivergence, ExactEnumeration,
                            PersistentContrastiveDivergence, train)
from ..tap import ExtendedMeanField
from .base import Estimator

METHODS = ("pcd", "cd", "emf", "exact")


class BernoulliRBM(Estimator):
    """A binary RBM with the interface of sklearn.neural_network.BernoulliRBM, and a choice of how it learns.

    n_components         hidden units
    learning_rate        a number, or a function of the number of steps taken
    batch_size, n_iter   rows per step, epochs
    verbose              true shows progress
    random_state         None, an integer or a numpy.random.Generator
    method               "pcd" persistent contrastive divergence, "cd" contrastive divergence, "emf" extended mean
                         field, "exact" enumeration (at most 25 units in the smaller layer)
    n_chains             persistent chains ("pcd"), whatever the batch size
    n_gibbs_steps        Gibbs steps per update ("pcd" and "cd")
    order, n_fixed_point_steps   of the TAP free energy, and damped sweeps per update ("emf")
    centered                     true takes centered steps, the offsets running means of the data
    momentum, weight_decay       of the steps; the decay is L2, on the weights alone
    norm_constraint      a NormConstraint, applied after each epoch
    dtype                numpy.float32 or numpy.float64
    callbacks, checkpoint   as in minife.rbm.training.train

    After fit: components_ (n_components, n_features), intercept_hidden_, intercept_visible_, history_ (a dict per
    epoch), rbm_ (the minife.RBM itself, which shares these arrays)."""

    def __init__(self, n_components=256, *, learning_rate=0.1, batch_size=10, n_iter=10, verbose=0, random_state=None,
                 method="pcd", n_chains=100, n_gibbs_steps=1, order=2, n_fixed_point_steps=3, centered=False,
                 momentum=0.0, weight_decay=0.0, norm_constraint=None, dtype=np.float32, callbacks=(), checkpoint=None):
        self.n_components, self.learning_rate, self.batch_size = n_components, learning_rate, batch_size
        self.n_iter, self.verbose, self.random_state, self.method = n_iter, verbose, random_state, method
        self.n_chains, self.n_gibbs_steps, self.order = n_chains, n_gibbs_steps, order
        self.n_fixed_point_steps, self.centered, self.momentum = n_fixed_point_steps, centered, momentum
        self.weight_decay, self.norm_constraint, self.dtype = weight_decay, norm_constraint, dtype
        self.callbacks, self.checkpoint = callbacks, checkpoint

    components_ = property(lambda self: self.rbm_.W.T)
    intercept_hidden_ = property(lambda self: self.rbm_.b)
    intercept_visible_ = property(lambda self: self.rbm_.a)

    def fit(self, X, y=None):
        """Learn from X (n, n_features), binary or grey values in [0, 1], and return self. y is ignored."""
        self._start(X)
        self._train(X, self.n_iter, self.checkpoint)
        return self

    def partial_fit(self, X, y=None):
        """Go on learning for one epoch over X, with the chains and the momentum as they are, and return self.

        Method, learning rate, momentum and decay stay those of the beginning. No checkpoint is read or written."""
        if not hasattr(self, "rbm_"):
            self._start(X)
        self._train(X, len(self.history_) + 1, checkpoint=None)
        return self

    def transform(self, X):
        """Return the features p(h = 1 | x) (n, n_components) of X, binary or grey values in [0, 1]."""
        return self.fitted("rbm_").hidden_mean(X)

    def fit_transform(self, X, y=None):
        """Learn from X and return its features."""
        return self.fit(X).transform(X)

    def score_samples(self, X):
        """Return the pseudo-likelihood of each binary row of X (n, n_features), in nats, from every pixel: (n,)"""
        return pseudo_likelihoods(self.fitted("rbm_"), X)

    def log_likelihood(self, X):
        """Return the exact mean log-likelihood of X, in nats, where the smaller layer has at most 25 units."""
        return exact.log_likelihood(self.fitted("rbm_"), X)

    def diagnose(self, X, X_other=None, n_steps=1000):
        """Return the Diagnosis of the machine by training rows X and held-out rows X_other: print it to read it."""
        return diagnose(self.fitted("rbm_"), X, X_other, rng=self._rng, n_steps=n_steps)

    def gibbs(self, v):
        """Return binary v (n, n_features) after one Gibbs step from binary v."""
        return gibbs_chain(self.fitted("rbm_"), v, 1, self._rng)[0]

    def sample(self, n_samples=1, n_steps=1000):
        """Return dreams, n_samples binary rows: chains of n_steps Gibbs steps that start from fair coins."""
        n_samples = validation.positive_integer(n_samples, "n_samples")
        rbm = self.fitted("rbm_")
        start = self._rng.integers(2, size=(n_samples, rbm.n_visible), dtype=np.uint8)
        return gibbs_chain(rbm, start, n_steps, self._rng)[0]

    def save(self, path):
        """Write the fitted model to an .npz file: parameters, history, and all settings that are numbers or texts.

        Left out are chains and momentum, callbacks, checkpoint, norm_constraint, and a random_state or learning_rate
        that is an object. To go on with training exactly, use a checkpoint."""
        rbm = self.fitted("rbm_")
        settings = self.settings(without=("checkpoint", "dtype"))
        storage.write(path, type(self).__name__, {"settings": settings, "history": self.history_}, rbm.parameters)

    @classmethod
    def load(cls, path):
        """Return the model that save() wrote."""
        text, arrays = storage.read(path, cls.__name__, ("settings", "history"))
        arrays = storage.pick(path, arrays, ("W", "a", "b"))
        model = cls.of_settings(path, text["settings"], dtype=arrays["W"].dtype.type)
        model._adopt(RBM(**arrays), np.random.default_rng())
        model.history_ = text["history"]
        return model

    def _start(self, X):
        """Begin a new machine with new chains, the settings checked under their own names."""
        validation.one_of(self.method, "method", METHODS)
        for name in ("n_components", "batch_size", "n_iter"):
            validation.positive_integer(getattr(self, name), name)
        dtype = np.dtype(validation.one_of(np.dtype(self.dtype).name, "dtype", ("float32", "float64")))
        rng = np.random.default_rng(self.random_state)
        n_features = validation.real_array(X, "X", n_dims=2).shape[1]
        self._adopt(RBM.initialise(n_features, self.n_components, rng, X, dtype), rng)
        self.history_ = []

    def _adopt(self, rbm, rng):
        """Take a machine as the fitted one, with a new optimizer and new chains."""
        self.rbm_, self._rng = rbm, rng
        self.n_features_in_ = rbm.n_visible
        self._optimizer = SGD(self.learning_rate, momentum=self.momentum, l2=self.weight_decay)
        self._centering = Centering() if self.centered else None
        if self.method == "pcd":
            self._phase = PersistentContrastiveDivergence(self.n_chains, self.n_gibbs_steps)
        elif self.method == "cd":
            self._phase = ContrastiveDivergence(self.n_gibbs_steps)
        elif self.method == "emf":
            self._phase = ExtendedMeanField(self.order, self.n_fixed_point_steps)
        else:
            self._phase = ExactEnumeration()

    def _train(self, X, n_epochs, checkpoint):
        """Train until history_ counts n_epochs."""
        train(self.rbm_, X, self._phase, self._optimizer, n_epochs, self._rng, batch_size=self.batch_size,
              centering=self._centering, norm_constraint=self.norm_constraint, callbacks=self.callbacks,
              checkpoint=checkpoint, same_seed=self.random_state is not None, history=self.history_,
              label="BernoulliRBM" if self.verbose else None)
