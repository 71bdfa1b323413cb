"""The steps that every trainer shares: SGD with momentum, RMSProp, Adam, each with decay.

A move is one compiled pass over its arrays. The lines that it computes are those of the NumPy
function of the same name in kernels/reference.py, which run where nothing is compiled."""
import numpy as np

from .. import kernels, validation
from .schedules import Schedule, exponential_decay, inverse_time_decay, linear_decay

__all__ = ["SGD", "Adam", "Optimizer", "RMSProp", "exponential_decay", "inverse_time_decay",
           "linear_decay"]


class Optimizer:
    """Steps down a gradient, each parameter array for itself, and remembers what it needs.

    learning_rate  a positive number, or a function of the number of steps taken, such as
                   linear_decay(0.1, 1000)
    l1, l2         decay: the gradients of l1 |W|_1 and l2 |W|^2 / 2 are added for arrays with two
                   axes, the weights, never for biases"""

    remembers = ()                           # what move() needs of each parameter, by name

    def __init__(self, learning_rate, l1=0.0, l2=0.0):
        if isinstance(learning_rate, type) or not callable(learning_rate):
            validation.positive(learning_rate, "learning_rate")
        self.learning_rate = learning_rate
        self.l1, self.l2 = validation.not_negative(l1, "l1"), validation.not_negative(l2, "l2")
        self.n_steps, self.memory = 0, {}

    def move(self, theta, slope, *memory, rate, l1, l2):
        """Move one array theta (n,) in place, given its slope and what is remembered of it."""
        raise NotImplementedError

    def step(self, theta, gradient):
        """Move the parameters theta, a dict name -> array, in place, against the gradient."""
        validation.instance(theta, "theta", dict)
        validation.instance(gradient, "gradient", dict)
        rate = self.rate()
        slopes = {name: checked_slope(name, array, gradient) for name, array in theta.items()}
        memory = {name: [self.remembered(kind, name, array) for kind in self.remembers]
                  for name, array in theta.items()}
        self.n_steps += 1
        for name, array in theta.items():
            l1, l2 = (self.l1, self.l2) if array.ndim > 1 else (0.0, 0.0)
            flat = (x.reshape(-1) for x in (array, slopes[name], *memory[name]))  # views of them
            self.move(*flat, rate=rate, l1=l1, l2=l2)

    def rate(self):
        """Return the rate of the next step."""
        if not callable(self.learning_rate):
            return self.learning_rate
        rate = self.learning_rate(self.n_steps)
        number = isinstance(rate, (int, float, np.integer, np.floating))
        if not number or isinstance(rate, bool) or not rate >= 0:
            raise ValueError("learning_rate must return numbers of at least 0, "
                             f"got {rate!r:.60} for step {self.n_steps}")
        return rate

    def remembered(self, kind, name, array):
        """Return the memory of that kind for a parameter, which starts at zero, in its shape."""
        key = f"{kind}_{name}"
        if key not in self.memory:
            self.memory[key] = np.zeros_like(array)
        memory = self.memory[key]
        for what in ("shape", "dtype"):
            moved, came = getattr(memory, what), getattr(array, what)
            if moved != came:
                raise ValueError(f"this optimizer has moved {name} of {what} {moved}; got {came}: "
                                 "make a new optimizer for other parameters")
        return memory

    def state(self):
        """Return what a resumed run needs: a dict of arrays."""
        memory = {name: array.copy() for name, array in self.memory.items()}
        return {"n_steps": np.array(self.n_steps)} | memory

    def restore(self, state):
        """Go on from a state that state() returned."""
        if "n_steps" not in state:
            raise ValueError("the state of an optimizer must hold n_steps, "
                             f"got {', '.join(state) or 'nothing'}")
        self.memory = {name: np.array(x) for name, x in state.items() if name != "n_steps"}
        self.n_steps = int(state["n_steps"])

    def given(self):
        """Return what it was made with, by name."""
        return {name: x for name, x in vars(self).items() if name not in ("n_steps", "memory")}

    def settings(self):
        """Return what tells its runs apart from others; a function by some of its rates."""
        settings, rate = {"optimizer": type(self).__name__} | self.given(), self.learning_rate
        if callable(rate) and not isinstance(rate, Schedule):
            settings["learning_rate"] = f"a function with {[rate(t) for t in (0, 1, 10, 1000)]}"
        return settings

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in self.given().items())
        return f"{type(self).__name__}({settings})"


class SGD(Optimizer):
    """velocity <- momentum * velocity + slope, theta <- theta - rate * velocity  (D2)

    momentum   in [0, 1); 0 is plain descent
    nesterov   True steps by momentum * velocity + slope, what the velocity is to be next"""

    def __init__(self, learning_rate=0.1, momentum=0.0, l1=0.0, l2=0.0, nesterov=False):
        super().__init__(learning_rate, l1, l2)
        self.momentum = _below_one(momentum, "momentum")
        self.nesterov = validation.flag(nesterov, "nesterov")

    @property
    def remembers(self):
        """Return what move() needs of each parameter, by name."""
        return ("velocity",) if self.momentum else ()

    def move(self, theta, slope, *velocity, rate, l1, l2):
        if self.momentum and self.nesterov:
            (velocity,), g = velocity, slope + l1 * np.sign(theta) + l2 * theta
            velocity[...] = self.momentum * velocity + g
            theta -= rate * (self.momentum * velocity + g)
        elif self.momentum:
            kernels.momentum_step(theta, *velocity, slope, rate, self.momentum, l1, l2)
        else:
            kernels.descent_step(theta, slope, rate, l1, l2)


class RMSProp(Optimizer):
    """theta <- theta - rate * slope / (root of the running mean of slope^2 + epsilon)  (D3)

    decay     of the running mean, in [0, 1). Source: Tieleman and Hinton, 2012"""

    remembers = ("square",)

    def __init__(self, learning_rate=0.001, decay=0.9, epsilon=1e-8, l1=0.0, l2=0.0):
        super().__init__(learning_rate, l1, l2)
        self.decay = _below_one(decay, "decay")
        self.epsilon = validation.positive(epsilon, "epsilon")

    def move(self, theta, slope, square, *, rate, l1, l2):
        mean = np.zeros_like(theta)          # with the share 1 it becomes the slope itself
        kernels.adaptive_step(theta, mean, square, slope, rate, 1, 1 - self.decay, 1, 1,
                              self.epsilon, l1, l2)


class Adam(Optimizer):
    """theta <- theta - rate * mean / (root of square + epsilon), of means corrected for t  (D4)

    decay, square_decay   of the running means, in [0, 1). Source: Kingma and Ba, 2015"""

    remembers = ("slope", "square")

    def __init__(self, learning_rate=0.001, decay=0.9, square_decay=0.999, epsilon=1e-8, l1=0.0,
                 l2=0.0):
        super().__init__(learning_rate, l1, l2)
        self.decay = _below_one(decay, "decay")
        self.square_decay = _below_one(square_decay, "square_decay")
        self.epsilon = validation.positive(epsilon, "epsilon")

    def move(self, theta, slope, mean, square, *, rate, l1, l2):
        held, square_held = 1 - self.decay**self.n_steps, 1 - self.square_decay**self.n_steps
        kernels.adaptive_step(theta, mean, square, slope, rate, 1 - self.decay,
                              1 - self.square_decay, held, square_held, self.epsilon, l1, l2)


def checked_slope(name, array, gradient):
    """Return the slope of a parameter as a contiguous array of its type, or say what is wrong."""
    if not isinstance(array, np.ndarray) or not array.flags.c_contiguous:
        raise ValueError(f"the parameter {name} must be a contiguous array")
    if not array.flags.writeable:
        raise ValueError(f"the parameter {name} must be writeable, got a read-only array: "
                         "train a copy of the model")
    if name not in gradient:
        raise ValueError(f"the gradient must have a slope for {name}, "
                         f"got {', '.join(map(str, gradient)) or 'none'}")
    slope = np.ascontiguousarray(gradient[name], dtype=array.dtype)
    if slope.shape != array.shape:
        raise ValueError(f"the gradient of {name} must have shape {array.shape}, got {slope.shape}")
    return slope


def _below_one(x, name):
    return validation.number(x, name, "a number in [0, 1)", lambda x: 0 <= x < 1)
