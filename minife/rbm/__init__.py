"""Chapter R, restricted Boltzmann machines: exact sums, sampling and learning."""
from . import centering, classification, exact, gaussian, gibbs, tempering, training
from .classification import ClassificationRBM
from .gaussian import GaussianRBM
from .model import RBM
from .moments import Moments

__all__ = ["RBM", "ClassificationRBM", "GaussianRBM", "Moments", "centering", "classification",
           "exact", "gaussian", "gibbs", "tempering", "training"]
