"""The slope of a loss of the output of a machine at rest, found in three ways that must agree.

By backprop through the iterations that lead there, by the linear response of the equilibrium, and
by the difference of two equilibria: equilibrium propagation (Scellier and Bengio 2017), whose nudge
may be as large as one likes."""
import numpy as np

from .. import tap, validation
from ..backprop.losses import BinaryCrossEntropy, SquaredError
from ..rbm.model import unit
from ..units import Binary
from .clamped import ClampedMachine, Equilibrium
from .nudges import check_nudge, loss_gradient, loss_value
from .relaxation import relax_backward


class ClampedNetwork(ClampedMachine):
    """A ClampedMachine and a loss l(m_y, target) of its output at equilibrium

    W, U, b, d, beta, order, step   as for the ClampedMachine
    loss   SquaredError(Binary()), |m_y - y|^2 / 2, or BinaryCrossEntropy()"""

    def __init__(self, W, U, b, d, beta=1.0, order=1, loss=SquaredError(Binary()), step=None):
        super().__init__(W, U, b, d, beta, order, step)
        if not (isinstance(loss, (SquaredError, BinaryCrossEntropy))
                and isinstance(loss.unit, Binary)):
            raise TypeError("loss must be SquaredError(Binary()) or BinaryCrossEntropy(), got "
                            f"{type(loss).__name__}")
        self.loss_function = loss

    @classmethod
    def initialise(cls, n_inputs, n_hidden, n_outputs, rng, X, dtype=np.float64, **more):
        """Return a network whose hidden fields start with mean 0 and variance 1 over the rows of X
        (n, n_inputs)  (B13)

        more: beta, order, loss, step, by name."""
        n_inputs, n_hidden, n_outputs = (validation.positive_integer(n, name) for n, name in (
            (n_inputs, "n_inputs"), (n_hidden, "n_hidden"), (n_outputs, "n_outputs")))
        X, dtype = validation.means(X, n_inputs, "X"), validation.float_type(dtype)
        variance = X.var(axis=0).sum()
        if not variance > 0:
            raise ValueError("X must hold rows that differ, got rows that are all the same")
        W = validation.generator(rng).standard_normal((n_inputs, n_hidden)) / np.sqrt(variance)
        U = rng.standard_normal((n_hidden, n_outputs)) / np.sqrt(n_hidden)
        return cls(W.astype(dtype), U.astype(dtype), -X.mean(axis=0) @ W, -U.sum(axis=0) / 2,
                   **more)

    def predict(self, X, **solver):
        """Return the output means at equilibrium (n, n_outputs); solver: tol and max_iter of
        equilibrium()."""
        return self.equilibrium(X, **solver).m_y

    def loss(self, X, y, **solver):
        """Return the mean loss at equilibrium over the rows of X and their targets y (n,
        n_outputs)."""
        y = self._targets(y, X, "X")
        return self.loss_of(self.predict(X, **solver), y)

    def loss_of(self, m_y, y):
        """Return the mean over the rows of the loss of output means m_y at targets y, both (n,
        n_outputs)."""
        m_y = validation.means(m_y, self.pair.n_hidden, "m_y").astype(self.W.dtype, copy=False)
        return float(loss_value(self.loss_function, m_y, self._targets(y, m_y, "m_y")).mean())

    def backprop_gradient(self, X, y, n_iterations):
        """Return the gradient of the mean loss of y_n by backprop through n iterations, a dict
        (C9)"""
        X, layers = self._rows(X), self.layers(X, n_iterations)
        U, options = self.pair.W, self._options()
        means = [np.full_like(layers[1], 0.5), *layers]  # y_t = means[2 t], h_t = means[2 t + 1]
        d_y = loss_gradient(self.loss_function, layers[-1], self._targets(y, X, "X"))
        d_h, d_U, d_d, d_field = 0.0, 0.0, 0.0, 0.0             # d_field: the slope in b + x W
        for t in range(n_iterations, 0, -1):
            h_before, y_before = means[2 * t - 1], means[2 * t - 2]
            # y_t = relax(h_before, y_before, U, d, **options)
            d_in, d_y, d_U_here, d_here = relax_backward(d_y, means[2 * t], h_before, y_before, U,
                                                         **options)
            d_h, d_U, d_d = d_h + d_in, d_U + d_U_here, d_d + d_here.sum(axis=0)
            if t > 1:
                # h_before = relax(y_before, h_before_that, U.T, field, **options)
                d_in, d_h, d_U_here, d_here = relax_backward(d_h, h_before, y_before,
                                                             means[2 * t - 3], U.T, **options)
                d_y, d_U, d_field = d_y + d_in, d_U + d_U_here.T, d_field + d_here
        # h_0 = unit.mean(beta * field)
        d_field = d_field + self.beta * d_h * (layers[0] - layers[0] ** 2)
        return {"W": X.T @ d_field / len(X), "U": d_U / len(X),
                "b": d_field.mean(axis=0), "d": d_d / len(X)}

    def implicit_gradient(self, X, y, **solver):
        """Return the gradient of the mean loss at equilibrium, from the response p = H^-1 (dl/dm):
        a dict  (C8)"""
        X, y = self._rows(X), self._targets(y, X, "X")
        free = self.equilibrium(X, **solver)
        m_h, m_y = free.m_h, free.m_y
        p_h, p_y = self.response(m_h, m_y, loss_gradient(self.loss_function, m_y, y))
        # minus the change of the explicit partials of Gamma_k, such as -m_h^T m_y, as the means
        # move along p
        d_U = p_h.T @ m_y + m_h.T @ p_y
        if self.order == 2:
            c_h, c_y = m_h - m_h**2, m_y - m_y**2
            d_U += self.beta * self.pair.W * (((1 - 2 * m_h) * p_h).T @ c_y
                                              + c_h.T @ ((1 - 2 * m_y) * p_y))
        return {"W": X.T @ p_h / len(X), "U": d_U / len(X), "b": p_h.mean(axis=0),
                "d": p_y.mean(axis=0)}

    def nudged(self, X, y, nudge, start=None, **solver):
        """Return the Equilibrium of Gamma_k + nudge * l, towards targets y (n, n_outputs)  (C10)

        nudge  any number, or np.inf: that clamps the output at y, which are states then. Where it
               is negative, there may be no minimum near the start; such rows are NaN and have not
               converged
        start  as in equilibrium(); solver: tol and max_iter. Warns NudgeWarning where a row did not
               come to rest."""
        y = self._targets(y, X, "X")
        if nudge == np.inf:
            y = validation.states(y, self.pair.n_hidden, "y").astype(self.W.dtype)
            h = unit.mean(self.beta * (self._field(X) + y @ self.pair.W.T))  # exact at every order
            return Equilibrium(h, y, np.zeros(len(y)), np.ones(len(y), dtype=np.intp),
                               np.ones(len(y), dtype=bool))
        nudge = self.beta * validation.number(nudge, "nudge", "a number", lambda _: True)
        return self._settle(X, {"loss": self.loss_function, "y": y, "nudge": nudge}, start=start,
                            **solver)

    def contrastive_loss(self, X, y, nudge=np.inf, **solver):
        """Return the mean of [min(Gamma_k + nudge l) - min Gamma_k] / nudge over the rows and
        targets y  (C12)

        It lies between l at the nudged and l at the free equilibrium. At nudge = np.inf it is
        Gamma_k* with y clamped minus Gamma_k* free, not divided."""
        nudge, y = check_nudge(nudge), self._targets(y, X, "X")
        free = self.equilibrium(X, **solver)
        pulled = self.nudged(X, y, nudge, free, **solver)
        rise = self.free_energy(X, pulled.m_h, pulled.m_y) - self.free_energy(X, free.m_h, free.m_y)
        if nudge == np.inf:
            return float(rise.mean())
        return float((rise / nudge + loss_value(self.loss_function, pulled.m_y, y)).mean())

    def contrastive_gradient(self, X, y, nudge=np.inf, **solver):
        """Return the gradient of contrastive_loss: explicit partials of Gamma_k, nudged minus free,
        over nudge  (C12)"""
        nudge, free = check_nudge(nudge), self.equilibrium(X, **solver)
        pulled = self.nudged(X, y, nudge, free, **solver)
        return self._difference(X, pulled, free, 1 if nudge == np.inf else nudge)

    def equilibrium_propagation_gradient(self, X, y, nudge=0.01, symmetric=True, **solver):
        """Return the gradient of the mean loss from two equilibria, the nudged one and another one:
        a dict  (C11)

        The other is nudged by -nudge if symmetric, with an error of order nudge^2. Otherwise it is
        free, the error is of order nudge, and the gradient is exactly that of contrastive_loss at
        this nudge."""
        if not validation.flag(symmetric, "symmetric"):
            return self.contrastive_gradient(X, y, nudge, **solver)
        nudge, free = validation.positive(nudge, "nudge"), self.equilibrium(X, **solver)
        up, down = (self.nudged(X, y, sign * nudge, free, **solver) for sign in (1, -1))
        return self._difference(X, up, down, 2 * nudge)

    def _difference(self, X, one, other, distance):
        """Return (explicit partials at one - those at the other) / distance, with a single product
        for W."""
        lost = np.isnan(one.m_y + other.m_y).any(axis=1).sum()
        if lost:
            raise FloatingPointError(f"{lost} of {len(X)} nudged rows have no minimum near the "
                                     "free one: take a smaller nudge, or symmetric=False")
        at_one, at_other = (tap.free_energy_gradient(self.pair, at.m_h, at.m_y, self.order)
                                for at in (one, other))
        slopes = {"W": self._rows(X).T @ (other.m_h - one.m_h) / len(X)}
        slopes |= {name: at_one[key] - at_other[key]
                   for name, key in (("U", "W"), ("b", "a"), ("d", "b"))}
        return {name: slope / distance for name, slope in slopes.items()}

    def _targets(self, y, like, name):
        y = self.loss_function.targets(y, self.pair.n_hidden).astype(self.W.dtype, copy=False)
        if len(y) != len(like):
            raise ValueError(f"{name} and y must have the same number of rows, got {len(like)} "
                             f"and {len(y)}")
        return y
