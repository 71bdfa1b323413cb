"""Out of entropy: a loss split into entropy and energy gap, on true and on random labels.

    python demos/l1_balance.py            about 4 seconds on one core
    python demos/l1_balance.py --quick    2 seconds
    python demos/l1_balance.py --table    25 seconds: 12 runs, and 3 with clean test labels

L = S + beta (E_y - U) (L1), each summand against the epoch, and T*, at which the held-out loss is
all entropy (L2). 784-100-10 on 1000 of the embedded digits, Adam with rate 0.001, batches of 50."""
import matplotlib.pyplot as plt
import numpy as np

from common import demo_parser, save
from minife import MLP
from minife.backprop import CategoricalCrossEntropy, train
from minife.data import load_digits
from minife.descent import Adam
from minife.landscape import label_balance, label_temperature
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.units import Binary, Rectified

NOISE = {"true": 0.0, "20 % random": 0.2, "random": 1.0}             # share drawn afresh


def main():
    parser = demo_parser(__doc__, quick="30 epochs instead of 100")
    parser.add_argument("--table", action="store_true", help="15 runs, their T*")
    arguments = parser.parse_args()
    n_epochs = 30 if arguments.quick else 100
    runs = {kind: learn(kind, Rectified(), arguments.seed, n_epochs) for kind in ("true", "random")}
    print("nats per row\nlabels        epoch   training L = S + gap        held-out L = S + gap"
          "        T*    error")
    for kind, run in runs.items():
        shown = {1, 4, 8, 16, 32, 64, n_epochs, int(run["loss"].argmin())}
        for epoch in sorted(shown & set(range(n_epochs + 1))):
            numbers = {name: values[epoch] for name, values in run.items()}
            print("{:14}{:5d}{train_loss:12.3f} ={train_entropy:6.3f} {train_gap:+6.3f}"
                  "{loss:13.3f} ={entropy:6.3f} {gap:+6.3f}{T:10.2f}{error:9.1%}".format(
                      kind, epoch, **numbers))
    print("L: loss, S: entropy of the labels; T* and error: of the held-out labels")
    if arguments.table:
        table(arguments.seed, n_epochs)
    draw(runs, arguments)


def learn(kind, unit, seed, n_epochs, clean_test=False):
    """Return what a run shows after 0, 1, ... epochs, a dict of arrays (n_epochs + 1,)."""
    rng, digits = np.random.default_rng(seed), load_digits()
    X, y = digits.X_train[::4], noisy(digits.y_train[::4], NOISE[kind], rng)
    X_test, y_test = digits.X_test, noisy(digits.y_test, 0 if clean_test else NOISE[kind], rng)
    mlp = MLP((784, 100, 10), unit, CategoricalCrossEntropy(), rng)
    records = []

    def watch(mlp, epoch):
        x = mlp.fields(X_test)[-1]
        training, held_out = label_balance(mlp.fields(X)[-1], y), label_balance(x, y_test)
        records.append({
            "train_loss": training.loss.mean(), "train_entropy": training.entropy.mean(),
            "train_gap": training.gap.mean(), "loss": held_out.loss.mean(),
            "entropy": held_out.entropy.mean(), "gap": held_out.gap.mean(),
            "T": label_temperature(x, y_test), "error": (x.argmax(1) != y_test).mean()})

    watch(mlp, 0)
    train(mlp, X, y, Adam(0.001), n_epochs, rng, batch_size=50, callbacks=(watch,))
    return {name: np.array([record[name] for record in records]) for name in records[0]}


def noisy(y, share, rng):
    """Return labels of which a share is drawn afresh, from all ten."""
    return np.where(rng.random(len(y)) < share, rng.integers(10, size=len(y)), y)


def table(seed, n_epochs):
    """Print where the held-out loss is lowest, and T* there and at the end."""
    print("\nunit       labels         test labels   seed   lowest held-out L at epoch   "
          "T* there   T* at the end")
    inside = []
    cases = [(unit, kind, False) for unit in (Rectified(), Binary())
             for kind in ("true", "20 % random")]
    for unit, kind, clean in [*cases, (Rectified(), "20 % random", True)]:
        for s in range(seed, seed + 3):
            run = learn(kind, unit, s, n_epochs, clean)
            best = run["loss"].argmin()
            print(f"{type(unit).__name__:11}{kind:15}{'clean' if clean else 'the same':14}{s:4d}"
                  f"{run['loss'][best]:15.3f}{best:13d}{run['T'][best]:11.2f}{run['T'][-1]:16.2f}",
                  flush=True)
            inside += [] if clean else [0.85 <= run["T"][best] <= 1.15]
    print(f"T* within 0.85 to 1.15 where the held-out loss is lowest: {sum(inside)} of "
          f"{len(inside)} runs with test labels drawn like the training labels")


def draw(runs, arguments):
    figure, axes = plt.subplots(2, 3, figsize=(12, 6.6), sharex=True)
    for row, (kind, run) in zip(axes, runs.items()):
        for panel, part, where in zip(row, ("train_", ""), ("training", "held-out")):
            stack(panel, run[part + "entropy"], run[part + "gap"], run[part + "loss"])
            panel.set(title=f"{kind} labels, {where}: entropy {run[part + 'entropy'][-1]:.2f},\n"
                            f"gap {run[part + 'gap'][-1]:+.2f} at the end", ylabel="nats per row")
        temperature, best = row[2], run["loss"].argmin()
        temperature.plot(1 / run["T"], color=RED, linestyle="-")
        temperature.axhline(1, color="0.6", linewidth=0.8, linestyle="--")
        temperature.axvline(best, color=GREEN, linestyle=":",
                            label=f"lowest held-out loss: {run['loss'][best]:.2f} nats")
        temperature.set(title=f"{kind} labels: $1/T^*$ = {1 / run['T'][best]:.2f} where the\n"
                              f"held-out loss is lowest, {1 / run['T'][-1]:.2f} at the end",
                        ylabel="$1/T^*$ of the held-out labels")
        temperature.legend(loc="center right")
    axes[0, 0].legend()
    for panel in axes[1]:
        panel.set_xlabel("epoch")
    save(figure, arguments)


def stack(panel, entropy, gap, loss):
    """Draw the entropy as an area from 0, and the gap from there: upwards, or downwards where it is
    negative."""
    epochs = np.arange(len(entropy))
    panel.fill_between(epochs, 0, entropy, color=BLUE, alpha=0.5, linewidth=0, label="entropy $S$")
    for sign, colour, hatch, word in ((1, ORANGE, "//", "added"), (-1, "white", "..", "taken off")):
        panel.fill_between(epochs, entropy, entropy + np.maximum(sign * gap, 0) * sign,
                           facecolor=colour, edgecolor="0.5", alpha=0.7, linewidth=0, hatch=hatch,
                           label=rf"energy gap $\beta(E_y-U)$, {word}")
    panel.plot(epochs, loss, color="black", linestyle="-", label="loss $L$, their sum")
    panel.set_ylim(0, None)


if __name__ == "__main__":
    main()
