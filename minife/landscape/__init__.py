"""Chapter L, the landscape: entropy, energy and temperature, and the minima between them."""
from .balance import Balance, data_balance, data_temperature, label_balance, label_temperature
from .boltzmann_machine import BoltzmannMachine, SpinFixedPoint
from .minima import (
                     Minima,
                     SpinMinima,
                     find_minima,
                     find_spin_minima,
                     flip_stable_states,
                     random_couplings,
)
from .sharpness import noise_rise, tail_exponent, top_curvature
from .temperature import (
                     Thermodynamics,
                     anneal,
                     annealing_path,
                     at_temperature,
                     sampled_thermodynamics,
                     thermodynamics,
)

__all__ = ["Balance", "BoltzmannMachine", "Minima", "SpinFixedPoint", "SpinMinima",
           "Thermodynamics", "anneal", "annealing_path", "at_temperature", "data_balance",
           "data_temperature", "find_minima", "find_spin_minima", "flip_stable_states",
           "label_balance", "label_temperature", "noise_rise", "random_couplings",
           "sampled_thermodynamics", "tail_exponent", "thermodynamics", "top_curvature"]
