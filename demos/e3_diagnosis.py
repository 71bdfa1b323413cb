"""Why is this RBM bad? Seven machines that learned digits, six of them with a fault, and what
diagnose says.

    python demos/e3_diagnosis.py                 about two minutes on one core
    python demos/e3_diagnosis.py --quick         twelve seconds: fewer rows, epochs and Gibbs steps
    python demos/e3_diagnosis.py --only cold     the report of one machine (part of a name)
    python demos/e3_diagnosis.py --healthy 1000  two minutes: alarms of machines without a fault

Every machine has 25 hidden units and learns by persistent chains, ten Gibbs steps per update,
unless its name says otherwise. Each report tells how fast chains forget (E9, E10), whether they
agree (E11), whether the moments of chains and data differ (R9, E12), which filters are twins (E13),
and more. A healthy machine has random weights, and its rows are exact samples of itself, so that an
alarm which rests on random numbers is a false one.

It prints each report and saves one figure, figures/e3_diagnosis.png: a table of all machines and
findings, with the number that each finding turns on."""
import time
from collections import Counter

import numpy as np
from common import demo_parser, plt, save

from minife import RBM, diagnose
from minife.data import load_digits
from minife.descent.optimizers import SGD, linear_decay
from minife.plots import ORANGE
from minife.rbm import exact
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
    if arguments.healthy:
        return count_false_alarms(arguments)
    digits, reports = load_digits(), {}
    for name, fault in MACHINES.items():
        if arguments.only in name:
            start = time.perf_counter()
            rbm, X = learn(digits.X_train, arguments, **fault)
            learned = time.perf_counter()
            reports[name] = diagnose(rbm, X, digits.X_test, n_steps=arguments.steps,
                                     rng=np.random.default_rng(arguments.seed))
            seen = time.perf_counter()
            print(f"{name} ({learned - start:.1f} s to learn, {seen - learned:.1f} s to diagnose)\n"
                  f"{reports[name]}\n", flush=True)
    save(draw(reports), arguments)


def parse_arguments():
    parser = demo_parser(__doc__, "2000 rows, half the epochs, 2000 Gibbs steps")
    parser.add_argument("--only", default="", metavar="NAME",
                        help="machines with this in their names")
    parser.add_argument("--steps", type=int, help="Gibbs steps of the diagnosis; 8000 if not given")
    parser.add_argument("--healthy", type=int, metavar="N",
                        help="diagnose N random machines of 20 x 10 units, and count the alarms")
    arguments = parser.parse_args()
    arguments.steps = arguments.steps or (2000 if arguments.quick else 8000)
    if not any(arguments.only in name for name in MACHINES):
        parser.error(f"--only must be part of one of these names: {', '.join(MACHINES)}")
    return arguments


def learn(X, arguments, rate=0.1, scale=0.01, decay=0.03, phase=None, n_rows=4000, n_epochs=20,
          beta=1.0):
    """Return a machine that has learned, and its training rows; the arguments by name are its
    possible faults."""
    rng = np.random.default_rng(arguments.seed)
    X = rng.permutation(X)[:min(n_rows, 2000) if arguments.quick else n_rows]
    n_epochs = n_epochs // 2 if arguments.quick else n_epochs
    rbm = RBM.initialise(784, 25, rng, X, dtype=np.float32)
    rbm.W *= scale / 0.01
    optimizer = SGD(linear_decay(rate, n_epochs * -(-len(X) // 50)), momentum=0.5, l2=decay)
    phase = phase or PersistentContrastiveDivergence(100, 10)
    train(rbm, X, phase, optimizer, n_epochs, rng, batch_size=50)
    return RBM(**rbm.parameters, beta=beta), X


def count_false_alarms(arguments):
    """Print how many of N random machines have each alarm, with exact samples for their rows."""
    counts = Counter()
    for seed in range(arguments.seed, arguments.seed + arguments.healthy):
        rng = np.random.default_rng(seed)
        rbm = RBM(0.5 * rng.standard_normal((20, 10)), 0.5 * rng.standard_normal(20),
                  0.5 * rng.standard_normal(10), beta=1.3)
        X, X_other = exact.sample(rbm, 1000, rng), exact.sample(rbm, 1000, rng)
        report = diagnose(rbm, X, X_other, rng=rng)
        counts.update(report.alarms)
    print(f"{arguments.healthy} random machines, their rows exact samples; how many have an alarm")
    for finding in report.findings:
        print(f"{finding.name:20}{counts[finding.name]:6}")


def numbers(report):
    """Return the number that each finding turns on, in a few signs."""
    idle, still, alike, chains, starts, means, settled, coupling, gap = (
        finding.numbers for finding in report.findings)
    tau = f"τ = {chains['tau']:.0f} steps" if np.isfinite(chains["tau"]) else "τ not seen"
    return [f"{sum(map(len, idle.values()))} idle", f"{len(still['saturated'])} saturated",
            f"{len(alike['pairs'])} pairs", f"R = {chains['scale reduction']:.2f}\n{tau}",
            f"z = {abs(starts['score']):.1f}",
            f"rms {means['rms']:.3f}\nmax {means['largest']:.2f}",
            f"{settled['stuck']} of {settled['starts']}\ndo not settle",
            f"ρ(P) = {coupling['rho']:.2f}",
            f"gap {gap['gap']:.1f}\n± {gap['standard error']:.1f} nats"]


def draw(reports):
    names = [finding.name for finding in next(iter(reports.values())).findings]
    figure, axes = plt.subplots(figsize=(12, 1.6 + 0.75 * len(reports)))
    for row, report in enumerate(reports.values()):
        for column, (finding, text) in enumerate(zip(report.findings, numbers(report))):
            colour, weight = (ORANGE, "bold") if finding.alarm else ("0.93", "normal")
            axes.add_patch(plt.Rectangle((column, row), 0.96, 0.94, color=colour))
            axes.text(column + 0.48, row + 0.47, text, ha="center", va="center", fontsize=9,
                      weight=weight)
    axes.set(xlim=(0, len(names)), ylim=(len(reports), 0),
             xticks=np.arange(len(names)) + 0.48, xticklabels=names,
             yticks=np.arange(len(reports)) + 0.47, yticklabels=list(reports))
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title(title(reports), pad=12)
    return figure


def title(reports):
    """Return how many alarms the machines have, and those of the careful one by name."""
    n = {name: len(report.alarms) for name, report in reports.items()}
    words = (f"{sum(n.values())} alarms (orange, bold) of {len(n)} machine{'s' * (len(n) > 1)} "
             "that learned digits")
    if "careful" in n:
        words += f"; of the careful one: {', '.join(reports['careful'].alarms) or 'none'}"
    return words


if __name__ == "__main__":
    main()
