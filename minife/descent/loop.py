"""Training is one loop, whatever is trained: shuffled batches, a gradient, a step; then the norm.

epochs() is the algorithm. descend() is what every trainer calls: it stands around the algorithm
with checks, callbacks, a history and a checkpoint."""
import time

import numpy as np

from .. import validation
from ..kernels.blas import one_core
from . import storage
from .averaging import Averaging
from .checkpoint import Checkpoint, nothing_is_left
from .constraint import NormConstraint
from .memory import keep_freed_memory
from .optimizers import Optimizer
from .progress import progress


def epochs(numbers, model, gradient, n_rows, batch_size, optimizer, norm_constraint, averaging,
           rng):
    """Take model.parameters down the gradient, in place; yield each epoch when it is done  (D1)"""
    for epoch in numbers:
        order = rng.permutation(n_rows)
        for start in range(0, n_rows, batch_size):
            optimizer.step(model.parameters, gradient(order[start:start + batch_size]))
            averaging.follow(model.parameters)
        if norm_constraint is not None:
            norm_constraint.apply(model.parameters)
        yield epoch


class StopTraining(Exception):
    """Raised by a callback to end the training after this epoch."""


def descend(model, gradient, n_rows, optimizer, n_epochs, rng, *, batch_size=100,
            norm_constraint=None, averaging=0.0, callbacks=(), checkpoint=None, same_seed=True,
            kind=str, keep=None, history=None, label=None):
    """Return the history, one dict per epoch; model.parameters are changed in place.

    model           has .parameters, a dict name -> array
    gradient        function of the indices of a batch of rows, to the dict of slopes to descend
    n_rows          rows of the data; every epoch sees each once, in an order of its own
    optimizer       an Optimizer, such as SGD(0.1)
    norm_constraint a NormConstraint, applied after every epoch  (D5)
    averaging       a share: at the end model.parameters are their mean over this last part of the
                    steps, and a callback sees what they would be if the training ended there, in
                    arrays that it must not change; 0, no mean  (D6)
    callbacks       a function or several, each called as callback(model, epoch) after an epoch. A
                    dict that it returns joins the history; True, or raising StopTraining, ends the
                    training
    checkpoint      a path (.npz): the whole state is written there after every epoch, complete or
                    not at all, and a run that finds the file goes on from it, to the same numbers
                    as a run that was never interrupted
    same_seed       False lets a run with another seed go on from the checkpoint, with the random
                    numbers of the file
    kind            function that says in words what is trained, and on what: a text, or a dict
                    name -> text
    keep            dict name -> further objects with state() and restore() that a resumed run needs
    history         the list of the epochs that went before, if this run goes on from another;
                    n_epochs counts them too. It grows in place, epoch by epoch, so after an
                    interruption it holds the epochs that were done
    label           a text: shows progress under that name
    Warns if nothing is left to do. Raises ValueError if the checkpoint is of another run, naming
    what differs, and FloatingPointError if the parameters stop being finite; the last checkpoint is
    then still good."""
    if not isinstance(getattr(model, "parameters", None), dict) or not callable(gradient):
        raise TypeError("model must have parameters, a dict of arrays, and gradient be a function, "
                        f"got {type(model).__name__} and {type(gradient).__name__}")
    n_rows = validation.positive_integer(n_rows, "n_rows")
    n_epochs = validation.positive_integer(n_epochs, "n_epochs")
    batch_size = validation.positive_integer(batch_size, "batch_size")
    optimizer = validation.instance(optimizer, "optimizer", Optimizer)
    if norm_constraint is not None:
        validation.instance(norm_constraint, "norm_constraint", NormConstraint)
    mean = Averaging(averaging)
    callbacks, rng = functions(callbacks), validation.generator(rng)
    history = validation.instance([] if history is None else history, "history", list)
    file = None
    if checkpoint is not None:
        settings = optimizer.settings() | {"batch_size": batch_size, "n_rows": n_rows,
                                           "norm_constraint": repr(norm_constraint),
                                           "averaging": mean.share}
        keep = {"optimizer": optimizer, "mean": mean} | (keep or {})
        file = Checkpoint(checkpoint, kind, settings, model, keep, rng,
                          validation.flag(same_seed, "same_seed"))
        file.resume(history)
    if len(history) >= n_epochs:
        nothing_is_left(checkpoint, len(history), n_epochs)
    keep_freed_memory(4 * sum(array.nbytes for array in model.parameters.values()))
    numbers = progress(range(len(history) + 1, n_epochs + 1), label)
    start = time.perf_counter()
    with one_core:
        for epoch in epochs(numbers, model, gradient, n_rows, batch_size, optimizer,
                            norm_constraint, mean, rng):
            check_finite(model.parameters, epoch)
            record = {"epoch": epoch, "seconds": time.perf_counter() - start}
            with mean.shown(model.parameters, norm_constraint):
                stop = call_back(callbacks, model, record)
            history.append(record)
            if file is not None:
                file.save(history)
            if stop:
                break
            start = time.perf_counter()
    mean.put(model.parameters, norm_constraint)
    return history


def check_finite(parameters, epoch):
    """Raise FloatingPointError if a parameter has an entry that is no finite number."""
    if not all(np.isfinite(array).all() for array in parameters.values()):
        raise FloatingPointError(f"the parameters stopped being finite in epoch {epoch}: lower the "
                                 "learning rate")


def functions(callbacks):
    """Return callbacks, one function or several, as a list of functions."""
    several = [callbacks] if callable(callbacks) else callbacks
    if not isinstance(several, (list, tuple)) or not all(map(callable, several)) \
            or any(isinstance(callback, type) for callback in several):
        raise TypeError("callbacks must be a function of (model, epoch) or a list of such, "
                        f"got {callbacks!r:.80}")
    return list(several)


def call_back(callbacks, model, record):
    """Add what each callback returns to the record; return whether one ends the training."""
    stop = False
    for callback in callbacks:
        try:
            result = callback(model, record["epoch"])
        except StopTraining:
            result = True
        if isinstance(result, dict):
            for name, value in result.items():
                storage.check_plain(value, f"callbacks: the entry {name!r}")
            record.update(result)
        elif isinstance(result, (bool, np.bool_)):
            stop = stop or bool(result)
        elif result is not None:
            raise TypeError("a callback must return None, a dict, or True to stop, "
                            f"got {result!r:.60}")
    return stop
