"""T6: when is EMF worth using? Exact likelihoods of machines taught by CD, PCD and EMF  (T15)

    python demos/t6_when_emf.py            4 to 5 minutes on one core
    python demos/t6_when_emf.py --quick    10 seconds
    python demos/t6_when_emf.py --rate 0.2 --sweeps 10 --solver block --l2 0.001    other settings

All methods make the same number of steps on the same batches: bars and stripes of side 3 with 8
hidden units, and digits with 16, few enough to sum over their states. EMF starts its magnetisations
at the batch, as CD does, or lets 100 rows of them live on from step to step, as PCD does. EMF makes
3 sweeps a step; so there are CD-3 and PCD-3 beside CD-1 and PCD-1."""
import time

import numpy as np
from common import BLUE, GREEN, ORANGE, RED, demo_parser, plt, save

from minife import RBM, tap
from minife.data import bars_and_stripes, load_digits
from minife.descent.optimizers import SGD, linear_decay
from minife.rbm import exact
from minife.rbm.training import ContrastiveDivergence, PersistentContrastiveDivergence, train

STYLES = {"PCD": (BLUE, "o"), "CD": (ORANGE, "s"), "persistent": (RED, "X"), "batch": (GREEN, "^")}


def main():
    arguments = parse_arguments()
    shapes, digits = bars_and_stripes(3), load_digits()
    problems = {
        "bars and stripes, 9 x 8, 1500 epochs": (shapes, shapes, 8, 1500, 7, np.float64),
        f"digits, 784 x 16, {arguments.epochs} epochs":
            (digits.X_train, digits.X_test, 16, arguments.epochs, 50, np.float32)}
    if arguments.quick:
        del problems[list(problems)[1]]
    n_seeds = 2 if arguments.quick else 5
    print(f"rate {arguments.rate} falling to 0, momentum 0.5, l1 {arguments.l1:g}, l2 "
          f"{arguments.l2:g}; EMF: {arguments.sweeps} {arguments.solver} sweeps a step\n"
          f"mean ± standard deviation of {n_seeds} seeds")
    results = {}
    for problem, setting in problems.items():
        start = exact.log_likelihood(machine(setting, arguments.seed), setting[1])
        best = f", the best possible {-np.log(14):.2f}" if setting[1] is shapes else ""
        print(f"\n{problem}: at the start {start:.2f}{best}")
        print(f"{'':22}{'log-likelihood [nats/row]':>26}{'|W|':>10}{'CPU [s]':>10}")
        results[problem] = {}
        for name, phase in methods(arguments).items():
            runs = np.array([learn(setting, phase(), arguments.seed + k, arguments)
                             for k in range(n_seeds)])
            results[problem][name] = runs[:, 0]
            print(f"{name:22}{runs[:, 0].mean():18.2f} ± {runs[:, 0].std(ddof=1):5.2f}"
                  f"{runs[:, 1].mean():10.1f}{runs[:, 2].mean():10.1f}", flush=True)
    draw(results, arguments)


def parse_arguments():
    parser = demo_parser(__doc__, "2 seeds, and bars and stripes alone")
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate at the start")
    parser.add_argument("--sweeps", type=int, default=3, help="sweeps of EMF per step")
    parser.add_argument("--solver", default="damped",
                        help="method of the sweeps; block has no order 3, which then stays damped")
    parser.add_argument("--epochs", type=int, default=10, help="on the digits")
    parser.add_argument("--only", default="", help="only methods with this in their names")
    parser.add_argument("--l1", type=float, default=0.0, help="decay of the weights' sizes")
    parser.add_argument("--l2", type=float, default=0.0, help="decay of their squares")
    return parser.parse_args()


def methods(arguments):
    """Return the functions that make the negative phases, by name."""
    def emf(order, persistent):
        method = "damped" if order == 3 else arguments.solver
        return tap.ExtendedMeanField(order, arguments.sweeps, method=method, persistent=persistent)

    phases = {}
    for k in sorted({1, arguments.sweeps}):
        phases[f"CD-{k}"] = lambda k=k: ContrastiveDivergence(k)
        phases[f"PCD-{k}"] = lambda k=k: PersistentContrastiveDivergence(100, k)
    for name, persistent in {"persistent": True, "from the batch": False}.items():
        for order in (1, 2, 3):
            phases[f"EMF {order}, {name}"] = lambda k=order, p=persistent: emf(k, p)
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
    figure, panels = plt.subplots(1, len(results), figsize=(6 * len(results), 5), sharey=True,
                                  squeeze=False)
    for axes, (problem, result) in zip(panels[0], results.items(), strict=True):
        for place, (name, values) in enumerate(result.items()):
            colour, marker = next(style for key, style in STYLES.items() if key in name)
            axes.errorbar(values.mean(), place, xerr=values.std(ddof=1), fmt=marker, color=colour,
                          capsize=4, ms=7)
            axes.plot(values, np.full(len(values), place) + 0.25, "|", color=colour, ms=7)
        wanted = [f"PCD-{arguments.sweeps}", "CD-1", "EMF 2, from the batch"]
        shown = [name for name in wanted if name in result] or list(result)[:1]
        axes.axvline(result[shown[0]].mean(), color="black", lw=1, ls=":")
        axes.set(yticks=range(len(result)), yticklabels=list(result),
                 xlabel="exact log-likelihood [nats/row]", title=f"{problem}\n" + "; ".join(
                     f"{name}: {result[name].mean():.1f}" for name in shown))
        axes.xaxis.set_major_locator(plt.MaxNLocator(7))
    panels[0, 0].invert_yaxis()
    figure.supxlabel(f"mean ± standard deviation over {len(values)} seeds (ticks); dotted: "
                     f"{shown[0]}", fontsize="medium")
    save(figure, arguments)


if __name__ == "__main__":
    main()
