"""T6: when is EMF worth using? Exact likelihoods of machines taught by CD, PCD and EMF of orders 1, 2 and 3.

    python demos/t6_when_emf.py            about 4 minutes on one core
    python demos/t6_when_emf.py --quick    7 seconds
    python demos/t6_when_emf.py --rate 0.2 --sweeps 10 --solver block --l2 0.001    other settings, for all methods

All methods get the same number of steps on the same batches: bars and stripes of side 3 with 8 hidden units, and 4000
digits with 16, few enough to sum over their states. EMF comes in two kinds: with 100 rows of magnetisations that live
on from step to step, as the chains of PCD, and with rows that start at the batch in each step, as those of CD. EMF
makes 3 sweeps a step, and so there are CD-3 and PCD-3 beside CD-1 and PCD-1. It prints one table and saves one figure,
figures/t6_when_emf.png."""
import argparse
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM, tap
from minife.descent.optimizers import SGD, linear_decay
from minife.data import bars_and_stripes, load_digits
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm import exact
from minife.rbm.training import ContrastiveDivergence, PersistentContrastiveDivergence, train


def main():
    arguments = parse_arguments()
    shapes = bars_and_stripes(3)
    digits = load_digits()
    n_seeds, n_lessons, n_epochs, n_hidden = (2, 150, 1, 8) if arguments.quick else (5, 1500, arguments.epochs, 16)
    problems = {f"bars and stripes, 9 x 8, {n_lessons} epochs": (shapes, shapes, 8, n_lessons, 7, np.float64),
                f"digits, 784 x {n_hidden}, {n_epochs} epochs":
                    (digits.X_train, digits.X_test, n_hidden, n_epochs, 50, np.float32)}
    print(f"rate {arguments.rate}, falling to 0, momentum 0.5, EMF: {arguments.sweeps} {arguments.solver} sweeps, "
          f"l1 {arguments.l1}, l2 {arguments.l2}, {n_seeds} seeds")
    results = {}
    for problem, setting in problems.items():
        print(f"\n{problem}: at the start {exact.log_likelihood(machine(setting, 0), setting[1]):.2f}"
              + (f", the best possible {-np.log(14):.2f}" if setting[1] is shapes else ""))
        print("{:22}{:>24}{:>10}{:>10}".format("", "log-likelihood [nats/row]", "|W|", "CPU [s]"))
        results[problem] = {}
        for name, phase in methods(arguments).items():
            runs = np.array([learn(setting, phase(), seed, arguments) for seed in range(n_seeds)])
            results[problem][name] = runs[:, 0]
            print(f"{name:22}{runs[:, 0].mean():16.2f} ± {runs[:, 0].std(ddof=1):5.2f}{runs[:, 1].mean():12.1f}"
                  f"{runs[:, 2].mean():10.1f}", flush=True)
    draw(results, arguments)
    print(f"The figure is in {arguments.figure}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2 seeds, a tenth of the epochs, 8 hidden units")
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate at the start")
    parser.add_argument("--sweeps", type=int, default=3, help="sweeps of EMF per step")
    parser.add_argument("--solver", default="damped", help="of EMF; block has no order 3, which then stays damped")
    parser.add_argument("--epochs", type=int, default=10, help="on the digits")
    parser.add_argument("--only", default="", help="only methods with this in their names")
    parser.add_argument("--l1", type=float, default=0.0)
    parser.add_argument("--l2", type=float, default=0.0)
    parser.add_argument("--figure", type=Path, default=Path("figures/t6_when_emf.png"))
    return parser.parse_args()


def methods(arguments):
    """Return the functions that make the negative phases, by name."""
    def emf(order, persistent):
        solver = "damped" if order == 3 else arguments.solver
        return tap.ExtendedMeanField(order, arguments.sweeps, method=solver, persistent=persistent)

    phases = {}
    for k in sorted({1, arguments.sweeps}):
        phases[f"CD-{k}"] = lambda k=k: ContrastiveDivergence(k)
        phases[f"PCD-{k}"] = lambda k=k: PersistentContrastiveDivergence(100, k)
    for order in (1, 2, 3):
        phases[f"EMF {order}, living on"] = lambda order=order: emf(order, True)
    for order in (1, 2, 3):
        phases[f"EMF {order}, from the batch"] = lambda order=order: emf(order, False)
    return {name: phase for name, phase in phases.items() if arguments.only in name}


def machine(setting, seed):
    X, _, n_hidden, _, _, dtype = setting
    return RBM.initialise(X.shape[1], n_hidden, np.random.default_rng(seed), X, dtype=dtype)


def learn(setting, phase, seed, arguments):
    """Return the exact log-likelihood of the test rows, |W| and the CPU seconds of learning."""
    X, X_test, _, n_epochs, batch_size, _ = setting
    rbm = machine(setting, seed)
    schedule = linear_decay(arguments.rate, n_epochs * -(-len(X) // batch_size))
    start = time.process_time()
    train(rbm, X, phase, SGD(schedule, momentum=0.5, l1=arguments.l1, l2=arguments.l2), n_epochs,
          np.random.default_rng(seed), batch_size=batch_size)
    return exact.log_likelihood(rbm, X_test), np.linalg.norm(rbm.W), time.process_time() - start


def draw(results, arguments):
    figure, panels = plt.subplots(1, 2, figsize=(12, 5), layout="constrained", sharey=True)
    for axes, (problem, result) in zip(panels, results.items()):
        for place, (name, values) in enumerate(result.items()):
            colour = BLUE if "PCD" in name else ORANGE if "CD" in name else RED if "living" in name else GREEN
            axes.errorbar(values.mean(), place, xerr=values.std(ddof=1), fmt="o", color=colour, capsize=4, ms=7)
            axes.plot(values, np.full(len(values), place) + 0.2, "|", color=colour, ms=7, alpha=0.7)
        best = max((name for name in result if "EMF" in name), key=lambda name: result[name].mean(), default=None)
        shown = [name for name in ("PCD-1", "CD-1", best) if name in result]
        axes.axvline(result[shown[0]].mean(), color="black", lw=1, ls=":")
        axes.set(yticks=range(len(result)), yticklabels=list(result), xlabel="exact log-likelihood [nats/row]",
                 title=f"{problem}\n" + "; ".join(f"{name}: {result[name].mean():.1f}" for name in shown))
    panels[0].invert_yaxis()
    figure.supxlabel(f"mean ± standard deviation over {len(values)} seeds, each a tick; dotted: mean of {shown[0]}",
                     fontsize="medium")
    arguments.figure.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.figure, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
