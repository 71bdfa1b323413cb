"""What a network learns over an epoch, and when it has learned enough."""
import copy
import warnings

import numpy as np

from .errors import ConvergenceWarning, shared

RUNAWAY = 1e6  # times the first loss: this does not come back


class PenalisedLoss:
    """The mean loss over a batch, with alpha |W|^2 / 2 shared out among its rows: its slopes, and
    its mean over an epoch.

    h, y      rows as the network sees them, and their targets (n, n_outputs)
    weight    of each row (n,), with mean 1, or None
    shuffle   False takes the rows as they stand, whatever order is asked for"""

    def __init__(self, mlp, h, y, weight, alpha, shuffle):
        self.mlp, self.h, self.y, self.alpha, self.shuffle = copy.copy(mlp), h, y, alpha, shuffle
        # the copy shares the parameters
        self.mlp.loss_function = WeightedLoss(mlp.loss_function, weight)
        self.sums, self.n_seen = [], 0

    def gradient(self, rows):
        """Return the slopes of the penalised loss over these rows, a dict."""
        mlp, n = self.mlp, len(rows)
        if not self.shuffle:
            rows, self.n_seen = (self.n_seen + np.arange(n)) % len(self.h), self.n_seen + n
        mlp.loss_function.rows = rows
        slopes, x = mlp.backward(self.h[rows], self.y[rows])
        squares = 0.0
        for k in range(1, mlp.depth + 1):
            W = mlp.parameters[f"W{k}"]
            slopes[f"W{k}"] = slopes[f"W{k}"] + self.alpha / n * W
            squares += float(np.vdot(W, W))
        total = mlp.loss_function.value(x, self.y[rows]).sum(dtype=np.float64)
        self.sums.append((n, total + self.alpha / 2 * squares))
        return slopes

    def epoch(self):
        """Return the mean of the penalised loss over the rows seen since this was last asked."""
        n, total = np.sum(self.sums, axis=0)
        self.sums.clear()
        return float(total / n)


class WeightedLoss:
    """A loss of rows that count by their weights (n,), or all alike; `rows` are those of the
    batch."""

    def __init__(self, loss, weight):
        self.loss, self.weight, self.rows = loss, weight, None

    def value(self, x, y):
        """Return the loss of each row, times its weight: (n,)"""
        value = self.loss.value(x, y)
        return value if self.weight is None else self.weight[self.rows] * value

    def gradient(self, x, y):
        """Return d value / dx (n, n_outputs)"""
        slope = self.loss.gradient(x, y)
        if self.weight is None:
            return slope
        return self.weight[self.rows, None].astype(x.dtype) * slope


class Watch:
    """Two callbacks: itself keeps the loss and the held-out score of each epoch, `ended` says when
    to stop.

    Learning stops after n_iter_no_change epochs in a row that did not gain tol; "adaptive" lowers
    the rate instead, five times, until it is below 1e-6.
    unit    of the loss that is kept, in that of the network
    score   function without arguments, of held-out rows: the parameters with the best one are put
            back at the end. None watches the training loss"""

    def __init__(self, loss, unit, optimizer, tol, n_iter_no_change, adaptive, score=None):
        self.loss, self.unit, self.optimizer = loss, unit, optimizer
        self.tol, self.n_iter_no_change = tol, n_iter_no_change
        self.adaptive, self.score = adaptive, score
        self.best, self.without_gain, self.kept, self.stopped = -np.inf, 0, None, False
        self.first = None

    def __call__(self, mlp, epoch):
        loss = self.loss.epoch()
        self.first = loss if self.first is None else self.first
        if not loss <= RUNAWAY * max(self.first, 1):
            raise FloatingPointError(f"the loss of epoch {epoch} is {loss:.3g}, of the first "
                                     f"{self.first:.3g}: lower the learning rate")
        record = {"loss": loss * self.unit}
        if self.score is not None:
            record["validation_score"] = self.score()
        value = record.get("validation_score", -loss)
        self.without_gain = self.without_gain + 1 if value < self.best + self.tol else 0
        if value > self.best:
            self.best = value
            if self.score is not None:
                self.kept = {name: array.copy() for name, array in mlp.parameters.items()}
        return record

    def ended(self, mlp, epoch):
        """Return True when learning is to stop."""
        if self.without_gain > self.n_iter_no_change:
            if not self.adaptive or self.optimizer.learning_rate <= 1e-6:
                self.stopped = True
                return True
            self.optimizer.learning_rate, self.without_gain = self.optimizer.learning_rate / 5, 0
        return None

    def finish(self, mlp, max_iter):
        """Put the best parameters back, and warn where learning stopped only because max_iter was
        reached."""
        if self.kept is not None:
            for name, array in mlp.parameters.items():
                array[...] = self.kept[name]
        if not self.stopped:
            message = (f"learning stopped at max_iter={max_iter} epochs, before "
                       f"{self.n_iter_no_change} epochs in a row without a gain of "
                       f"tol={self.tol:g}: the loss may still fall")
            warnings.warn(shared(ConvergenceWarning, message), stacklevel=4)


class InverseScaling:
    """The schedule learning_rate / (1 + rows seen before this epoch)^power: "invscaling"."""

    def __init__(self, learning_rate, power, n_rows, steps_per_epoch):
        self.learning_rate, self.power = learning_rate, power
        self.n_rows, self.steps_per_epoch = n_rows, steps_per_epoch

    def __call__(self, step):
        return self.learning_rate / (1 + self.n_rows * (step // self.steps_per_epoch)) ** self.power

    def __repr__(self):
        numbers = self.learning_rate, self.power, self.n_rows, self.steps_per_epoch
        return f"InverseScaling({', '.join(map(str, numbers))})"
