"""The norm of the parameters as a temperature: a constraint that resets it after each epoch."""
import numpy as np

from .. import parameters, validation


class NormConstraint:
    """Rescales parameters, theta <- theta * radius / |theta|: control of the temperature  (D5)

    radius    the L1 (p = 1) or L2 (p = 2) norm to keep
    names     which parameters; None means all, the one choice that is exactly a change of
              temperature
    ceiling   False resets every norm, as the post does; True leaves a smaller one as it is
    per_unit  True keeps the norm of the weights into each unit: each column of the arrays with
              two axes by itself"""

    def __init__(self, radius, p=2, names=None, ceiling=False, per_unit=False):
        self.radius = validation.positive(radius, "radius")
        self.p = validation.one_of(p, "p", (1, 2))
        self.names = checked_names(names)
        self.ceiling = validation.flag(ceiling, "ceiling")
        self.per_unit = validation.flag(per_unit, "per_unit")

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"NormConstraint({settings})"

    def apply(self, theta):
        """Rescale the parameters theta, a dict name -> array, in place  (D5)"""
        validation.instance(theta, "theta", dict)
        if any(name not in theta for name in self.names or ()):
            raise ValueError(f"names must be among {', '.join(theta)}, got {self.names}")
        chosen = {name: theta[name] for name in self.names or theta}
        if self.per_unit:
            for array in chosen.values():
                if array.ndim > 1:
                    array *= self.factor(np.linalg.norm(array, ord=self.p, axis=0))    # (n_out,)
        else:
            factor = float(self.factor(parameters.norm(chosen, self.p)))
            for array in chosen.values():
                array *= factor

    def factor(self, norm):
        """Return radius / norm; 1 for a norm of zero, and for one below a ceiling  (D5)"""
        factor = self.radius / np.where(norm > 0, norm, self.radius)
        return np.minimum(factor, 1) if self.ceiling else factor


def checked_names(names):
    """Return names, one text or several, as a tuple; None, for all parameters, as it is."""
    several = (names,) if isinstance(names, str) else names
    if several is None:
        return None
    if not isinstance(several, (list, tuple)) or not several \
            or not all(isinstance(name, str) for name in several):
        raise TypeError("names must be names of parameters, such as ('W',), or None, "
                        f"got {names!r:.60}")
    return tuple(several)
