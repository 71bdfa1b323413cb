"""Chapter D, descent: one training loop, and the steps down a gradient that all trainers share."""
from .constraint import NormConstraint
from .loop import StopTraining
from .optimizers import SGD, Adam, RMSProp
from .schedules import exponential_decay, inverse_time_decay, linear_decay

__all__ = ["SGD", "Adam", "NormConstraint", "RMSProp", "StopTraining", "exponential_decay",
           "inverse_time_decay", "linear_decay"]
