"""Chapter R, restricted Boltzmann machines: exact sums, sampling and learning."""
from . import classification, exact, gaussian, gibbs, tempering, training
from .classification import ClassificationRBM
from .gaussian import GaussianRBM
from .model import RBM, Moments

__all__ = ["RBM", "ClassificationRBM", "GaussianRBM", "Moments", "classification", "exact", "gaussian",
           "gibbs", "tempering", "training"]
