"""A deep network as one Boltzmann machine: layer k of K stands in r^(K - k) copies, a pyramid with
one label on top.

A copy sees each copy in the layer below with the weight W_k / r^(K - k + 1): upwards the whole of
W_k m_(k-1) arrives, downwards 1/r of W_k m_k. The energies are those at beta = 1, which the weights
of a network have absorbed."""
from math import comb

import numpy as np

from .. import validation
from ..backprop.layers import dense
from ..backprop.losses import CategoricalCrossEntropy
from ..backprop.mlp import MLP
from ..units import Binary, Potts

label_unit = Potts()


def copied_free_energy(mlp, m, copies):
    """Return the mean-field free energy (n,) of the pyramid at the means m = [m_0 = x, m_1, ...,
    m_K]  (C21)

    All copies of a unit have the same mean: sum_k r^(K - k) [A*(m_k) - m_k.(m_{k-1} W_k + b_k)]."""
    K, p = validation.instance(mlp, "mlp", MLP).depth, mlp.parameters
    r = validation.positive_integer(copies, "copies")
    if len(m) != K + 1:
        raise ValueError(f"m must hold the {K + 1} layers m_0 to m_{K}, got {len(m)}")
    unit = [None, *[mlp.hidden] * (K - 1), mlp.loss_function.unit]
    return sum(r ** (K - k) * (unit[k].conjugate(m[k])
                               - m[k] * dense(m[k - 1], p[f"W{k}"], p[f"b{k}"])).sum(axis=1)
                               for k in range(1, K + 1))


class Pyramid:
    """An MLP with two hidden layers of binary units and a softmax, in r^2, r and 1 copies: solved
    by exact sums  (C21)

    mlp     MLP((n_inputs, n_1, n_2, n_classes), Binary(), CategoricalCrossEntropy()); its
            parameters are shared
    copies  r; the sums are over how many of its r copies are on, for each unit of the second layer:
            (r + 1)^n_2 terms"""

    def __init__(self, mlp, copies):
        validation.instance(mlp, "mlp", MLP)
        if mlp.depth != 3 or not isinstance(mlp.hidden, Binary) \
                or not isinstance(mlp.loss_function, CategoricalCrossEntropy):
            raise ValueError("mlp must have two hidden layers of Binary() units and "
                             f"CategoricalCrossEntropy(), got sizes {mlp.sizes}, "
                             f"{type(mlp.hidden).__name__}, {type(mlp.loss_function).__name__}")
        self.mlp, self.copies = mlp, validation.positive_integer(copies, "copies")
        r, n_2 = self.copies, mlp.sizes[2]
        if (r + 1) ** n_2 > 10**6:
            raise ValueError(f"copies must leave at most a million terms, got ({r} + 1)^{n_2}")
        self.on = np.indices((r + 1,) * n_2).reshape(n_2,
                                                     -1).T  # (n_terms, n_2), counts of copies on
        self.log_ways = np.log([float(comb(r, k)) for k in range(r + 1)])[self.on].sum(axis=1)

    def __repr__(self):
        return f"Pyramid({' x '.join(map(str, self.mlp.sizes))}, copies={self.copies})"

    def loss(self, X, y):
        """Return the mean of -log p(y | x) = F(x, y) - F(x), the label clamped minus the label free
        (C21)"""
        x, y = self.mlp.check_rows(X, y)
        F = -np.logaddexp.reduce(self._log_weights(x)[0], axis=1)           # (n, n_classes)
        return float(((F * y).sum(axis=1) + label_unit.potential(-F)).mean())

    def gradient(self, X, y):
        """Return the gradient of the mean loss: means of the slopes of the energy, clamped minus
        free  (C21)"""
        x, y = self.mlp.check_rows(X, y)
        log_weight, h = self._log_weights(x)  # h (n, n_terms, n_1), of each copy
        log_Z = np.logaddexp.reduce(log_weight, axis=1)                     # (n, n_classes)
        D = (y - label_unit.mean(log_Z)) / len(x)                           # clamped minus free
        share = D[:, None] * np.exp(log_weight - log_Z[:, None])  # (n, n_terms, n_classes)
        both, on, r = share.sum(axis=2), self.on, self.copies
        seen = r**2 * (both[:, :, None] * h).sum(axis=1)  # (n, n_1), all copies together
        return {"W1": -(x.T @ seen), "b1": -seen.sum(axis=0),
                "W2": -np.einsum("nt,nti,tj->ij", both, h, on), "b2": -both.sum(axis=0) @ on,
                "W3": -on.T @ share.sum(axis=0) / r, "b3": -D.sum(axis=0)}

    def _log_weights(self, x):
        """Return log of the sum over layer 1 of e^-E (n, n_terms, n_classes), and its means (n,
        n_terms, n_1)  (C21)"""
        p, on, r = self.mlp.parameters, self.on, self.copies
        f = (p["b1"] + x @ p["W1"])[:, None] + on @ p["W2"].T / r**2        # (n, n_terms, n_1)
        unit = self.mlp.hidden
        below = r**2 * unit.potential(f).sum(axis=2) + on @ p["b2"] + self.log_ways  # (n, n_terms)
        return below[:, :, None] + p["b3"] + on @ p["W3"] / r, unit.mean(f)
