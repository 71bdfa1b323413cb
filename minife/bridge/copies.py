"""From the classification RBM to the ordinary network, by counting copies of the hidden units."""
import numpy as np

from .. import validation
from ..backprop.losses import CategoricalCrossEntropy
from ..backprop.mlp import MLP
from ..rbm.classification import ClassificationRBM
from ..units import Binary, Gaussian, LeakyRectified, Potts, Rectified, Spin

label_unit, HIDDEN_UNITS = Potts(), (Binary, Spin, Gaussian, Rectified, LeakyRectified)


class CopiedUnits:
    """Each of n_hidden units in r copies, which see x through W, b alike and the label k through
    U_k / r  (C16)

    W, b     (n_visible, n_hidden), (n_hidden,): what a copy sees of x
    U, d     (n_classes, n_hidden), (n_classes,): what the label sees of all copies together, and
             its bias
    copies   r: 1 is the classification RBM of chapter R; the larger r, the closer to the network of
             limit()  (C17)
    unit     of the copies: Binary(), or any other that an MLP may hide; beta the inverse
             temperature, one for all
    The arrays are kept, not copied, where their type and layout allow; training changes them in
    place."""

    def __init__(self, W, U, b, d, copies=1, unit=Binary(), beta=1.0):
        self.W = np.ascontiguousarray(validation.real_array(W, "W", n_dims=2))
        self.U, self.b, self.d = (
            np.ascontiguousarray(validation.real_array(array, name, n_dims, self.W.dtype))
            for array, name, n_dims in ((U, "U", 2), (b, "b", 1), (d, "d", 1)))
        if not (self.U.shape[1] == self.W.shape[1] == len(self.b) and len(self.U) == len(self.d)):
            raise ValueError("W, U, b and d must have shapes (n_visible, n_hidden), (n_classes, "
                             f"n_hidden), (n_hidden,) and (n_classes,), got {self.W.shape}, "
                             f"{self.U.shape}, {self.b.shape} and {self.d.shape}")
        self.copies = validation.positive_integer(copies, "copies")
        self.unit = validation.instance(unit, "unit", HIDDEN_UNITS)
        self.beta = validation.positive(beta, "beta")

    def __repr__(self):
        sizes = f"{len(self.W)} x {self.copies} * {self.W.shape[1]} x {len(self.U)}"
        return f"CopiedUnits({sizes}, {type(self.unit).__name__}, beta={self.beta}, {self.W.dtype})"

    @property
    def parameters(self):
        """Return the dict of W, U, b and d: the arrays themselves."""
        return {"W": self.W, "U": self.U, "b": self.b, "d": self.d}

    def label_energies(self, X):
        """Return -beta F_r(x, k) (n, n_classes), up to a term that all labels share  (C16)"""
        X, A, beta, U, r = self._rows(X), self.unit.potential, self.beta, self.U, self.copies
        f = (self.b + X @ self.W)[:, None]                                  # (n, 1, n_hidden)
        each = A(beta * (f + U / r)) - A(beta * f)  # (n, n_classes, n_hidden)
        return beta * self.d + r * each.sum(axis=2)                         # (n, n_classes)

    def predict(self, X):
        """Return p(k | x) (n, n_classes)  (C16)"""
        return label_unit.mean(self.label_energies(X))

    def loss(self, X, y):
        """Return the mean of -log p(y | x) over the rows: beta [F_r(x, y) - F_r(x)], clamped minus
        free  (C16)"""
        F = -self.label_energies(X)
        return float((F[np.arange(len(F)), self._labels(y, X)] + label_unit.potential(-F)).mean())

    def gradient(self, X, y):
        """Return the gradient of the mean loss: slopes of F_r with the label clamped minus those
        with it free  (C15, C16)"""
        X, y, beta, U, r = self._rows(X), self._labels(y, X), self.beta, self.U, self.copies
        clamped, free = np.eye(len(U), dtype=U.dtype)[y], self.predict(X)   # (n, n_classes)
        D = (clamped - free) / len(X)
        f = self.b + X @ self.W
        d_f, d_U = np.zeros_like(f), np.empty_like(U)
        for k in range(len(U)):
            h = self.unit.mean(beta * (f + U[k] / r))  # (n, n_hidden), of each copy at label k
            d_f -= beta * r * D[:, k, None] * h
            d_U[k] = -beta * D[:, k] @ h
        return {"W": X.T @ d_f, "U": d_U, "b": d_f.sum(axis=0), "d": -beta * D.sum(axis=0)}

    def machine(self):
        """Return the same as a ClassificationRBM of r n_hidden binary units: one energy, one
        temperature  (C16)"""
        if not isinstance(self.unit, Binary):
            raise ValueError("only Binary() units make a ClassificationRBM, got "
                             f"{type(self.unit).__name__}")
        r = self.copies
        return ClassificationRBM(np.tile(self.W, r), np.tile(self.U, r) / r,
                                 np.zeros_like(self.W[:, 0]), np.tile(self.b, r), self.d, self.beta)

    def limit(self):
        """Return the MLP that r -> infinity gives  (C17)

        x -> h = A'(beta (b + x W)) -> softmax(beta (d + h U^T))"""
        mlp = MLP((*self.W.shape, len(self.U)), self.unit, CategoricalCrossEntropy(),
                  np.random.default_rng(0), self.W.dtype)
        for name, array in (("W1", self.W), ("b1", self.b), ("W2", self.U.T), ("b2", self.d)):
            mlp.parameters[name][...] = self.beta * array
        return mlp

    def _rows(self, X):
        X = validation.real_array(X, "X", n_dims=2, dtype=self.W.dtype)
        if X.shape[1] != len(self.W):
            raise ValueError(f"X must have shape (n, {len(self.W)}), got {X.shape}")
        return X

    def _labels(self, y, X):
        y = validation.labels(y, len(self.U), "y")
        if len(y) != len(X):
            raise ValueError(f"X and y must have the same number of rows, got {len(X)} and "
                             f"{len(y)}")
        return y
