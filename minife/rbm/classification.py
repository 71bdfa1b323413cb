"""Classification: a machine of an image v and its label y, which predicts the label."""
import zlib

import numpy as np

from .. import kernels, validation
from ..descent.loop import descend
from . import exact
from .labelled import LabelledRBM, label_unit
from .model import RBM, unit
from .moments import Moments
from .training import GREY, PersistentContrastiveDivergence, check_phase, run_kind

OBJECTIVES = ("discriminative", "generative", "hybrid")


class ClassificationRBM:
    """E(v, y, h) = -a.v - d_y - b.h - v^T W h - U_y.h over v, a label y and h  (R22)

    W        (n_visible, n_hidden), float32 or float64; all others are of the same type
    U        (n_classes, n_hidden), the weights of the label
    a, b, d  biases of the visible units, the hidden units and the classes
    beta     inverse temperature 1/T > 0
    All are copied into .joint, the machine over (v, one-hot y), of which .parameters are views.
    Source: Larochelle and Bengio 2008."""

    def __init__(self, W, U, a, b, d, beta=1.0):
        W = validation.real_array(W, "W", n_dims=2)
        U = validation.real_array(U, "U", n_dims=2, dtype=W.dtype)
        a, b, d = (validation.real_array(x, name, n_dims=1, dtype=W.dtype)
                   for x, name in ((a, "a"), (b, "b"), (d, "d")))
        expected = (len(U), W.shape[1]), W.shape[:1], W.shape[1:], U.shape[:1]
        got = U.shape, a.shape, b.shape, d.shape
        if got != expected:
            raise ValueError(f"U, a, b and d must have shapes {expected} to go with W {W.shape}, "
                             f"got {got}")
        self.n_visible, self.n_hidden, self.n_classes = *W.shape, len(U)
        self.joint = LabelledRBM(np.vstack([W, U]), np.hstack([a, d]), b.copy(), beta,
                                 n_classes=len(U))

    def free_energy(self, X):
        """Return F(v, y) (n, n_classes) of rows v, states or means, with every label  (R22)"""
        v = self._rows(X)
        return -(v @ self.a)[:, None] - self._class_weights(self._field(v)) / self.beta

    def log_conditional(self, X):
        """Return log p(y | v) (n, n_classes), the log of the softmax over y of -beta F(v, y)  (R22)
        """
        log_weight = self._class_weights(self._field(self._rows(X)))
        return log_weight - label_unit.potential(log_weight)[:, None]

    def predict(self, X):
        """Return the most probable label of each row: (n,)"""
        return self.log_conditional(X).argmax(axis=1)

    def given_label(self, label):
        """Return the RBM over v and h that is left when y is held, of hidden bias b + U_y  (R24)

        Its chains dream of that label: their distribution is p(v | y). Its W and a are this
        machine's own arrays."""
        label = validation.labels([label], self.n_classes, "label")[0]
        return RBM(self.W, self.a, self.b + self.U[label], self.beta)

    def log_likelihood(self, X, y, objective="discriminative", alpha=0.01):
        """Return the mean over rows of an objective  (R24)

        objective  "discriminative" log p(y | v), "generative" log p(v, y), "hybrid" the first plus
                   alpha times the second
        The last two are exact and need a layer of at most 25 units."""
        X, y = self._check(X, y)
        discriminative, generative = shares(objective, alpha)
        true, value = (np.arange(len(y)), y), 0.0
        if discriminative:
            value += self.log_conditional(X)[true].mean(dtype=float)
        if generative:
            log_weight = -self.beta * self.free_energy(X)[true].mean(dtype=float)
            value += generative * (log_weight - self.log_partition_function())
        return float(value)

    def gradient(self, X, y, objective="discriminative", alpha=0.01):
        """Return the gradient of log_likelihood: exact, in W, U, a, b and d  (R23, R24)"""
        X, y = self._check(X, y)
        discriminative, generative = shares(objective, alpha)
        model = self.moments() if generative else None
        return self.ascent(X, y, discriminative, generative, model)

    def ascent(self, v, y, discriminative, generative, model=None):
        """Return the gradient on checked rows and labels  (R23, R24)

        model  the Moments of the generative share
        At the data log p(v, y) adds its weight to delta at the true label: one pass for both."""
        field = self._field(v)
        one_hot = np.eye(self.n_classes, dtype=field.dtype)[y]              # (n, n_classes)
        delta = (discriminative + generative) * one_hot
        if discriminative:
            delta -= label_unit.mean(self._class_weights(field))
        slopes = self._clamped_slopes(v, field, self.beta / len(y) * delta)
        if generative:
            slopes["a"] += generative * self.beta * v.mean(axis=0)
            for name, mean in self._split(model).items():
                slopes[name] -= generative * self.beta * mean
        return slopes

    def log_partition_function(self):
        """Return log Z, the sum over v, h and the n_classes labels y  (R24)"""
        return float(label_unit.potential(self._log_weights_of_labels()))

    def moments(self):
        """Return the Moments of (v, one-hot y) and h, label by label with the weight p(y)  (R24)"""
        p = label_unit.mean(self._log_weights_of_labels())                  # (n_classes,)
        given = [exact.moments(self.given_label(k)) for k in range(self.n_classes)]
        v, h, vh = (sum(p_y * getattr(m, name) for p_y, m in zip(p, given, strict=True))
                    for name in ("v", "h", "vh"))
        yh = [p_y * m.h for p_y, m in zip(p, given, strict=True)]
        return Moments(np.hstack([v, p]), h, np.vstack([vh, yh]))

    def _log_weights_of_labels(self):
        """Return the logarithms of the n_classes terms of Z (n_classes,)  (R24)"""
        machines = (self.given_label(k) for k in range(self.n_classes))
        return self.beta * self.d + [exact.log_partition_function(rbm) for rbm in machines]

    def _field(self, v):
        """Return b + v W (n, n_hidden), which all x_y = b + v W + U_y have in common  (R22)"""
        return self.b + v @ self.W

    def _class_weights(self, field):
        """Return beta d_y + sum_j softplus(beta x_yj) (n, n_classes), by products  (R22, R15)"""
        phi, chi = (np.ascontiguousarray(self.beta * x, dtype=np.float64) for x in (self.U, field))
        softplus = kernels.softplus_product(phi, chi.T)                     # (n_classes, n)
        return self.beta * self.d + softplus.T.astype(field.dtype)

    def _clamped_slopes(self, v, field, delta):
        """Return the slopes of the sum over rows and labels of -delta_y F(v, y)  (R23)

        That of a is left at 0, as delta sums to 0 there. One class comes after the other, so that
        what is needed of it stays in the cache."""
        hidden, U = np.zeros_like(field), np.empty_like(self.U)
        for k in range(self.n_classes):
            h_mean = unit.mean(self.beta * (field + self.U[k]))             # (n, n_hidden)
            U[k] = delta[:, k] @ h_mean
            hidden += delta[:, k, None] * h_mean
        return {"W": v.T @ hidden, "U": U, "a": np.zeros_like(self.a), "b": hidden.sum(axis=0),
                "d": delta.sum(axis=0)}

    def _split(self, m):
        """Return the Moments of (v, one-hot y) and h under the names of what they are slopes in."""
        n = self.n_visible
        return {"W": m.vh[:n], "U": m.vh[n:], "a": m.v[:n], "b": m.h, "d": m.v[n:]}

    # The parameters are views of the joint machine's arrays.

    beta = property(lambda self: self.joint.beta)
    W = property(lambda self: self.joint.W[:self.n_visible])
    U = property(lambda self: self.joint.W[self.n_visible:])
    a = property(lambda self: self.joint.a[:self.n_visible])
    b = property(lambda self: self.joint.b)
    d = property(lambda self: self.joint.a[self.n_visible:])

    @classmethod
    def initialise(cls, n_visible, n_hidden, n_classes, rng, X=None, dtype=np.float64):
        """Return a machine with W and U uniform within 1 / sqrt(m), m the larger side of each.

        a is as in RBM.initialise. Source: Larochelle, Mandel, Pascanu and Bengio 2012."""
        start = RBM.initialise(n_visible, n_hidden, rng, X, dtype)
        n_classes, dtype = validation.positive_integer(n_classes, "n_classes"), start.W.dtype
        W, U = (rng.uniform(-1, 1, (n, n_hidden)) / np.sqrt(max(n, n_hidden))
                for n in (n_visible, n_classes))
        return cls(W.astype(dtype), U.astype(dtype), start.a, start.b, np.zeros(n_classes, dtype))

    @property
    def parameters(self):
        """Return the dict of W, U, a, b and d: the arrays themselves."""
        return {"W": self.W, "U": self.U, "a": self.a, "b": self.b, "d": self.d}

    def _rows(self, X):
        return validation.states_or_means(X, self.n_visible, "X", self.W.dtype)

    def _check(self, X, y):
        X, y = self._rows(X), validation.labels(y, self.n_classes, "y")
        if len(X) != len(y):
            raise ValueError("X and y must have the same number of rows, "
                             f"got {len(X)} and {len(y)}")
        return X, y

    def __repr__(self):
        return (f"ClassificationRBM({self.n_visible} x {self.n_hidden}, {self.n_classes} classes, "
                f"beta={self.beta}, {self.W.dtype})")


def shares(objective, alpha):
    """Return whether log p(y | v) is in an objective, and the weight of log p(v, y)  (R24)"""
    alpha = validation.not_negative(alpha, "alpha")
    validation.one_of(objective, "objective", OBJECTIVES)
    return {"discriminative": (True, 0.0), "generative": (False, 1.0),
            "hybrid": (True, alpha)}[objective]


def train(machine, X, y, optimizer, n_epochs, rng, *, objective="discriminative", alpha=0.01,
          negative_phase=None, grey="means", **loop):
    """Return the history, one dict per epoch, of raising the log-likelihood of an objective  (R24)

    X               (n, n_visible), binary, or grey values in [0, 1]; y labels (n,)
    negative_phase  of the generative share, over (v, one-hot y): any of minife.rbm.training; None
                    is PCD
    grey            "means" or "drawn", as in minife.rbm.training.train  (R25)
    optimizer, n_epochs, rng and loop: as in minife.descent.loop.descend"""
    X, y = validation.instance(machine, "machine", ClassificationRBM)._check(X, y)
    discriminative, generative = shares(objective, alpha)
    phase = PersistentContrastiveDivergence() if negative_phase is None else negative_phase
    check_phase(phase)
    validation.one_of(grey, "grey", GREY)

    def gradient(rows):
        v, labels, model = X[rows], y[rows], None
        if grey == "drawn":
            v = machine.joint.states_at(v, rng)
        if generative:
            one_hot = np.eye(machine.n_classes, dtype=v.dtype)[labels]
            model = phase.moments(machine.joint, np.hstack([v, one_hot]), rng)
        ascent = machine.ascent(v, labels, discriminative, generative, model)
        return {name: -slope for name, slope in ascent.items()}

    def kind():
        return run_kind(machine.joint, X, phase, grey=grey) | {
            "objective": f"{objective}, alpha={alpha}",
            "y": f"labels with checksum {zlib.crc32(y.tobytes()):08x}"}

    return descend(machine, gradient, len(X), optimizer, n_epochs, rng, keep={"phase": phase},
                   kind=kind, **loop)
