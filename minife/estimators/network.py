"""What the network estimators share: their arguments, how they learn, and what they have
learned."""
import numpy as np

from .. import validation
from ..backprop.mlp import MLP
from ..descent.loop import descend, functions
from ..descent.optimizers import SGD, Adam, RMSProp
from ..units import Binary, Gaussian, LeakyRectified, Rectified, Spin
from . import responses
from .base import Estimator
from .scaling import Scale
from .watch import InverseScaling, PenalisedLoss, Watch

ACTIVATIONS = {"relu": Rectified, "logistic": Binary, "tanh": Spin, "identity": Gaussian,
               "leaky_relu": LeakyRectified}
SOLVERS = ("adam", "sgd", "rmsprop")


class MLPEstimator(Estimator):
    """What classifier and regressor share. Arguments that scikit-learn has mean what they mean
    there.

    hidden_layer_sizes   a number of hidden units, or one for each layer
    activation           "relu", "logistic", "tanh", "identity" or "leaky_relu"
    solver               "adam", "sgd" (with momentum) or "rmsprop"
    alpha                L2 decay: alpha |W|^2 / 2 is added to the loss summed over the rows of a
                         batch
    batch_size           rows per step; "auto" is 200, or all rows if there are fewer
    learning_rate        "constant", or for "sgd" "invscaling" or "adaptive"
    learning_rate_init   a number, or a function of the number of steps taken
    power_t              exponent of "invscaling"
    max_iter             epochs at most
    shuffle              whether every epoch has an order of its own
    random_state         None, an integer or a numpy.random.Generator
    tol, n_iter_no_change   learning stops after so many epochs that did not lower the loss by tol
    verbose              true shows progress
    warm_start           true lets fit go on from where the last fit ended
    momentum, nesterovs_momentum   of "sgd"
    early_stopping, validation_fraction   true watches the score of that share of the rows, held out
    beta_1, beta_2, epsilon   of "adam"
    normalise            centres inputs and targets, and brings very large or very small ones to
                         size 1
    averaging            a share: fit ends at the mean of the parameters over this last part of its
                         steps; 0 at the last ones
    dtype                numpy.float32 or numpy.float64
    callbacks, checkpoint   as in minife.descent.loop.descend

    After fit: coefs_, intercepts_ (lists, layer by layer, in the units of X and y), loss_curve_,
    loss_, best_loss_, n_iter_, history_ (a dict per epoch), mlp_ (the minife.MLP, which sees
    normalised numbers)."""

    _model = "mlp_"

    def __init__(self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam",
                 alpha=0.0001, batch_size="auto", learning_rate="constant",
                 learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
                 random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9,
                 nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1, beta_1=0.9,
                 beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, normalise=True, averaging=0.0,
                 dtype=np.float32, callbacks=(), checkpoint=None):
        self.hidden_layer_sizes, self.activation = hidden_layer_sizes, activation
        self.solver, self.alpha = solver, alpha
        self.batch_size, self.learning_rate = batch_size, learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t, self.max_iter = power_t, max_iter
        self.shuffle, self.random_state = shuffle, random_state
        self.tol, self.verbose, self.warm_start, self.momentum = tol, verbose, warm_start, momentum
        self.nesterovs_momentum, self.early_stopping = nesterovs_momentum, early_stopping
        self.validation_fraction, self.beta_1 = validation_fraction, beta_1
        self.beta_2, self.epsilon = beta_2, epsilon
        self.n_iter_no_change, self.normalise = n_iter_no_change, normalise
        self.averaging, self.dtype = averaging, dtype
        self.callbacks, self.checkpoint = callbacks, checkpoint

    coefs_ = property(lambda self: [W for W, _ in self._layers()])
    intercepts_ = property(lambda self: [b for _, b in self._layers()])
    loss_curve_ = property(lambda self: [record["loss"] for record in self.fitted("history_")])
    loss_ = property(lambda self: self.loss_curve_[-1])
    best_loss_ = property(lambda self: min(self.loss_curve_))
    validation_scores_ = property(
        lambda self: [record["validation_score"] for record in self.fitted("history_")])
    n_iter_ = property(lambda self: len(self.fitted("history_")))
    n_layers_ = property(lambda self: self.fitted().depth + 1)
    n_outputs_ = property(lambda self: self.fitted().sizes[-1])

    def _layers(self):
        """Return (W, b) of each layer in float64, the scales of X and y folded in: predict is what
        these say."""
        mlp, layers = self.fitted(), []
        for k in range(1, mlp.depth + 1):
            W, b = (mlp.parameters[f"{name}{k}"].astype(np.float64) for name in "Wb")
            if k == 1:
                W = W / self._inputs.scale[:, None]
                b = b - self._inputs.mean @ W
            if k == mlp.depth:
                W, b = W * self._outputs.scale, self._outputs.up(b)
            layers.append((W, b))
        return layers

    def _fields(self, X):
        """Return the output fields (n, n_outputs) in float64, in the units of y."""
        mlp, h = self.fitted(), self._inputs.down(self._read(X), np.float64)
        for k in range(1, mlp.depth + 1):
            W, b = (mlp.parameters[f"{name}{k}"].astype(np.float64) for name in "Wb")
            x = h @ W + b
            h = mlp.hidden.mean(x)
        return self._outputs.up(x)

    def _learn(self, X, names, y, loss, sample_weight, n_epochs, go_on, score, **more):
        """Learn from checked rows X and targets y (n, n_outputs), keep more attributes, and return
        self.

        go_on   take up the last network, if there is one, with its optimizer
        score   function of output fields and targets, both in the units of y: larger is better"""
        weight = responses.weights(sample_weight, len(X))
        sizes = (X.shape[1], *self._hidden_sizes(), y.shape[1])
        n_held = self._held_out(len(X)) if self.early_stopping else 0
        if go_on and self.__sklearn_is_fitted__():
            mlp, inputs, outputs, rng = self.mlp_, self._inputs, self._outputs, self._rng
            optimizer = self._optimizer or self._new_optimizer(len(X) - n_held)
            history = self.history_
            if mlp.sizes != sizes:
                raise ValueError(f"the network learned before has {mlp.sizes} units, "
                                 f"this one would have {sizes}")
        else:
            rng, history = np.random.default_rng(self.random_state), []
            mlp = MLP(sizes, self._unit(), loss, rng, self.dtype)
            normalise = validation.flag(self.normalise, "normalise")
            inputs = Scale.of(X, normalise)
            outputs = Scale.of(y, normalise and self._estimator_type == "regressor")
            optimizer = self._new_optimizer(len(X) - n_held)
        order = rng.permutation(len(X)) if n_held else np.arange(len(X))
        held, rows = order[:n_held], order[n_held:]
        h = inputs.down(X, mlp.dtype)
        penalised = PenalisedLoss(mlp, h[rows], outputs.down(y[rows], mlp.dtype),
                                  None if weight is None else weight[rows],
                                  validation.not_negative(self.alpha, "alpha"),
                                  validation.flag(self.shuffle, "shuffle"))
        watch = Watch(penalised, float(np.mean(outputs.scale**2)), optimizer, self.tol,
                      self.n_iter_no_change, self.learning_rate == "adaptive",
                      (lambda: score(outputs.up(mlp.fields(h[held])[-1]), y[held]))
                      if n_held else None)
        ended = (watch.ended,) if n_epochs > 1 else ()
        with self._learning(names, X.shape[1], mlp_=mlp, _inputs=inputs, _outputs=outputs, _rng=rng,
                            _optimizer=optimizer, history_=history, **more):
            descend(mlp, penalised.gradient, len(rows), optimizer,
                    len(history) + n_epochs, rng, batch_size=self._batch(len(rows)),
                    averaging=self.averaging,
                    callbacks=(watch, *ended, *functions(self.callbacks)), history=history,
                    checkpoint=self.checkpoint, same_seed=self.random_state is not None,
                    kind=lambda: self._run(X, y),
                    label=type(self).__name__ if self.verbose else None)
            if ended:
                watch.finish(mlp, self.max_iter)
        return self

    def _unit(self):
        return ACTIVATIONS[validation.one_of(self.activation, "activation", tuple(ACTIVATIONS))]()

    def _hidden_sizes(self):
        sizes = self.hidden_layer_sizes
        return [validation.positive_integer(size, "hidden_layer_sizes")
                for size in np.atleast_1d(sizes).tolist()]

    def _batch(self, n_rows):
        if isinstance(self.batch_size, str) and self.batch_size == "auto":
            return min(200, n_rows)
        return validation.positive_integer(self.batch_size, "batch_size")

    def _held_out(self, n):
        """Return how many rows are held out for early stopping."""
        share = validation.number(self.validation_fraction, "validation_fraction",
                                  "a number in (0, 1)", lambda x: 0 < x < 1)
        n_held = max(1, round(share * n))
        if n_held >= n:
            raise ValueError(f"validation_fraction={share} of {n} rows leaves none to learn from")
        return n_held

    def _new_optimizer(self, n_rows):
        """Return the optimizer that the arguments ask for."""
        if self.solver == "lbfgs":
            raise ValueError("solver='lbfgs' is not in minife: take 'adam', or 'sgd' with "
                             "learning_rate='adaptive'")
        validation.one_of(self.solver, "solver", SOLVERS)
        validation.one_of(self.learning_rate, "learning_rate",
                          ("constant", "invscaling", "adaptive"))
        rate = self.learning_rate_init
        if not callable(rate):
            validation.positive(rate, "learning_rate_init")
        if self.solver == "sgd":
            if self.learning_rate == "invscaling":
                rate = InverseScaling(rate, self.power_t, n_rows, -(-n_rows // self._batch(n_rows)))
            nesterov = validation.flag(self.nesterovs_momentum, "nesterovs_momentum")
            return SGD(rate, self.momentum, nesterov=nesterov)
        if self.solver == "adam":
            return Adam(rate, self.beta_1, self.beta_2, self.epsilon)
        return RMSProp(rate)
