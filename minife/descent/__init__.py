"""Chapter D, descent: one training loop, and the steps down a gradient that every trainer shares."""
from .optimizers import SGD, Adam, NormConstraint, RMSProp

__all__ = ["SGD", "Adam", "NormConstraint", "RMSProp"]
