"""The RBM with scikit-learn's interface."""
import numpy as np

from .. import validation
from ..descent.optimizers import SGD
from ..evaluation import diagnose, pseudo_likelihoods
from ..rbm import exact
from ..rbm.gibbs import Draws, gibbs_chain
from ..rbm.model import RBM
from ..rbm.training import (Centering, ContrastiveDivergence, ExactEnumeration, NegativePhase,
                            PersistentContrastiveDivergence, train)
from ..tap import ExtendedMeanField
from . import features, files
from .base import Estimator

METHODS = ("pcd", "cd", "emf", "exact")


class BernoulliRBM(Estimator):
    """A binary RBM with the interface of sklearn.neural_network.BernoulliRBM, and a choice of how
    it learns.

    n_components         hidden units
    learning_rate        a number, or a function of the number of steps taken
    batch_size, n_iter   rows per step, epochs
    verbose              true shows progress
    random_state         None, an integer or a numpy.random.Generator
    method               "pcd" persistent contrastive divergence, "cd" contrastive divergence, "emf"
                         extended mean field, "exact" enumeration (at most 25 units in the smaller
                         layer), or a NegativePhase
    n_chains             persistent chains ("pcd"), whatever the batch size; None is one for each
                         row of a batch
    n_gibbs_steps        Gibbs steps per update ("pcd" and "cd")
    order, n_fixed_point_steps   of the TAP free energy, and damped sweeps per update ("emf")
    grey                 "means" clamps units at grey values, "drawn" takes these as the
                         probabilities of binary pixels, which are drawn anew at every step
    centered                     true takes centered steps, the offsets running means of the data
    momentum, weight_decay       of the steps; the decay is L2, on the weights alone
    norm_constraint      a NormConstraint, applied after each epoch
    averaging            a share: fit ends at the mean of the parameters over this last part of its
                         steps; 0 at the last ones
    dtype                numpy.float32 or numpy.float64
    callbacks, checkpoint   as in minife.descent.loop.descend

    X holds states 0 and 1, or grey values, which are probabilities: fit clamps the units at these
    means, transform takes the hidden means there, gibbs draws from them; score_samples,
    log_likelihood and diagnose round them to states.

    After fit: components_ (n_components, n_features), intercept_hidden_, intercept_visible_,
    n_iter_, history_ (a dict per epoch), rbm_ (the minife.RBM itself, which shares these
    arrays)."""

    _estimator_type, _model, _in_unit_interval = "transformer", "rbm_", True

    def __init__(self, n_components=256, *, learning_rate=0.1, batch_size=10, n_iter=10, verbose=0,
                 random_state=None, method="pcd", n_chains=None, n_gibbs_steps=1, order=2,
                 n_fixed_point_steps=3, grey="means", centered=False, momentum=0.0,
                 weight_decay=0.0, norm_constraint=None, averaging=0.0, dtype=np.float32,
                 callbacks=(), checkpoint=None):
        self.n_components, self.learning_rate = n_components, learning_rate
        self.batch_size, self.n_iter, self.verbose = batch_size, n_iter, verbose
        self.random_state, self.method, self.n_chains = random_state, method, n_chains
        self.n_gibbs_steps, self.order = n_gibbs_steps, order
        self.n_fixed_point_steps, self.grey, self.centered = n_fixed_point_steps, grey, centered
        self.momentum, self.weight_decay = momentum, weight_decay
        self.norm_constraint, self.averaging, self.dtype = norm_constraint, averaging, dtype
        self.callbacks, self.checkpoint = callbacks, checkpoint

    components_ = property(lambda self: self.fitted().W.T)
    intercept_hidden_ = property(lambda self: self.fitted().b)
    intercept_visible_ = property(lambda self: self.fitted().a)
    n_iter_ = property(lambda self: len(self.fitted("history_")))

    def fit(self, X, y=None):
        """Learn from X (n, n_features), binary or grey values in [0, 1], and return self. y is
        ignored."""
        X, names = features.rows(X, owner=type(self).__name__)
        X = features.probabilities(X)
        rng = np.random.default_rng(self.random_state)
        n_components = validation.positive_integer(self.n_components, "n_components")
        rbm = RBM.initialise(X.shape[1], n_components, rng, X, validation.float_type(self.dtype))
        return self._train(rbm, X, names, self._learner(), rng,
                           validation.positive_integer(self.n_iter, "n_iter"), [], self.checkpoint)

    def partial_fit(self, X, y=None):
        """Go on learning for one epoch over X, with the chains and the momentum as they are, and
        return self.

        Method, learning rate, momentum and decay stay those of the beginning. No checkpoint is read
        or written."""
        if not self.__sklearn_is_fitted__():
            n_iter, checkpoint, self.n_iter, self.checkpoint = self.n_iter, self.checkpoint, 1, None
            try:
                return self.fit(X)
            finally:
                self.n_iter, self.checkpoint = n_iter, checkpoint
        learner = vars(self).get("_learned_by") or self._learner()
        return self._train(self.rbm_, features.probabilities(self._read(X)),
                           vars(self).get("feature_names_in_"), learner, self._rng,
                           self.n_iter_ + 1, self.history_, None)

    def transform(self, X):
        """Return the features p(h = 1 | x) (n, n_components) of X, binary or grey values in [0,
        1]."""
        h = self.fitted().hidden_mean(features.probabilities(self._read(X)))
        return features.as_output(h, X, self)

    def fit_transform(self, X, y=None):
        """Learn from X and return its features."""
        return self.fit(X).transform(X)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the features, bernoullirbm0, bernoullirbm1, ...: (n_components,)"""
        return np.array([f"bernoullirbm{j}" for j in range(self.fitted().n_hidden)], dtype=object)

    def set_output(self, *, transform=None):
        """Let transform return arrays ("default") or tables ("pandas", "polars"), and return
        self."""
        if transform is not None:
            self._output = validation.one_of(transform, "transform",
                                             ("default", "pandas", "polars"))
        return self

    def score_samples(self, X):
        """Return the pseudo-likelihood of each row of X (n, n_features), in nats, from every pixel:
        (n,)"""
        return pseudo_likelihoods(self.fitted(), self._states(X))

    def score(self, X, y=None):
        """Return the mean of score_samples(X), in nats per row."""
        return float(self.score_samples(X).mean())

    def log_likelihood(self, X):
        """Return the exact mean log-likelihood of X, in nats, where the smaller layer has at most
        25 units."""
        return exact.log_likelihood(self.fitted(), self._states(X))

    def diagnose(self, X, X_other=None, n_steps=1000):
        """Return the Diagnosis of the machine by training rows X and held-out rows X_other: print
        it to read it."""
        X_other = None if X_other is None else self._states(X_other)
        return diagnose(self.fitted(), self._states(X), X_other, rng=self._rng, n_steps=n_steps)

    def gibbs(self, v):
        """Return binary v (n, n_features) after one Gibbs step from v, states or probabilities."""
        draw = Draws(self.fitted("_rng"))
        h = draw(self.fitted().hidden_mean(features.probabilities(self._read(v))))
        return self.rbm_.draw_visible(h, draw)

    def sample(self, n_samples=1, n_steps=1000):
        """Return dreams, n_samples binary rows: chains of n_steps Gibbs steps that start from fair
        coins."""
        rbm = self.fitted()
        start = rbm.random_states(validation.positive_integer(n_samples, "n_samples"), self._rng)
        return gibbs_chain(rbm, start, n_steps, self._rng)[0]

    def save(self, path):
        """Write the fitted model to an .npz file: parameters, history, and all settings that are
        numbers or texts.

        Left out are chains, momentum, callbacks, checkpoint and arguments that are objects: after
        load they have their defaults. To go on with training exactly, use a checkpoint."""
        files.save(self, path, self.fitted().parameters)

    @classmethod
    def load(cls, path):
        """Return the model that save() wrote: it draws what the saved one would have drawn next."""
        model, text, arrays = files.load(cls, path, ("W", "a", "b"))
        model._keep(files.columns(text), len(arrays["W"]), rbm_=RBM(**arrays))
        return model

    def _states(self, X):
        """Return the rows X as states, grey values rounded."""
        return (features.probabilities(self._read(X)) > 0.5).astype(np.uint8)

    def _learner(self):
        """Return the negative phase, the optimizer and the centering that the arguments ask for."""
        n_chains = self.batch_size if self.n_chains is None else self.n_chains
        if isinstance(self.method, (NegativePhase, type)):
            phase = validation.instance(self.method, "method", NegativePhase)
        else:
            method = validation.one_of(self.method, "method", METHODS)
            phase = {"pcd": lambda: PersistentContrastiveDivergence(n_chains, self.n_gibbs_steps),
                     "cd": lambda: ContrastiveDivergence(self.n_gibbs_steps),
                     "emf": lambda: ExtendedMeanField(self.order, self.n_fixed_point_steps),
                     "exact": ExactEnumeration}[method]()
        optimizer = SGD(self.learning_rate, momentum=self.momentum, l2=self.weight_decay)
        return phase, optimizer, Centering() if validation.flag(self.centered, "centered") else None

    def _train(self, rbm, X, names, learner, rng, n_epochs, history, checkpoint):
        """Train until the history counts n_epochs, and return self."""
        phase, optimizer, centering = learner
        learned = {"rbm_": rbm, "_rng": rng, "_learned_by": learner, "history_": history}
        with self._learning(names, X.shape[1], **learned):
            train(rbm, X, phase, optimizer, n_epochs, rng, batch_size=self.batch_size,
                  centering=centering, grey=self.grey, norm_constraint=self.norm_constraint,
                  averaging=self.averaging, callbacks=self.callbacks, checkpoint=checkpoint,
                  same_seed=self.random_state is not None, history=history,
                  label=type(self).__name__ if self.verbose else None)
        return self
