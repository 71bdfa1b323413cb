"""Chapter B, backprop by hand: losses, layers and networks of any depth."""
from . import two_layer
from .curvature import hessian_vector_product
from .losses import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError
from .mlp import MLP
from .training import train

__all__ = ["MLP", "BinaryCrossEntropy", "CategoricalCrossEntropy", "SquaredError",
           "hessian_vector_product", "train", "two_layer"]
