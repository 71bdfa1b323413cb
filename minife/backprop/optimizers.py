"""The steps that every trainer shares: gradient descent with momentum and decay, and resets of the weight norm."""
import numpy as np

from .. import parameters, validation


def linear_decay(learning_rate, n_steps):
    """Return the schedule t -> learning_rate * (1 - t / n_steps), which ends at zero."""
    return lambda t: learning_rate * max(0.0, 1 - t / n_steps)


class SGD:
    """Stochastic gradient descent: velocity <- momentum * velocity + gradient, theta <- theta - rate * velocity  (R15)

    learning_rate  a positive number, or a function of the number of steps taken
    momentum       in [0, 1)
    l1, l2         decay: the gradients of l1 |W|_1 and l2 |W|^2 / 2 are added for arrays with two axes, the weights,
                   never for biases"""

    def __init__(self, learning_rate=0.1, momentum=0.0, l1=0.0, l2=0.0):
        if not callable(learning_rate):
            validation.positive(learning_rate, "learning_rate")
        self.learning_rate = learning_rate
        self.momentum = validation.number(momentum, "momentum", "a number in [0, 1)", lambda x: 0 <= x < 1)
        self.l1, self.l2 = validation.not_negative(l1, "l1"), validation.not_negative(l2, "l2")
        self.n_steps, self.velocity = 0, {}

    def step(self, theta, gradient):
        """Move the parameters theta, a dict name -> array, in place, against the gradient."""
        rate = self.learning_rate(self.n_steps) if callable(self.learning_rate) else self.learning_rate
        for name, array in theta.items():
            slope = gradient[name]
            if array.ndim > 1 and self.l1:
                slope = slope + self.l1 * np.sign(array)
            if array.ndim > 1 and self.l2:
                slope = slope + self.l2 * array
            if self.momentum:
                slope = self.velocity[name] = self.momentum * self.velocity.get(name, 0) + slope
            array -= array.dtype.type(rate) * slope
        self.n_steps += 1

    def state(self):
        """Return what a resumed run needs: a dict of arrays."""
        return {"n_steps": np.array(self.n_steps)} | {f"velocity_{name}": v for name, v in self.velocity.items()}

    def restore(self, state):
        """Take up a state() again."""
        state = dict(state)
        self.n_steps = int(state.pop("n_steps"))
        self.velocity = {name.removeprefix("velocity_"): v for name, v in state.items()}


class NormConstraint:
    """Rescales parameters to a given norm, theta <- theta * radius / |theta|: control of the temperature  (R16)

    radius   the L1 (p = 1) or L2 (p = 2) norm to keep
    names    which parameters; None means all of them, the one choice that is exactly a change of temperature
    ceiling  False resets every norm, as the post has it; True leaves a smaller one alone"""

    def __init__(self, radius, p=2, names=None, ceiling=False):
        self.radius = validation.positive(radius, "radius")
        self.p = validation.one_of(p, "p", (1, 2))
        self.names, self.ceiling = names, ceiling

    def apply(self, theta):
        """Rescale the parameters theta, a dict name -> array, in place."""
        chosen = {name: array for name, array in theta.items() if self.names is None or name in self.names}
        if not chosen:
            raise ValueError(f"names must be among {', '.join(theta)}, got {self.names}")
        norm = parameters.norm(chosen, self.p)
        if norm > self.radius or (norm > 0 and not self.ceiling):
            for array in chosen.values():
                array *= array.dtype.type(self.radius / norm)
