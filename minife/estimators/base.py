"""What all estimators share: their arguments, by name, and what the tools of scikit-learn ask of an
estimator."""
import inspect
import zlib
from contextlib import contextmanager

import numpy as np

from . import features
from .errors import NotFittedError, shared

# may differ in a run that goes on
FREE = ("max_iter", "n_iter", "verbose", "callbacks", "checkpoint", "random_state")
PLAIN = (bool, int, float, str, np.integer, np.floating, type(None))


class Estimator:
    """An object whose constructor does nothing but keep its arguments under their names."""

    _estimator_type = None  # "classifier", "regressor" or "transformer"
    _in_unit_interval = False                            # whether X must lie in [0, 1]
    _model = None                                        # name of the attribute that learning makes

    def get_params(self, deep=True):
        """Return the arguments of the constructor as a dict."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params):
        """Set arguments of the constructor by name, and return self."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"Invalid parameter {name!r} for estimator {self}. Valid "
                                 f"parameters are: {list(self.get_params())}.")
            setattr(self, name, value)
        return self

    def __repr__(self):
        """Return the class with the arguments that differ from their defaults."""
        defaults = inspect.signature(type(self)).parameters
        changed = [f"{name}={value!r:.60}" for name, value in self.get_params().items()
                   if not same(value, defaults[name].default)]
        return f"{type(self).__name__}({', '.join(changed)})"

    def settings(self, without=()):
        """Return the arguments that are numbers or texts, which a file can hold."""
        return {name: value for name, value in self.get_params().items()
                if isinstance(value, PLAIN) and name not in without}

    def fitted(self, name=None):
        """Return the attribute that fit() makes, or say that there is none yet."""
        found = vars(self).get(name or self._model)
        if found is None:
            raise shared(NotFittedError, f"this {type(self).__name__} instance has not learned "
                                         "yet: call fit or load first (it is not fitted)")
        return found

    def __getattr__(self, name):
        if name.endswith("_") and not name.startswith("_"):
            raise shared(NotFittedError, f"{type(self).__name__} has no {name} yet: call fit or "
                                         "load first; or there is no such attribute")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __sklearn_is_fitted__(self):
        return vars(self).get(self._model) is not None

    def __sklearn_tags__(self):
        """Return what scikit-learn wants to know of an estimator. Only scikit-learn calls this, so
        only here is it imported."""
        from sklearn.utils import (ClassifierTags, InputTags, RegressorTags, Tags, TargetTags,
                                   TransformerTags)
        kind = self._estimator_type
        return Tags(
            estimator_type=kind,
            target_tags=TargetTags(required=kind in ("classifier", "regressor"),
                                   multi_output=kind == "regressor"),
            transformer_tags=TransformerTags(preserves_dtype=[]) if kind == "transformer" else None,
            classifier_tags=ClassifierTags() if kind == "classifier" else None,
            regressor_tags=RegressorTags() if kind == "regressor" else None,
            input_tags=InputTags(positive_only=self._in_unit_interval))

    @contextmanager
    def _learning(self, names, n_features, **learned):
        """Keep what a block of code learns, and the columns of X, when it ends or is interrupted;
        not when it fails."""
        try:
            yield
        except KeyboardInterrupt:
            self._keep(names, n_features, **learned)
            raise
        self._keep(names, n_features, **learned)

    def _keep(self, names, n_features, **learned):
        """Set the attributes of a fitted estimator."""
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            learned["feature_names_in_"] = names
        vars(self).update(learned, n_features_in_=n_features)

    def _run(self, *arrays):
        """Return in words what must agree for a fit to go on from a checkpoint: settings and
        data."""
        settings = {name: value for name, value in self.get_params().items() if name not in FREE}
        checksum = 0
        for array in arrays:
            checksum = zlib.crc32(np.ascontiguousarray(array), checksum)
        return {"estimator": type(self).__name__, "data": f"checksum {checksum:08x}"} | {
            name: repr(value)[:200] for name, value in settings.items()}

    def _read_to_learn(self, X, go_on):
        """Return the rows X as finite numbers and the names of their columns; to go on, they must
        be as before."""
        if go_on and self.__sklearn_is_fitted__():
            return self._read(X), vars(self).get("feature_names_in_")
        return features.rows(X, owner=type(self).__name__)

    def _read(self, X):
        """Return the rows X (n, n_features) of a fitted estimator as finite numbers."""
        self.fitted()
        return features.rows(X, self.n_features_in_,
                          vars(self).get("feature_names_in_"),
                          type(self).__name__)[0]


def same(value, default):
    """Return whether an argument is its default: the same object, or equal where that is a plain
    yes."""
    try:
        return value is default or bool(value == default)
    except (TypeError, ValueError):
        return False
