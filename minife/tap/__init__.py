"""Chapter T, the TAP free energy: a partition function without sums over states."""
from .boltzmann_machine import BoltzmannMachine
from .free_energy import free_energy, free_energy_gradient, stationarity
from .legendre import gibbs_free_energy
from .likelihood import log_likelihood, log_likelihood_gradient
from .solvers import FixedPoint, NotConvergedWarning, fixed_point
from .stability import hessian, scaled_eigenvalues, smallest_eigenvalue, spectral_trust
from .states import States, anneal, annealing_path, states
from .thermodynamics import Thermodynamics, thermodynamics
from .training import ExtendedMeanField

__all__ = ["BoltzmannMachine", "ExtendedMeanField", "FixedPoint", "NotConvergedWarning", "States", "Thermodynamics",
           "anneal", "annealing_path", "fixed_point", "free_energy", "free_energy_gradient", "gibbs_free_energy",
           "hessian", "log_likelihood", "log_likelihood_gradient", "scaled_eigenvalues", "smallest_eigenvalue",
           "spectral_trust", "states", "stationarity", "thermodynamics"]
