"""Chapter E, evaluation: how good is my machine, how well do its chains mix, and what is wrong with it."""
from .annealing import (AnnealedEstimate, annealed_importance_sampling,
                        reverse_annealed_importance_sampling)
from .diagnosis import diagnose
from .likelihood import pseudo_likelihood

__all__ = ["AnnealedEstimate", "annealed_importance_sampling", "diagnose", "pseudo_likelihood",
           "reverse_annealed_importance_sampling"]
