"""mini free energy: RBMs, TAP free energies and backprop, derived by hand and checked by tests."""
from . import gradcheck, rbm, tap
from .rbm.model import RBM

__all__ = ["RBM", "gradcheck", "rbm", "tap"]
__version__ = "0.1.0"
