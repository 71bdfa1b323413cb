"""Chapter C, the bridge: where mean-field inference and backprop are one and the same, and where
they are not."""
from .clamped import ClampedMachine, Equilibrium
from .copies import CopiedUnits
from .equilibrium import ClampedNetwork
from .layered import LayeredMeanField
from .nudges import NudgeWarning
from .pyramid import Pyramid
from .tied import TiedClassifier
from .unrolled import UnrolledMeanField, forgetting_rate, unroll
from .vae import VAE

__all__ = ["VAE", "ClampedMachine", "ClampedNetwork", "CopiedUnits", "Equilibrium",
           "LayeredMeanField", "NudgeWarning",
           "Pyramid", "TiedClassifier", "UnrolledMeanField", "forgetting_rate", "unroll"]
