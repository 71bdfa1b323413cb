"""Is the conjecture right? Every claim about free energies and backprop in this chapter, run and measured."""
from dataclasses import dataclass

from ... import validation
from .equilibrium import backward_pass, differences, forward_pass
from .learning import autoencoder, classification, ordinary_networks, training

JUDGES = (forward_pass, backward_pass, differences, ordinary_networks, classification, autoencoder, training)


@dataclass(frozen=True)
class Finding:
    """What a claim comes to when it is run: it stands as judged if the measured number lies from low to high.

    status   "exact", "limit", "false", or "true for ..." where it holds
    meaning  what the measured number is
    tag      of the equation in the README"""
    claim: str
    status: str
    measured: float
    meaning: str
    low: float
    high: float
    tag: str
    holds = property(lambda self: self.low <= self.measured <= self.high)


def verdict(rng, quick=False):
    """Return the list of Findings, one per claim, in the order of the README; quick takes fewer random problems."""
    validation.generator(rng)
    n_problems = 10 if quick else 100
    return [Finding(*claim) for judge in JUDGES for claim in judge(rng, n_problems)]
