"""Every quantity of chapter R from the table of all joint states, with nothing summed by hand."""
import numpy as np


class BruteForce:
    """All states v, h of a small RBM side by side, their energies E and probabilities p; visible
    bits count first."""

    def __init__(self, rbm):
        n = rbm.n_visible
        number, bit = np.arange(2 ** (n + rbm.n_hidden)), np.arange(n + rbm.n_hidden)
        s = (number[:, None] >> bit & 1).astype(float)
        self.v, self.h, self.beta = s[:, :n], s[:, n:], rbm.beta
        self.E = -self.v @ rbm.a - self.h @ rbm.b - ((self.v @ rbm.W) * self.h).sum(axis=1)  # (R1)
        weight = np.exp(-rbm.beta * (self.E - self.E.min()))
        self.log_z = np.log(weight.sum()) - rbm.beta * self.E.min()
        self.p = weight / weight.sum()  # (R2)

    def mean(self, x):
        return np.tensordot(self.p, x, axes=1)

    def log_p(self, v):
        return np.log(self.p[(self.v == v).all(axis=1)].sum())

    def given(self, v):
        """Return the hidden states (2^n_hidden, n_hidden) and their probabilities at a visible
        state v (n_visible,)."""
        rows = (self.v == v).all(axis=1)
        return self.h[rows], self.p[rows] / self.p[rows].sum()

    def moments_at(self, X):
        """Return <v>, <h> and <v h> at the rows of X, from the states of h."""
        h = np.array([p @ h for h, p in map(self.given, X)])
        return X.mean(axis=0), h.mean(axis=0), X.T @ h / len(X)


def frequencies(v, h):
    """Return the share of the rows in each joint state, in the order of BruteForce."""
    n = v.shape[1] + h.shape[1]
    return np.bincount(np.hstack([v, h]).astype(int) @ (1 << np.arange(n)), minlength=2**n) / len(v)


def within(share, p, n, errors=5):
    """Return whether shares of n independent draws are within so many standard errors of their
    probabilities p."""
    return (np.abs(share - p) <= errors * np.sqrt(p * (1 - p) / n) + 2 / n).all()
