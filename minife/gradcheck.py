"""Finite differences, with which every derivative of this package is compared."""
import numpy as np

from . import validation


class GradientError(AssertionError):
    """A gradient that disagrees with finite differences."""


def numerical_gradient(f, parameters, step=1e-3):
    """Return the gradient of the number f(parameters) by the five-point central difference, and its
    rounding noise.

    The truncation error is O(step^4). The arrays, float64, are changed in place, one entry at a
    time, and restored; f may read them from its argument or from the object that owns them. Raises
    GradientError where f is not finite or a step is lost in rounding."""
    gradient, noise = {}, 0.0
    for name, array in parameters.items():
        if not isinstance(array, np.ndarray) or array.dtype != np.float64:
            raise TypeError(f"{name} must be a float64 array for finite differences, "
                            f"got {getattr(array, 'dtype', type(array).__name__)}")
        gradient[name] = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            value = array[index]
            if value + step == value:
                raise GradientError(
                    f"{name}{[int(i) for i in index]} = {value:g} does not feel a step of {step:g}")
            try:
                values = []
                with np.errstate(all="ignore"):          # what is not finite is reported below
                    for k in (-2, -1, 1, 2):
                        array[index] = value + k * step
                        values.append(float(f(parameters)))
            finally:
                array[index] = value
            if not np.isfinite(values).all():
                raise GradientError(
                    f"f is not finite around {name}{[int(i) for i in index]} = {value:g}: {values}")
            gradient[name][index] = (values[0] - 8 * values[1] + 8 * values[2]
                                     - values[3]) / (12*step)
            noise = max(noise, np.finfo(float).eps * max(map(abs, values)) / step)
    return gradient, noise


def check_gradient(f, parameters, gradient, step=1e-3, tolerance=1e-7):
    """Return the worst relative error of the gradient of f, per parameter; raise GradientError
    above the tolerance.

    f           function of the dict of parameters, to a number
    parameters  dict name -> float64 array
    gradient    dict name -> array, the claimed derivative of f
    The error of an entry is |numerical - claimed| over the largest entry of that parameter's
    gradient, and a difference within the rounding noise of f does not count. Where a kink of f lies
    within the step, the error says so: finite differences are wrong there."""
    step, tolerance = validation.positive(step, "step"), validation.positive(tolerance, "tolerance")
    if not callable(f):
        raise TypeError(f"f must be a function of the dict of parameters, got {f!r:.60}")
    validation.instance(parameters, "parameters", dict)
    validation.instance(gradient, "gradient", dict)
    if set(gradient) != set(parameters):
        raise GradientError(
            f"the gradient has keys {sorted(gradient)}, the parameters have {sorted(parameters)}")
    numerical, noise = numerical_gradient(f, parameters, step)
    worst = {}
    for name, expected in numerical.items():
        claimed = np.asarray(gradient[name], dtype=float)
        if claimed.shape != expected.shape:
            raise GradientError(
                f"the gradient of {name} has shape {claimed.shape}, {name} has {expected.shape}")
        scale = max(np.abs(expected).max(), np.abs(claimed).max(), noise / tolerance)
        error = np.abs(expected - claimed) / scale if scale > 0 else np.zeros(expected.shape)
        index = np.unravel_index(error.argmax(), error.shape)
        worst[name] = float(error[index])
        if not worst[name] <= tolerance:
            raise GradientError(
                f"d/d{name}{[int(i) for i in index]}: claimed {claimed[index]:.12g}, finite "
                f"differences give {expected[index]:.12g}, relative error {worst[name]:.1e}"
                + kink(f, parameters, name, index, step, scale))
    return worst


def kink(f, parameters, name, index, step, scale):
    """Return in words that f has a kink within two steps of that entry, or "" where it seems
    smooth.

    The slopes on the left and on the right, each by three points, differ by O(step^2) where f is
    smooth."""
    array, values = parameters[name], []
    middle = array[index]
    try:
        for k in (-2, -1, 0, 1, 2):
            array[index] = middle + k * step
            values.append(float(f(parameters)))
    finally:
        array[index] = middle
    left = (values[0] - 4 * values[1] + 3 * values[2]) / (2 * step)
    right = (-3 * values[2] + 4 * values[3] - values[4]) / (2 * step)
    if not abs(left - right) > 100 * step**2 * max(scale, abs(left), abs(right)):
        return ""
    return (
        f"; f seems to have a kink within {2 * step:g} of there: its one-sided slopes are "
        f"{left:.6g} and {right:.6g}. Take a smaller step, or another point")
