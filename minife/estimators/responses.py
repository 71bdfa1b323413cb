"""The door of y: what the estimators take as labels, as numbers to predict and as weights of rows,
and what is said of what they do not take."""
import warnings

import numpy as np

from .errors import DataConversionWarning, shared
from .features import numbers


def one_column(y, what):
    """Return y as an array (n,): a column is unrolled, with a warning, and anything else is refused
    by name."""
    if y is None:
        raise ValueError(f"this {what} requires y to be passed, but the target y is None")
    if np.ma.isMaskedArray(y):
        raise TypeError("y is a masked array, and masks are not understood: leave out the rows "
                        "without a label")
    if hasattr(y, "isna") and np.any(y.isna()):
        raise ValueError("Input y contains NaN: rows without a label must be left out")
    try:
        y = np.asarray(y)
    except ValueError as error:
        raise ValueError("y must have one label for each row, got a ragged "
                         f"{type(y).__name__}: {error}") from None
    if y.ndim == 2 and y.shape[1] == 1:
        message = ("A column-vector y was passed when a 1d array was expected. Please change the "
                   "shape of y to (n_samples,), for example using ravel().")
        warnings.warn(shared(DataConversionWarning, message), stacklevel=4)
        y = y[:, 0]
    if y.ndim != 1:
        hint = ": for one-hot rows pass y.argmax(axis=1)" if y.ndim == 2 else ""
        raise ValueError(f"y should be a 1d array of shape (n,), got an array of shape {y.shape} "
                         f"instead{hint}")
    return y


def labels(y, what="classifier"):
    """Return labels y (n,): of one type, none missing, no fractions."""
    y = one_column(y, what)
    if y.dtype.kind == "O":
        # None, or a NaN, which is not itself
        if any(label is None or label != label for label in y):
            raise ValueError("Input y contains NaN or None: rows without a label must be left out")
        kinds = {"text" if isinstance(label, str) else "number" for label in y}
        if len(kinds) > 1:
            raise TypeError("y must hold labels of one type, got texts and numbers")
        y = np.array([str(label) for label in y]) if kinds == {"text"} else numbers(y, "y")
        if y.dtype.kind == "f" and np.isfinite(y).all() and (y == np.round(y)).all():
            y = y.astype(np.int64)
    if y.dtype.kind == "c":
        raise ValueError("Complex data not supported: y must hold labels")
    if y.dtype.kind in "mM" and np.isnat(y).any():
        raise ValueError("Input y contains NaT: rows without a label must be left out")
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise ValueError("Input y contains NaN." if np.isnan(y).any() else
                             "Input y contains infinity or a value too large for dtype('float64').")
        fractions = y[y != np.round(y)]
        if fractions.size:
            raise ValueError("Unknown label type: continuous. y holds fractions, such as "
                             f"{fractions[0]:g}, and a classifier needs classes: take a regressor")
    return y


def targets(y, what="regressor"):
    """Return numbers y (n,) or (n, n_outputs), finite, as float64."""
    if y is None:
        raise ValueError(f"this {what} requires y to be passed, but the target y is None")
    if np.ma.isMaskedArray(y):
        raise TypeError("y is a masked array, and masks are not understood: leave out the rows "
                        "without a target")
    y = numbers(y, "y").astype(np.float64)
    if y.ndim not in (1, 2) or 0 in y.shape:
        raise ValueError(f"y must have shape (n,) or (n, n_outputs), got {y.shape}")
    if not np.isfinite(y).all():
        raise ValueError("Input y contains NaN." if np.isnan(y).any() else
                         "Input y contains infinity or a value too large for dtype('float64').")
    return y


def same_length(X, y):
    """Raise ValueError unless X and y have the same number of rows."""
    if len(X) != len(y):
        raise ValueError(f"X and y must have the same number of rows, got {len(X)} and {len(y)}")


def compare_labels(y, classes):
    """Return labels y (n,) to be compared with predictions among classes; texts and numbers do not
    compare."""
    y = labels(y)
    if (y.dtype.kind in "US") != (classes.dtype.kind in "US"):
        raise TypeError(f"y has labels of {y.dtype}, the classes were learned as {classes.dtype}: "
                        "'5' is not 5")
    return y


def weights(sample_weight, n):
    """Return the weights of n rows (n,), not negative, with the mean 1, or None."""
    if sample_weight is None:
        return None
    w = numbers(sample_weight, "sample_weight").astype(np.float64)
    w = np.full(n, float(w)) if w.ndim == 0 else w
    if w.shape != (n,) or not np.isfinite(w).all() or w.min() < 0 or w.sum() == 0:
        raise ValueError(f"sample_weight must be {n} finite numbers of at least 0, not all of them "
                         f"zero, got shape {w.shape}")
    return w * (n / w.sum())
