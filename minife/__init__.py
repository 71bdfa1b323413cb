"""mini free energy: RBMs, TAP free energies and backprop, derived by hand and checked by tests."""
from . import data, estimators, gradcheck, kernels, rbm, tap, units
from .rbm.model import RBM

__all__ = ["RBM", "data", "estimators", "gradcheck", "kernels", "rbm", "tap", "units"]
__version__ = "0.1.0"
