"""Chapter B, backprop by hand: losses, layers and networks of any depth."""
from .curvature import hessian_vector_product
from .losses import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError
from .mlp import MLP, train

__all__ = ["MLP", "BinaryCrossEntropy", "CategoricalCrossEntropy", "SquaredError",
           "hessian_vector_product", "train"]
