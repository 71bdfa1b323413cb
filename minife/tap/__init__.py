"""Chapter T, the TAP free energy: a partition function without sums over states."""
from .expansion import free_energy, free_energy_gradient, stationarity
from .legendre import gibbs_free_energy
from .likelihood import SeveralStatesWarning, log_likelihood, log_likelihood_gradient
from .solvers import FixedPoint, NotConvergedWarning, fixed_point
from .stability import hessian, scaled_eigenvalues, smallest_eigenvalue, spectral_trust
from .training import ExtendedMeanField

__all__ = ["ExtendedMeanField", "FixedPoint", "NotConvergedWarning", "SeveralStatesWarning",
           "fixed_point", "free_energy", "free_energy_gradient", "gibbs_free_energy", "hessian",
           "log_likelihood", "log_likelihood_gradient", "scaled_eigenvalues", "smallest_eigenvalue",
           "spectral_trust", "stationarity"]
