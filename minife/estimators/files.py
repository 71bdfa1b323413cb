"""Files of fitted estimators: what was learned, the settings that are numbers or texts, and the
state of the random numbers."""
import numpy as np

from ..backprop.mlp import MLP
from ..descent import storage
from .scaling import Scale

SCALES = ("input_mean", "input_scale", "output_mean", "output_scale")


def save(model, path, arrays, **text):
    """Write a fitted model, a dict of its arrays and further text to an .npz file, atomically and
    without pickle."""
    text |= {"settings": model.settings(without=("checkpoint", "dtype")),
             "history": model.fitted("history_"), "rng": model._rng.bit_generator.state}
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
        raise ValueError(f"{path} has settings that {cls.__name__} does not know: "
                         f"{', '.join(sorted(unknown))}")
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


def save_network(model, path, **more):
    """Write the network of a fitted model, its scales of X and y, and more arrays to a file."""
    scales = dict(zip(SCALES, (model._inputs.mean, model._inputs.scale,
                               model._outputs.mean, model._outputs.scale), strict=True))
    save(model, path, model.fitted().parameters | scales | more, sizes=model.mlp_.sizes)


def load_network(cls, path, loss):
    """Return the model of a file that save_network() wrote, and the arrays of the file."""
    model, text, arrays = load(cls, path, ("W1", *SCALES), ("sizes",))
    mlp = MLP(text["sizes"], model._unit(), loss, np.random.default_rng(0), arrays["W1"].dtype)
    mlp.parameters = storage.pick(path, arrays, mlp.parameters)
    mlp.check_parameters()
    model.hidden_layer_sizes = tuple(text["sizes"][1:-1])
    model._keep(columns(text), mlp.sizes[0], mlp_=mlp, _optimizer=None,
                _inputs=Scale(arrays["input_mean"], arrays["input_scale"]),
                _outputs=Scale(arrays["output_mean"], arrays["output_scale"]))
    return model, arrays
