"""The one way parameters and gradients are held: a dict of arrays, name -> array; a slope may be an OuterSum."""
import numpy as np

from . import kernels


class OuterSum:
    """The slope sum_r x_r y_r^T (n_in, n_out) of weights, for states x (n, n_in) and numbers y (n, n_out)  (R9)

    Gradient descent takes its step while it adds up, without an array of slopes; np.asarray(slope) makes the array."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __array__(self, dtype=None, copy=None):
        return kernels.binary_product(self.x.T, self.y).astype(dtype or self.y.dtype, copy=False)


def flatten(parameters):
    """Return all parameters as one vector, in the order of the dict."""
    return np.concatenate([array.ravel() for array in parameters.values()])


def norm(parameters, p=2):
    """Return the L1 (p = 1) or L2 (p = 2) norm of all parameters together."""
    return float(np.linalg.norm(flatten(parameters), ord=p))
