"""The norm of the parameters as a temperature: a constraint that resets it after each epoch."""
import numpy as np

from .. import parameters, validation


class NormConstraint:
    """Rescales parameters to a given norm, theta <- theta * radius / |theta|: control of the temperature  (D5)

    radius    the L1 (p = 1) or L2 (p = 2) norm to keep
    names     which parameters; None means all of them, the one choice that is exactly a change of temperature
    ceiling   False resets every norm, as the post has it; True leaves a smaller one alone
    per_unit  True keeps the norm of the weights into each unit, the columns of the arrays with two axes, one by one"""

    def __init__(self, radius, p=2, names=None, ceiling=False, per_unit=False):
        self.radius = validation.positive(radius, "radius")
        self.p = validation.one_of(p, "p", (1, 2))
        if isinstance(names, str):
            names = (names,)
        if names is not None and not (isinstance(names, (list, tuple)) and names
                                      and all(isinstance(name, str) for name in names)):
            raise TypeError(f"names must be names of parameters, such as ('W',), or None, got {names!r:.60}")
        self.names = None if names is None else tuple(names)
        self.ceiling = validation.flag(ceiling, "ceiling")
        self.per_unit = validation.flag(per_unit, "per_unit")

    def __repr__(self):
        return f"NormConstraint({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def apply(self, theta):
        """Rescale the parameters theta, a dict name -> array, in place."""
        unknown = [name for name in self.names or () if name not in theta]
        if unknown:
            raise ValueError(f"names must be among {', '.join(theta)}, got {self.names}")
        chosen = {name: theta[name] for name in self.names or theta}
        if self.per_unit:
            for array in chosen.values():
                if array.ndim > 1:
                    array *= self.factor(np.linalg.norm(array, ord=self.p, axis=0))   # (n_out,)
        else:
            factor = float(self.factor(parameters.norm(chosen, self.p)))
            for array in chosen.values():
                array *= factor

    def factor(self, norm):
        """Return radius / norm, which brings a norm to the radius: 1 for a norm of zero, and below a ceiling  (D5)"""
        factor = self.radius / np.where(norm > 0, norm, self.radius)
        return np.minimum(factor, 1) if self.ceiling else factor
