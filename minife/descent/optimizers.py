"""The steps that every trainer shares: SGD with momentum, RMSProp, Adam; schedules, decay, and resets of the norm."""
import numpy as np

from .. import kernels, parameters, validation


def linear_decay(learning_rate, n_steps):
    """Return the schedule t -> learning_rate * (1 - t / n_steps), which ends at zero."""
    return lambda t: learning_rate * max(0.0, 1 - t / n_steps)


def exponential_decay(learning_rate, n_steps):
    """Return the schedule t -> learning_rate * e^(-t / n_steps), which falls by the factor e every n_steps."""
    return lambda t: learning_rate * np.exp(-t / n_steps)


def inverse_time_decay(learning_rate, n_steps):
    """Return the schedule t -> learning_rate / (1 + t / n_steps).

    Its sum diverges and the sum of its squares does not, which is what stochastic descent needs to arrive at a minimum
    (Robbins and Monro 1951)."""
    return lambda t: learning_rate / (1 + t / n_steps)


class Optimizer:
    """Steps down a gradient, each parameter array for itself, and what it remembers from step to step.

    learning_rate  a positive number, or a function of the number of steps taken, such as linear_decay(0.1, 1000)
    l1, l2         decay: the gradients of l1 |W|_1 and l2 |W|^2 / 2 are added for arrays with two axes, the weights,
                   never for biases"""

    def __init__(self, learning_rate, l1=0.0, l2=0.0):
        if not callable(learning_rate):
            validation.positive(learning_rate, "learning_rate")
        self.learning_rate = learning_rate
        self.l1, self.l2 = validation.not_negative(l1, "l1"), validation.not_negative(l2, "l2")
        self.n_steps, self.memory = 0, {}

    def step(self, theta, gradient):
        """Move the parameters theta, a dict name -> contiguous array, in place, against the gradient."""
        rate = self.learning_rate(self.n_steps) if callable(self.learning_rate) else self.learning_rate
        self.n_steps += 1
        for name, array in theta.items():
            if not array.flags.c_contiguous:
                raise ValueError(f"the parameter {name} must be a contiguous array")
            decay = (self.l1, self.l2) if array.ndim > 1 else (0.0, 0.0)
            slope = np.ascontiguousarray(gradient[name], dtype=array.dtype)
            if slope.shape != array.shape:
                raise ValueError(f"the gradient of {name} must have shape {array.shape}, got {slope.shape}")
            self.move(name, array.reshape(-1), slope.reshape(-1), rate, *decay)

    def move(self, name, theta, slope, rate, l1, l2):
        """Move one parameter array theta (n,) in place, given its slope (n,)."""
        raise NotImplementedError

    def remembered(self, kind, name, like):
        """Return the array of that kind for that parameter, which starts at zero."""
        key = f"{kind}_{name}"
        if key not in self.memory:
            self.memory[key] = np.zeros_like(like)
        return self.memory[key]

    def state(self):
        """Return what a resumed run needs: a dict of arrays."""
        return {"n_steps": np.array(self.n_steps), **{name: array.copy() for name, array in self.memory.items()}}

    def restore(self, state):
        """Take up a state() again."""
        self.memory = {name: np.array(array) for name, array in state.items()}
        self.n_steps = int(self.memory.pop("n_steps"))


class SGD(Optimizer):
    """Stochastic gradient descent: velocity <- momentum * velocity + slope, theta <- theta - rate * velocity  (D2)

    momentum   in [0, 1); 0 is plain descent"""

    def __init__(self, learning_rate=0.1, momentum=0.0, l1=0.0, l2=0.0):
        super().__init__(learning_rate, l1, l2)
        self.momentum = _below_one(momentum, "momentum")

    def move(self, name, theta, slope, rate, l1, l2):
        if self.momentum:
            velocity = self.remembered("velocity", name, theta)
            kernels.momentum_step(theta, velocity, slope, rate, self.momentum, l1, l2)
        else:
            kernels.descent_step(theta, slope, rate, l1, l2)


class RMSProp(Optimizer):
    """theta <- theta - rate * slope / (root of the running mean of slope^2 + epsilon)  (D3)

    decay     of the running mean, in [0, 1). Source: Tieleman and Hinton, 2012"""

    def __init__(self, learning_rate=0.001, decay=0.9, epsilon=1e-8, l1=0.0, l2=0.0):
        super().__init__(learning_rate, l1, l2)
        self.decay, self.epsilon = _below_one(decay, "decay"), validation.positive(epsilon, "epsilon")

    def move(self, name, theta, slope, rate, l1, l2):
        mean, square = np.zeros_like(theta), self.remembered("square", name, theta)
        # a running mean of the slope with share 1 is the slope itself
        kernels.adaptive_step(theta, mean, square, slope, rate, 1, 1 - self.decay, 1, 1, self.epsilon, l1, l2)


class Adam(Optimizer):
    """Running means of slope and slope^2, each over the share of its start at zero that is gone  (D4)

    decay, square_decay   of the running means, in [0, 1). Source: Kingma and Ba, 2015"""

    def __init__(self, learning_rate=0.001, decay=0.9, square_decay=0.999, epsilon=1e-8, l1=0.0, l2=0.0):
        super().__init__(learning_rate, l1, l2)
        self.decay, self.square_decay = _below_one(decay, "decay"), _below_one(square_decay, "square_decay")
        self.epsilon = validation.positive(epsilon, "epsilon")

    def move(self, name, theta, slope, rate, l1, l2):
        mean, square = self.remembered("slope", name, theta), self.remembered("square", name, theta)
        held, square_held = 1 - self.decay**self.n_steps, 1 - self.square_decay**self.n_steps
        kernels.adaptive_step(theta, mean, square, slope, rate, 1 - self.decay, 1 - self.square_decay, held,
                              square_held, self.epsilon, l1, l2)


class NormConstraint:
    """Rescales parameters to a given norm, theta <- theta * radius / |theta|: control of the temperature  (D5)

    radius    the L1 (p = 1) or L2 (p = 2) norm to keep
    names     which parameters; None means all of them, the one choice that is exactly a change of temperature
    ceiling   False resets every norm, as the post has it; True leaves a smaller one alone
    per_unit  True keeps the norm of the weights into each unit, the columns of the arrays with two axes, one by one"""

    def __init__(self, radius, p=2, names=None, ceiling=False, per_unit=False):
        self.radius = validation.positive(radius, "radius")
        self.p = validation.one_of(p, "p", (1, 2))
        self.names, self.ceiling, self.per_unit = names, ceiling, per_unit

    def apply(self, theta):
        """Rescale the parameters theta, a dict name -> array, in place."""
        chosen = {name: array for name, array in theta.items() if self.names is None or name in self.names}
        if not chosen:
            raise ValueError(f"names must be among {', '.join(theta)}, got {self.names}")
        if self.per_unit:
            for array in chosen.values():
                if array.ndim > 1:
                    array *= self.factor(np.linalg.norm(array, ord=self.p, axis=0)).astype(array.dtype)
        else:
            factor = self.factor(parameters.norm(chosen, self.p))
            for array in chosen.values():
                array *= array.dtype.type(factor)

    def factor(self, norm):
        """Return what brings a norm to the radius: 1 for a norm of zero, and below a ceiling."""
        factor = self.radius / np.where(norm > 0, norm, self.radius)
        return np.minimum(factor, 1) if self.ceiling else factor


def _below_one(x, name):
    return validation.number(x, name, "a number in [0, 1)", lambda x: 0 <= x < 1)
