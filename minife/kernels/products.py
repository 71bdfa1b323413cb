"""Products with states: rows of zeros and ones that behave like any array of numbers."""
import numpy as np

from . import binary_product


class States(np.ndarray):
    """Rows of zeros and ones (n, n_units) of uint8, of which states @ W is a sum of rows of W  (K1)

    Copies, slices and transposes of States are States. Whatever is computed from them, joined with
    them or made of them in another type is an ordinary array. Two States have a product in float64:
    counts of pairs do not fit a uint8."""

    __array_priority__ = -1                    # joined with other arrays, they are ordinary

    def __matmul__(self, matrix):
        if self.dtype == np.uint8 and self.ndim == 2 == getattr(matrix, "ndim", 0):
            if matrix.dtype.kind in "biu":
                matrix = matrix.astype(np.float64)
            if matrix.dtype in (np.float32, np.float64):
                return binary_product(self, matrix)
        return np.asarray(self) @ matrix

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return array[()] if return_scalar else array.view(np.ndarray)

    def astype(self, dtype, *args, **options):
        """Return an ordinary array of another type, or States of this one, as ndarray.astype."""
        array = super().astype(dtype, *args, **options)
        return array if array.dtype == np.uint8 else array.view(np.ndarray)

    def mean(self, axis=None, dtype=np.float64, **options):
        """Return the mean along an axis, as ndarray.mean; of few rows it is a count in uint8."""
        if axis == 0 and len(self) < 256 and self.dtype == np.uint8 and not options:
            return np.add.reduce(np.asarray(self), axis=0, dtype=np.uint8).astype(dtype) / len(self)
        return np.asarray(self).mean(axis, dtype, **options)


def as_states(array):
    """Return the States of an array of zeros and ones, copied only where it is not of uint8."""
    return np.ascontiguousarray(array, dtype=np.uint8).view(States)


def difference_of_products(plus, minus):
    """Return x.T @ y of the pair plus = (x, y) less that of the pair minus, as (n_in, n_out)

    Where both x are States, it is one row sum, over the rows of both  (K1)"""
    (x, y), (x_less, y_less) = plus, minus
    if isinstance(x, States) and isinstance(x_less, States):
        return as_states(np.concatenate([x, x_less])).T @ np.concatenate([y, -y_less])
    return x.T @ y - x_less.T @ y_less


def all_states(n_units, start=0, stop=None, step=1):
    """Return the binary states (n, n_units) number start to stop, as uint8; bit i is unit i."""
    whole = isinstance(n_units, (int, np.integer)) and not isinstance(n_units, bool)
    if not whole or not 1 <= n_units < 63:
        raise ValueError(f"n_units must be an integer from 1 to 62, got {n_units!r}")
    numbers = np.arange(start, 2**n_units if stop is None else stop, step)
    return (numbers[:, None] >> np.arange(n_units) & 1).astype(np.uint8)
