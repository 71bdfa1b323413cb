"""One net, one set of digits, six ways to learn: backprop, clamped minus free, equilibrium
propagation, EMF.

    python demos/c9_same_net.py            about two minutes on one core
    python demos/c9_same_net.py --quick    two seconds

The net has 784 inputs, 100 hidden units and 10 labels, with the parameters W, U, b, d. All learners
start at the same weights and see the same batches; they differ in the gradient. The script prints,
as means over five seeds, the test error of each, the two free energies of the test digits and their
difference -log p(y | x) when its weights are read as a classification RBM (C15), the cosine of its
gradient with that of backprop for the same outputs, softmax or sigmoid, at the start and at the
weights that this backprop learned, and the CPU seconds of learning. It saves
figures/c9_same_net.png. The rates of Adam are the best of 0.003, 0.01, 0.03
and 0.1 on 800 of the training digits, held out for that, at seed 100 (--choose)."""
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from common import demo_parser, name_seeds, save, with_range

from minife import MLP, RBM
from minife.backprop import BinaryCrossEntropy, CategoricalCrossEntropy
from minife.bridge import ClampedNetwork, CopiedUnits
from minife.bridge.claims.claim import cosine
from minife.data import load_digits
from minife.descent import Adam
from minife.descent.loop import descend
from minife.descent.optimizers import linear_decay
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm.model import unit
from minife.rbm.training import descent_direction
from minife.tap import ExtendedMeanField
from minife.units import Potts

N_HIDDEN, BATCH, SOLVER = 100, 50, {"tol": 1e-4, "max_iter": 200}
ONE_HOT = np.eye(10, dtype=np.float32)


class Backprop:
    """The ordinary network: softmax, cross entropy, one pass forward and one backward  (B8)"""
    rate, loss = 0.03, CategoricalCrossEntropy()

    def __init__(self, W, U, b, d, X):
        self.mlp = MLP((784, N_HIDDEN, 10), loss=self.loss, rng=np.random.default_rng(0),
                       dtype=W.dtype)
        self.mlp.parameters |= {"W1": W, "b1": b, "W2": U, "b2": d}
        self.parameters = {"W": W, "U": U, "b": b, "d": d}

    def gradient(self, X, y, rng):
        slope = self.mlp.gradient(X, ONE_HOT[y])
        return {"W": slope["W1"], "U": slope["W2"], "b": slope["b1"], "d": slope["b2"]}

    def scores(self, X):
        return self.mlp.predict(X)


class SigmoidBackprop(Backprop):
    """The ordinary network with ten sigmoid outputs, and their cross entropy  (B8)"""
    rate, loss = 0.01, BinaryCrossEntropy()


class ClampedMinusFree(Backprop):
    """One copy of each hidden unit: the classification RBM, label clamped minus label free
    (C15)"""

    def machine(self):
        p = self.parameters
        return CopiedUnits(p["W"], p["U"].T, p["b"], p["d"])

    def gradient(self, X, y, rng):
        slope = self.machine().gradient(X, y)
        return slope | {"U": slope["U"].T}

    def scores(self, X):
        return self.machine().predict(X)


class MeanField(Backprop):
    """Outputs and hidden units at rest in mean field, outputs clamped minus free: contrastive
    Hebbian  (C12)"""
    nudge = np.inf

    def machine(self):
        return ClampedNetwork(*self.parameters.values(), loss=BinaryCrossEntropy())

    def gradient(self, X, y, rng):
        return self.machine().contrastive_gradient(X, ONE_HOT[y], self.nudge, **SOLVER)

    def scores(self, X):
        return self.machine().predict(X, **SOLVER)


class EquilibriumPropagation(MeanField):
    """The same rest, nudged by 0.05 towards lower cross entropy, minus free  (C12)"""
    rate, nudge = 0.01, 0.05


class FromTheBatch(ClampedMinusFree):
    """EMF of order 2: an RBM over digit and label, magnetisations that start at the batch, three
    sweeps  (T15)"""

    def __init__(self, W, U, b, d, X):
        a = RBM.bias_of(X, 784).astype(W.dtype)
        self.rbm = RBM(np.vstack([W, U.T]), np.hstack([a, d]), b)
        p = self.rbm.parameters
        self.parameters = {"W": p["W"][:784], "U": p["W"][784:].T, "b": p["b"], "d": p["a"][784:]}
        self.phase = ExtendedMeanField(order=2, n_steps=3)

    def slope(self, X, y, rng):
        rows = self.rbm.rows(np.hstack([X, ONE_HOT[y]]), "X")
        return descent_direction(self.rbm, rows, self.phase, rng)

    def gradient(self, X, y, rng):
        slope = self.slope(X, y, rng)
        return {"W": slope["W"][:784], "U": slope["W"][784:].T, "b": slope["b"],
                "d": slope["a"][784:]}


LEARNERS = {"backprop, softmax": Backprop, "clamped − free, exact": ClampedMinusFree,
            "EMF from the batch": FromTheBatch,
            "backprop, sigmoids": SigmoidBackprop, "clamped − free, mean field": MeanField,
            "equilibrium propagation": EquilibriumPropagation}
REFERENCE = {MeanField: SigmoidBackprop, EquilibriumPropagation: SigmoidBackprop,
             SigmoidBackprop: SigmoidBackprop}


def main():
    parser = demo_parser(__doc__, "fewer digits, epochs and seeds")
    parser.add_argument("--choose", action="store_true",
                        help="print the search for the rates and stop")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # sweeps that are cut short say so
    n_rows, n_epochs, n_seeds = (500, 2, 2) if arguments.quick else (4000, 12, 5)
    digits = load_digits()
    X, y = digits.X_train[:n_rows].astype(np.float32), digits.y_train[:n_rows]
    test = digits.X_test.astype(np.float32), digits.y_test
    if arguments.choose:
        return choose(X, y, n_epochs)
    print(f"784-{N_HIDDEN}-10 on {n_rows} digits, {n_epochs} epochs of Adam in batches of "
          f"{BATCH}, {name_seeds(range(arguments.seed, arguments.seed + n_seeds))}\n\n"
          f"{'gradient':27}{'rate':>5}{'test error [%]':>21}{'F(x, y)':>9}{'F(x)':>8}{'-log p':>8}"
          f"{'cosine':>12}{'CPU [s]':>10}\n{'':78}{'start':>8}{'end':>7}")
    found = {name: [] for name in LEARNERS}
    for seed in range(arguments.seed, arguments.seed + n_seeds):
        first, learned = start(seed, X), {}
        for name, kind in LEARNERS.items():
            learner, seconds = learn(kind, kind.rate, X, y, n_epochs, seed)
            learned[kind] = learner.parameters
            end = learned[REFERENCE.get(kind, Backprop)]
            cosines = [agreement(kind, at, X[:500], y[:500], seed) for at in (first, end)]
            found[name].append([error_rate(learner, *test), *free_energies(learner, *test),
                                *cosines, seconds])
    found = {name: np.array(rows) for name, rows in found.items()}
    for name, rows in found.items():
        _, clamped, free, one, two, seconds = rows.mean(axis=0)
        print(f"{name:27}{LEARNERS[name].rate:5}{with_range(100 * rows[:, 0]):>21}"
              f"{clamped:9.1f}{free:8.1f}{clamped - free:8.2f}{one:8.3f}{two:7.3f}{seconds:7.1f}")
    print("""
means over the seeds; of the test error also the least and the largest
F(x, y), F(x): label clamped and free, mean over the test digits [nats], without -a.x of both
cosine: with backprop for the same outputs, at the start and at the weights that it learned""")
    save(draw(found), arguments)


def start(seed, X):
    """Return the parameters that all learners start from: hidden fields of mean 0 and variance 1
    over X."""
    return ClampedNetwork.initialise(784, N_HIDDEN, 10, np.random.default_rng(seed), X,
                                     dtype=np.float32).parameters


def learn(kind, rate, X, y, n_epochs, seed):
    """Return a learner after its epochs, and the CPU seconds that they took."""
    learner, rng = kind(**start(seed, X), X=X), np.random.default_rng(seed)
    begin = time.process_time()
    adam = Adam(linear_decay(rate, n_epochs * -(-len(X) // BATCH)))
    machine, gradient = learner, learner.gradient
    if isinstance(learner, FromTheBatch):  # the whole RBM learns, a too
        machine, gradient = learner.rbm, learner.slope
    descend(machine, lambda rows: gradient(X[rows], y[rows], rng), len(X), adam, n_epochs, rng,
            batch_size=BATCH)
    return learner, time.process_time() - begin


def error_rate(learner, X, y):
    return float((learner.scores(X).argmax(axis=1) != y).mean())


def free_energies(learner, X, y):
    """Return the means of F(x, y) and F(x) over the rows, the weights read as a classification RBM
    (C15)"""
    p = {name: array.astype(np.float64) for name, array in learner.parameters.items()}
    machine = CopiedUnits(p["W"], p["U"].T, p["b"], p["d"])
    f = p["b"] + X @ p["W"]
    F = -machine.label_energies(X) - unit.potential(f).sum(axis=1)[:, None]         # (n, 10)
    return F[np.arange(len(y)), y].mean(), -Potts().potential(-F).mean()


def agreement(kind, parameters, X, y, seed):
    """Return the cosine of a learner's gradient with that of backprop for the same outputs, at the
    same parameters."""
    ours, theirs = (learner(**{name: array.copy() for name, array in parameters.items()},
                            X=X).gradient(
        X, y, np.random.default_rng(seed)) for learner in (kind, REFERENCE.get(kind, Backprop)))
    return cosine(*({name: np.asarray(g[name], np.float64) for name in "WUbd"}
                    for g in (ours, theirs)))


def choose(X, y, n_epochs):
    """Print the error on the last 800 rows after learning from the others, for four rates."""
    for name, kind in LEARNERS.items():
        errors = {rate: error_rate(learn(kind, rate, X[:-800], y[:-800], n_epochs, 100)[0],
                                   X[-800:], y[-800:])
                  for rate in (0.003, 0.01, 0.03, 0.1)}
        print(f"{name:27}" + "".join(f"{rate:8}: {error:.2%}" for rate, error in errors.items()),
              flush=True)


def draw(found):
    """Return the figure: test error, difference of free energies, and cosine with backprop."""
    figure, panels = plt.subplots(1, 3, figsize=(12, 4), sharey=True)
    rows, colours = np.arange(len(found)), (BLUE, BLUE, RED, GREEN, GREEN, ORANGE)
    shown = (([100 * f[:, 0] for f in found.values()], "test error [%]", "Test error [%]"),
             ([f[:, 1] - f[:, 2] for f in found.values()], "mean of −log p(y|x) [nats]",
              "F(x, y) − F(x) of test digits"),
             ([f[:, 4] for f in found.values()], "cosine with backprop, at its end",
              "Agreement of gradients"))
    for axes, (values, text, title) in zip(panels, shown):
        for row, seeds, colour in zip(rows, values, colours):
            axes.plot(seeds, np.full(len(seeds), row), ".", color=colour, alpha=0.6)
            axes.plot(seeds.mean(), row, "|", color=colour, markersize=20, markeredgewidth=2)
        axes.set(xlabel=text, title=f"{title}:\nbackprop {values[0].mean():.2f}, EMF "
                                    f"{values[2].mean():.2f}")
    panels[0].set(yticks=rows, yticklabels=list(found), xlim=(0, None))
    panels[1].set_xlim(0, None)
    panels[0].invert_yaxis()
    figure.supxlabel("dots: the seeds; bar: their mean", fontsize="medium")
    return figure


if __name__ == "__main__":
    main()
