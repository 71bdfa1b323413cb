"""The multilayer perceptron: a forward pass of fields and activations, a backward pass of errors, both by hand."""
import zlib

import numpy as np

from .. import validation
from ..kernels.products import as_states
from ..units import Binary, Gaussian, LeakyRectified, Rectified, Spin
from ..descent.loop import descend
from .layers import activate, activate_backward, dense, dense_backward, dense_backward_input
from .losses import CategoricalCrossEntropy

HIDDEN_UNITS = (Binary, Spin, Gaussian, Rectified, LeakyRectified)


class MLP:
    """Layers k = 1 to depth: fields x_k = h_{k-1} W_k + b_k, activations h_k = A'(x_k); h_0 is the input  (B1, B2)

    sizes   numbers of units (n_inputs, n_hidden, ..., n_outputs), two or more
    hidden  the hidden unit: Binary() sigmoid, Spin() tanh, Rectified() ReLU, LeakyRectified() or Gaussian() identity
    loss    CategoricalCrossEntropy() (softmax output), BinaryCrossEntropy() (sigmoid) or SquaredError() (linear)
    rng     numpy.random.Generator for the initial weights
    dtype   numpy.float32 or numpy.float64
    The parameters are W1, b1, W2, b2, ...: W_k is (n_in, n_out), b_k is (n_out,)."""

    def __init__(self, sizes, hidden=Binary(), loss=CategoricalCrossEntropy(), rng=None, dtype=np.float64):
        if np.ndim(sizes) != 1 or len(sizes) < 2:
            raise ValueError(f"sizes must be two numbers or more, inputs and outputs, got {sizes!r}")
        self.sizes = tuple(validation.positive_integer(size, "sizes") for size in sizes)
        if not isinstance(hidden, HIDDEN_UNITS):
            names = ", ".join(unit.__name__ for unit in HIDDEN_UNITS)
            raise TypeError(f"hidden must be one of {names}, got {hidden!r}")
        if isinstance(loss, type) or not hasattr(loss, "hessian_product"):
            raise TypeError("loss must be SquaredError(), BinaryCrossEntropy() or CategoricalCrossEntropy(), "
                            f"got {loss!r}")
        self.hidden, self.loss_function = hidden, loss
        self.dtype = np.dtype(validation.one_of(np.dtype(dtype).name, "dtype", ("float32", "float64")))
        self.depth = len(self.sizes) - 1
        self.input_mean, self.input_scale = np.zeros(self.sizes[0], self.dtype), 1.0
        self.parameters = self._initialise(np.random.default_rng() if rng is None else validation.generator(rng))

    def _initialise(self, rng):
        """Return parameters with which every field starts with mean 0 and variance 1 over normalised data  (B13)"""
        mean, variance = 0.0, 1.0                           # of the units that a layer sees: first the inputs
        parameters = {}
        for k in range(1, self.depth + 1):
            n_in, n_out = self.sizes[k - 1], self.sizes[k]
            W = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in * variance)
            parameters[f"W{k}"] = W.astype(self.dtype)
            parameters[f"b{k}"] = (-mean * W.sum(axis=0)).astype(self.dtype)
            mean, variance = moments_in_normal_field(self.hidden)
        return parameters

    def normalise_input(self, X):
        """Let the network see h_0 = (x - mean) / scale from now on: each input centred, all in one scale  (B14)"""
        X = self._inputs(X).astype(self.dtype, copy=False)
        away = X - X[0]                                     # exactly 0 where nothing varies
        self.input_mean, scale = X[0] + away.mean(axis=0), np.sqrt(away.var(axis=0).mean())
        self.input_scale = float(scale) if scale > 0 else 1.0

    def fields(self, X):
        """Return the fields [x_1, ..., x_depth] of all layers, each (n, n_units), of the rows of X (n, n_inputs)"""
        return self._forward(self._normalised(X))[0]

    def predict(self, X):
        """Return the means of the output units (n, n_outputs): probabilities, or numbers for SquaredError()."""
        return self.loss_function.unit.mean(self.fields(X)[-1])

    def loss(self, X, y):
        """Return the mean loss E_train over the rows of X (n, n_inputs) and their targets y  (B8)"""
        h, y = self.check_rows(X, y)
        return float(self.loss_function.value(self._forward(h)[0][-1], y).mean())

    def gradient(self, X, y):
        """Return the gradient of the mean loss, a dict with the keys of the parameters  (B8, B9)"""
        return self.backward(*self.check_rows(X, y))[0]

    def check_rows(self, X, y):
        """Return the normalised input h_0 of the rows of X and their targets, or say what is wrong with them."""
        h = self._normalised(X)
        y = self.loss_function.targets(y, self.sizes[-1]).astype(self.dtype, copy=False)
        if len(h) != len(y):
            raise ValueError(f"X and y must have the same number of rows, got {len(h)} and {len(y)}")
        return h, y

    def _inputs(self, X):
        """Return X as finite numbers (n, n_inputs) of the network's type, or states of uint8 as they are."""
        if not validation.are_states(X):
            X = validation.real_array(X, "X", n_dims=2, dtype=self.dtype)
        if X.shape[1] != self.sizes[0]:
            raise ValueError(f"X must have shape (n, {self.sizes[0]}), got {X.shape}")
        return X

    def _normalised(self, X):
        """Return the input h_0 of the rows of X; states stay states where nothing is normalised."""
        X = self._inputs(X)
        if X.dtype == np.uint8 and self.input_scale == 1 and not self.input_mean.any():
            return as_states(X)
        return (X - self.input_mean) / self.input_scale

    def _forward(self, h):
        """Return all fields [x_1, ..., x_depth] and what each layer saw [h_0, ..., h_depth-1]."""
        fields, seen = [], []
        for k in range(1, self.depth + 1):
            x = dense(h, self.parameters[f"W{k}"], self.parameters[f"b{k}"])
            fields.append(x)
            seen.append(h)
            if k < self.depth:
                h = activate(x, self.hidden)
        return fields, seen

    def backward(self, h, y):
        """Return the gradient of the mean loss and the output fields, given h_0 and y as from check_rows()  (B8, B9)

        One pass forward, then one backward in the opposite order."""
        fields, seen = self._forward(h)
        d_x = self.loss_function.gradient(fields[-1], y) / len(y)           # (B4)
        gradient = {}
        for k in range(self.depth, 0, -1):
            gradient[f"W{k}"], gradient[f"b{k}"] = dense_backward(d_x, seen[k - 1])
            if k > 1:
                d_h = dense_backward_input(d_x, self.parameters[f"W{k}"])
                d_x = activate_backward(d_h, fields[k - 2], self.hidden)
        return {name: gradient[name] for name in self.parameters}, fields[-1]  # in their order, as flatten() needs


def moments_in_normal_field(unit):
    """Return mean and variance of the activation A'(x) in a field x that is normal with mean 0 and variance 1  (B13)"""
    x = np.linspace(-8, 8, 4001)                        # a sum over a fine grid, with a point at the kink of ReLU
    h, weight = unit.mean(x), np.exp(-(x**2) / 2)
    weight /= weight.sum()
    mean = weight @ h
    return mean, weight @ (h - mean) ** 2


def train(mlp, X, y, optimizer, n_epochs, rng, *, callbacks=(), **loop):
    """Return the history, one dict per epoch, of minimising the mean loss over X, y; mlp is changed in place.

    The loss in the history is the mean over the epoch, each row as the network saw it. optimizer, n_epochs, rng, and
    by name batch_size, norm_constraint, callbacks, checkpoint, history, label: as in
    minife.descent.loop.descend."""
    h, y = mlp.check_rows(X, y)
    order, outputs = [], []

    def gradient(rows):
        slopes, x = mlp.backward(h.take(rows, axis=0), y.take(rows, axis=0))
        order.append(rows)
        outputs.append(x)
        return slopes

    def mean_loss(mlp, epoch):
        loss = mlp.loss_function.value(np.concatenate(outputs), y[np.concatenate(order)]).mean()
        order.clear()
        outputs.clear()
        return {"loss": float(loss)}

    def kind():
        checksum = zlib.crc32(h.tobytes(), zlib.crc32(y.tobytes()))
        loss, hidden, output = mlp.loss_function, mlp.hidden, mlp.loss_function.unit
        return (f"an MLP of {mlp.sizes} {type(hidden).__name__}{vars(hidden) or ''} units, {type(loss).__name__} of "
                f"{type(output).__name__}{vars(output) or ''} units, {mlp.dtype}, {len(h)} rows with checksum "
                f"{checksum:08x}")

    return descend(mlp, gradient, len(h), optimizer, n_epochs, rng, kind=kind, callbacks=(mean_loss, *callbacks),
                   **loop)
