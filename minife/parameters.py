"""The one way parameters and gradients are held: a dict of arrays, name -> array."""
import numpy as np


def flatten(parameters):
    """Return all parameters as one vector, in the order of the dict."""
    return np.concatenate([array.ravel() for array in parameters.values()])


def norm(parameters, p=2):
    """Return the L1 (p = 1) or L2 (p = 2) norm of all parameters together."""
    return float(np.linalg.norm(flatten(parameters), ord=p))
