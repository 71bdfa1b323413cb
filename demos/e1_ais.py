"""Annealed importance sampling against the exact log Z: how many temperatures, chains, which steps?

    python demos/e1_ais.py            three minutes on one core
    python demos/e1_ais.py --quick    a few seconds

A machine of 784 pixels and 20 hidden units learns the embedded digits by persistent contrastive
divergence. Its log Z can still be summed exactly (2^20 states of the hidden layer), and its states
can be sampled exactly, so that every claim about AIS can be checked: chains that are cooled from
independent pixels bound log Z from below in the mean, chains that start at exact samples and are
heated bound it from above, and the error bars say how far off each is (E3 to E6). Where valleys are
found by few chains, error bars are too small: the weights that matter have not been drawn. Chains
of Gibbs steps suffer from it much more than chains with the pixels summed out (E7, E8).

The figure, figures/e1_ais.png, shows collapsed chains, cooled and heated, against the number of
temperatures; the weights of all chains, whose two histograms cross at log Z (Crooks 1999); and
independent runs with their error bars, by both kinds of steps."""
import time

import numpy as np
from common import demo_parser, plt, save

from minife import RBM
from minife.data import load_digits
from minife.descent.optimizers import SGD, linear_decay
from minife.evaluation import annealed_importance_sampling, reverse_annealed_importance_sampling
from minife.plots import BLUE, ORANGE
from minife.rbm import exact
from minife.rbm.training import PersistentContrastiveDivergence, train

N_HIDDEN, BATCH_SIZE = 20, 50


def main():
    parser = demo_parser(__doc__, "fewer epochs, chains and temperatures")
    parser.add_argument("--chains", type=int, help="1000 if not given, or 100 with --quick")
    arguments = parser.parse_args()
    n_epochs, n_chains, n_runs = (3, 100, 5) if arguments.quick else (20, 1000, 20)
    n_chains = arguments.chains or n_chains
    temperatures = (10, 30, 100) if arguments.quick else (10, 30, 100, 300, 1000)
    rng = np.random.default_rng(arguments.seed)
    digits = load_digits()
    rbm = learn(digits, n_epochs, rng)
    log_z, rates = exact.log_partition_function(rbm), digits.X_train.mean(axis=0)
    v = exact.sample(rbm, n_chains, rng)
    print(f"784 x {N_HIDDEN} units after {n_epochs} epochs of PCD: exact log Z = {log_z:.3f}, "
          f"log p of test digits {exact.log_likelihood(rbm, digits.X_test):.1f} nats\n"
          f"{n_chains} chains with the pixels summed out: log Z, estimated - exact, in nats, "
          f"± its standard error\n\n{'temperatures':>12}{'cooled':>20}{'heated':>20}"
          f"{'bracket of mean log w':>26}{'effective chains':>18}")
    pairs = []
    for n in temperatures:
        cooled = annealed_importance_sampling(rbm, n_chains, n, rng, rates)
        heated = reverse_annealed_importance_sampling(rbm, v, n, rng, rates, exact_samples=True)
        pairs.append((cooled, heated))
        low, high = bracket(cooled, heated, log_z)
        print(f"{n:12}{cooled.log_z - log_z:12.3f} ± {cooled.standard_error:.3f}"
              f"{heated.log_z - log_z:12.3f} ± {heated.standard_error:.3f}"
              f"{f'{low:.2f} to {high:+.2f}':>26}{cooled.effective_sample_size:18.1f}")
    runs = compare_steps(rbm, log_z, rates, n_runs, n_chains, temperatures[-1], arguments.seed)
    save(draw(temperatures, pairs, runs, log_z), arguments)


def compare_steps(rbm, log_z, rates, n_runs, n_chains, n_temperatures, seed):
    """Print how far off runs are by Gibbs steps and by sweeps, and return this and their errors."""
    print(f"\n{n_runs} runs of {n_chains} chains and {n_temperatures} temperatures, cooled: "
          f"how far off log Z is\n\n{'':12}"
          f"{'within 3 errors':>17}{'farthest [errors]':>19}{'rms [nats]':>12}"
          f"{'effective chains':>19}{'CPU [s] a run':>15}")
    runs = {}
    for name, collapsed in (("Gibbs steps", False), ("collapsed", True)):
        begin = time.process_time()
        estimates = [annealed_importance_sampling(rbm, n_chains, n_temperatures,
                                                  np.random.default_rng([seed, k]), rates,
                                                  collapsed=collapsed) for k in range(n_runs)]
        seconds = (time.process_time() - begin) / n_runs
        off, errors, sizes = np.array([(run.log_z - log_z, run.standard_error,
                                        run.effective_sample_size) for run in estimates]).T
        runs[name] = off, errors
        print(f"{name:12}{covered(off, errors):>17}{np.abs(off / errors).max():19.1f}"
              f"{np.sqrt(np.mean(off**2)):12.3f}{f'{sizes.min():.1f} to {sizes.max():.1f}':>19}"
              f"{seconds:15.2f}")
    return runs


def learn(digits, n_epochs, rng):
    """Return a machine trained on the digits."""
    rbm = RBM.initialise(784, N_HIDDEN, rng, digits.X_train, dtype=np.float32)
    n_steps = n_epochs * len(digits.X_train) // BATCH_SIZE
    optimizer = SGD(linear_decay(0.1, n_steps), momentum=0.5)
    train(rbm, digits.X_train, PersistentContrastiveDivergence(n_chains=100), optimizer, n_epochs,
          rng, batch_size=BATCH_SIZE, label="PCD")
    return rbm


def bracket(cooled, heated, log_z):
    """Return the two bounds on log Z by the mean of log w, minus log Z  (E6)"""
    return (cooled.base_log_z + cooled.log_weights.mean() - log_z,
            heated.base_log_z - heated.log_weights.mean() - log_z)


def covered(off, errors):
    """Return in words how many runs are off by less than three of their errors."""
    return f"{np.sum(np.abs(off) < 3 * errors)} of {len(off)}"


def draw(temperatures, pairs, runs, log_z):
    figure, (course_axes, weight_axes, seed_axes) = plt.subplots(1, 3, figsize=(12, 4.6))
    draw_course(course_axes, temperatures, pairs, log_z)
    draw_weights(weight_axes, *pairs[-1], log_z, temperatures[-1])
    draw_runs(seed_axes, runs)
    return figure


def draw_course(axes, temperatures, pairs, log_z):
    """Draw the estimates of cooled and heated chains against the number of temperatures."""
    brackets = np.array([bracket(*pair, log_z) for pair in pairs])
    axes.fill_between(temperatures, *brackets.T, color="0.9", label="bracket of mean log w")
    for which, shift, marker, colour, name in ((0, 0.94, "o", BLUE, "cooled: low in the mean"),
                                               (1, 1.06, "s", ORANGE, "heated: high in the mean")):
        axes.errorbar(shift * np.array(temperatures), [pair[which].log_z - log_z for pair in pairs],
                      [pair[which].standard_error for pair in pairs], color=colour, marker=marker,
                      capsize=3, linestyle="none", label=name)
    axes.axhline(0, color="0.3", linewidth=1, linestyle=":", label="exact, 2^20 states")
    axes.set_xscale("log")
    axes.set(title=f"The bracket closes from {np.ptp(brackets[0]):.0f} to "
                   f"{np.ptp(brackets[-1]):.1f} nats",
             xlabel="number of temperatures", ylabel="estimate of log Z - exact [nats]")
    axes.set_yscale("symlog", linthresh=1)
    ticks = (-10, -1, 0, 1, 10, 100)
    axes.set(ylim=(-20, 400), yticks=ticks, yticklabels=ticks)
    axes.legend(loc="upper right")


def draw_weights(axes, cooled, heated, log_z, n_temperatures):
    """Draw the histograms of log w of cooled and heated chains, as estimates of log Z."""
    shifted = {"cooled": cooled.log_weights + cooled.base_log_z - log_z,
               "heated": heated.base_log_z - heated.log_weights - log_z}
    bins = np.linspace(*np.quantile(np.concatenate(list(shifted.values())), (0.002, 0.998)), 25)
    for (name, x), colour, filled in zip(shifted.items(), (BLUE, ORANGE), (True, False)):
        axes.hist(x, bins, color=colour, alpha=0.6 if filled else 1, linewidth=1.5,
                  histtype="stepfilled" if filled else "step",
                  label=f"{name}: mean {x.mean():+.2f}")
    axes.axvline(0, ymax=0.7, color="0.3", linewidth=1, linestyle=":", label="exact log Z")
    low, high = -shifted["cooled"].mean(), shifted["heated"].mean()
    axes.set(title=f"{n_temperatures} temperatures: a cooled chain is\n{low:.2f} nats low in the "
                   f"mean, a heated one {high:.2f} high",
             xlabel="log Z by one chain - exact [nats]", ylabel="chains per bin")
    axes.set_ylim(0, 1.4 * axes.get_ylim()[1])
    axes.legend(loc="upper left")


def draw_runs(axes, runs):
    """Draw independent runs with their error bars, by both kinds of steps."""
    for (name, (off, errors)), shift, colour, marker in zip(runs.items(), (-0.15, 0.15),
                                                            (ORANGE, BLUE), ("s", "o")):
        axes.errorbar(np.arange(len(off)) + 1 + shift, off, errors, color=colour, marker=marker,
                      capsize=2, linestyle="none",
                      label=f"{name}: {covered(off, errors)} within 3 errors")
    axes.axhline(0, color="0.3", linewidth=1, linestyle=":")
    axes.xaxis.get_major_locator().set_params(integer=True)
    spread = {name: np.sqrt(np.mean(off**2)) for name, (off, _) in runs.items()}
    axes.set(title=f"Collapsed chains are off by {spread['collapsed']:.2f} nats (rms),\n"
                   f"Gibbs steps by {spread['Gibbs steps']:.2f}",
             xlabel="run, with one standard error", ylabel="estimate of log Z - exact [nats]")
    low, high = axes.get_ylim()
    axes.set_ylim(top=high + 0.3 * (high - low))
    axes.legend(loc="upper left")


if __name__ == "__main__":
    main()
