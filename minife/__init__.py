"""mini free energy: RBMs, TAP free energies and backprop, derived by hand and checked by tests."""
from importlib import import_module

from . import backprop, descent, evaluation, gradcheck, kernels, rbm, tap, units
from .backprop.mlp import MLP
from .evaluation import diagnose
from .models import load, save
from .rbm.model import RBM

__all__ = ["MLP", "RBM", "backprop", "bridge", "data", "descent", "diagnose", "estimators",
           "evaluation", "gradcheck", "kernels", "landscape", "load", "rbm", "save", "tap", "units"]
__version__ = "0.2.0"


def __getattr__(name):
    """Import bridge, data, estimators or landscape when it is first asked for  (PEP 562)."""
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
