"""The post's network: mean-field iterations of an RBM as layers with tied weights, and an output
node on top."""
import numpy as np

from .. import validation
from ..backprop.layers import dense, dense_backward, dense_backward_input
from ..backprop.losses import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError
from ..backprop.mlp import MLP
from ..rbm.model import RBM
from ..units import Binary
from .unrolled import copy_layers, unroll


class TiedClassifier:
    """Output units in the fields h_n U + d, on top of n_iterations unrolled iterations of an RBM
    (C1)

    rbm    W, a, b (and beta)       U, d   (n_hidden, n_outputs), (n_outputs,)
    loss   as for an MLP, from the output fields: CategoricalCrossEntropy() makes the output node a
           softmax
    The parameters are W, a, b, U, d, the arrays themselves: descending them trains the machine."""

    def __init__(self, rbm, n_iterations, U, d, loss=CategoricalCrossEntropy()):
        self.unrolled = unroll(rbm, n_iterations)
        self.loss_function = validation.instance(
            loss, "loss", (CategoricalCrossEntropy, BinaryCrossEntropy, SquaredError))
        self.U = np.ascontiguousarray(validation.real_array(U, "U", n_dims=2, dtype=rbm.W.dtype))
        self.d = np.ascontiguousarray(validation.real_array(d, "d", n_dims=1, dtype=rbm.W.dtype))
        if self.U.shape != (rbm.n_hidden, len(self.d)):
            raise ValueError(f"U and d must have shapes ({rbm.n_hidden}, k) and (k,), got "
                             f"{self.U.shape} and {self.d.shape}")

    @classmethod
    def initialise(cls, n_visible, n_hidden, n_outputs, n_iterations, rng, X, dtype=np.float64,
                   gain=1.0):
        """Return a classifier for the rows X (n, n_visible), with all fields centred and U = 0

        The first fields have the standard deviation `gain`; the weights that are drawn for them
        serve all layers."""
        X = validation.means(X, validation.positive_integer(n_visible, "n_visible"), "X")
        n_hidden = validation.positive_integer(n_hidden, "n_hidden")
        n_outputs = validation.positive_integer(n_outputs, "n_outputs")
        dtype = validation.float_type(dtype)
        variance = X.var(axis=0).sum()
        if not variance > 0:
            raise ValueError("X must hold rows that differ, got rows that are all the same")
        W = validation.generator(rng).standard_normal((n_visible, n_hidden))
        W *= validation.positive(gain, "gain") / np.sqrt(variance)
        rbm = RBM(W.astype(dtype), -W.sum(axis=1) / 2, -X.mean(axis=0) @ W)
        return cls(rbm, n_iterations, np.zeros((n_hidden, n_outputs)), np.zeros(n_outputs))

    def __repr__(self):
        loss = type(self.loss_function).__name__
        return f"TiedClassifier({self.unrolled!r}, {len(self.d)} outputs, {loss})"

    @property
    def parameters(self):
        """Return the dict of W, a, b, U and d: the arrays themselves."""
        return self.unrolled.parameters | {"U": self.U, "d": self.d}

    def fields(self, X):
        """Return the fields of the output units (n, n_outputs)  (C1)"""
        return dense(self.unrolled.forward(X)[-1], self.U, self.d)

    def predict(self, X):
        """Return the means of the output units (n, n_outputs): class probabilities for a
        softmax."""
        return self.loss_function.unit.mean(self.fields(X))

    def loss(self, X, y):
        """Return the mean loss over the rows of X (n, n_visible) and their targets y."""
        return float(self.loss_function.value(self.fields(X), self._targets(y)).mean())

    def gradient(self, X, y):
        """Return the gradient of the mean loss, a dict with the keys of the parameters  (C4)"""
        h, y = self.unrolled.forward(X)[-1], self._targets(y)
        d_x = self.loss_function.gradient(dense(h, self.U, self.d),
                                          y)  # one row per example, not yet averaged
        d_U, d_d = dense_backward(d_x, h)
        gradient = self.unrolled.gradient(X, dense_backward_input(d_x, self.U))
        return gradient | {"U": d_U / len(h), "d": d_d / len(h)}

    def untie(self):
        """Return an MLP of the same layers, each with weights of its own: at first the same
        function of x  (C1)"""
        rbm, n = self.unrolled.rbm, self.unrolled.n_iterations
        sizes = (rbm.n_visible, rbm.n_hidden) + (rbm.n_visible, rbm.n_hidden) * n + (len(self.d),)
        mlp = MLP(sizes, Binary(), self.loss_function, np.random.default_rng(0), rbm.W.dtype)
        copy_layers(rbm, 2 * n + 1, mlp)
        mlp.parameters[f"W{mlp.depth}"][...], mlp.parameters[f"b{mlp.depth}"][...] = self.U, self.d
        return mlp

    def _targets(self, y):
        return self.loss_function.targets(y, len(self.d)).astype(self.U.dtype, copy=False)
