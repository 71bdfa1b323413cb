"""Training is one loop, whatever is trained: shuffled batches, a gradient, a step; after each epoch a norm constraint,
callbacks and a checkpoint."""
import os
import time

import numpy as np

from .. import validation
from . import storage
from .progress import progress


def descend(model, gradient, n_rows, optimizer, n_epochs, rng, *, batch_size=100, norm_constraint=None, callbacks=(),
            checkpoint=None, kind=str, keep=None, history=None, label=None):
    """Return the history, one dict per epoch, of descending a gradient; model.parameters are changed in place.

    model           has .parameters, a dict name -> array
    gradient        function of the indices of a batch of rows, to the dict of slopes to descend
    n_rows          rows of the data; every epoch sees each once, in an order of its own
    optimizer       the object whose step(parameters, gradient) descends, e.g. SGD
    norm_constraint applied after every epoch  (D5)
    callbacks       each is called as callback(model, epoch) after an epoch; a dict it returns joins the history
    checkpoint      a path (.npz): the whole state is written there after every epoch, atomically, and a run that
                    finds the file goes on from it, to the very numbers of a run that was never interrupted
    kind            function that returns in words what must agree for a run to go on from a checkpoint
    keep            dict name -> further objects with state() and restore() whose state a resumed run needs
    history         the list of the epochs that went before, if this run goes on from another; it grows in place, and
                    n_epochs counts them too
    label           a text: shows progress under that name
    Raises FloatingPointError if the parameters stop being finite; the last checkpoint is then still good."""
    n_epochs = validation.positive_integer(n_epochs, "n_epochs")
    batch_size = validation.positive_integer(batch_size, "batch_size")
    validation.generator(rng)
    keep_freed_memory(4 * sum(array.nbytes for array in model.parameters.values()))
    history = [] if history is None else history
    keep = {"optimizer": optimizer} | (keep or {})
    kind = None if checkpoint is None else f"{kind()}, {type(optimizer).__name__}"
    if checkpoint is not None and os.path.exists(checkpoint):
        history[:] = load_checkpoint(checkpoint, kind, model, keep, rng)
    for epoch in progress(range(len(history), n_epochs), label):
        start = time.perf_counter()
        order = rng.permutation(n_rows)
        for first in range(0, n_rows, batch_size):
            optimizer.step(model.parameters, gradient(order[first:first + batch_size]))
        if norm_constraint is not None:
            norm_constraint.apply(model.parameters)
        if not all(np.isfinite(array).all() for array in model.parameters.values()):
            raise FloatingPointError(f"the parameters stopped being finite in epoch {epoch + 1}: "
                                     "lower the learning rate")
        record = {"epoch": epoch + 1, "seconds": time.perf_counter() - start}
        for callback in callbacks:
            record.update(callback(model, epoch + 1) or {})
        history.append(record)
        if checkpoint is not None:
            save_checkpoint(checkpoint, kind, model, keep, rng, history)
    return history


def keep_freed_memory(n_bytes):
    """Let the arrays of a step take the memory that those of the last step left, where malloc is glibc's.

    It keeps twice the largest block that was ever freed and gives the rest back to the system, to get it again, at
    the next step, page by page. So let go of a large block, which costs nothing as it was never written to. Beyond
    32 MB malloc would not learn from it."""
    np.empty(min(n_bytes, 2**25 - 2**14), dtype=np.uint8)


def save_checkpoint(path, kind, model, keep, rng, history):
    """Write the whole state of a training run to an .npz file, which appears complete or not at all."""
    parts = {"model": model.parameters} | {name: thing.state() for name, thing in keep.items()}
    arrays = {f"{part}.{name}": array for part, state in parts.items() for name, array in state.items()}
    storage.write(path, {"kind": kind, "rng": rng.bit_generator.state, "history": history}, arrays)


def load_checkpoint(path, kind, model, keep, rng):
    """Return the history of a checkpoint, and bring model, optimizer, rng and the rest back to its state, in place."""
    text, arrays = storage.read(path)
    if text.get("kind") != kind:
        raise ValueError(f"checkpoint {path} is of another run: it holds {text.get('kind', 'none')}; "
                         f"this run is {kind}")
    parts = {part: {} for part in ("model", *keep)}
    for name, array in arrays.items():
        part, key = name.split(".", 1)
        parts[part][key] = array
    rng.bit_generator.state = text["rng"]
    for part, thing in keep.items():
        thing.restore(parts[part])
    for name, array in model.parameters.items():
        array[...] = parts["model"][name]
    return text["history"]
