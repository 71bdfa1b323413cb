"""A running mean of the parameters: what a training returns in place of the last ones."""
from contextlib import contextmanager

import numpy as np

from .. import validation


class Averaging:
    """The mean of the parameters over the last part of the steps, wherever the training ends  (D6)

    share   of the steps, in [0, 1]; 1 is the plain mean of all, 0 no mean. The steps themselves are
            the same with and without it"""

    def __init__(self, share):
        self.share = validation.number(share, "averaging", "a number in [0, 1]",
                                       lambda x: 0 <= x <= 1)
        self.n_steps, self.mean = 0, {}

    def follow(self, theta):
        """Count one more step, and move the mean towards the parameters theta, a dict  (D6)"""
        if self.share > 0:
            self.n_steps += 1
            n = max(1.0, self.share * self.n_steps)
            for name, array in theta.items():
                mean = self.mean.setdefault(name, np.zeros_like(array))
                mean += (array - mean) / n

    def put(self, theta, norm_constraint=None):
        """Write the mean, if there is one, into the arrays of theta, and bring it to its norm."""
        for name, mean in self.mean.items():
            theta[name][...] = mean
        if self.mean and norm_constraint is not None:
            norm_constraint.apply(theta)

    @contextmanager
    def shown(self, theta, norm_constraint=None):
        """Let the arrays of theta hold the mean, at its norm, while a block of code runs."""
        moving = {name: theta[name].copy() for name in self.mean}
        self.put(theta, norm_constraint)
        try:
            yield
        finally:
            for name, array in moving.items():
                theta[name][...] = array

    def state(self):
        """Return what a resumed run needs: a dict of arrays."""
        return {"n_steps": np.array(self.n_steps)} | self.mean

    def restore(self, state):
        """Go on from a state that state() returned."""
        self.mean = {name: np.array(x) for name, x in state.items() if name != "n_steps"}
        self.n_steps = int(state["n_steps"])
