"""Checkpoints: the whole state of a run in a file, and what a run must share with it to go on."""
import copy
import os
import warnings
from pathlib import Path

from . import storage

KIND = "checkpoint"


class Checkpoint:
    """The file (.npz) that holds a run after each epoch: settings, state and history.

    settings   dict name -> number or text, of the loop and the optimizer
    keep       dict name -> objects with state() and restore()"""

    def __init__(self, path, kind, settings, model, keep, rng, same_seed):
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"checkpoint must be a path, got {path!r:.60}")
        if not Path(path).parent.is_dir():
            raise FileNotFoundError(f"checkpoint {path}: there is no folder {Path(path).parent}")
        self.path, self.model, self.keep, self.rng = path, model, keep, rng
        kind, self.same_seed = kind(), same_seed
        kind = kind if isinstance(kind, dict) else {"kind": kind}
        self.settings = kind | {name: f"{name}={value}" for name, value in settings.items()}
        self.seed = copy.deepcopy(rng.bit_generator.state)

    def save(self, history):
        """Write the state of the run; the file appears complete or not at all."""
        parts = {"model": self.model.parameters}
        parts |= {name: thing.state() for name, thing in self.keep.items()}
        arrays = {f"{part}.{name}": array
                  for part, state in parts.items() for name, array in state.items()}
        text = {"settings": self.settings, "seed": self.seed,
                "rng": self.rng.bit_generator.state, "history": history}
        storage.write(self.path, KIND, text, arrays)

    def resume(self, history):
        """If there is a file, bring the run and its history to the state of the file, in place.

        Nothing is changed if the file is of another run."""
        if not os.path.exists(self.path):
            return
        text, arrays = storage.read(self.path, KIND, ("settings", "seed", "rng", "history"))
        self.compare(text)
        parts = {part: {} for part in ("model", *self.keep)}
        for name, array in arrays.items():
            part, _, key = name.partition(".")
            parts.setdefault(part, {})[key] = array
        for name, array in self.model.parameters.items():
            found = parts["model"].get(name)
            if found is None or found.shape != array.shape or found.dtype != array.dtype:
                held = "none" if found is None else f"shape {found.shape} and {found.dtype}"
                raise ValueError(f"checkpoint {self.path}: the parameter {name} has shape "
                                 f"{array.shape} and {array.dtype}, that of the file {held}")
        for part, thing in self.keep.items():
            thing.restore(parts[part])
        self.rng.bit_generator.state, self.seed = text["rng"], text["seed"]
        for name, array in self.model.parameters.items():
            array[...] = parts["model"][name]
        history[:] = text["history"]

    def compare(self, text):
        """Raise ValueError, saying what differs, if the file is of a run with other settings."""
        theirs, ours = text["settings"], self.settings
        differ = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
        if differ:
            theirs, ours = (", ".join(str(run.get(name, f"no {name}")) for name in differ)
                            for run in (theirs, ours))
            raise ValueError(f"checkpoint {self.path} is of another run: it holds {theirs}; "
                             f"this run has {ours}")
        now = storage.plain(self.seed)
        if now["bit_generator"] != text["seed"]["bit_generator"] or \
                self.same_seed and now not in (text["seed"], text["rng"]):
            raise ValueError(f"checkpoint {self.path} is of another run: it began with other "
                             "random numbers; give the same seed, or same_seed=False to go on with "
                             "those of the file")


def nothing_is_left(path, n_done, n_epochs):
    """Warn that a run has no epoch left to do."""
    where = "its history" if path is None else f"checkpoint {path}"
    warnings.warn(f"nothing is left to train: {where} holds {n_done} epochs, "
                  f"n_epochs is {n_epochs}", stacklevel=3)
