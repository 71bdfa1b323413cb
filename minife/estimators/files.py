"""Files of fitted estimators: what was learned, the settings that are numbers or texts, and the state of the random numbers."""
import numpy as np

from ..descent import storage


def save(model, path, arrays, **text):
    """Write a fitted model, a dict of its arrays and further text to an .npz file, atomically and without pickle."""
    text |= {"kind": type(model).__name__, "settings": model.settings(without=("checkpoint", "dtype")),
             "history": model.fitted("history_"), "rng": model._rng.bit_generator.state}
    names = vars(model).get("feature_names_in_")
    if names is not None:
        text["columns"] = list(names)
    storage.write(path, text, arrays)


def load(cls, path, dtype_of, **settings):
    """Return a new model of the class with the settings of a file, its text and its arrays.

    dtype_of   name of the array whose type the model computes in"""
    text, arrays = storage.read(path)
    kind = text.get("kind") if isinstance(text, dict) else None
    if kind != cls.__name__ or not {"settings", "history", "rng"} <= set(text) or dtype_of not in arrays:
        what = f"a {kind}" if isinstance(kind, str) else "something else"
        raise ValueError(f"{path} holds {what}, not a {cls.__name__} that save() wrote")
    unknown = set(text["settings"]) - set(cls().get_params())
    if unknown:
        raise ValueError(f"{path} has settings that this {cls.__name__} does not know: {', '.join(sorted(unknown))}")
    model = cls(**text["settings"] | settings, dtype=arrays[dtype_of].dtype.type)
    model.history_, model._rng = text["history"], np.random.default_rng()
    try:
        model._rng.bit_generator.state = text["rng"]
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{path} holds no state of a random generator: {error}") from None
    return model, text, arrays


def columns(text):
    """Return the names of the columns that a file keeps, or None."""
    return np.array(text["columns"], dtype=object) if "columns" in text else None
