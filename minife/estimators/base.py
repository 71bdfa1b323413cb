"""What all estimators share: the arguments of the constructor, by name, and what may be written to a file."""
import inspect

import numpy as np

PLAIN = (bool, int, float, str, np.integer, np.floating)


class Estimator:
    """An object whose constructor does nothing but keep its arguments under their names."""

    def get_params(self, deep=True):
        """Return the arguments of the constructor as a dict."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params):
        """Set arguments of the constructor by name, and return self."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; "
                                 f"it has {', '.join(self.get_params())}")
            setattr(self, name, value)
        return self

    def settings(self, without=()):
        """Return the arguments that are numbers or texts, which a file can hold."""
        return {name: value for name, value in self.get_params().items()
                if isinstance(value, PLAIN) and name not in without}

    @classmethod
    def of_settings(cls, path, settings, **more):
        """Return an estimator with the settings that a file holds, and more."""
        unknown = [name for name in settings if name not in inspect.signature(cls).parameters]
        if unknown:
            raise ValueError(f"{path} has settings that {cls.__name__} does not know: {', '.join(unknown)}")
        return cls(**settings | more)

    def fitted(self, name):
        """Return the attribute that fit() makes, or say that there is none yet."""
        if not hasattr(self, name):
            raise ValueError(f"this {type(self).__name__} has not learned yet: call fit or load first")
        return getattr(self, name)
