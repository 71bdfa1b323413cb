"""An ordinary network as the limit of a layered free energy, whose feedback is weak."""
import warnings
from dataclasses import dataclass

import numpy as np

from .. import tap, validation
from ..backprop.layers import dense
from ..backprop.losses import BinaryCrossEntropy, SquaredError
from ..backprop.mlp import MLP
from .nudges import NudgeWarning, check_nudge, loss_value, minimum


@dataclass(frozen=True)
class LayeredEquilibrium:
    """Means m = [m_0 = x, m_1, ..., m_K] of all layers, and per row what the sweeps say, as for an
    Equilibrium."""
    m: list
    residual: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray


class LayeredMeanField:
    """The weights of an MLP of K layers, used both ways: upwards with strength 1, downwards with
    `feedback`  (C19)

    mlp       an MLP with SquaredError(unit) or BinaryCrossEntropy(); its parameters are shared, not
              copied
    feedback  gamma > 0: layer k counts gamma^k in the free energy, as 1/gamma^k copies of the top
              would  (C21). As gamma -> 0 the equilibrium is the forward pass, and its response the
                     backward pass"""

    def __init__(self, mlp, feedback):
        if not isinstance(validation.instance(mlp, "mlp", MLP).loss_function,
                          (SquaredError, BinaryCrossEntropy)):
            raise TypeError("the loss of mlp must be SquaredError() or BinaryCrossEntropy(), whose "
                            f"output units are one by one, got {type(mlp.loss_function).__name__}")
        self.mlp, self.feedback = mlp, validation.positive(feedback, "feedback")

    def __repr__(self):
        return f"LayeredMeanField({' x '.join(map(str, self.mlp.sizes))}, feedback={self.feedback})"

    @property
    def parameters(self):
        """Return the dict of W1, b1, W2, b2, ... of the MLP: the arrays themselves."""
        return self.mlp.parameters

    def unit(self, k):
        """Return the unit of layer k, whose potential is A: hidden ones below the top."""
        validation.positive_integer(k, "k")
        return self.mlp.hidden if k < self.mlp.depth else self.mlp.loss_function.unit

    def free_energy(self, m):
        """Return Gamma (n,) at m = [m_0, ..., m_K]: sum_k gamma^k [A*(m_k) - m_k.(m_{k-1} W_k +
        b_k)]  (C19)"""
        m = self._layers(m)
        return sum(self.feedback**k * (self.unit(k).conjugate(m[k]) - m[k]
                                       * self._field(m, k)).sum(axis=1)
                   for k in range(1, len(m)))

    def free_energy_gradient(self, m):
        """Return the explicit partials of Gamma in W_k and b_k, averaged over the rows  (C19)"""
        m, gradient = self._layers(m), {}
        for k in range(1, len(m)):
            gradient[f"W{k}"] = -self.feedback**k * (m[k - 1].T @ m[k]) / len(m[k])
            gradient[f"b{k}"] = -self.feedback**k * m[k].mean(axis=0)
        return gradient

    def equilibrium(self, X, y=None, nudge=0.0, tol=1e-12, max_iter=1000):
        """Return the LayeredEquilibrium of Gamma + nudge * gamma^K * l that block sweeps reach from
        the forward pass

        Each layer goes in turn to its minimum, m_k = A'(m_{k-1} W_k + b_k + gamma m_{k+1}
        W_{k+1}^T)  (C19)
        y      targets (n, n_outputs), where nudge is not 0
        nudge  any number, or np.inf: that clamps the top at y  (C20)
        tol    on the residual of each row, as in ClampedMachine.equilibrium. Warns
               NotConvergedWarning."""
        if y is None and nudge != 0:
            raise ValueError(f"a nudge needs targets y, got nudge={nudge!r} and no y")
        h, y = self.mlp.check_rows(X, np.zeros((len(X), self.mlp.sizes[-1])) if y is None else y)
        if nudge == np.inf:
            check_clamp(y, self.unit(self.mlp.depth))
        else:
            nudge = validation.number(nudge, "nudge", "a number within 1e100, or infinity",
                                      lambda x: abs(x) <= 1e100)
        tol = validation.positive(tol, "tol")
        max_iter = validation.positive_integer(max_iter, "max_iter")
        m = [h]
        for k in range(1, self.mlp.depth + 1):
            m.append(self.unit(k).mean(self._field(m, k)))  # the forward pass
        residual, n_iter = np.full(len(h), np.inf), np.zeros(len(h), dtype=np.intp)
        for _ in range(max_iter):
            rows = np.flatnonzero(residual > tol)
            if len(rows) == 0:
                break
            here = [layer[rows] for layer in m]
            residual[rows] = self._sweep(here, y[rows], nudge)
            n_iter[rows] += 1
            for layer, new in zip(m[1:], here[1:], strict=True):
                layer[rows] = new
        converged = residual <= tol
        if not converged.all():
            warning = NudgeWarning if nudge != 0 else tap.NotConvergedWarning
            warnings.warn(warning(residual.max(), max_iter, (~converged).sum()), stacklevel=2)
        return LayeredEquilibrium(m, residual, n_iter, converged)

    def _sweep(self, m, y, nudge):
        """Put each layer in the list m at its minimum, from below; return the residual (n,)"""
        top, loss, W = self.mlp.depth, self.mlp.loss_function, self.parameters
        residual, floor = np.zeros(len(y)), np.finfo(y.dtype).eps ** (1 / 3)
        for k in range(1, top + 1):
            x = self._field(m, k)
            if k < top:
                x = x + self.feedback * m[k + 1] @ W[f"W{k + 1}"].T
                new = self.unit(k).mean(x)
            elif nudge == np.inf:
                new = y
            else:
                new = minimum(loss.unit, x, 0.0, loss, y, nudge)
            way = np.abs(new - m[k]) / (self.unit(k).variance(x) + floor)
            residual, m[k] = np.maximum(residual, way.max(axis=1)), new
        return residual

    def contrastive_loss(self, X, y, nudge=np.inf, **solver):
        """Return the mean of [min(Gamma + nudge gamma^K l) - min Gamma] / (nudge gamma^K) over the
        rows  (C20)

        At nudge = np.inf the top is clamped at y and nudge is left out: it tends to the matching
        loss, plus A*(y)."""
        nudge = check_nudge(nudge)
        free, pulled = (self.equilibrium(X, y, strength, **solver).m for strength in (0.0, nudge))
        rise = (self.free_energy(pulled) - self.free_energy(free)) / self.feedback**self.mlp.depth
        if nudge == np.inf:
            return float(rise.mean())
        y = self.mlp.check_rows(X, y)[1]
        return float((rise / nudge + loss_value(self.mlp.loss_function, pulled[-1], y)).mean())

    def contrastive_gradient(self, X, y, nudge=np.inf, **solver):
        """Return the gradient of contrastive_loss, a dict: explicit partials of Gamma, nudged minus
        free  (C20)"""
        nudge = check_nudge(nudge)
        return self._difference(X, y, nudge, 0.0, 1 if nudge == np.inf else nudge, solver)

    def equilibrium_propagation_gradient(self, X, y, nudge=0.01, **solver):
        """Return [partials of Gamma nudged by nudge - those nudged by -nudge] / (2 nudge gamma^K),
        a dict  (C19)

        As gamma and nudge go to 0 it becomes mlp.gradient(X, y), with an error of order gamma +
        nudge^2."""
        nudge = validation.positive(nudge, "nudge")
        return self._difference(X, y, nudge, -nudge, 2 * nudge, solver)

    def _difference(self, X, y, one, other, distance, solver):
        at_one, at_other = (self.free_energy_gradient(self.equilibrium(X, y, nudge, **solver).m)
                            for nudge in (one, other))
        distance = distance * self.feedback**self.mlp.depth
        return {name: (at_one[name] - at_other[name]) / distance for name in self.parameters}

    def _layers(self, m):
        """Return the layers m, or say how many and which shapes the network has."""
        sizes = [np.shape(layer) for layer in m]
        expected = [(sizes[0][0] if sizes and sizes[0] else 0, size) for size in self.mlp.sizes]
        if sizes != expected:
            raise ValueError("m must hold layers of shapes (n, size) for the sizes "
                             f"{self.mlp.sizes}, got {sizes}")
        return m

    def _field(self, m, k):
        return dense(m[k - 1], self.parameters[f"W{k}"], self.parameters[f"b{k}"])


def check_clamp(y, unit):
    """Refuse targets y (n, n_outputs) at which units of this kind cannot be clamped."""
    low, high = unit.mean(np.array([-1e300, 1e300]))
    if y.min() < low or y.max() > high:
        raise ValueError(f"y must hold means of {type(unit).__name__} units, from {low:g} to "
                         f"{high:g}, to clamp them, "
                         f"got values from {y.min():g} to {y.max():g}")
