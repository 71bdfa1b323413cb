"""Chapter B, backprop by hand: losses, layers, networks of any depth, and the steps that every trainer shares."""
from .curvature import hessian_vector_product
from .losses import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError
from .mlp import MLP, train
from .optimizers import SGD, Adam, NormConstraint, RMSProp

__all__ = ["MLP", "SGD", "Adam", "BinaryCrossEntropy", "CategoricalCrossEntropy", "NormConstraint", "RMSProp",
           "SquaredError", "hessian_vector_product", "train"]
