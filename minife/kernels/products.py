"""The door to products with states: rows of zeros and ones that behave like any array of numbers."""
import numpy as np

from . import binary_product


class States(np.ndarray):
    """Rows of zeros and ones (n, n_units) of uint8, of which states @ W is a sum of rows of W  (K1)

    Slices, copies and transposes are States again; whatever else is made of them is an ordinary array."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        x, *others = (np.asarray(array) if isinstance(array, States) else array for array in inputs)
        if ufunc is np.matmul and out is None and x.dtype == np.uint8 and isinstance(inputs[0], States):
            (matrix,) = others
            if isinstance(matrix, np.ndarray) and x.ndim == matrix.ndim == 2 and matrix.dtype.kind == "f":
                return binary_product(x, matrix)
        if out is not None:
            options["out"] = tuple(np.asarray(array) if isinstance(array, States) else array for array in out)
        return getattr(ufunc, method)(x, *others, **options)

    def mean(self, axis=None, dtype=np.float64, **options):
        """Return the mean of the states along an axis, as ndarray.mean; of few rows it is a count of small integers."""
        if axis == 0 and len(self) < 256 and self.dtype == np.uint8 and not options:
            return np.add.reduce(np.asarray(self), axis=0, dtype=np.uint8).astype(dtype) / len(self)
        return np.asarray(self).mean(axis, dtype, **options)


def as_states(array):
    """Return the States that an array of zeros and ones holds; it is copied only where it is no array of uint8."""
    return np.ascontiguousarray(array, dtype=np.uint8).view(States)


def all_states(n_units, start=0, stop=None):
    """Return the binary states (n, n_units) number start to stop, of 2**n_units, as uint8; bit i is unit i."""
    if isinstance(n_units, bool) or not isinstance(n_units, (int, np.integer)) or not 1 <= n_units < 63:
        raise ValueError(f"n_units must be an integer from 1 to 62, got {n_units!r}")
    numbers = np.arange(start, 2**n_units if stop is None else stop)
    return (numbers[:, None] >> np.arange(n_units) & 1).astype(np.uint8)
