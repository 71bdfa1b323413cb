"""Does it help to reset the norm of the weights after each epoch, as the post does, and does T* foretell it?

    python demos/l3_norm_reset.py                       about 40 seconds on one core: five seeds
    python demos/l3_norm_reset.py --quick               a few seconds: one seed
    python demos/l3_norm_reset.py --share 0.6           another radius, as a share of the norm that a free run ends with
    python demos/l3_norm_reset.py --decay 3             decay three times as strong

RBM: 196 x 8 on 50 digits of 14 x 14 pixels, exact gradients, so that nothing but overtraining moves T*. Network:
784-100-10, ReLU, on 1000 digits, Adam. Held out: 1000 digits. All methods of a seed start from the same parameters and
see the same batches. "all" resets the norm of all parameters together: for an RBM a change of temperature (L4). "W" leaves
the biases alone, which is none. "last layer" is the change of temperature of a network."""
import matplotlib.pyplot as plt
import numpy as np

from common import demo_parser, save
from minife import MLP, RBM
from minife.backprop import CategoricalCrossEntropy
from minife.backprop import train as train_network
from minife.data import load_digits
from minife.descent import SGD, Adam, NormConstraint
from minife.descent.optimizers import linear_decay
from minife.landscape import (at_temperature, data_balance, data_temperature, label_balance,
                              label_temperature)
from minife.parameters import norm
from minife.plots import BLUE, GREEN, ORANGE
from minife.rbm import exact
from minife.rbm.training import ExactEnumeration
from minife.rbm.training import train as train_machine
from minife.units import Rectified

NOTHING = "nothing"
DECAY = {"L2 decay": "l2", "L1 decay": "l1"}                                   # name: the optimizer's argument
RESET = {"reset L2, all": (2, "all"), "reset L2, W": (2, "W"), "reset L1, all": (1, "all"), "reset L1, W": (1, "W"),
         "reset L2, last layer": (2, "last")}                                  # name: p, of which parameters
STRENGTH = {"l2": 0.003, "l1": 0.0003}


def main():
    parser = demo_parser(__doc__, quick="one seed")
    parser.add_argument("--share", type=float, default=0.8, help="radius over the norm that the free run ends with")
    parser.add_argument("--decay", type=float, default=1.0, help="factor on the strength of decay")
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + (1 if arguments.quick else 5))
    print(f"resets to {arguments.share:g} of the free run's norm; decay l2 {STRENGTH['l2'] * arguments.decay:g}, "
          f"l1 {STRENGTH['l1'] * arguments.decay:g}; mean +- standard deviation of {len(seeds)} seeds, nats per row")
    results = {name: compare(name, kind, seeds, arguments) for name, kind in (("RBM", Machine), ("network", Network))}
    draw(results, arguments)


def compare(name, kind, seeds, arguments):
    """Return a dict method -> dict of arrays (n_seeds,), and print its table."""
    runs = {}
    for seed in seeds:
        free = kind(seed)
        free.learn()
        runs.setdefault(NOTHING, []).append(free.record())
        runs.setdefault("reset once, at the end, to T*", []).append(free.record(free.record()["T*"]))
        for method in DECAY | RESET:
            if method in DECAY or set(chosen(free, RESET[method][1])) != set(chosen(free, "all")) or "all" in method:
                other = kind(seed)
                if method in DECAY:
                    other.learn(**{DECAY[method]: STRENGTH[DECAY[method]] * arguments.decay})
                else:
                    p, what = RESET[method]
                    names = chosen(free, what)
                    radius = arguments.share * norm({n: free.model.parameters[n] for n in names}, p)
                    other.learn(NormConstraint(radius, p, names=names))
                runs.setdefault(method, []).append(other.record())
    results = {method: {key: np.array([r[key] for r in records]) for key in records[0]}
               for method, records in runs.items()}
    print(f"\n{name:30}  held-out loss      S      gap    U       T*            gain over nothing    better in")
    for method, r in results.items():
        gain = results[NOTHING]["loss"] - r["loss"]
        print(f"{method:30}{r['loss'].mean():8.3f} +- {r['loss'].std():5.3f}{r['S'].mean():8.3f}{r['gap'].mean():+8.3f}"
              f"{r['U'].mean():8.2f}{r['T*'].mean():7.3f} +- {r['T*'].std():5.3f}{gain.mean():+10.3f} +- {gain.std():5.3f}"
              f"{(gain > 0).sum():7d} of {len(gain)}")
    return results


def chosen(run, what):
    """Return the names of all parameters, of those with two axes, or of the last layer's."""
    names = list(run.model.parameters)
    if what == "W":
        return [name for name in names if run.model.parameters[name].ndim == 2]
    return names if what == "all" else run.last


class Machine:
    """An RBM, its data and its learning; everything is drawn from the seed."""
    last = ["W", "a", "b"]                                                     # an RBM has one layer: all of it

    def __init__(self, seed):
        self.rng, digits = np.random.default_rng(seed), load_digits()
        self.X = half_size(digits.X_train[self.rng.permutation(len(digits.X_train))[:50]])
        self.X_test = half_size(digits.X_test)
        self.model = RBM.initialise(196, 8, self.rng, self.X)

    def learn(self, constraint=None, **decay):
        n_epochs = 600
        train_machine(self.model, self.X, ExactEnumeration(), SGD(linear_decay(0.2, n_epochs), momentum=0.5, **decay),
                      n_epochs, self.rng, batch_size=50, norm_constraint=constraint)

    def record(self, T=1.0):
        """Return what the machine shows on the held-out digits at the temperature T."""
        machine = at_temperature(self.model, T)
        thermo = exact.thermodynamics(machine)
        balance = data_balance(machine, self.X_test, thermo)
        return {"loss": balance.loss.mean(), "S": balance.entropy.mean(), "gap": balance.gap.mean(), "U": thermo.U,
                "T*": data_temperature(machine, self.X_test)}


class Network:
    """A network, its data and its learning; everything is drawn from the seed."""
    last = ["W2", "b2"]

    def __init__(self, seed):
        self.rng, digits = np.random.default_rng(seed), load_digits()
        rows = self.rng.permutation(len(digits.X_train))[:1000]
        self.X, self.y, self.X_test, self.y_test = digits.X_train[rows], digits.y_train[rows], digits.X_test, digits.y_test
        self.model = MLP((784, 100, 10), Rectified(), CategoricalCrossEntropy(), self.rng)

    def learn(self, constraint=None, **decay):
        train_network(self.model, self.X, self.y, Adam(0.001, **decay), 50, self.rng, batch_size=50,
                      norm_constraint=constraint)

    def record(self, T=1.0):
        """Return what the network shows on the held-out digits when its fields are divided by T."""
        x = self.model.fields(self.X_test)[-1] / T
        balance = label_balance(x, self.y_test)
        energy = -(np.exp(x - x.max(axis=1, keepdims=True)) * x).sum(axis=1) / np.exp(
            x - x.max(axis=1, keepdims=True)).sum(axis=1)
        return {"loss": balance.loss.mean(), "S": balance.entropy.mean(), "gap": balance.gap.mean(), "U": energy.mean(),
                "T*": label_temperature(x, self.y_test)}


def half_size(X):
    """Return digits of 14 x 14 pixels, uint8: on where more than half of a square of four is on."""
    return (X.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)) > 0.5).astype(np.uint8).reshape(-1, 196)


def draw(results, arguments):
    figure, axes = plt.subplots(1, 2, figsize=(12, 5))
    for panel, (name, methods) in zip(axes, results.items()):
        for k, (method, r) in enumerate(methods.items()):
            kind, colour = ("o", BLUE) if method in DECAY or method == NOTHING else ("s", ORANGE)
            panel.plot(r["T*"], r["loss"], kind, color=colour, alpha=0.35, markersize=4)
            panel.plot(r["T*"].mean(), r["loss"].mean(), kind, color=colour, markeredgecolor="black")
            panel.annotate(method, (r["T*"].mean(), r["loss"].mean()), xytext=(5, 4), textcoords="offset points",
                           fontsize="small")
        panel.axvline(1, color=GREEN, linestyle=":")
        gains = {method: (methods[NOTHING]["loss"] - r["loss"]).mean() for method, r in methods.items()}
        best = max(gains, key=gains.get)
        panel.set(title=f"{name}: \"{best}\" gains most,\n{gains[best]:.3f} nats over nothing",
                  xlabel="$T^*$ after learning", ylabel="held-out loss  [nats per row]")
    save(figure, arguments)


if __name__ == "__main__":
    main()
