"""An RBM that classifies: what it learns by log p(y | v), by log p(v, y), and by a mixture of
both.

    python demos/r6_classification.py            just under a minute on one core
    python demos/r6_classification.py --quick    a few seconds
    python demos/r6_classification.py --mnist PATH --only discriminative    two minutes: full set
    python demos/r6_classification.py --mnist PATH --only "alpha 0.1"       four minutes: a hybrid

Machines of 200 hidden units learn from 4000 labelled digits, and again from 200 of them. The
generative share is learned by CD-1, the generative machine by PCD-1 as well. All take grey values
as the probabilities of binary pixels, which are drawn anew at every step. It prints a table and
saves one figure, figures/r6_classification.png: test errors by epoch, and by the number of labels;
how sure the machines are and how often right; the test digits that a hybrid finds hardest;
filters; and dreams, which are chains with the label held that start from fair coins.

PATH is what minife.data.load_mnist takes: mnist.npz, or a folder with it or with the four IDX
files. There the machines have 500 hidden units and learn for 30 epochs. --held-out tests on the
last sixth of the training digits, which are then not learned: settings are chosen there."""
import time

import numpy as np
from common import demo_parser, name_seeds, plt, save
from matplotlib.ticker import MaxNLocator

from minife.data import Dataset, load_digits
from minife.descent import SGD, linear_decay
from minife.plots import BLUE, GREEN, ORANGE, RED, show_wall
from minife.rbm.classification import ClassificationRBM, train
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.training import ContrastiveDivergence, PersistentContrastiveDivergence

CD, PCD = ContrastiveDivergence, PersistentContrastiveDivergence
# objective, alpha, negative phase, rate at the start, momentum, line style, colour
RUNS = {"discriminative": ("discriminative", 0, CD, 0.1, 0.9, "-", BLUE),
        "hybrid, alpha 0.01": ("hybrid", 0.01, CD, 0.1, 0.9, "--", GREEN),
        "hybrid, alpha 0.1": ("hybrid", 0.1, CD, 0.1, 0.9, "-.", "black"),
        "generative, CD-1": ("generative", 1, CD, 0.05, 0.5, ":", ORANGE),
        "generative, PCD-1": ("generative", 1, PCD, 0.05, 0.5, (0, (5, 1, 1, 1, 1, 1)), RED)}
HARD, N_FEW, BATCH_SIZE = "hybrid, alpha 0.1", 200, 20
TABLE = "{:19}{:>7}{:>10}{:>14}{:>16}{:>13}{:>13}{:>7}"


def main():
    arguments = parse_arguments()
    digits, setting = load(arguments), settings(arguments)
    n_all, seeds = len(digits.X_train), range(arguments.seed, arguments.seed + setting["runs"])
    print(", ".join(f"{name} {value}" for name, value in setting.items()),
          f"{len(digits.X_test)} test digits, {name_seeds(seeds)}"
          + ": mean ± standard deviation; differences within a seed" * (len(seeds) > 1) + "\n",
          sep="\n")
    print(TABLE.format("", "labels", "training", "test", "difference to", "mean of the",
                       "-log p(y|v)", "CPU"))
    print(TABLE.format("", "", "error [%]", "error [%]", "discriminative", "largest [%]", "[nats]",
                       "[s]"))
    runs = {}
    epochs = {n_all: setting["epochs"], N_FEW: setting["epochs with few labels"]}
    for n_labels, n_epochs in epochs.items():
        for name in RUNS:
            if arguments.only in name:
                n_hidden = setting["hidden units"]
                runs[name, n_labels] = [learn(digits, n_labels, name, n_hidden, n_epochs, seed)
                                        for seed in seeds]
                print_line(name, n_labels, runs)
    dreams, recognised = {}, {}
    print("\nthe training digits that 200 dreams of each machine are nearest to:")
    for name in [name for name, n in runs if n == n_all]:
        v, dreams[name] = dream(runs[name, n_all][0]["machine"], setting["steps of a dream"],
                                np.random.default_rng(arguments.seed))
        labels = label_of_nearest(v, digits)
        recognised[name] = (labels == np.arange(len(v)) % 10).mean()
        counts = np.bincount(labels, minlength=10)
        print(f"{name:20}{recognised[name]:5.0%} are of the class that was held; most often, in "
              f"{counts.max() / len(v):.0%}, a {counts.argmax()}")
    save(draw(runs, n_all, digits, dreams, recognised), arguments)


def parse_arguments():
    parser = demo_parser(__doc__, "one seed, fewer epochs and hidden units", mnist=True)
    parser.add_argument("--held-out", action="store_true",
                        help="test on training digits that are not learned")
    parser.add_argument("--only", default="", help="only machines with this in their names")
    parser.add_argument("--epochs", type=int, help="another number of epochs, with all labels")
    parser.add_argument("--runs", type=int, help="with how many seeds")
    return parser.parse_args()


def settings(arguments):
    """Return numbers of units, epochs, steps and runs, by name."""
    setting = {"hidden units": 200, "epochs": 10, "epochs with few labels": 60,
               "steps of a dream": 1000, "runs": 3}
    if arguments.mnist:
        setting |= {"hidden units": 500, "epochs": 30, "runs": 1}
    if arguments.quick:
        setting |= {"hidden units": 30, "epochs": 2, "epochs with few labels": 10,
                    "steps of a dream": 50, "runs": 1}
    given = {name: getattr(arguments, name) for name in ("epochs", "runs")}
    return setting | {name: value for name, value in given.items() if value}


def load(arguments):
    """Return the digits with grey values in [0, 1]."""
    digits = load_digits(binary=False, mnist=arguments.mnist)
    if not arguments.held_out:
        return digits
    X, y, n = digits.X_train, digits.y_train, len(digits.X_train) * 5 // 6
    return Dataset(X[:n], y[:n], X[n:], y[n:])


def learn(digits, n_labels, name, n_hidden, n_epochs, seed):
    """Return what one run gives: machine, p(y | v) of the test digits, errors in %, CPU seconds."""
    objective, alpha, phase, rate, momentum, *_ = RUNS[name]
    rng, all_labels = np.random.default_rng(seed), n_labels == len(digits.X_train)
    order = np.random.default_rng(seed).permutation(len(digits.X_train))
    rows = slice(None) if all_labels else order[:n_labels]
    X, y = digits.X_train[rows], digits.y_train[rows]
    machine = ClassificationRBM.initialise(784, n_hidden, 10, rng, X, np.float32)
    schedule = linear_decay(rate, n_epochs * -(-len(X) // BATCH_SIZE))

    def watch(machine, epoch):
        return {"test": error(machine, digits.X_test, digits.y_test)}

    start = time.process_time()
    history = train(machine, X, y, SGD(schedule, momentum, l2=1e-5), n_epochs, rng,
                    objective=objective, alpha=alpha, negative_phase=phase(), grey="drawn",
                    batch_size=BATCH_SIZE,
                    callbacks=[watch] if all_labels else [])
    seconds = time.process_time() - start
    return {"machine": machine, "curve": [record.get("test") for record in history],
            "training": error(machine, X, y), "test": error(machine, digits.X_test, digits.y_test),
            "p": np.exp(machine.log_conditional(digits.X_test)),
            "nats": -machine.log_likelihood(digits.X_test, digits.y_test), "cpu": seconds}


def error(machine, X, y):
    """Return the share of rows whose most probable label is not theirs, in %."""
    return 100 * (machine.predict(X) != y).mean()


def print_line(name, n_labels, runs):
    """Print the means over the runs of one kind, and what the discriminative ones differ by."""
    results = runs[name, n_labels]
    mean = {key: np.mean([result[key] for result in results])
            for key in ("training", "test", "nats", "cpu")}
    confidence = 100 * np.mean([result["p"].max(axis=1) for result in results])
    base = runs.get(("discriminative", n_labels), results)
    gain = [result["test"] - other["test"] for result, other in zip(results, base, strict=True)]
    print(TABLE.format(name, n_labels, f"{mean['training']:.2f}",
                       spread([result["test"] for result in results]),
                       "" if base is results else spread(gain), f"{confidence:.2f}",
                       f"{mean['nats']:.3f}", f"{mean['cpu']:.1f}"), flush=True)


def spread(values):
    """Return mean ± standard deviation as a text, or one value alone."""
    deviation = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{deviation}"


def dream(machine, n_steps, rng):
    """Return dreams v (200, 784) and their means, row k of the held class k mod 10  (R24)"""
    v, means = np.empty((20, 10, 784), dtype=np.uint8), np.empty((20, 10, 784))
    for label in range(10):
        rbm = machine.given_label(label)
        v[:, label], h = gibbs_chain(rbm, rbm.random_states(20, rng), n_steps, rng)
        means[:, label] = rbm.visible_mean(h)
    return v.reshape(200, 784), means.reshape(200, 784)


def label_of_nearest(v, digits):
    """Return the labels (n,) of the training digits nearest to v (n, 784), by differing pixels."""
    X = (digits.X_train > 0.5).astype(np.float32)
    return digits.y_train[(X.sum(axis=1) - 2 * v.astype(np.float32) @ X.T).argmin(axis=1)]


def draw(runs, n_all, digits, dreams, recognised):
    figure = plt.figure(figsize=(12, 8.2))
    grid = figure.add_gridspec(2, 3)
    curve_axes, error_axes, calibration_axes = (figure.add_subplot(grid[0, k]) for k in range(3))
    filter_axes, dream_axes = figure.add_subplot(grid[1, 1]), figure.add_subplot(grid[1, 2])
    full = {name: results for (name, n), results in runs.items() if n == n_all}
    draw_curves(curve_axes, full, n_all)
    draw_errors(error_axes, runs, n_all)
    draw_calibration(calibration_axes, full, digits.y_test)
    hard = HARD if HARD in full else next(iter(full))
    draw_hard_digits(figure.add_subfigure(grid[1, 0]), hard, full, digits)
    strongest = {name: results[0]["machine"].W.T for name, results in full.items()}
    strongest = [W[np.argsort(-np.linalg.norm(W, axis=1))[:20]] for W in strongest.values()]
    filters = np.concatenate([W / np.abs(W).max() for W in strongest])
    show_wall(filter_axes, filters, 10, signed=True)
    filter_axes.set_yticks(60 * np.arange(len(full)) + 29, list(full), fontsize="small")
    filter_axes.set_title("weights of the 20 strongest hidden units")
    show_wall(dream_axes, np.concatenate([rows[:20] for rows in dreams.values()]), 10)
    dream_axes.set_yticks(60 * np.arange(len(full)) + 29,
                          [f"{100 * share:.0f} %" for share in recognised.values()])
    dream_axes.set_title("dreams of 0 to 9, and how many are\nnearest to a digit of their class")
    return figure


def draw_curves(axes, full, n_all):
    for name, results in full.items():
        errors = np.array([result["curve"] for result in results])          # (n_seeds, n_epochs)
        epochs, (line, colour) = np.arange(1, errors.shape[1] + 1), RUNS[name][-2:]
        axes.plot(epochs, errors.mean(axis=0), color=colour, ls=line,
                  label=f"{name}: {errors[:, -1].mean():.2f} %")
        axes.fill_between(epochs, errors.min(axis=0), errors.max(axis=0), color=colour, alpha=0.15,
                          lw=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    final = {name: np.mean([result["test"] for result in results])
             for name, results in full.items()}
    best = min(final, key=final.get)
    axes.set(title=f"{n_all} labelled digits:\n{best} ends at {final[best]:.2f} %", xlabel="epoch",
             ylabel="test error [%]", ylim=(0, 1.5 * axes.get_ylim()[1]))
    axes.legend(loc="upper right", fontsize="small", title="mean and range of the runs",
                title_fontsize="small")


def draw_errors(axes, runs, n_all):
    few = {name: np.mean([result["test"] for result in results])
           for (name, n), results in runs.items() if n != n_all}
    for (name, n), results in runs.items():
        errors, place = np.array([result["test"] for result in results]), -list(RUNS).index(name)
        axes.plot(errors, np.full(len(errors), place + 0.15), "|", color=RUNS[name][-1])
        axes.errorbar(errors.mean(), place, xerr=errors.std(ddof=1) if len(errors) > 1 else 0,
                      color=RUNS[name][-1], capsize=3, marker="o" if n == n_all else "s",
                      mfc=RUNS[name][-1] if n == n_all else "white")
    shown = dict.fromkeys((min(few, key=few.get), next(iter(few))))   # the best, and the first
    axes.set(title=f"with {N_FEW} labels (open squares):\n"
                   + ", ".join(f"{name} {few[name]:.1f} %" for name in shown),
             xlabel="test error, mean ± standard deviation, runs [%]",
             yticks=[-list(RUNS).index(name) for name in few], yticklabels=list(few))


def draw_calibration(axes, full, y):
    """Draw how often the machines are right against how sure they are, in bins of the largest p."""
    for name, results in full.items():
        p = np.concatenate([result["p"] for result in results])
        sure, right = p.max(axis=1), p.argmax(axis=1) == np.tile(y, len(results))
        bins = np.digitize(sure, [0.5, 0.7, 0.9, 0.99])
        n = np.bincount(bins, minlength=5)
        x, share = (np.bincount(bins, what, minlength=5)[n > 0] / n[n > 0]
                    for what in (sure, right))
        line, colour = RUNS[name][-2:]
        axes.errorbar(x, share, np.sqrt(share * (1 - share) / n[n > 0]), color=colour, ls=line,
                      marker="o", capsize=3, label=f"{name}: {sure.mean():.1%}, {right.mean():.1%}")
    axes.plot([0.3, 1], [0.3, 1], color="0.5", ls=":", label="as sure as right")
    axes.set(title="how sure, and how often right", xlabel="largest p(y | v)", xlim=(0.25, 1.03),
             ylabel="share of right answers", ylim=(0, 1.03))
    axes.legend(loc="lower right", fontsize="small", title="means of both", title_fontsize="small")


def draw_hard_digits(figure, name, full, digits):
    """Draw three test digits whose true label has the least p(y | v), and three most in doubt."""
    p = full[name][0]["p"]
    doubt = -(p * np.log(p + 1e-30)).sum(axis=1)                            # (n,), nats
    true = p[np.arange(len(p)), digits.y_test]
    chosen = np.concatenate([true.argsort()[:3], (-doubt).argsort()[:3]])
    panels = figure.subplots(2, 6, width_ratios=[1, 1.2] * 3)
    for k, picture, bars in zip(chosen, panels[:, ::2].flat, panels[:, 1::2].flat):
        show_wall(picture, digits.X_test[k:k + 1], 1)
        colours = np.where(np.arange(10) == p[k].argmax(), RED, "0.6")
        colours[digits.y_test[k]] = GREEN
        bars.barh(range(10), p[k], color=list(colours))
        bars.set(xlim=(0, 1), xticks=[0, 1], yticks=range(10), ylim=(9.6, -0.6))
        bars.tick_params(labelsize="x-small")
        bars.get_yticklabels()[digits.y_test[k]].set(color=GREEN, weight="bold")
    figure.suptitle(f"p(y | v) of hard test digits, {name}:\n"
                    "above the most wrong, below the most in doubt",
                    fontsize="large")


if __name__ == "__main__":
    main()
