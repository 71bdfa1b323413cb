"""The steps that every trainer shares: SGD with momentum, RMSProp, Adam; schedules, decay, and resets of the norm."""
import numpy as np

from .. import parameters, validation


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
    """Descent: theta <- theta - rate * direction, with a direction that each optimizer makes of the slopes  (B15)

    learning_rate  a positive number, or a function of the number of steps taken, such as linear_decay(0.1, 1000)
    l1, l2         decay: the gradients of l1 |W|_1 and l2 |W|^2 / 2 are added for arrays with two axes, the weights,
                   never for biases"""

    def __init__(self, learning_rate, l1=0.0, l2=0.0):
        if not callable(learning_rate):
            validation.positive(learning_rate, "learning_rate")
        self.learning_rate = learning_rate
        self.l1, self.l2 = validation.not_negative(l1, "l1"), validation.not_negative(l2, "l2")
        self.n_steps, self.memory, self._buffer = 0, {}, {}

    def step(self, theta, gradient):
        """Move the parameters theta, a dict name -> array, in place, against the gradient."""
        rate = self.learning_rate(self.n_steps) if callable(self.learning_rate) else self.learning_rate
        self.n_steps += 1
        for name, array in theta.items():
            slope = gradient[name]
            if array.ndim > 1 and self.l1:
                slope = slope + self.l1 * np.sign(array)
            if array.ndim > 1 and self.l2:
                slope = slope + self.l2 * array
            buffer = self._buffer.setdefault(name, np.empty_like(array))
            array -= np.multiply(self.direction(name, slope), array.dtype.type(rate), out=buffer)

    def direction(self, name, slope):
        """Return the direction to step against, for one parameter and its slope."""
        raise NotImplementedError

    def mean(self, kind, name, share, new):
        """Return the running mean <- mean + share * (new - mean) of that kind for that parameter; it starts at zero."""
        key = f"{kind}_{name}"
        if key not in self.memory:
            self.memory[key] = np.zeros_like(new)
        old = self.memory[key]
        old += new.dtype.type(share) * (new - old)
        return old

    def state(self):
        """Return what a resumed run needs: a dict of arrays."""
        return {"n_steps": np.array(self.n_steps), **self.memory}

    def restore(self, state):
        """Take up a state() again."""
        self.memory = dict(state)
        self.n_steps = int(self.memory.pop("n_steps"))


class SGD(Optimizer):
    """Stochastic gradient descent: velocity <- momentum * velocity + slope, theta <- theta - rate * velocity  (B15)

    momentum   in [0, 1); 0 is plain descent"""

    def __init__(self, learning_rate=0.1, momentum=0.0, l1=0.0, l2=0.0):
        super().__init__(learning_rate, l1, l2)
        self.momentum = _below_one(momentum, "momentum")

    def direction(self, name, slope):
        if not self.momentum:
            return slope
        key = f"velocity_{name}"
        self.memory[key] = self.momentum * self.memory.get(key, 0) + slope
        return self.memory[key]


class RMSProp(Optimizer):
    """Slopes over their root mean square of late: square <- decay * square + (1 - decay) * slope^2  (B16)

    decay     of the running mean, in [0, 1)
    epsilon   is added to the root; (Tieleman and Hinton 2012)"""

    def __init__(self, learning_rate=0.001, decay=0.9, epsilon=1e-8, l1=0.0, l2=0.0):
        super().__init__(learning_rate, l1, l2)
        self.decay, self.epsilon = _below_one(decay, "decay"), validation.positive(epsilon, "epsilon")

    def direction(self, name, slope):
        square = self.mean("square", name, 1 - self.decay, slope**2)
        return slope / (np.sqrt(square) + slope.dtype.type(self.epsilon))


class Adam(Optimizer):
    """Running means of the slope and of its square, each freed from its start at zero  (B17)

    decay, square_decay   of the running means, in [0, 1)
    epsilon               is added to the root; (Kingma and Ba 2015)"""

    def __init__(self, learning_rate=0.001, decay=0.9, square_decay=0.999, epsilon=1e-8, l1=0.0, l2=0.0):
        super().__init__(learning_rate, l1, l2)
        self.decay, self.square_decay = _below_one(decay, "decay"), _below_one(square_decay, "square_decay")
        self.epsilon = validation.positive(epsilon, "epsilon")

    def direction(self, name, slope):
        # after t steps a running mean that starts at zero holds the share 1 - decay^t of what it averages
        share, square_share = 1 - self.decay**self.n_steps, 1 - self.square_decay**self.n_steps
        mean = self.mean("slope", name, 1 - self.decay, slope)
        square = self.mean("square", name, 1 - self.square_decay, slope**2)
        real = slope.dtype.type
        return mean / real(share) / (np.sqrt(square / real(square_share)) + real(self.epsilon))


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


def _below_one(x, name):
    return validation.number(x, name, "a number in [0, 1)", lambda x: 0 <= x < 1)
