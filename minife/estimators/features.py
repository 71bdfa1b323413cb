"""The door of X: what the estimators take as rows of numbers, and what is said of what they do not
take."""
import warnings

import numpy as np

TOLERANCE = 1e-5                                         # beyond [0, 1], what float32 leaves of a 1


def rows(X, n_features=None, names=None, owner="this estimator"):
    """Return X as an array (n, n_features) of finite numbers, and the names of its columns or None.

    n_features, names   what X had when learning began, to be compared; None then"""
    if hasattr(X, "nnz") and hasattr(X, "toarray"):
        raise TypeError(f"X is sparse, a {type(X).__name__}, and {owner} takes dense rows: pass "
                        "X.toarray()")
    if np.ma.isMaskedArray(X):
        raise TypeError("X is a masked array, and masks are not understood: fill it, "
                        "X.filled(value)")
    if isinstance(X, str) or X is None:
        raise ValueError(f"X must be an array (n, n_features), got {X!r:.40}")
    columns = column_names(X)
    array = numbers(X, "X")
    if array.ndim != 2:
        raise ValueError(f"X must have 2 axes, got shape {array.shape}. Reshape your data: "
                         "X.reshape(-1, 1) if it is one column, X.reshape(1, -1) if it is one row")
    for length, what in ((array.shape[1], "feature"), (len(array), "sample")):
        if length == 0:
            raise ValueError(f"X has 0 {what}(s) (shape={array.shape}) while a minimum of 1 is "
                             "required.")
    if n_features is not None:
        compare_names(columns, names, owner)
        if array.shape[1] != n_features:
            raise ValueError(f"X has {array.shape[1]} features, but {owner} is expecting "
                             f"{n_features} features as input")
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
        raise ValueError(f"{name} must be an array of real numbers, got a ragged "
                         f"{type(x).__name__}: {error}") from None
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
        return np.asarray(x.to_numpy(dtype=np.float64, na_value=np.nan) if hasattr(x, "array")
                          else x.to_numpy())
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold real numbers, column {x.name!r} does not: {error}"
                         ) from None


def column_names(X):
    """Return the names of the columns of a table (n_features,), if all are texts, else None."""
    if not hasattr(X, "columns"):
        return None
    names = np.asarray(list(X.columns), dtype=object)
    kinds = {isinstance(name, str) for name in names}
    if kinds == {True, False}:
        types = sorted({type(name).__name__ for name in names})
        raise TypeError("Feature names are only supported if all input features have string names, "
                        f"but your input has {types} as feature name / column name types.")
    return names if kinds == {True} else None


def compare_names(columns, names, owner):
    """Raise ValueError if the columns of X are others than those of fit, or in another order; warn
    if only one has names."""
    if names is None and columns is not None:
        warnings.warn(f"X has feature names, but {owner} was fitted without feature names",
                      stacklevel=4)
    elif names is not None and columns is None:
        warnings.warn(f"X does not have valid feature names, but {owner} was fitted with feature "
                      "names", stacklevel=4)
    elif names is not None and list(columns) != list(names):
        unseen, missing = sorted(set(columns) - set(names)), sorted(set(names) - set(columns))
        lines = ["The feature names should match those that were passed during fit."]
        for what, strange in (("unseen at fit time", unseen),
                              ("seen at fit time, yet now missing", missing)):
            if strange:
                lines += [f"Feature names {what}:", *(f"- {name}" for name in strange[:5])]
        if not unseen and not missing:
            lines += ["Feature names must be in the same order as they were in fit.",
                      f"fit: {', '.join(names[:9])}; now: {', '.join(columns[:9])}"]
        raise ValueError("\n".join(lines) + "\n")


def probabilities(X):
    """Return X in [0, 1]; what rounding has put a little beyond is clipped."""
    if X.min() < -TOLERANCE or X.max() > 1 + TOLERANCE:
        raise ValueError(f"X must lie in [0, 1], got values from {X.min()} to {X.max()}: binary "
                         "units take states 0 and 1, or probabilities; MinMaxScaler brings numbers "
                         "there")
    return np.clip(X, 0, 1) if X.dtype.kind == "f" else X


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
