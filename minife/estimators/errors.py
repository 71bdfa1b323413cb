"""Errors and warnings of the estimators; where scikit-learn is loaded, they are of its classes of
the same names as well."""
import sys


class NotFittedError(ValueError, AttributeError):
    """An estimator is asked for what only learning can give."""


class ConvergenceWarning(UserWarning):
    """Learning stopped at max_iter, and the loss may still fall."""


class DataConversionWarning(UserWarning):
    """What came was understood, but should come in another shape."""


def shared(own, message):
    """Return an instance of an error of this module that the handlers of scikit-learn's own class
    catch, too."""
    theirs = getattr(sys.modules.get("sklearn.exceptions"), own.__name__, None)
    return own(message) if theirs is None else type(own.__name__, (own, theirs), {})(message)
