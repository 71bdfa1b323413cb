"""Chapter E, evaluation: how good is my machine, and what is wrong with it?"""
from .annealing import (AnnealedEstimate, annealed_importance_sampling,
                        reverse_annealed_importance_sampling)
from .diagnosis import Diagnosis, diagnose
from .findings import Finding
from .lower_bound import AnnealedLogLikelihood, annealed_log_likelihood
from .ratios import free_energy_gap, pseudo_likelihood, pseudo_likelihoods

__all__ = ["AnnealedEstimate", "AnnealedLogLikelihood", "Diagnosis", "Finding",
           "annealed_importance_sampling", "annealed_log_likelihood", "diagnose",
           "free_energy_gap", "pseudo_likelihood", "pseudo_likelihoods",
           "reverse_annealed_importance_sampling"]
