"""The three means that learning compares, with the arithmetic of a gradient."""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..kernels.products import difference_of_products


@dataclass(frozen=True)
class Moments:
    """The means of what a, b and W multiply in -E  (R9)

    v   (n_visible,), <v>
    h   (n_hidden,), <h>
    vh  (n_visible, n_hidden), <v h>
    They are added, subtracted and scaled like numbers: beta * (data - model) is a gradient."""
    v: np.ndarray
    h: np.ndarray
    vh: np.ndarray

    def __add__(self, other):
        return Moments(self.v + other.v, self.h + other.h, self.vh + other.vh)

    def __sub__(self, other):
        return Moments(self.v - other.v, self.h - other.h, self.vh - other.vh)

    def __rsub__(self, other):
        raise TypeError("what is subtracted from Moments must be Moments, as averages(v, h_mean) "
                        f"makes them, got {type(other).__name__}")

    def __rmul__(self, factor):
        if factor == 1:                          # as beta mostly is: a pass through memory less
            return self
        return Moments(factor * self.v, factor * self.h, factor * self.vh)

    def by_parameter(self):
        """Return them as a dict, each under the name of the parameter that multiplies it in -E."""
        return {"W": self.vh, "a": self.v, "b": self.h}


class averages(Moments):
    """The Moments averaged over rows v (n, n_visible) and h (n, n_hidden), states or means  (R9)

    <v h> is multiplied out when it is asked for: a difference of two takes one sum over the rows of
    both."""

    def __init__(self, v, h):
        vars(self).update(rows=(v, h / len(v)), v=v.mean(axis=0, dtype=h.dtype), h=h.mean(axis=0))

    @cached_property
    def vh(self):
        v, h_share = self.rows
        return v.T @ h_share

    def __sub__(self, other):
        if not isinstance(other, averages):
            return super().__sub__(other)
        vh = difference_of_products(self.rows, other.rows)
        return Moments(self.v - other.v, self.h - other.h, vh)
