"""The doors of the estimators: what may come in as X, as labels and as numbers, and what is said of
what may not."""
import warnings

import numpy as np

from .errors import DataConversionWarning, shared

TOLERANCE = 1e-5                                         # beyond [0, 1], what float32 leaves of a 1


def rows(X, n_features=None, names=None, owner="this estimator"):
    """Return X as an array (n, n_features) of finite numbers, and the names of its columns or None.

    n_features, names   what X had when learning began, to be compared; None then"""
    if hasattr(X, "nnz") and hasattr(X, "toarray"):
        raise TypeError(
            f"X is sparse, a {type(X).__name__}, and {owner} takes dense rows: pass X.toarray()")
    if np.ma.isMaskedArray(X):
        raise TypeError(
            "X is a masked array, and masks are not understood: fill it, X.filled(value)")
    if isinstance(X, str) or X is None:
        raise ValueError(f"X must be an array (n, n_features), got {X!r:.40}")
    columns = column_names(X)
    array = numbers(X, "X")
    if array.ndim != 2:
        raise ValueError(
            f"X must have 2 axes, got shape {array.shape}. Reshape your data: X.reshape(-1, 1) "
            "if it is one "
            "column, X.reshape(1, -1) if it is one row")
    if array.shape[1] == 0:
        raise ValueError(
            f"X has 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
    if len(array) == 0:
        raise ValueError(
            f"X has 0 sample(s) (shape={array.shape}) while a minimum of 1 is required.")
    if n_features is not None:
        compare_names(columns, names, owner)
        if array.shape[1] != n_features:
            raise ValueError(
                f"X has {array.shape[1]} features, but {owner} is expecting {n_features} "
                "features as input"
            )
    if not np.isfinite(array).all():
        strange = array[~np.isfinite(array)][0]
        raise ValueError(f"X must be finite, got {'NaN' if np.isnan(strange) else strange}")
    return array, columns


def numbers(x, name):
    """Return x as an array of real numbers: integers, floats or bools as they are, anything else
    that reads as such."""
    if hasattr(x, "columns"):  # a table, whose columns may be of several kinds
        x = np.column_stack([column(x.iloc[:, k] if hasattr(x, "iloc") else x[x.columns[k]], name)
                             for k in range(x.shape[1])]) if x.shape[1] else np.empty(x.shape)
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"{name} must be an array of real numbers, got a ragged {type(x).__name__}: {error}"
        ) from None
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} has dtype {array.dtype}")
    if array.dtype.kind not in "biuf":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name} must hold real numbers: {error}") from None
    return array.astype(np.float64) if array.dtype.kind == "b" else array


def column(x, name):
    """Return one column of a table as an array, NaN where a value is missing."""
    try:
        return np.asarray(
            x.to_numpy(dtype=np.float64, na_value=np.nan) if hasattr(x, "array") else x.to_numpy())
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must hold real numbers, column {x.name!r} does not: {error}") from None


def column_names(X):
    """Return the names of the columns of a table (n_features,), if all are texts, else None."""
    if not hasattr(X, "columns"):
        return None
    names = np.asarray(list(X.columns), dtype=object)
    kinds = {isinstance(name, str) for name in names}
    if kinds == {True, False}:
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your "
            "input has "
            f"{sorted({type(name).__name__ for name in names})} as feature name / column name "
            "types."
        )
    return names if kinds == {True} else None


def compare_names(columns, names, owner):
    """Raise ValueError if the columns of X are others than those of fit, or in another order; warn
    if only one has names."""
    if names is None and columns is not None:
        warnings.warn(f"X has feature names, but {owner} was fitted without feature names",
                      stacklevel=4)
    elif names is not None and columns is None:
        warnings.warn(
            f"X does not have valid feature names, but {owner} was fitted with feature names",
            stacklevel=4)
    elif names is not None and list(columns) != list(names):
        unseen, missing = sorted(set(columns) - set(names)), sorted(set(names) - set(columns))
        lines = ["The feature names should match those that were passed during fit."]
        lines += ["Feature names unseen at fit time:", *(f"- {name}"
                                                         for name in unseen[:5])] if unseen else []
        lines += [
            "Feature names seen at fit time, yet now missing:", *(f"- {name}"
                                                                  for name in missing[:5])
        ] if missing else []
        if not unseen and not missing:
            lines += ["Feature names must be in the same order as they were in fit.",
                      f"fit: {', '.join(names[:9])}; now: {', '.join(columns[:9])}"]
        raise ValueError("\n".join(lines) + "\n")


def probabilities(X):
    """Return X in [0, 1]; what rounding has put a little beyond is clipped."""
    if X.min() < -TOLERANCE or X.max() > 1 + TOLERANCE:
        raise ValueError(
            f"X must lie in [0, 1], got values from {X.min()} to {X.max()}: binary units take "
            "states 0 and 1, "
            "or probabilities; MinMaxScaler brings numbers there")
    return np.clip(X, 0, 1) if X.dtype.kind == "f" else X


def one_column(y, what):
    """Return y as an array (n,): a column is unrolled, with a warning, and anything else is refused
    by name."""
    if y is None:
        raise ValueError(f"this {what} requires y to be passed, but the target y is None")
    if np.ma.isMaskedArray(y):
        raise TypeError(
            "y is a masked array, and masks are not understood: leave out the rows without a label")
    if hasattr(y, "isna") and np.any(y.isna()):
        raise ValueError("Input y contains NaN: rows without a label must be left out")
    try:
        y = np.asarray(y)
    except ValueError as error:
        raise ValueError(
            f"y must have one label for each row, got a ragged {type(y).__name__}: {error}"
        ) from None
    if y.ndim == 2 and y.shape[1] == 1:
        warnings.warn(
            shared(
                DataConversionWarning, "A column-vector y was passed when a 1d array was expected. "
                "Please change the shape of y to (n_samples,), for example using ravel()."),
            stacklevel=4)
        y = y[:, 0]
    if y.ndim != 1:
        hint = ": for one-hot rows pass y.argmax(axis=1)" if y.ndim == 2 else ""
        raise ValueError(
            f"y should be a 1d array of shape (n,), got an array of shape {y.shape} instead{hint}")
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
        y = y.astype(np.int64) if y.dtype.kind == "f" and np.isfinite(y).all() and (
            y == np.round(y)).all() else y
    if y.dtype.kind == "c":
        raise ValueError("Complex data not supported: y must hold labels")
    if y.dtype.kind in "mM" and np.isnat(y).any():
        raise ValueError("Input y contains NaT: rows without a label must be left out")
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise ValueError("Input y contains NaN." if np.isnan(y).any() else
                             "Input y contains infinity or a value too large for dtype('float64').")
        if (y != np.round(y)).any():
            raise ValueError(
                "Unknown label type: continuous. y holds fractions, such as "
                f"{y[y != np.round(y)][0]:g}, and a "
                "classifier needs classes: take a regressor")
    return y


def targets(y, what="regressor"):
    """Return numbers y (n,) or (n, n_outputs), finite, as float64."""
    if y is None:
        raise ValueError(f"this {what} requires y to be passed, but the target y is None")
    if np.ma.isMaskedArray(y):
        raise TypeError(
            "y is a masked array, and masks are not understood: leave out the rows without a target"
        )
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
        raise TypeError(
            f"y has labels of {y.dtype}, the classes were learned as {classes.dtype}: '5' is not 5")
    return y


def weights(sample_weight, n):
    """Return the weights of n rows (n,), not negative, with the mean 1, or None."""
    if sample_weight is None:
        return None
    w = numbers(sample_weight, "sample_weight").astype(np.float64)
    w = np.full(n, float(w)) if w.ndim == 0 else w
    if w.shape != (n,) or not np.isfinite(w).all() or w.min() < 0 or w.sum() == 0:
        raise ValueError(
            f"sample_weight must be {n} finite numbers of at least 0, not all of them zero, got "
            f"shape {w.shape}"
        )
    return w * (n / w.sum())


def callbacks(given):
    """Return the callbacks as a tuple: one function, or a row of them."""
    return (given,) if callable(given) else tuple(given)


def as_output(features, X, estimator):
    """Return features (n, k) as the estimator's set_output asks: an array, or a table with the
    index of X."""
    kind = vars(estimator).get("_output", "default")
    names = estimator.get_feature_names_out()
    if kind == "pandas":
        import pandas
        return pandas.DataFrame(features, columns=names, index=getattr(X, "index", None))
    if kind == "polars":
        import polars
        return polars.DataFrame(features, schema=list(names), orient="row")
    return features
