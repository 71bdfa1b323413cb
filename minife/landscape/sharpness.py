"""How sharp is the minimum that a network found: noise, curvature, spectrum."""
import numpy as np

from .. import validation
from ..backprop.curvature import hessian_vector_product
from ..backprop.mlp import MLP

LEAST = 10                                               # values in a tail whose exponent is fitted


def noise_rise(mlp, X, y, noise, n_draws, rng):
    """Return how much the mean loss over X, y rises, on average, under noise on parameters  (L16)

    noise   standard deviation of the normal noise, over the root mean square of each array. For
            small noise the rise is half the noise's variance times the trace of the Hessian. Each
            of n_draws counts with both signs."""
    validation.instance(mlp, "mlp", MLP)
    noise, n_draws = validation.not_negative(noise, "noise"), _count(n_draws, "n_draws")
    kept, loss, rng = _copy(mlp.parameters), mlp.loss(X, y), validation.generator(rng)
    size = {name: noise * np.sqrt((array**2).mean()) for name, array in kept.items()}
    rises = []
    try:
        for _ in range(n_draws):
            delta = {name: size[name] * rng.standard_normal(array.shape)
                     for name, array in kept.items()}
            for sign in (1, -1):                                      # what is linear cancels
                for name, array in mlp.parameters.items():
                    array[...] = kept[name] + sign * delta[name]
                rises.append(mlp.loss(X, y) - loss)
    finally:
        for name, array in mlp.parameters.items():
            array[...] = kept[name]
    return float(np.mean(rises))


def top_curvature(mlp, X, y, n_steps, rng):
    """Return the eigenvalue of the Hessian of the mean loss that is largest in size  (L17)

    By n_steps products of the Hessian with a vector, each the last one over its length."""
    validation.instance(mlp, "mlp", MLP)
    rng = validation.generator(rng)
    v = {name: rng.standard_normal(array.shape) for name, array in mlp.parameters.items()}
    for _ in range(_count(n_steps, "n_steps")):
        length = np.sqrt(_dot(v, v))
        v = {name: array / length for name, array in v.items()}
        Hv = hessian_vector_product(mlp, X, y, v)
        eigenvalue, v = _dot(v, Hv), Hv
    return float(eigenvalue)


def tail_exponent(W):
    """Return the exponent of the power law of the largest squared singular values l, and l_0  (L18)

    It is the most likely one for the values from l_0 on; of all l_0 with 10 or more, that one whose
    cumulative shares differ least from those of its power law, at their largest difference.
    Source: Clauset, Shalizi and Newman (2009)."""
    W = validation.real_array(W, "W", n_dims=2, dtype=np.float64)
    with np.errstate(over="ignore"):
        values = np.sort(np.linalg.svd(W, compute_uv=False)**2)
    if not np.isfinite(values).all():
        raise ValueError(f"W must have squares that are numbers, got values up to {abs(W).max():g}")
    values = values[values > 1e-12 * values[-1]]
    if len(values) < LEAST:
        raise ValueError(f"W must have at least {LEAST} singular values above 0, got {len(values)}")
    fits = []
    for k in range(len(values) - LEAST + 1):
        tail = values[k:]
        alpha = 1 + len(tail) / np.log(tail / tail[0]).sum()
        seen = np.arange(len(tail)) / len(tail)                               # share below each
        expected = 1 - (tail / tail[0])**(1 - alpha)
        fits.append((np.abs(seen - expected).max(), alpha, tail[0]))
    return min(fits)[1:]


def _copy(parameters):
    return {name: array.copy() for name, array in parameters.items()}


def _dot(v, w):
    return sum((v[name] * w[name]).sum() for name in v)


def _count(n, name):
    return validation.positive_integer(n, name)
