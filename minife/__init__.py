"""mini free energy: RBMs, TAP free energies and backprop, derived by hand and checked by tests."""
from . import (backprop, bridge, data, descent, estimators, evaluation, gradcheck, kernels,
               landscape, rbm, tap, units)
from .backprop.mlp import MLP
from .evaluation import diagnose
from .models import load, save
from .rbm.model import RBM

__all__ = ["MLP", "RBM", "backprop", "bridge", "data", "descent", "diagnose", "estimators",
           "evaluation", "gradcheck", "kernels", "landscape", "load", "rbm", "save", "tap", "units"]
__version__ = "0.2.0"
