"""Second derivatives of a network's loss: the Hessian times a vector, by hand (Pearlmutter)."""
import numpy as np

from .. import validation
from .mlp import MLP


def hessian_vector_product(mlp, X, y, direction):
    """Return H v: how the gradient of the loss changes along the direction v  (B10, B12)

    direction and result are dicts with the keys and shapes of mlp.parameters. r_x stands for the
    rate of change of x as the parameters move along v, the operator R{x} of Pearlmutter. A layer
    takes eight matrix products; its gradient takes three."""
    h_0, y = validation.instance(mlp, "mlp", MLP).check_rows(X, y)
    unit, loss, depth = mlp.hidden, mlp.loss_function, mlp.depth
    W, V = mlp.parameters, checked_direction(direction, mlp.parameters)
    x, h = mlp.forward(h_0)
    r_x, r_h = {}, {0: np.zeros_like(h_0)}                              # the input does not move
    for k in range(1, depth + 1):
        # x[k] = h[k - 1] @ W + b;  h[k] = unit.mean(x[k])
        r_x[k] = r_h[k - 1] @ W[f"W{k}"] + h[k - 1] @ V[f"W{k}"] + V[f"b{k}"]           # (B10)
        if k < depth:
            r_h[k] = unit.variance(x[k]) * r_x[k]
    d_x = loss.gradient(x[depth], y) / len(y)
    r_d_x = loss.hessian_product(x[depth], y, r_x[depth]) / len(y)                      # (B11)
    product = {}
    for k in range(depth, 0, -1):
        # d_W = h[k - 1].T @ d_x;  d_b = d_x.sum(axis=0)
        product[f"W{k}"] = r_h[k - 1].T @ d_x + h[k - 1].T @ r_d_x                      # (B12)
        product[f"b{k}"] = r_d_x.sum(axis=0)
        if k > 1:
            # d_h = d_x @ W.T
            d_h = d_x @ W[f"W{k}"].T
            r_d_h = r_d_x @ W[f"W{k}"].T + d_x @ V[f"W{k}"].T
            # d_x = d_h * unit.variance(x[k - 1])
            c, skew = unit.variance(x[k - 1]), unit.third_cumulant(x[k - 1])
            d_x, r_d_x = d_h * c, r_d_h * c + d_h * skew * r_x[k - 1]
    return {name: product[name] for name in W}


def checked_direction(direction, parameters):
    """Return direction, with the keys and shapes of the parameters, as finite arrays."""
    if not isinstance(direction, dict):
        raise TypeError(f"direction must be a dict of arrays, got {type(direction).__name__}")
    found, expected = ({name: np.shape(array) for name, array in arrays.items()}
                       for arrays in (direction, parameters))
    if found != expected:
        raise ValueError("direction must have the keys and shapes of mlp.parameters, "
                         f"{expected}, got {found}")
    direction = {name: np.asarray(direction[name], dtype=array.dtype)
                 for name, array in parameters.items()}
    for name, array in direction.items():
        if not np.isfinite(array).all():
            raise ValueError(f"direction must be finite, got {array[~np.isfinite(array)][0]} "
                             f"in {name}")
    return direction
