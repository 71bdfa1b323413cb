"""The checks at the public door: each returns the argument as an array, or says what was expected
and what came."""
import re
import sys

import numpy as np

from .kernels.products import States, as_states


def real_array(x, name, n_dims, dtype=None):
    """Return x as a finite, non-empty array of the dtype or, if None, float32 or float64.

    n_dims is how many axes it must have: a number, or a tuple of allowed ones."""
    allowed = n_dims if isinstance(n_dims, tuple) else (n_dims,)
    kind = type(x).__name__
    if np.ma.isMaskedArray(x):
        raise TypeError(f"{name} must be an array of real numbers without a mask, got {kind}")
    try:
        x = np.asarray(x)
    except ValueError:
        raise TypeError(f"{name} must be an array of real numbers, got a ragged {kind}") from None
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of real numbers, got {kind} of {x.dtype}")
    if dtype is not None or x.dtype not in (np.float32, np.float64):
        with np.errstate(over="ignore"):                  # what becomes infinite is reported below
            x = x.astype(dtype or np.float64, copy=False)
    if x.ndim not in allowed:
        raise ValueError(
            f"{name} must have {' or '.join(map(str, allowed))} axes, got shape {x.shape}")
    if x.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(
            f"{name} must be finite, got {x[~np.isfinite(x)][0]} among its {x.size} numbers")
    return x


def means(m, n_units, name, least=0):
    """Return m as a float array (n, n_units) of numbers in [least, 1]."""
    m = real_array(m, name, n_dims=2)
    if m.shape[1] != n_units:
        raise ValueError(f"{name} must have shape (n, {n_units}), got {m.shape}")
    if m.min() < least or m.max() > 1:
        raise ValueError(f"{name} must lie in [{least}, 1], got values from {m.min()} to {m.max()}")
    return m


def are_states(v):
    """Return whether v is a matrix of zeros and ones of uint8."""
    return (isinstance(v, np.ndarray) and v.dtype == np.uint8 and v.ndim == 2 and v.size > 0
            and (isinstance(v, States) or v.max() <= 1))


def states_or_means(v, n_units, name, dtype=None):
    """Return v (n, n_units) as States where it holds only 0 and 1, else as floats in [0, 1], of the
    dtype if given."""
    if not are_states(v):
        v = means(v, n_units, name)
        if not np.logical_or(v == 0, v == 1).all():
            return v.astype(dtype or v.dtype, copy=False)
    if v.shape[1] != n_units:
        raise ValueError(f"{name} must have shape (n, {n_units}), got {v.shape}")
    return as_states(v)


def states(v, n_units, name):
    """Return v (n, n_units), zeros and ones, as States."""
    v = states_or_means(v, n_units, name)
    if v.dtype != np.uint8:
        strange = v[(v != 0) & (v != 1)][0]
        raise ValueError(f"{name} must hold binary states, 0 or 1, got {strange}: round grey "
                         "values, or draw states with these probabilities")
    return v


def mask(x, shape, name):
    """Return x as a bool array of this shape; 0 and 1 will not do, as they could be meant as
    indices."""
    x = np.asarray(x)
    if x.dtype != bool:
        raise TypeError(f"{name} must be an array of bool, got {x.dtype}")
    if x.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {x.shape}")
    return x


def number(x, name, what, lies_there):
    """Return x as a float, if it is a finite real number and lies_there(x); `what` says where that
    is."""
    real = isinstance(x, (int, float, np.integer, np.floating)) and not isinstance(x, bool)
    if not real or not abs(x) <= sys.float_info.max or not lies_there(x):
        raise ValueError(f"{name} must be {what}, got {x!r:.60}")
    return float(x)


def positive(x, name):
    """Return x as a finite float above zero."""
    return number(x, name, "a positive number", lambda x: x > 0)


def not_negative(x, name):
    """Return x as a finite float, zero or above."""
    return number(x, name, "a number of at least 0", lambda x: x >= 0)


def share(x, name):
    """Return x as a float in (0, 1]."""
    return number(x, name, "a number in (0, 1]", lambda x: 0 < x <= 1)


def positive_integer(n, name):
    """Return n as an int of at least 1."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 1 <= n < 2**31:
        raise ValueError(f"{name} must be a positive integer, got {n!r}")
    return int(n)


def not_negative_integer(n, name):
    """Return n as an int of at least 0."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 0 <= n < 2**31:
        raise ValueError(f"{name} must be an integer of at least 0, got {n!r}")
    return int(n)


def one_of(x, name, choices):
    """Return x, one of the choices, which are integers or texts."""
    if isinstance(x, bool) or not isinstance(x, (int, np.integer, str)) or x not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {x!r}")
    return x


def generator(rng, name="rng"):
    """Return rng, a numpy.random.Generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{name} must be a numpy.random.Generator, got {type(rng).__name__}")
    return rng


def labels(y, n_classes, name):
    """Return y (n,) as integers from 0 to n_classes - 1."""
    y = real_array(y, name, n_dims=1)
    if not np.isin(y, np.arange(n_classes)).all():
        raise ValueError(f"{name} must hold labels 0 to {n_classes - 1}, "
                         f"got {y[~np.isin(y, np.arange(n_classes))][0]}")
    return y.astype(np.intp)


def instance(x, name, kind):
    """Return x, an instance of the class kind or of one of the classes in the tuple kind."""
    if isinstance(x, kind):
        return x
    names = [k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,))]
    wanted = " or ".join(f"{'an' if re.match('[AEIO]|RBM|MLP', k) else 'a'} {k}" for k in names)
    got = f"{type(x).__name__} {x!r:.60}"
    if isinstance(x, type):
        got = f"the class {x.__name__} itself"
    raise TypeError(f"{name} must be {wanted}, got {got}")


def flag(x, name):
    """Return x, True or False, as a bool."""
    if not isinstance(x, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {x!r:.60}")
    return bool(x)


def float_type(dtype, name="dtype"):
    """Return dtype as numpy.float32 or numpy.float64."""
    try:
        dtype = np.dtype(dtype)
    except TypeError:
        raise TypeError(
            f"{name} must be numpy.float32 or numpy.float64, got {dtype!r:.60}") from None
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"{name} must be numpy.float32 or numpy.float64, got {dtype}")
    return dtype
