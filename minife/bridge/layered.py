"""An ordinary network as the limit of a layered free energy in which each layer has a temperature of its own."""
import warnings
from dataclasses import dataclass

import numpy as np

from .. import tap, validation
from ..backprop.layers import dense
from ..backprop.losses import BinaryCrossEntropy, SquaredError
from .equilibrium import loss_gradient


@dataclass(frozen=True)
class LayeredEquilibrium:
    """Means m = [m_0 = x, m_1, ..., m_L] of all layers, and what the solver says of them, as for an Equilibrium."""
    m: list
    residual: float
    n_iter: int
    converged: bool


class LayeredMeanField:
    """The weights of an MLP of L layers, used both ways: upwards with strength 1, downwards with `feedback`  (C14)

    mlp       an MLP with SquaredError(unit) or BinaryCrossEntropy(); its parameters are shared, not copied
    feedback  gamma > 0: layer k counts gamma^k in the free energy, as if its temperature were that of the layer below
              times gamma. As gamma -> 0 the equilibrium is the forward pass, and its response the backward pass"""

    def __init__(self, mlp, feedback):
        if not isinstance(mlp.loss_function, (SquaredError, BinaryCrossEntropy)):
            raise TypeError(f"the loss of mlp must be SquaredError() or BinaryCrossEntropy(), whose output units are "
                            f"one by one, got {type(mlp.loss_function).__name__}")
        self.mlp, self.feedback = mlp, validation.positive(feedback, "feedback")

    @property
    def parameters(self):
        """Return the dict of W1, b1, W2, b2, ... of the MLP: the arrays themselves."""
        return self.mlp.parameters

    def unit(self, k):
        """Return the unit of layer k, whose potential is A: hidden ones below the top."""
        return self.mlp.hidden if k < self.mlp.depth else self.mlp.loss_function.unit

    def free_energy(self, m):
        """Return Gamma (n,) at m = [m_0, ..., m_L]: sum_k gamma^k [A*(m_k) - m_k.(m_{k-1} W_k + b_k)]  (C14)"""
        return sum(self.feedback**k * (self.unit(k).conjugate(m[k]) - m[k] * self._field(m, k)).sum(axis=1)
                   for k in range(1, len(m)))

    def free_energy_gradient(self, m):
        """Return the explicit partials of Gamma in W_k and b_k, averaged over the rows  (C14)"""
        gradient = {}
        for k in range(1, len(m)):
            gradient[f"W{k}"] = -self.feedback**k * (m[k - 1].T @ m[k]) / len(m[k])
            gradient[f"b{k}"] = -self.feedback**k * m[k].mean(axis=0)
        return gradient

    def equilibrium(self, X, y=None, nudge=0.0, tol=1e-13, max_iter=1000):
        """Return the LayeredEquilibrium of Gamma + nudge * gamma^L * l, reached by sweeps from the forward pass  (C14)

        Where nudge is not 0, y are targets (n, n_outputs). Warns NotConvergedWarning if some mean still moves by more
        than tol after max_iter sweeps."""
        h, y = self.mlp.check_rows(X, np.zeros((len(X), self.mlp.sizes[-1])) if y is None else y)
        top, output = self.mlp.depth, self.mlp.loss_function.unit
        m = [h]
        for k in range(1, top + 1):
            m.append(self.unit(k).mean(self._field(m, k)))                          # the forward pass
        residual, n_iter = np.inf, 0
        while not residual <= tol and n_iter < max_iter:
            before, n_iter = list(m), n_iter + 1
            for k in range(1, top):
                m[k] = self.unit(k).mean(self._field(m, k) + self.feedback * m[k + 1] @ self.parameters[f"W{k + 1}"].T)
            m[top] = output.mean(self._field(m, top) - nudge * loss_gradient(self.mlp.loss_function, m[top], y))
            residual = max(np.abs(m[k] - before[k]).max() for k in range(1, top + 1))
        if not residual <= tol:
            warnings.warn(tap.NotConvergedWarning(residual, n_iter, len(h)), stacklevel=2)
        return LayeredEquilibrium(m, float(residual), n_iter, bool(residual <= tol))

    def equilibrium_propagation_gradient(self, X, y, nudge=0.01, **solver):
        """Return [partials of Gamma nudged by nudge - those nudged by -nudge] / (2 nudge gamma^L), a dict  (C14)

        As gamma and nudge go to 0 it becomes mlp.gradient(X, y), with an error of order gamma + nudge^2."""
        nudge = validation.positive(nudge, "nudge")
        up, down = (self.free_energy_gradient(self.equilibrium(X, y, sign * nudge, **solver).m) for sign in (1, -1))
        distance = 2 * nudge * self.feedback**self.mlp.depth
        return {name: (up[name] - down[name]) / distance for name in self.parameters}

    def _field(self, m, k):
        return dense(m[k - 1], self.parameters[f"W{k}"], self.parameters[f"b{k}"])
