"""Learning by backprop: the one loop of chapter D over the gradient of an MLP."""
import zlib

import numpy as np

from .. import validation
from ..descent.loop import descend, functions
from .mlp import MLP


def train(mlp, X, y, optimizer, n_epochs, rng, *, callbacks=(), **loop):
    """Return the history, one dict per epoch, of minimising the mean loss; mlp changes in place.

    The loss in the history is the mean over the epoch, each row at the parameters of its step.
    optimizer, n_epochs, rng, and by name batch_size, norm_constraint, callbacks, checkpoint,
    same_seed, history, label: as in minife.descent.loop.descend."""
    h_0, y = validation.instance(mlp, "mlp", MLP).check_rows(X, y)
    order, outputs = [], []

    def gradient(rows):
        slope, x = mlp.backward(h_0.take(rows, axis=0), y.take(rows, axis=0))
        order.append(rows)
        outputs.append(x)
        return slope

    def mean_loss(mlp, epoch):
        loss = mlp.loss_function.value(np.concatenate(outputs), y[np.concatenate(order)]).mean()
        order.clear()
        outputs.clear()
        return {"loss": float(loss)}

    def kind():
        loss, hidden, output = mlp.loss_function, mlp.hidden, mlp.loss_function.unit
        checksum = zlib.crc32(h_0.tobytes(), zlib.crc32(y.tobytes()))
        return {"network": f"an MLP of {mlp.sizes} {words(hidden)} units, {mlp.dtype}",
                "loss": f"{type(loss).__name__} of {words(output)} units",
                "data": f"{len(h_0)} rows with checksum {checksum:08x}"}

    return descend(mlp, gradient, len(h_0), optimizer, n_epochs, rng, kind=kind,
                   callbacks=(mean_loss, *functions(callbacks)), **loop)


def words(unit):
    """Return the class of a unit, and what it was made with."""
    return f"{type(unit).__name__}{getattr(unit, '__dict__', None) or ''}"
