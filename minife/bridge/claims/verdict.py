"""Is the conjecture right? Every claim of this chapter about free energies and backprop, run and
measured."""
from ... import validation
from .backward import finite_nudges, free_energy_as_loss, levels, responses
from .claim import Claim
from .forward import forward_pass
from .learning import autoencoder, training
from .networks import copies, labels, ordinary_networks, prediction_errors

__all__ = ["Claim", "verdict"]
JUDGES = (forward_pass, responses, finite_nudges, levels, labels, copies, training,
          ordinary_networks,
          free_energy_as_loss, prediction_errors, autoencoder)


def verdict(rng, quick=False):
    """Return the list of Claims in the order of their equations; quick takes fewer random problems.

    Each judge has random numbers of its own, so that one more claim leaves the numbers of the
    others as they are."""
    n_problems = 10 if validation.flag(quick, "quick") else 100
    streams = validation.generator(rng).spawn(len(JUDGES))
    return [claim for judge, stream in zip(JUDGES, streams, strict=True)
            for claim in judge(stream, n_problems)]
