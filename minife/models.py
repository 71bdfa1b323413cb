"""Files of models: one pair of functions for every machine and network of the book."""
import numpy as np

from . import units
from .backprop import losses
from .backprop.mlp import MLP
from .descent import storage
from .rbm import ClassificationRBM, GaussianRBM
from .rbm.model import RBM

MACHINES = {"RBM": RBM, "GaussianRBM": GaussianRBM, "ClassificationRBM": ClassificationRBM}
LOSSES = {name: getattr(losses, name)
          for name in ("SquaredError", "BinaryCrossEntropy", "CategoricalCrossEntropy")}
UNITS = {name: getattr(units, name)
         for name in ("Binary", "Spin", "Gaussian", "Rectified", "LeakyRectified")}


def save(model, path):
    """Write an RBM, GaussianRBM, ClassificationRBM or MLP to an .npz file, complete or not at all,
    without pickle. The path is taken as it is: .npz is not added.

    Of a network the file keeps the unit and the loss by name: those of the package only."""
    name = type(model).__name__
    if MACHINES.get(name) is type(model):
        storage.write(path, "model", {"class": name, "beta": model.beta}, model.parameters)
    elif type(model) is MLP:
        loss = model.loss_function
        text = {"class": "MLP", "sizes": model.sizes, "hidden": described(model.hidden, "hidden"),
                "loss": type(loss).__name__, "output": described(loss.unit, "loss")}
        if LOSSES.get(text["loss"]) is not type(loss):
            raise TypeError(f"loss must be one of {', '.join(LOSSES)} to be kept in a file, got "
                            f"{loss!r}")
        scale = {"input_mean": model.input_mean, "input_scale": np.array(model.input_scale)}
        storage.write(path, "model", text, model.parameters | scale)
    else:
        raise TypeError(f"model must be an {', '.join(MACHINES)} or MLP, got {name}: estimators "
                        "have a save() of their own")


def load(path):
    """Return the model that save() wrote; ValueError if the file holds anything else."""
    text, arrays = storage.read(path, "model", ("class",))
    if text["class"] in MACHINES:
        return MACHINES[text["class"]](**arrays, beta=text["beta"])
    if text["class"] != "MLP":
        raise ValueError(f"{path} holds a {text['class']!s:.40}, which this minife does not know")
    hidden = UNITS[text["hidden"][0]](*text["hidden"][1])
    loss, (output, arguments) = LOSSES[text["loss"]], text["output"]
    loss = loss(UNITS[output](*arguments)) if loss is losses.SquaredError else loss()
    scale = storage.pick(path, arrays, ("input_mean", "input_scale", "W1"))
    mlp = MLP(text["sizes"], hidden, loss, np.random.default_rng(0), scale["W1"].dtype)
    mlp.parameters = storage.pick(path, arrays, mlp.parameters)
    mlp.input_mean, mlp.input_scale = scale["input_mean"], float(scale["input_scale"])
    mlp.check_parameters()
    return mlp


def described(unit, name):
    """Return the name of a unit of the package and the arguments that it was made with."""
    if UNITS.get(type(unit).__name__) is not type(unit) and not isinstance(unit, units.Potts):
        raise TypeError(f"{name} must have one of the units {', '.join(UNITS)} to be kept in a "
                        f"file, got {unit!r}")
    return [type(unit).__name__, list(vars(unit).values())]
