"""Files of fitted estimators: what was learned, the settings that are numbers or texts, and the
state of the random numbers."""
import numpy as np

from ..descent import storage


def save(model, path, arrays, **text):
    """Write a fitted model, a dict of its arrays and further text to an .npz file, atomically and
    without pickle."""
    text |= {
        "settings": model.settings(without=("checkpoint", "dtype")),
        "history": model.fitted("history_"), "rng": model._rng.bit_generator.state
    }
    names = vars(model).get("feature_names_in_")
    if names is not None:
        text["columns"] = list(names)
    storage.write(path, type(model).__name__, text, arrays)


def load(cls, path, names, also=(), **settings):
    """Return a new model of the class with the settings of a file, the text of the file and its
    arrays.

    names   of the arrays that it must hold, the first in the type in which the model computes;
            also, of further text"""
    text, arrays = storage.read(path, cls.__name__, ("settings", "history", "rng", *also))
    dtype = storage.pick(path, arrays, names)[names[0]].dtype
    unknown = set(text["settings"]) - set(cls().get_params())
    if unknown:
        raise ValueError(
            f"{path} has settings that {cls.__name__} does not know: {', '.join(sorted(unknown))}")
    model = cls(**text["settings"] | settings, dtype=dtype.type)
    model.history_, model._rng = text["history"], np.random.default_rng()
    try:
        model._rng.bit_generator.state = text["rng"]
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{path} holds no state of a random generator: {error}") from None
    return model, text, arrays


def columns(text):
    """Return the names of the columns that a file keeps, or None."""
    return np.array(text["columns"], dtype=object) if "columns" in text else None
