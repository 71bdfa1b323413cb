"""The multilayer perceptron: a forward pass of fields, a backward pass of errors, both by hand."""
import numpy as np

from .. import validation
from ..kernels.products import as_states
from ..units import Binary, Step
from .layers import activate, activate_backward, dense, dense_backward, dense_backward_input
from .losses import CategoricalCrossEntropy

NEEDED_OF_A_HIDDEN_UNIT = ("potential", "mean", "variance", "third_cumulant")


class MLP:
    """Layers k = 1 to depth of fields x_k = h_{k-1} W_k + b_k, activations h_k = A'(x_k)  (B1, B2)

    h_0 is the input; the parameters are W1, b1, W2, b2, ...: W_k is (n_in, n_out), b_k is (n_out,).

    sizes   numbers of units (n_inputs, n_hidden, ..., n_outputs), two or more
    hidden  the hidden unit: Binary() sigmoid, Spin() tanh, Rectified() ReLU, LeakyRectified(),
            Gaussian() identity, or any object with the functions potential, mean, variance and
            third_cumulant of chapter U
    loss    CategoricalCrossEntropy() (softmax output), BinaryCrossEntropy() (sigmoid) or
            SquaredError() (linear)
    rng     numpy.random.Generator for the initial weights
    dtype   numpy.float32 or numpy.float64"""

    def __init__(self, sizes, hidden=Binary(), loss=CategoricalCrossEntropy(), rng=None,
                 dtype=np.float64):
        if np.ndim(sizes) != 1 or len(sizes) < 2:
            raise ValueError("sizes must be two numbers or more, inputs and outputs, "
                             f"got {sizes!r}")
        self.sizes = tuple(validation.positive_integer(size, "sizes") for size in sizes)
        if isinstance(loss, type) or not hasattr(loss, "hessian_product"):
            raise TypeError("loss must be SquaredError(), BinaryCrossEntropy() or "
                            f"CategoricalCrossEntropy(), got {loss!r}")
        self.hidden, self.loss_function = checked_hidden(hidden), loss
        self.dtype = validation.float_type(dtype)
        self.depth = len(self.sizes) - 1
        self.input_mean, self.input_scale = np.zeros(self.sizes[0], self.dtype), 1.0
        rng = np.random.default_rng() if rng is None else validation.generator(rng)
        self.parameters = self._initialise(rng)

    def __repr__(self):
        sizes, unit = " x ".join(map(str, self.sizes)), type(self.hidden).__name__
        return f"MLP({sizes}, {unit}, {type(self.loss_function).__name__}, {self.dtype})"

    def _initialise(self, rng):
        """Return parameters that give every field mean 0 and variance 1  (B13)"""
        mean, variance = 0.0, 1.0            # of the units that a layer sees: first the inputs
        parameters = {}
        for k in range(1, self.depth + 1):
            n_in, n_out = self.sizes[k - 1], self.sizes[k]
            W = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in * variance)
            parameters[f"W{k}"] = W.astype(self.dtype)
            parameters[f"b{k}"] = (-mean * W.sum(axis=0)).astype(self.dtype)
            mean, variance = moments_in_normal_field(self.hidden)
        return parameters

    def normalise_input(self, X):
        """Let the network see h_0 = (X - mean) / scale from now on, one scale for all  (B14)"""
        X = self._inputs(X).astype(self.dtype, copy=False)
        away = X - X[0]                      # exactly 0 where nothing varies
        self.input_mean, scale = X[0] + away.mean(axis=0), np.sqrt(away.var(axis=0).mean())
        self.input_scale = float(scale) if scale > 0 else 1.0

    def fields(self, X):
        """Return the fields [x_1, ..., x_depth], each (n, n_units), of the rows of X."""
        x, _ = self.forward(self._normalised(X))
        return list(x.values())

    def predict(self, X):
        """Return the means of the output units (n, n_outputs): probabilities, or numbers."""
        return self.loss_function.unit.mean(self.fields(X)[-1])

    def loss(self, X, y):
        """Return the mean loss E_train over the rows of X and their targets y  (B8)"""
        h_0, y = self.check_rows(X, y)
        x, _ = self.forward(h_0)
        return float(self.loss_function.value(x[self.depth], y).mean())

    def gradient(self, X, y):
        """Return the gradient of the mean loss, a dict with the keys of the parameters  (B8, B9)"""
        return self.backward(*self.check_rows(X, y))[0]

    def forward(self, h_0):
        """Return the fields x and the activations h, dicts layer k -> (n, n_units)  (B1, B2)

        h_0 is an input as from check_rows(). x holds the layers 1 to depth, h the layers 0 to
        depth - 1; the output units belong to the loss."""
        x, h = {}, {0: h_0}
        for k in range(1, self.depth + 1):
            x[k] = dense(h[k - 1], self.parameters[f"W{k}"], self.parameters[f"b{k}"])
            if k < self.depth:
                h[k] = activate(x[k], self.hidden)
        return x, h

    def backward(self, h_0, y):
        """Return the gradient of the mean loss, and the output fields  (B8, B9)

        h_0 and y are as from check_rows(). One pass forward, then one backward."""
        x, h = self.forward(h_0)
        d_x = self.loss_function.gradient(x[self.depth], y) / len(y)                    # (B4)
        slope = {}
        for k in range(self.depth, 0, -1):
            slope[f"W{k}"], slope[f"b{k}"] = dense_backward(d_x, h[k - 1])              # (B8)
            if k > 1:
                d_h = dense_backward_input(d_x, self.parameters[f"W{k}"])
                d_x = activate_backward(d_h, x[k - 1], self.hidden)                     # (B9)
        return {name: slope[name] for name in self.parameters}, x[self.depth]  # in their order

    def check_rows(self, X, y):
        """Return the input h_0 of the rows of X and their targets, or say what is wrong."""
        h_0 = self._normalised(X)
        y = self.loss_function.targets(y, self.sizes[-1]).astype(self.dtype, copy=False)
        if len(h_0) != len(y):
            raise ValueError("X and y must have the same number of rows, "
                             f"got {len(h_0)} and {len(y)}")
        return h_0, y

    def check_parameters(self):
        """Raise ValueError if a parameter was replaced by one of another shape, or taken away."""
        for k in range(1, self.depth + 1):
            shapes = {f"W{k}": self.sizes[k - 1:k + 1], f"b{k}": self.sizes[k:k + 1]}
            for name, shape in shapes.items():
                found = getattr(self.parameters.get(name), "shape", "none")
                if found != shape:
                    raise ValueError(f"the parameter {name} must have shape {shape}, got {found}")

    def _inputs(self, X):
        """Return X as finite numbers (n, n_inputs) of the network's type; states as they are."""
        if not validation.are_states(X):
            X = validation.real_array(X, "X", n_dims=2, dtype=self.dtype)
        if X.shape[1] != self.sizes[0]:
            raise ValueError(f"X must have shape (n, {self.sizes[0]}), got {X.shape}")
        return X

    def _normalised(self, X):
        """Return the input h_0 of the rows of X; states stay states where nothing is normalised."""
        self.check_parameters()
        X = self._inputs(X)
        if X.dtype == np.uint8 and self.input_scale == 1 and not self.input_mean.any():
            return as_states(X)
        return (X - self.input_mean) / self.input_scale


def checked_hidden(unit):
    """Return a hidden unit, or say which of the functions that backprop needs it lacks."""
    missing = [name for name in NEEDED_OF_A_HIDDEN_UNIT if not callable(getattr(unit, name, None))]
    if isinstance(unit, Step):
        raise TypeError("hidden cannot be Step(): its variance is 0, so that (B9) sends no error "
                        "to the layers below")
    if isinstance(unit, type) or missing:
        got = f"{unit!r}, without {', '.join(missing)}"
        if isinstance(unit, type):
            got = f"the class {unit.__name__} itself"
        raise TypeError(f"hidden must be a unit with {', '.join(NEEDED_OF_A_HIDDEN_UNIT)}, "
                        f"such as Spin(), got {got}")
    return unit


def moments_in_normal_field(unit):
    """Return mean and variance of A'(x) for a standard normal field x  (B13)"""
    x = np.linspace(-8, 8, 4001)             # a fine grid, with a point at the kink of ReLU
    h, weight = unit.mean(x), np.exp(-(x**2) / 2)
    weight /= weight.sum()
    mean = weight @ h
    return mean, weight @ (h - mean) ** 2
