"""Learning: one loop, and negative phases that differ only in how the model dreams."""
import os
import time
import zlib

import numpy as np

from .. import storage, validation
from ..progress import progress
from . import exact
from .gibbs import gibbs_chain


class NegativePhase:
    """How the model dreams: the moments of the model, and what must be kept from one step to the next."""

    def moments(self, rbm, batch, rng):
        """Return the Moments of the model, exact or estimated; batch (n, n_visible) is the data of this step."""
        raise NotImplementedError

    def state(self):
        """Return what a resumed run needs: a dict of arrays."""
        return {}

    def restore(self, state):
        """Take up a state() again."""


class ExactEnumeration(NegativePhase):
    """The negative phase by summing over all states: for small machines, the gradient itself  (R10)"""

    def moments(self, rbm, batch, rng):
        return exact.moments(rbm)


class ContrastiveDivergence(NegativePhase):
    """CD-k: chains that start at the batch and run k Gibbs steps (Hinton 2002)  (R13)"""

    def __init__(self, n_steps=1):
        self.n_steps = validation.positive_integer(n_steps, "n_steps")

    def moments(self, rbm, batch, rng):
        if batch.dtype != np.uint8:  # grey values are the probabilities of binary pixels
            batch = (rng.random(batch.shape) < batch).astype(np.uint8)
        v, _ = gibbs_chain(rbm, batch, self.n_steps, rng)
        return rbm.clamped_moments(v)


class PersistentContrastiveDivergence(NegativePhase):
    """PCD-k: any number of chains that live on from step to step, k Gibbs steps each (Tieleman 2008)  (R14)

    The chains start as independent fair coins."""

    def __init__(self, n_chains=100, n_steps=1):
        self.n_chains = validation.positive_integer(n_chains, "n_chains")
        self.n_steps = validation.positive_integer(n_steps, "n_steps")
        self.v = None

    def moments(self, rbm, batch, rng):
        if self.v is None:
            self.v = rng.integers(2, size=(self.n_chains, rbm.n_visible), dtype=np.uint8)
        self.v, _ = gibbs_chain(rbm, self.v, self.n_steps, rng)
        return rbm.clamped_moments(self.v)

    def state(self):
        return {} if self.v is None else {"v": self.v}

    def restore(self, state):
        self.v = state.get("v")


def train(rbm, X, negative_phase, optimizer, n_epochs, rng, *, batch_size=100, norm_constraint=None, callbacks=(),
          checkpoint=None, history=None, label=None):
    """Return the history, one dict per epoch, of maximising the likelihood of X; rbm is changed in place  (R15)

    X               (n, n_visible), binary, or grey values in [0, 1], which clamp the visible units at those means
    negative_phase  a NegativePhase
    optimizer       the object whose step(parameters, gradient) descends, e.g. SGD
    norm_constraint applied after every epoch  (R16)
    callbacks       each is called as callback(rbm, epoch) after an epoch; a dict it returns joins the history
    checkpoint      a path (.npz): the whole state is written there after every epoch, atomically, and a run that
                    finds the file goes on from it, to the very numbers of a run that was never interrupted
    history         the list of the epochs that went before, if this run goes on from another; it grows in place, and
                    n_epochs counts them too
    label           a text: shows progress under that name
    Raises FloatingPointError if the parameters stop being finite; the last checkpoint is then still good."""
    X = validation.states_or_means(X, rbm.n_visible, "X")
    n_epochs = validation.positive_integer(n_epochs, "n_epochs")
    batch_size = validation.positive_integer(batch_size, "batch_size")
    validation.generator(rng)
    history = [] if history is None else history
    kind = None if checkpoint is None else run_kind(rbm, X, negative_phase)
    if checkpoint is not None and os.path.exists(checkpoint):
        history[:] = load_checkpoint(checkpoint, kind, rbm, negative_phase, optimizer, rng)
    for epoch in progress(range(len(history), n_epochs), label):
        start = time.perf_counter()
        order = rng.permutation(len(X))
        for first in range(0, len(X), batch_size):
            batch = X[order[first:first + batch_size]]
            optimizer.step(rbm.parameters, descent_direction(rbm, batch, negative_phase, rng))
        if norm_constraint is not None:
            norm_constraint.apply(rbm.parameters)
        if not all(np.isfinite(array).all() for array in rbm.parameters.values()):
            raise FloatingPointError(f"the parameters stopped being finite in epoch {epoch + 1}: "
                                     "lower the learning rate")
        record = {"epoch": epoch + 1, "seconds": time.perf_counter() - start}
        for callback in callbacks:
            record.update(callback(rbm, epoch + 1) or {})
        history.append(record)
        if checkpoint is not None:
            save_checkpoint(checkpoint, kind, rbm, negative_phase, optimizer, rng, history)
    return history


def descent_direction(rbm, batch, negative_phase, rng):
    """Return the gradient of minus the mean log-likelihood of a batch: beta times (model - data)  (R9)"""
    data = rbm.clamped_moments(batch)
    model = negative_phase.moments(rbm, batch, rng)
    beta = rbm.W.dtype.type(rbm.beta)
    return {"W": beta * (model.vh - data.vh),
            "a": beta * (model.v - data.v),
            "b": beta * (model.h - data.h)}


def run_kind(rbm, X, negative_phase):
    """Return in words what must agree for a run to go on from a checkpoint: machine, negative phase and data."""
    settings = ", ".join(f"{name}={value}" for name, value in vars(negative_phase).items()
                         if isinstance(value, (int, float)))
    return (f"{rbm.n_visible} visible and {rbm.n_hidden} hidden units of {rbm.W.dtype} at beta = {rbm.beta}, "
            f"{type(negative_phase).__name__}({settings}), {len(X)} rows with checksum {zlib.crc32(X.tobytes()):08x}")


def save_checkpoint(path, kind, rbm, negative_phase, optimizer, rng, history):
    """Write the whole state of a training run to an .npz file, which appears complete or not at all."""
    parts = {"rbm": rbm.parameters, "phase": negative_phase.state(), "optimizer": optimizer.state()}
    arrays = {f"{part}.{name}": array for part, state in parts.items() for name, array in state.items()}
    storage.write(path, {"kind": kind, "rng": rng.bit_generator.state, "history": history}, arrays)


def load_checkpoint(path, kind, rbm, negative_phase, optimizer, rng):
    """Return the history of a checkpoint, and bring machine, phase, optimizer and rng back to its state, in place."""
    text, arrays = storage.read(path)
    if text.get("kind") != kind:
        raise ValueError(f"checkpoint {path} is of another run: it holds {text.get('kind', 'none')}; "
                         f"this run is {kind}")
    parts = {"rbm": {}, "phase": {}, "optimizer": {}}
    for name, array in arrays.items():
        part, key = name.split(".", 1)
        parts[part][key] = array
    rng.bit_generator.state = text["rng"]
    optimizer.restore(parts["optimizer"])
    negative_phase.restore(parts["phase"])
    for name, array in rbm.parameters.items():
        array[...] = parts["rbm"][name]
    return text["history"]
