"""Second derivatives of a network's loss: the Hessian times a vector, by hand (Pearlmutter 1994)."""
import numpy as np


def hessian_vector_product(mlp, X, y, direction):
    """Return H v of the mean loss over the rows of X, y: how its gradient changes along the direction v  (B12)

    direction and result are dicts with the keys and shapes of mlp.parameters. r_x stands for the rate of change of x
    as the parameters move along v, the operator R{x} of Pearlmutter; costs two passes forward and two backward."""
    h, y = mlp.check_rows(X, y)
    unit, loss = mlp.hidden, mlp.loss_function
    W, V = mlp.parameters, direction
    if {name: array.shape for name, array in W.items()} != {name: np.shape(array) for name, array in V.items()}:
        raise ValueError("direction must have the keys and shapes of mlp.parameters")
    fields, r_fields, seen, r_seen = [], [], [], []
    r_h = np.zeros_like(h)
    for k in range(1, mlp.depth + 1):
        seen.append(h)
        r_seen.append(r_h)
        x = h @ W[f"W{k}"] + W[f"b{k}"]
        r_x = r_h @ W[f"W{k}"] + h @ V[f"W{k}"] + V[f"b{k}"]                # (B10)
        fields.append(x)
        r_fields.append(r_x)
        h = unit.mean(x)
        r_h = unit.variance(x) * r_x
    d_x = loss.gradient(x, y) / len(y)
    r_d_x = loss.hessian_product(x, y, r_x) / len(y)                        # (B11)
    product = {}
    for k in range(mlp.depth, 0, -1):
        # d_W, d_b = h.T @ d_x, d_x.sum(axis=0)
        product[f"W{k}"] = r_seen[k - 1].T @ d_x + seen[k - 1].T @ r_d_x
        product[f"b{k}"] = r_d_x.sum(axis=0)
        if k > 1:
            x, r_x = fields[k - 2], r_fields[k - 2]
            # d_h = d_x @ W.T
            d_h, r_d_h = d_x @ W[f"W{k}"].T, r_d_x @ W[f"W{k}"].T + d_x @ V[f"W{k}"].T
            # d_x = d_h * unit.variance(x)
            d_x, r_d_x = d_h * unit.variance(x), r_d_h * unit.variance(x) + d_h * unit.third_cumulant(x) * r_x
    return {name: product[name] for name in W}
