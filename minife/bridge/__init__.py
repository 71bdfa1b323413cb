"""Chapter C, the bridge: where mean-field inference and backprop are one and the same, and where they are not."""
from .clamped import ClampedMachine, Equilibrium
from .equilibrium import ClampedNetwork
from .layered import LayeredMeanField
from .tied import TiedClassifier
from .unrolled import UnrolledMeanField, forgetting_rate, unroll
from .vae import VAE

__all__ = ["VAE", "ClampedMachine", "ClampedNetwork", "Equilibrium", "LayeredMeanField", "TiedClassifier",
           "UnrolledMeanField", "forgetting_rate", "unroll"]
