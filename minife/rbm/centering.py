"""Centering: a step that does not depend on which state of a unit is called 0."""
import numpy as np

from .. import validation


class Centering:
    """Offsets mu of v and lambda of h, the origins from which a step sees both layers  (R17, R18)

    rate   share of each batch in the running means of the data, in (0, 1]
    mu     (n_visible,), the mean of v, at first over all data
    lam    (n_hidden,), the mean of the hidden means, at first those of the mean row
    Sources: Montavon and Müller 2012; Melchior, Fischer and Wiskott 2016."""

    def __init__(self, rate=0.01):
        self.rate = validation.share(rate, "rate")
        self.mu = self.lam = None

    def begin(self, rbm, X):
        """Set the offsets for checked data X (n, n_visible), if there are none yet."""
        if self.mu is None:
            self.mu = X.mean(axis=0, dtype=np.float64).astype(rbm.W.dtype)
            self.lam = rbm.hidden_mean(self.mu[None])[0]
        if (len(self.mu), len(self.lam)) != rbm.W.shape:
            raise ValueError(f"these offsets are of {len(self.mu)} visible and {len(self.lam)} "
                             f"hidden units; the machine has {rbm.n_visible} and {rbm.n_hidden}")

    def follow(self, data):
        """Move the offsets towards the Moments at a batch."""
        self.mu += self.rate * (data.v - self.mu)
        self.lam += self.rate * (data.h - self.lam)

    def direction(self, slope):
        """Return the centered step that belongs to a plain gradient, dicts of W, a and b  (R18)"""
        mu, lam = self.mu, self.lam
        W = slope["W"] - np.outer(mu, slope["b"]) - np.outer(slope["a"], lam)
        return {"W": W, "a": slope["a"] - W @ lam, "b": slope["b"] - mu @ W}

    def state(self):
        """Return what a resumed run needs: a dict of arrays."""
        return {} if self.mu is None else {"mu": self.mu, "lam": self.lam}

    def restore(self, state):
        """Go on from a state() of an earlier run."""
        self.mu, self.lam = state.get("mu"), state.get("lam")

    def __repr__(self):
        return f"Centering(rate={self.rate})"
