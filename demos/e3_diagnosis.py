"""R5: why is this RBM bad? Seven machines that learned digits, six of them with a fault, and what diagnose says.

    python demos/e3_diagnosis.py            about a minute and a half on one core
    python demos/e3_diagnosis.py --quick    some ten seconds: fewer rows, epochs and Gibbs steps
    python demos/e3_diagnosis.py --only cold    the report of one machine (part of a name)

Every machine has 25 hidden units and learns by persistent chains, ten Gibbs steps per update, unless its name says
otherwise. It prints each report and saves one figure, figures/e3_diagnosis.png: a table of all machines and findings,
with the number that each finding turns on."""
import argparse
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM, diagnose
from minife.descent.optimizers import SGD, linear_decay
from minife.data import load_digits
from minife.plots import ORANGE
from minife.rbm.training import ContrastiveDivergence, PersistentContrastiveDivergence, train

MACHINES = {
    "careful": {},
    "hasty: rate 2": {"rate": 2.0},
    "zero weights to start": {"scale": 0.0},
    "weight decay 0.3": {"decay": 0.3},
    "CD-1, no chains kept": {"phase": ContrastiveDivergence(1)},
    "by heart: 200 rows": {"n_rows": 200, "n_epochs": 200, "decay": 0.0},
    "cold: beta = 3": {"beta": 3.0},
}


def main():
    arguments = parse_arguments()
    digits, reports = load_digits(), {}
    for name, fault in MACHINES.items():
        if arguments.only in name:
            start = time.perf_counter()
            rbm, X = learn(digits.X_train, arguments, **fault)
            learned = time.perf_counter()
            reports[name] = diagnose(rbm, X, digits.X_test, rng=np.random.default_rng(arguments.seed),
                                     n_steps=arguments.steps)
            print(f"{name} ({learned - start:.1f} s to learn, {time.perf_counter() - learned:.1f} s to look)\n"
                  f"{reports[name]}\n", flush=True)
    draw(reports, arguments.figure)
    print(f"The figure is in {arguments.figure}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1000 rows, a fifth of the epochs, 1000 Gibbs steps")
    parser.add_argument("--only", default="", help="only machines with this in their names")
    parser.add_argument("--steps", type=int, default=8000, help="Gibbs steps of the diagnosis")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, default=Path("figures/e3_diagnosis.png"))
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.steps = 1000
    return arguments


def learn(X, arguments, rate=0.1, scale=0.01, decay=0.01, phase=None, n_rows=4000, n_epochs=20, beta=1.0):
    """Return a machine that has learned, and its training rows; the arguments by name are its possible faults."""
    rng = np.random.default_rng(arguments.seed)
    X = rng.permutation(X)[:min(n_rows, 1000) if arguments.quick else n_rows]
    n_epochs = n_epochs // 5 if arguments.quick else n_epochs
    rbm = RBM.initialise(784, 25, rng, X, dtype=np.float32)
    rbm.W *= scale / 0.01
    optimizer = SGD(linear_decay(rate, n_epochs * -(-len(X) // 50)), momentum=0.5, l2=decay)
    train(rbm, X, phase or PersistentContrastiveDivergence(100, 10), optimizer, n_epochs, rng, batch_size=50)
    return RBM(**rbm.parameters, beta=beta), X


def numbers(report):
    """Return the number that each finding turns on, in a few signs."""
    idle, still, alike, chains, starts, means, settled, coupling, gap = (found.numbers for found in report.findings)
    tau = f"τ = {chains['tau']:.0f} steps" if np.isfinite(chains["tau"]) else "τ not seen"
    return [f"{sum(map(len, idle.values()))} idle", f"{len(still['saturated'])} stuck", f"{len(alike['pairs'])} pairs",
            f"R = {chains['scale reduction']:.2f}\n{tau}", f"z = {abs(starts['score']):.1f}",
            f"rms {means['rms']:.3f}\nmax {means['largest']:.2f}",
            f"{settled['stuck']} of {settled['starts']}\ndo not settle", f"ρ(P) = {coupling['rho']:.2f}",
            f"gap {gap['gap']:.1f}\n± {gap['standard error']:.1f} nats"]


def draw(reports, path):
    names = [finding.name for finding in next(iter(reports.values())).findings]
    figure, axes = plt.subplots(figsize=(13, 1.6 + 0.75 * len(reports)), layout="constrained")
    for row, report in enumerate(reports.values()):
        for column, (finding, text) in enumerate(zip(report.findings, numbers(report))):
            axes.add_patch(plt.Rectangle((column, row), 0.96, 0.94, color=ORANGE if finding.alarm else "0.93"))
            axes.text(column + 0.48, row + 0.47, text, ha="center", va="center", fontsize=9,
                      weight="bold" if finding.alarm else "normal")
    axes.set(xlim=(0, len(names)), ylim=(len(reports), 0), xticks=np.arange(len(names)) + 0.48, xticklabels=names,
             yticks=np.arange(len(reports)) + 0.47, yticklabels=list(reports))
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title("Machines that learned digits: each fault rings alarms of its own (orange and bold)", pad=12)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
