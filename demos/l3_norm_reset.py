"""Does it help to reset the norm of the weights after each epoch, and does T* predict it?

    python demos/l3_norm_reset.py                           about 40 seconds on one core: five seeds
    python demos/l3_norm_reset.py --quick                   7 seconds: one seed
    python demos/l3_norm_reset.py --share 0.6 --decay 10    another radius, another decay

RBM: 196 x 8 on 50 digits of 14 x 14 pixels, exact gradients, so that nothing but overtraining moves
T*. Network: 784-100-10, ReLU, on 1000 digits, Adam. Held out: 1000 digits. All methods of a seed
start from the same parameters and see the same batches. The radius is a share of the norm that the
run with nothing ends with. "all" resets all parameters together: for an RBM a change of temperature
(L4). "W" leaves the biases alone, which is none. "last layer" is the change of temperature of a
network."""
import matplotlib.pyplot as plt
import numpy as np

from common import demo_parser, name_seeds, save, with_deviation
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

NOTHING, ONCE = "nothing", "reset at the end, to T*"
DECAY = {"L2 decay": {"l2": 0.003}, "L1 decay": {"l1": 0.0003}}
RESET = {"reset L2, all": (2, "all"), "reset L2, W": (2, "W"), "reset L1, all": (1, "all"),
         "reset L1, W": (1, "W"), "reset L2, last layer": (2, "last")}         # p, which parameters


def main():
    parser = demo_parser(__doc__, quick="one seed")
    parser.add_argument("--share", type=float, default=0.7, help="radius over the free run's norm")
    parser.add_argument("--decay", type=float, default=5.0, help="factor on the strength of decay")
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + (1 if arguments.quick else 5))
    decays = [f"{method} {arguments.decay * strength:g}"
              for method, kind in DECAY.items() for strength in kind.values()]
    print(f"{', '.join(decays)}; resets to {arguments.share:g} of the norm that the run with "
          f"nothing ends with;\nheld-out rows, nats per row, {name_seeds(seeds)}"
          + ": mean ± standard deviation" * (len(seeds) > 1))
    results = {}
    for kind in (Machine, Network):
        runs = [compare(kind, seed, arguments.share, arguments.decay) for seed in seeds]
        results[kind.name] = {method: {key: np.array([run[method][key] for run in runs])
                                       for key in runs[0][method]} for method in runs[0]}
        print_table(kind, results[kind.name])
    draw(results, arguments)


def compare(kind, seed, share, decay):
    """Return a dict method -> what it shows on held-out rows."""
    free = kind(seed)
    free.learn()
    found = {NOTHING: free.record()}
    found[ONCE] = free.record(found[NOTHING]["T*"])
    for method, strength in DECAY.items():
        run = kind(seed)
        run.learn(**{name: decay * value for name, value in strength.items()})
        found[method] = run.record()
    for method, (p, which) in RESET.items():
        if which in kind.groups:
            run, names = kind(seed), kind.groups[which]
            end = norm({name: free.model.parameters[name] for name in names}, p)
            run.learn(NormConstraint(share * end, p, names=names))
            found[method] = run.record()
    return found


class Machine:
    """An RBM, its data and its learning; everything is drawn from the seed."""
    name, digits = "RBM", 2                                             # of what is printed
    groups = {"all": ["W", "a", "b"], "W": ["W"]}

    def __init__(self, seed):
        self.rng, digits = np.random.default_rng(seed), load_digits()
        rows = self.rng.permutation(len(digits.X_train))[:50]
        self.X, self.X_test = half_size(digits.X_train[rows]), half_size(digits.X_test)
        self.model = RBM.initialise(196, 8, self.rng, self.X)

    def learn(self, constraint=None, **decay):
        optimizer = SGD(linear_decay(0.2, 600), momentum=0.5, **decay)
        train_machine(self.model, self.X, ExactEnumeration(), optimizer, 600, self.rng,
                      batch_size=50, norm_constraint=constraint)

    def record(self, T=1.0):
        """Return what the machine shows on the held-out digits at the temperature T."""
        machine = at_temperature(self.model, T)
        thermo = exact.thermodynamics(machine)
        balance = data_balance(machine, self.X_test, thermo)
        return {"loss": balance.loss.mean(), "S": balance.entropy.mean(), "gap": balance.gap.mean(),
                "U": thermo.U, "T*": data_temperature(machine, self.X_test)}


class Network:
    """A network, its data and its learning; everything is drawn from the seed."""
    name, digits = "network", 3
    groups = {"all": ["W1", "b1", "W2", "b2"], "W": ["W1", "W2"], "last": ["W2", "b2"]}

    def __init__(self, seed):
        self.rng, digits = np.random.default_rng(seed), load_digits()
        rows = self.rng.permutation(len(digits.X_train))[:1000]
        self.X, self.y = digits.X_train[rows], digits.y_train[rows]
        self.X_test, self.y_test = digits.X_test, digits.y_test
        self.model = MLP((784, 100, 10), Rectified(), CategoricalCrossEntropy(), self.rng)

    def learn(self, constraint=None, **decay):
        train_network(self.model, self.X, self.y, Adam(0.001, **decay), 50, self.rng,
                      batch_size=50, norm_constraint=constraint)

    def record(self, T=1.0):
        """Return what the network shows on the held-out digits, its fields divided by T."""
        x = self.model.fields(self.X_test)[-1] / T
        balance, m = label_balance(x, self.y_test), self.model.loss_function.unit.mean(x)
        return {"loss": balance.loss.mean(), "S": balance.entropy.mean(), "gap": balance.gap.mean(),
                "U": -(m * x).sum(axis=1).mean(), "T*": label_temperature(x, self.y_test)}


def half_size(X):
    """Return digits of 14 x 14 pixels, uint8: on where more than half of a square of four is on."""
    return (X.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)) > 0.5).astype(np.uint8).reshape(-1, 196)


def print_table(kind, methods):
    print(f"\n{kind.name:23}{'loss':>14}{'S':>8}{'gap':>8}{'U':>7}{'T*':>13}"
          f"{'gain over nothing':>19}")
    number = f".{kind.digits}f"
    for method, r in methods.items():
        gain, better = methods[NOTHING]["loss"] - r["loss"], ""
        if method != NOTHING:
            better = (f"{with_deviation(gain, '+' + number):>16}"
                      f", in {(gain > 0).sum()} of {len(gain)}")
        print(f"{method:23}{with_deviation(r['loss'], number):>14}{r['S'].mean():8{number}}"
              f"{r['gap'].mean():+8{number}}{r['U'].mean():7.2f}"
              f"{with_deviation(r['T*']):>13}{better}")


def draw(results, arguments):
    figure, axes = plt.subplots(2, 2, figsize=(12, 7))
    for (losses, temperatures), (name, methods) in zip(axes, results.items()):
        place = np.arange(len(methods))[::-1]
        for panel, key in ((losses, "loss"), (temperatures, "T*")):
            for k, (method, r) in zip(place, methods.items()):
                colour, mark = (ORANGE, "s") if "reset" in method else (BLUE, "o")
                panel.plot(r[key], np.full(len(r[key]), k), mark, color=colour, alpha=0.35, ms=4)
                panel.plot(r[key].mean(), k, mark, color=colour, markeredgecolor="black", ms=7)
            panel.set_yticks(place, methods if panel is losses else [""] * len(methods))
        losses.axvline(methods[NOTHING]["loss"].mean(), color="0.6", linewidth=0.8, linestyle=":")
        temperatures.axvline(1, color=GREEN, linestyle=":")
        gains = {method: (methods[NOTHING]["loss"] - r["loss"]).mean()
                 for method, r in methods.items()}
        best = max(gains, key=gains.get)
        losses.set(title=f"{name}: \"{best}\" gains most, {gains[best]:.3f} nats",
                   xlabel="held-out loss  [nats per row]; black edge: mean")
        temperatures.set(title=f"{name}: $T^*$ is {methods[NOTHING]['T*'].mean():.2f} after "
                               f"nothing,\n{methods[best]['T*'].mean():.2f} after \"{best}\"",
                         xlabel="$T^*$ of the held-out rows")
    save(figure, arguments)


if __name__ == "__main__":
    main()
