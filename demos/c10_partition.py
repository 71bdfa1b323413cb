"""How good is EMF's partition function? TAP of orders 1 to 3 and AIS against the exact log Z, all
along training.

    python demos/c10_partition.py            about a minute on one core
    python demos/c10_partition.py --quick    two seconds

Two RBMs learn the digits by PCD, one of 784 x 16 units, whose log Z is exact (R6), and one of 784 x
500, where annealed importance sampling (E4) is the yardstick. At points of training the script
prints the error of log Z by the TAP free energy (T8): its lowest fixed point, -beta Gamma*, from
100 digits and 100 random starts, and log of the sum of e^(-beta Gamma) over all fixed points found;
and that of AIS with 100 chains. It saves figures/c10_partition.png."""
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from common import demo_parser, save

from minife import RBM, tap
from minife.data import load_digits
from minife.descent import SGD
from minife.evaluation import annealed_importance_sampling
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm import exact
from minife.rbm.training import PersistentContrastiveDivergence, train
from minife.tap.solvers import distinct, lowest

ORDERS = (1, 2, 3)
LOOKS = {"TAP order 1": (ORANGE, "--", "s"), "TAP order 2": (BLUE, "-", "o"),
         "TAP order 3": (GREEN, "-.", "^"),
         "AIS": (RED, ":", "D")}


def main():
    arguments = demo_parser(__doc__,
                            "fewer digits, epochs, temperatures and units").parse_args()
    warnings.simplefilter("ignore",
                          tap.NotConvergedWarning)  # rows that are not there count for nothing
    digits, courses = load_digits(), {}
    settings = ((8, (0, 1, 2), 100, 300), (30, (0, 1, 2), 20, 300)) if arguments.quick else (
        (16, (0, 1, 2, 5, 10, 20, 40), 100, 1000), (500, (0, 1, 2, 5, 10, 20), 20, 1000))
    for n_hidden, epochs, n_starts, n_temperatures in settings:
        X = digits.X_train[:500] if arguments.quick else digits.X_train
        courses[n_hidden] = course(n_hidden, epochs, n_starts, n_temperatures, X, arguments.seed,
                                   len(courses) == 0)
    print("AIS: ± its standard error")
    save(draw(courses), arguments)


def course(n_hidden, epochs, n_starts, n_temperatures, X, seed, is_exact):
    """Return the rows of a table along PCD training: epoch, log Z and the errors of each
    estimate."""
    rng = np.random.default_rng(seed)
    rbm = RBM.initialise(784, n_hidden, rng, X, dtype=np.float32)
    phase, rows = PersistentContrastiveDivergence(n_chains=100), []
    yardstick = "exact log Z" if is_exact else "log Z by AIS"
    print(f"RBM 784 x {n_hidden}, PCD on {len(X)} digits, seed {seed}; errors in nats against "
          f"{yardstick}\n"
          f"{'':19}{'TAP, lowest fixed point':>27}{'all fixed points':>19}{'':15}{'CPU [s]':>14}\n"
          f"{'epoch':>5}{yardstick:>14}{'order 1':>9}{'order 2':>9}{'order 3':>9}"
          f"{'order 2':>9}{'how many':>10}{'AIS':>15}{'order 2':>9}{'AIS':>5}")
    for before, epoch in zip((0, *epochs), epochs):
        if epoch > before:
            train(rbm, X, phase, SGD(0.05), epoch - before, rng, batch_size=50)
        double = rbm.double()
        ais, ais_seconds = timed(lambda: annealed_importance_sampling(
            double, 100, n_temperatures, np.random.default_rng(seed), X.mean(axis=0),
            collapsed=False))
        log_z = exact.log_partition_function(double) if is_exact else ais.log_z
        starts = np.vstack([X[:n_starts], np.random.default_rng(seed).random((n_starts, 784))])
        values, counts, seconds = {}, {}, {}
        for order in ORDERS:
            found, seconds[order] = timed(lambda: tap.fixed_point(double, order, m_v=starts,
                                                                  tol=1e-6, max_iter=300))
            energies = found.free_energy[distinct(found, 1e-2)[0]]
            values[order] = -found.free_energy[lowest(found)] - log_z
            total = np.logaddexp.reduce(-energies) if len(energies) else np.nan
            counts[order] = total - log_z, len(energies)
        rows.append((epoch, log_z, *(values[order] for order in ORDERS), ais.log_z - log_z,
                     ais.standard_error))
        every, n_states = counts[2]
        shown = f"± {ais.standard_error:.2f}"
        if is_exact:
            shown = f"{ais.log_z - log_z:.2f} {shown}"
        print(f"{epoch:5}{log_z:14.2f}" + "".join(f"{values[order]:9.2f}" for order in ORDERS)
              + f"{every:9.2f}{n_states:10}{shown:>15}{seconds[2]:9.1f}{ais_seconds:5.1f}",
              flush=True)
    print()
    return np.array(rows)


def timed(f):
    """Return f() and the CPU seconds that it took."""
    begin = time.process_time()
    return f(), time.process_time() - begin


def draw(courses):
    """Return the figure: the size of the errors of log Z along training, one panel for each
    machine."""
    figure, panels = plt.subplots(1, 2, figsize=(12, 4.6))
    for axes, (n_hidden, rows) in zip(panels, courses.items()):
        is_exact = axes is panels[0]
        for name, column in (("TAP order 1", 2), ("TAP order 2", 3), ("TAP order 3", 4),
                             ("AIS", 5)):
            colour, style, marker = LOOKS[name]
            errors = np.abs(rows[:, column]) if is_exact or name != "AIS" else rows[:, 6]
            label = name if is_exact or name != "AIS" else "AIS, its standard error"
            axes.plot(rows[:, 0], errors, color=colour, linestyle=style, marker=marker,
                      markersize=4, label=label)
        order_2, annealing = np.abs(rows[-1, [3, 5]])
        axes.set(yscale="log", xlabel="epoch of PCD", ylabel="|error of log Z| [nats]",
                 title=f"784 x {n_hidden}: order 2 is off by {order_2:.1f} nats at the end,\nAIS "
                       + (f"by {annealing:.2f} (against the exact sum)" if is_exact
                          else f"is the yardstick, to ± {rows[-1, 6]:.2f}"))
        axes.set_ylim(top=20 * axes.get_ylim()[1])                      # room for the legend
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize="small")
    return figure


if __name__ == "__main__":
    main()
