"""Chapter L, the landscape: entropy, energy and temperature, and the minima between them."""
from .boltzmann_machine import BoltzmannMachine
from .minima import States, anneal, annealing_path, states
from .temperature import Thermodynamics, thermodynamics

__all__ = ["BoltzmannMachine", "States", "Thermodynamics", "anneal", "annealing_path", "states",
           "thermodynamics"]
