"""Products of rows with weights, and sums of outer products of rows: rows of zeros and ones need no multiplication."""
import numpy as np

from . import kernels


def product(rows, matrix):
    """Return rows @ matrix of checked rows, states or numbers: a sum of rows of the matrix for states (K1)"""
    if rows.dtype == np.uint8:
        return kernels.binary_product(rows, matrix)
    return rows.astype(matrix.dtype, copy=False) @ matrix


def outer_sum(x, y, base=None):
    """Return base + sum_r x_r y_r^T (n_in, n_out), the slope of weights, over checked rows x (n, n_in) and y (n, n_out)

    An array, or an OuterSum where x are states."""
    slope = OuterSum(x, y, base)
    return slope if x.dtype == np.uint8 else np.asarray(slope)


class OuterSum:
    """base + sum_r x_r y_r^T (n_in, n_out) over states x (n, n_in) and numbers y (n, n_out), not yet added up  (B8, R9)

    Gradient descent takes its step while it adds up, without an array of slopes; np.asarray(slope) makes the array.
    base is an array (n_in, n_out), or None for 0."""

    def __init__(self, x, y, base=None):
        self.x, self.y, self.base = x, y, base

    def __array__(self, dtype=None, copy=None):
        slope = product(self.x.T, self.y)
        if self.base is not None:
            slope += self.base
        return slope.astype(dtype or slope.dtype, copy=False)
