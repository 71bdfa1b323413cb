"""Chapter R, restricted Boltzmann machines: exact sums, sampling and learning."""
from . import exact, gibbs, likelihood, training
from .model import RBM, Moments

__all__ = ["RBM", "Moments", "exact", "gibbs", "likelihood", "training"]
