"""The three means that learning compares, with the arithmetic of a gradient."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Moments:
    """The means of what a, b and W multiply in -E  (R9)

    v   (n_visible,), <v>
    h   (n_hidden,), <h>
    vh  (n_visible, n_hidden), <v h>
    They are subtracted and scaled like numbers, so that beta * (data - model) is a gradient."""
    v: np.ndarray
    h: np.ndarray
    vh: np.ndarray

    def __sub__(self, other):
        return Moments(self.v - other.v, self.h - other.h, self.vh - other.vh)

    def __rmul__(self, factor):
        if factor == 1:                          # as beta mostly is: a pass through memory less
            return self
        return Moments(factor * self.v, factor * self.h, factor * self.vh)

    def by_parameter(self):
        """Return them as a dict, each under the name of the parameter that multiplies it in -E."""
        return {"W": self.vh, "a": self.v, "b": self.h}


def averages(v, h):
    """Return the Moments averaged over rows v (n, n_visible) and h (n, n_hidden)  (R9)

    Rows are states or means."""
    return Moments(v=v.mean(axis=0, dtype=h.dtype), h=h.mean(axis=0), vh=v.T @ (h / len(v)))
