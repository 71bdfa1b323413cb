"""Rethinking generalisation: networks that learned true and random labels, both without error.

    python demos/l9_rethinking.py            about 9 seconds on one core: one seed
    python demos/l9_rethinking.py --quick    4 seconds: 32 epochs
    python demos/l9_rethinking.py --seeds 5  the README's table

784-200-10, ReLU, 1000 digits, Adam with rate 0.001, 100 epochs. The balance of the training loss
(L1), the rise of that loss under noise on the weights of 30 % of their size (L16), the top
eigenvalue of its Hessian (L17), the exponent of the spectrum of W1 (L18); also where the loss of
true labels equals the last one of random labels. All this is observed, none of it a theorem."""
import matplotlib.pyplot as plt
import numpy as np

from common import demo_parser, save
from minife import MLP
from minife.backprop import CategoricalCrossEntropy, train
from minife.data import load_digits
from minife.descent import Adam
from minife.landscape import label_balance, noise_rise, tail_exponent, top_curvature
from minife.plots import BLUE, ORANGE
from minife.units import Rectified

LOOK = {"true": (BLUE, "o-"), "random": (ORANGE, "s--")}
EPOCHS = (0, 1, 2, 4, 8, 16, 24, 28, 32, 36, 40, 64, 100)
ROWS = {"loss": "training loss  [nats]", "error": "training error", "entropy": "entropy S  [nats]",
        "test": "test error", "rise": "rise of the loss under 30 % noise  [nats]",
        "curvature": "top Hessian eigenvalue",
        "exponent": "exponent of the spectrum of $W_1$", "norm": "norm of all parameters"}


def main():
    parser = demo_parser(__doc__, quick="one seed, 32 epochs")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    arguments = parser.parse_args()
    epochs = [epoch for epoch in EPOCHS if epoch <= (32 if arguments.quick else 100)]
    seeds = range(arguments.seed, arguments.seed + (1 if arguments.quick else arguments.seeds))
    runs = {kind: [learn(kind, seed, epochs) for seed in seeds] for kind in LOOK}
    print(f"mean +- standard deviation of {len(seeds)} seeds")
    print(f"{'labels, epoch':20}" + "".join(f"{row:>18}" for row in ROWS))
    last = [len(epochs) - 1] * len(seeds)
    same = [int(np.abs(np.array(true["loss"]) - random["loss"][-1]).argmin())
            for true, random in zip(runs["true"], runs["random"])]
    start = [0] * len(seeds)
    for kind, when in (("true", last), ("random", last), ("true", same), ("true", start)):
        values = [[run[row][k] for run, k in zip(runs[kind], when)] for row in ROWS]
        which = sorted({epochs[k] for k in when})
        print(f"{kind}, {which}".ljust(20)
              + "".join(f"{np.mean(x):11.4f}+-{np.std(x):5.4f}" for x in values))
    draw(runs, epochs, arguments)


def learn(kind, seed, epochs):
    """Return what is measured after the epochs, a dict of lists."""
    rng, digits = np.random.default_rng(seed), load_digits()
    X, y = digits.X_train[::4], digits.y_train[::4]
    y = y if kind == "true" else rng.integers(10, size=len(y))
    mlp = MLP((784, 200, 10), Rectified(), CategoricalCrossEntropy(), rng)
    found = {row: [] for row in ROWS}

    def watch(mlp, epoch):
        if epoch not in epochs:
            return
        x = mlp.fields(X)[-1]
        balance, judge = label_balance(x, y), np.random.default_rng(0)
        measured = {"loss": balance.loss.mean(), "error": (x.argmax(1) != y).mean(),
                    "entropy": balance.entropy.mean(),
                    "test": (mlp.fields(digits.X_test)[-1].argmax(1) != digits.y_test).mean(),
                    "rise": noise_rise(mlp, X, y, 0.3, 10, judge),
                    "curvature": top_curvature(mlp, X[:300], y[:300], 20, judge),
                    "exponent": tail_exponent(mlp.parameters["W1"])[0],
                    "norm": np.sqrt(sum((array**2).sum() for array in mlp.parameters.values()))}
        for row, value in measured.items():
            found[row].append(value)

    watch(mlp, 0)
    train(mlp, X, y, Adam(0.001), epochs[-1], rng, batch_size=50, callbacks=(watch,))
    return found


def draw(runs, epochs, arguments):
    figure, axes = plt.subplots(2, 3, figsize=(12, 7))
    shown = ("loss", "entropy", "test", "rise", "curvature", "exponent")
    for panel, row in zip(axes.ravel(), shown):
        for kind, (colour, line) in LOOK.items():
            curves = np.array([run[row] for run in runs[kind]])
            panel.plot(epochs, curves.T, line[1:], color=colour, alpha=0.3, linewidth=0.8)
            panel.plot(epochs, curves.mean(axis=0), line, color=colour, label=f"{kind} labels")
        true, random = (np.mean([run[row][-1] for run in runs[kind]]) for kind in LOOK)
        panel.set(title=f"at the end: true {true:.2g}, random {random:.2g}", xlabel="epoch",
                  ylabel=ROWS[row])
        if row in ("rise", "curvature"):
            panel.set_yscale("log")
    axes[0, 0].legend()
    save(figure, arguments)


if __name__ == "__main__":
    main()
