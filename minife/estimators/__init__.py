"""RBMs and networks with scikit-learn's interface, for those who have data and a pipeline.

scikit-learn is not needed."""
from .classifier import RBMClassifier
from .mlp import MLPClassifier, MLPRegressor
from .rbm import BernoulliRBM

__all__ = ["BernoulliRBM", "MLPClassifier", "MLPRegressor", "RBMClassifier"]
