"""Mean-field iterations as the layers of a network with tied weights, forward and backward."""
import numpy as np

from .. import tap, validation
from ..backprop.losses import SquaredError
from ..backprop.mlp import MLP
from ..rbm.model import RBM
from ..units import Binary
from .relaxation import ORDERS, relax, relax_backward


def unroll(rbm, n_iterations, order=1, step=1.0):
    """Return the UnrolledMeanField of n_iterations sweeps of an RBM: a network of 2 n_iterations +
    1 layers  (C1)"""
    return UnrolledMeanField(rbm, n_iterations, order, step)


class UnrolledMeanField:
    """The layers h_0, v_1, h_1, ..., v_n, h_n that n mean-field iterations of an RBM compute from a
    row x  (C1)

    rbm           the machine; its arrays are the parameters, so that descending them trains it
    n_iterations  n >= 0, of a visible and a hidden half step each; 0 is one hidden layer
    order         1: sigmoid layers with weights W and W^T in turn; 2: with Onsager's reaction,
                  which needs W^2 and a connection from each unit's own value one iteration before
                  (C5)
    step          the share of the way that a half step goes, in (0, 1]; below 1 it is another such
                  connection"""

    def __init__(self, rbm, n_iterations, order=1, step=1.0):
        self.rbm = validation.instance(rbm, "rbm", RBM)
        self.n_iterations = validation.not_negative_integer(n_iterations, "n_iterations")
        self.order = validation.one_of(order, "order", ORDERS)
        self.step = validation.share(step, "step")

    def __repr__(self):
        return (f"UnrolledMeanField({self.rbm!r}, n_iterations={self.n_iterations}, "
                f"order={self.order}, "
                f"step={self.step})")

    @property
    def parameters(self):
        """Return the dict of W, a and b: the arrays of the machine themselves."""
        return self.rbm.parameters

    def forward(self, X):
        """Return the layers [h_0, v_1, h_1, ..., v_n, h_n] for rows X (n, n_visible), states or
        means  (C1, C5)"""
        X = self._rows(X)
        W, a, b = self.rbm.W, self.rbm.a, self.rbm.b
        options = {"beta": self.rbm.beta, "order": self.order, "step": self.step}
        v, h = X, relax(X, None, W, b, self.rbm.beta)           # x is clamped: no reaction
        layers = [h]
        for _ in range(self.n_iterations):
            v = relax(h, v, W.T, a, **options)
            h = relax(v, h, W, b, **options)
            layers += [v, h]
        return layers

    def gradient(self, X, output_gradient, visible_gradient=None):
        """Return the gradient of a loss of h_n, averaged over the rows, a dict of W, a and b  (C4)

        output_gradient   dL/dh_n (n, n_hidden), each row for the loss L of that row
        visible_gradient  dL/dv_n (n, n_visible), if L depends on v_n as well"""
        X = self._rows(X)
        W, beta, dtype = self.rbm.W, self.rbm.beta, self.rbm.W.dtype
        d_h = self._slopes(output_gradient, "output_gradient", (len(X), self.rbm.n_hidden))
        d_v = np.zeros_like(X) if visible_gradient is None else self._slopes(
            visible_gradient, "visible_gradient", (len(X), self.rbm.n_visible))
        options = {"beta": beta, "order": self.order, "step": self.step}
        layers = [X, *self.forward(X)]  # v_t = layers[2 t], h_t = layers[2 t + 1]
        d_W, d_a, d_b = np.zeros_like(W), np.zeros(len(W), dtype), np.zeros(W.shape[1], dtype)
        for t in range(self.n_iterations, 0, -1):
            v_before, h_before, v, h = layers[2 * t - 2:2 * t + 2]
            # h = relax(v, h, W, b, **options)
            d_in, d_h, d_W_here, d_field = relax_backward(d_h, h, v, h_before, W, **options)
            d_v, d_W, d_b = d_v + d_in, d_W + d_W_here, d_b + d_field.sum(axis=0)
            # v = relax(h, v, W.T, a, **options)
            d_in, d_v, d_W_here, d_field = relax_backward(d_v, v, h_before, v_before, W.T,
                                                          **options)
            d_h, d_W, d_a = d_h + d_in, d_W + d_W_here.T, d_a + d_field.sum(axis=0)
        # h = relax(X, None, W, b, beta)
        _, _, d_W_here, d_field = relax_backward(d_h, layers[1], X, None, W, beta)
        d_W, d_b = d_W + d_W_here, d_b + d_field.sum(axis=0)
        return {"W": d_W / len(X), "a": d_a / len(X), "b": d_b / len(X)}

    def free_energies(self, X):
        """Return Gamma_k of the two newest layers, layer by layer: (n, 2 n_iterations + 1)
        (C2, C3)

        The first column is at (x, h_0), and F(x) where x is binary. At order 1 with step 1 no
        column is above the one before it, and beta (first - last) tends to -log p_MF(x)."""
        layers = [self._rows(X), *self.forward(X)]
        pairs = zip(layers[:-1], layers[1:], strict=True)
        return np.stack([tap.free_energy(self.rbm, *(pair if k % 2 == 0 else pair[::-1]),
                                         self.order)
                         for k, pair in enumerate(pairs)], axis=1)

    def free_energy_gradient(self, X, backward=True):
        """Return the gradient of the mean of Gamma_k(v_n, h_n) over the rows of X  (C22)

        backward=False leaves the pass backward out: the explicit partials at v_n and h_n alone, as
        EMF takes them."""
        v, h = self.forward(X)[-2:]
        explicit = tap.free_energy_gradient(self.rbm, v, h, self.order)
        if not backward:
            return explicit
        d_v, d_h = tap.stationarity(self.rbm, v, h, self.order)
        through = self.gradient(X, d_h, d_v)
        return {name: explicit[name] + through[name] for name in explicit}

    def untie(self, loss=SquaredError(Binary())):
        """Return an MLP of the same 2 n + 1 sigmoid layers, each with weights of its own; its
        predict(X) is h_n  (C1)

        loss must have binary output units: SquaredError(Binary()) or BinaryCrossEntropy(). With the
        couplings beta W and fields beta a, beta b the MLP has no temperature left. ValueError at
        order 2 or with a step below 1, where a unit sees its own past."""
        if self.order != 1 or self.step != 1:
            raise ValueError(f"only order 1 with step 1 is an MLP, got order {self.order} and "
                             f"step {self.step}")
        if not isinstance(loss.unit, Binary):
            raise ValueError(f"loss must have binary output units, got {type(loss).__name__} with "
                             f"{type(loss.unit).__name__} units")
        n_v, n_h = self.rbm.W.shape
        mlp = MLP((n_v, n_h) + (n_v, n_h) * self.n_iterations, Binary(), loss,
                  np.random.default_rng(0),
                  self.rbm.W.dtype)
        copy_layers(self.rbm, mlp.depth, mlp)
        return mlp

    def _rows(self, X):
        return validation.means(X, self.rbm.n_visible, "X").astype(self.rbm.W.dtype, copy=False)

    def _slopes(self, d, name, shape):
        d = validation.real_array(d, name, n_dims=2, dtype=self.rbm.W.dtype)
        if d.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {d.shape}")
        return d


def copy_layers(rbm, n_layers, mlp):
    """Give the first n_layers layers of an MLP the weights W, W^T, W, ... and biases b, a, b, ...
    of an RBM  (C1)"""
    for k in range(1, n_layers + 1):
        W, bias = (rbm.W, rbm.b) if k % 2 == 1 else (rbm.W.T, rbm.a)
        mlp.parameters[f"W{k}"][...] = rbm.beta * W
        mlp.parameters[f"b{k}"][...] = rbm.beta * bias


def forgetting_rate(rbm, m_v, m_h):
    """Return rho (n,), by which an iteration of order 1 with step 1 brings two states near m_v, m_h
    together  (C6)

    m_v (n, n_visible), m_h (n, n_hidden) are means, such as a fixed point."""
    validation.instance(rbm, "rbm", RBM)
    m_v = validation.means(m_v, rbm.n_visible, "m_v")
    m_h = validation.means(m_h, rbm.n_hidden, "m_h")
    if len(m_v) != len(m_h):
        raise ValueError(f"m_v and m_h must have the same number of rows, got {len(m_v)} and "
                         f"{len(m_h)}")
    c_v, c_h = m_v - m_v**2, m_h - m_h**2
    M = np.sqrt(c_v)[:, :, None] * rbm.W * np.sqrt(c_h)[:, None, :]  # (n, n_visible, n_hidden)
    return rbm.beta**2 * np.linalg.norm(M, ord=2, axis=(1, 2)) ** 2
