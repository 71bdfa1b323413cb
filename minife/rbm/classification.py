"""Classification: an RBM that sees x with its label, and is asked for the label (Larochelle and Bengio 2008)."""
import zlib

import numpy as np

from .. import kernels, validation
from ..descent.loop import descend
from . import exact
from .labelled import LabelledRBM, label_unit
from .model import RBM, Moments, unit
from .training import ExactEnumeration, PersistentContrastiveDivergence, run_kind

OBJECTIVES = ("discriminative", "generative", "hybrid")


class ClassificationRBM:
    """E(x, y, h) = -a.x - d_y - c.h - x^T W h - U_y.h: an RBM with a label of n_classes values  (R22)

    W        (n_visible, n_hidden), float32 or float64; all others are of the same type
    U        (n_classes, n_hidden), the weights of the label
    a, c, d  biases of the visible units, the hidden units and the classes
    beta     inverse temperature 1/T > 0
    All are copied into .joint, the RBM over (x, one-hot y), of which .parameters are views."""

    def __init__(self, W, U, a, c, d, beta=1.0):
        W = validation.real_array(W, "W", n_dims=2)
        U = validation.real_array(U, "U", n_dims=2, dtype=W.dtype)
        a, c, d = (validation.real_array(x, name, n_dims=1, dtype=W.dtype)
                   for x, name in ((a, "a"), (c, "c"), (d, "d")))
        expected = (len(U), W.shape[1]), W.shape[:1], W.shape[1:], U.shape[:1]
        got = U.shape, a.shape, c.shape, d.shape
        if got != expected:
            raise ValueError(f"U, a, c and d must have shapes {expected} to go with W {W.shape}, got {got}")
        self.n_visible, self.n_hidden, self.n_classes = *W.shape, len(U)
        self.joint = LabelledRBM(np.vstack([W, U]), np.hstack([a, d]), c.copy(), beta, n_classes=len(U))

    beta = property(lambda self: self.joint.beta)
    W = property(lambda self: self.joint.W[:self.n_visible])
    U = property(lambda self: self.joint.W[self.n_visible:])
    a = property(lambda self: self.joint.a[:self.n_visible])
    c = property(lambda self: self.joint.b)
    d = property(lambda self: self.joint.a[self.n_visible:])

    @classmethod
    def initialise(cls, n_visible, n_hidden, n_classes, rng, X=None, dtype=np.float64):
        """Return a machine with W and U uniform within 1 / sqrt(m), m the larger side of each; a as in RBM.initialise.

        Source: Larochelle, Mandel, Pascanu and Bengio, Learning algorithms for the classification RBM, 2012."""
        start = RBM.initialise(n_visible, n_hidden, rng, X, dtype)
        n_classes = validation.positive_integer(n_classes, "n_classes")
        W, U = (rng.uniform(-1, 1, (n, n_hidden)) / np.sqrt(max(n, n_hidden)) for n in (n_visible, n_classes))
        return cls(W.astype(dtype), U.astype(dtype), start.a, start.b, np.zeros(n_classes, dtype))

    @property
    def parameters(self):
        """Return the dict of W, U, a, c and d: the arrays themselves."""
        return {"W": self.W, "U": self.U, "a": self.a, "c": self.c, "d": self.d}

    def free_energy(self, X):
        """Return F(x, y) (n, n_classes) of X (n, n_visible), states or means, with every label  (R22)"""
        X = validation.states_or_means(X, self.n_visible, "X")
        return -(X.astype(self.a.dtype) @ self.a)[:, None] - self._class_weights(self._field(X)) / self.beta

    def log_conditional(self, X):
        """Return log p(y | x) (n, n_classes), the log of the softmax over y of -beta F(x, y)  (R22)"""
        log_weight = self._class_weights(self._field(validation.states_or_means(X, self.n_visible, "X")))
        return log_weight - label_unit.potential(log_weight)[:, None]

    def predict(self, X):
        """Return the most probable label of each row: (n,)"""
        return self.log_conditional(X).argmax(axis=1)

    def given_label(self, label):
        """Return the RBM over x and h that is left when y is held: it has the hidden bias c + U_y  (R24)

        Its chains dream of that label, as p(x | y) is its distribution. Its W and a are this machine's own arrays."""
        label = validation.labels([label], self.n_classes, "label")[0]
        return RBM(self.W, self.a, self.c + self.U[label], self.beta)

    def log_likelihood(self, X, y, objective="discriminative", alpha=0.01):
        """Return the mean over rows of log p(y | x), of log p(x, y), or of log p(y | x) + alpha log p(x, y)  (R24)

        The last two are exact and need a layer of at most 25 units."""
        X, y = self._check(X, y)
        discriminative, generative = shares(objective, alpha)
        value = 0.0
        if discriminative:
            value += self.log_conditional(X)[np.arange(len(y)), y].mean(dtype=float)
        if generative:
            log_weight = -self.beta * self.free_energy(X)[np.arange(len(y)), y].mean(dtype=float)
            value += generative * (log_weight - self.log_partition_function())
        return float(value)

    def gradient(self, X, y, objective="discriminative", alpha=0.01):
        """Return the gradient of log_likelihood: exact, in W, U, a, c and d  (R23, R24)"""
        X, y = self._check(X, y)
        return self.ascent(X, y, shares(objective, alpha), ExactEnumeration(lambda joint: self.moments()), rng=None)

    def ascent(self, X, y, shares, negative_phase, rng):
        """Return the gradient on checked rows and labels, <.>_model of the generative share by the negative phase.

        Clamped at its rows, log p(x, y) adds its share to D at the true label: one pass serves both  (R23, R24)"""
        discriminative, generative = shares
        field = self._field(X)
        one_hot = np.eye(self.n_classes, dtype=field.dtype)[y]                      # (n, n_classes)
        D = (discriminative + generative) * one_hot
        if discriminative:
            D -= label_unit.mean(self._class_weights(field))
        slopes = self._clamped_slopes(X, field, self.beta / len(y) * D)
        if generative:
            model = negative_phase.moments(self.joint, np.hstack([X, one_hot.astype(X.dtype)]), rng)
            slopes["a"] += generative * self.beta * X.mean(axis=0)
            for name, mean in self._split(model.vh, model.v, model.h).items():
                slopes[name] -= generative * self.beta * mean
        return slopes

    def log_partition_function(self):
        """Return log Z, the sum over x, h and the n_classes labels y  (R24)"""
        return float(label_unit.potential(self._log_weights_of_labels()))

    def moments(self):
        """Return the Moments of (x, one-hot y) and h: of the RBM that each label leaves, weighted by p(y)  (R24)"""
        p = label_unit.mean(self._log_weights_of_labels())                          # (n_classes,)
        each = [exact.moments(self.given_label(k)) for k in range(self.n_classes)]
        v, h, vh = (sum(p_y * getattr(m, name) for p_y, m in zip(p, each)) for name in ("v", "h", "vh"))
        return Moments(np.hstack([v, p]), h, np.vstack([vh, [p_y * m.h for p_y, m in zip(p, each)]]))

    def _log_weights_of_labels(self):
        """Return the logarithms of the C terms of Z (n_classes,)  (R24)"""
        return self.beta * self.d + [exact.log_partition_function(self.given_label(k)) for k in range(self.n_classes)]

    def _field(self, X):
        """Return c + x W (n, n_hidden) of checked X: what all labels have in common in o_y = c + x W + U_y  (R22)"""
        return self.c + X @ self.W

    def _class_weights(self, field):
        """Return beta d_y + sum_j softplus(beta o_yj) (n, n_classes), the sum as a logarithm of products  (R22, R15)"""
        x, y = (np.ascontiguousarray(self.beta * array, dtype=np.float64) for array in (self.U, field))
        return self.beta * self.d + kernels.softplus_product(x, y.T).T.astype(field.dtype)

    def _clamped_slopes(self, X, field, D):
        """Return the slopes of the sum over rows and labels of -D_ry F(x_r, y), except in a  (R23)"""
        hidden, U = np.zeros_like(field), np.empty_like(self.U)
        for k in range(self.n_classes):       # one class at a time: what is needed of it stays in the cache
            mean = unit.mean(self.beta * (field + self.U[k]))                       # (n, n_hidden), sigma(beta o_kj)
            U[k] = D[:, k] @ mean
            hidden += D[:, k, None] * mean
        return {"W": X.T @ hidden, "U": U, "a": np.zeros_like(self.a),
                "c": hidden.sum(axis=0), "d": D.sum(axis=0)}

    def _split(self, W, a, b):
        """Return what belongs to W, U, a, c and d in arrays over the rows (x, one-hot y)."""
        n = self.n_visible
        return {"W": W[:n], "U": W[n:], "a": a[:n], "c": b, "d": a[n:]}

    def _check(self, X, y):
        X = validation.states_or_means(X, self.n_visible, "X", self.W.dtype)
        y = validation.labels(y, self.n_classes, "y")
        if len(X) != len(y):
            raise ValueError(f"X and y must have the same number of rows, got {len(X)} and {len(y)}")
        return X, y


def shares(objective, alpha):
    """Return whether log p(y | x) is in an objective, and the weight of log p(x, y)  (R24)"""
    alpha = validation.not_negative(alpha, "alpha")
    validation.one_of(objective, "objective", OBJECTIVES)
    return {"discriminative": (True, 0.0), "generative": (False, 1.0), "hybrid": (True, alpha)}[objective]


def train(machine, X, y, optimizer, n_epochs, rng, *, objective="discriminative", alpha=0.01, negative_phase=None,
          draw_grey=False, **loop):
    """Return the history, one dict per epoch, of raising the log-likelihood of an objective, in place  (R23, R24)

    X               (n, n_visible), binary, or grey values in [0, 1]; y labels (n,)
    negative_phase  of the generative share, over (x, one-hot y): any of minife.rbm.training; None is PCD
    draw_grey       true takes grey values as the probabilities of binary pixels, which are drawn anew at every step
    optimizer, n_epochs, rng and loop: as in minife.descent.loop.descend"""
    X, y = machine._check(X, y)
    weights = shares(objective, alpha)
    phase = PersistentContrastiveDivergence() if negative_phase is None else negative_phase

    def gradient(rows):
        x = machine.joint.states_at(X[rows], rng) if draw_grey else X[rows]
        return {name: -slope for name, slope in machine.ascent(x, y[rows], weights, phase, rng).items()}

    def kind():
        return (f"{objective}, alpha = {alpha}, draw_grey = {draw_grey}, labels {zlib.crc32(y.tobytes()):08x}, "
                f"{run_kind(machine.joint, X, phase)}")

    return descend(machine, gradient, len(X), optimizer, n_epochs, rng, keep={"phase": phase}, kind=kind, **loop)
