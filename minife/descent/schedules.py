"""Schedules: rates that fall as the number t of steps taken grows."""
import math

from .. import validation


class Schedule:
    """A function of the number t of steps taken; n_steps is the time that the fall takes."""

    def __init__(self, learning_rate, n_steps):
        validation.positive(learning_rate, "learning_rate")
        validation.positive(n_steps, "n_steps")
        self.learning_rate, self.n_steps = learning_rate, n_steps

    def __repr__(self):
        return f"{type(self).__name__}({self.learning_rate!r}, {self.n_steps!r})"


class linear_decay(Schedule):
    """The schedule t -> learning_rate * (1 - t / n_steps), which ends at zero.

    end   a share of the rate: the fall ends there, and not at zero"""

    def __init__(self, learning_rate, n_steps, end=0.0):
        super().__init__(learning_rate, n_steps)
        self.end = validation.number(end, "end", "a number in [0, 1]", lambda x: 0 <= x <= 1)

    def __call__(self, t):
        return self.learning_rate * max(self.end, 1 - (1 - self.end) * t / self.n_steps)

    def __repr__(self):
        return super().__repr__()[:-1] + (f", end={self.end})" if self.end else ")")


class exponential_decay(Schedule):
    """The schedule t -> learning_rate * e^(-t / n_steps), a factor e every n_steps."""

    def __call__(self, t):
        return self.learning_rate * math.exp(-t / self.n_steps)


class inverse_time_decay(Schedule):
    """The schedule t -> learning_rate / (1 + t / n_steps).

    Its sum diverges and the sum of its squares does not, which is what stochastic descent needs to
    arrive at a minimum (Robbins and Monro 1951)."""

    def __call__(self, t):
        return self.learning_rate / (1 + t / self.n_steps)
