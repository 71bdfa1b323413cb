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

from common import demo_parser, name_seeds, save, with_deviation
from minife import MLP
from minife.backprop import CategoricalCrossEntropy, train
from minife.data import load_digits
from minife.descent import Adam
from minife.landscape import label_balance, noise_rise, tail_exponent, top_curvature
from minife.plots import BLUE, ORANGE
from minife.units import Rectified

LOOK = {"true": (BLUE, "o-"), "random": (ORANGE, "s--")}
EPOCHS = (0, 1, 2, 4, 8, 16, 24, 28, 32, 36, 40, 64, 100)
ROWS = {"loss": ("training loss  [nats]", ".4f"), "error": ("training error  [%]", ".1f"),
        "entropy": ("entropy S  [nats]", ".4f"), "test": ("test error  [%]", ".1f"),
        "rise": ("rise under 30 % noise  [nats]", ".4f"),
        "curvature": ("top Hessian eigenvalue", ".3f"),
        "exponent": ("exponent of the spectrum of $W_1$", ".2f"),
        "norm": ("norm of all parameters", ".1f")}


def main():
    parser = demo_parser(__doc__, quick="one seed, 32 epochs")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    arguments = parser.parse_args()
    epochs = [epoch for epoch in EPOCHS if epoch <= (32 if arguments.quick else 100)]
    seeds = range(arguments.seed, arguments.seed + (1 if arguments.quick else arguments.seeds))
    runs = {kind: [learn(kind, seed, epochs) for seed in seeds] for kind in LOOK}
    print_table(runs, epochs, seeds)
    draw(runs, epochs, arguments)


def print_table(runs, epochs, seeds):
    """Print what was measured at the end, where true labels have the loss that random ones end at,
    and at the start."""
    last, start = [len(epochs) - 1] * len(seeds), [0] * len(seeds)
    same = [int(np.abs(np.array(true["loss"]) - random["loss"][-1]).argmin())
            for true, random in zip(runs["true"], runs["random"])]
    columns = ("true", last), ("random", last), ("true", same), ("true", start)
    print(name_seeds(seeds) + ": mean ± standard deviation" * (len(seeds) > 1))
    print(f"{'labels':32}" + "".join(f"{kind:>17}" for kind, _ in columns))
    when = [sorted({epochs[k] for k in which}) for _, which in columns]
    when = [f"{n[0]}" if len(n) == 1 else f"{n[0]} to {n[-1]}" for n in when]
    print(f"{'epoch':32}" + "".join(f"{text:>17}" for text in when))
    for row, (label, form) in ROWS.items():
        cells = [with_deviation([run[row][k] for run, k in zip(runs[kind], which)], form)
                 for kind, which in columns]
        print(f"{label.replace('$W_1$', 'W1'):32}" + "".join(f"{cell:>17}" for cell in cells))
    print("the third column: where true labels have the loss that random ones end at")


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
        measured = {"loss": balance.loss.mean(), "error": 100 * (x.argmax(1) != y).mean(),
                    "entropy": balance.entropy.mean(),
                    "test": 100 * (mlp.predict(digits.X_test).argmax(1) != digits.y_test).mean(),
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
                  ylabel=ROWS[row][0])
        if row in ("rise", "curvature"):
            panel.set_yscale("log")
    axes[0, 0].legend()
    save(figure, arguments)


if __name__ == "__main__":
    main()
