"""Cooling a machine: how many minima the mean-field and TAP free energies have, and which one annealing ends in.

    python demos/l2_annealing.py            about 5 seconds on one core
    python demos/l2_annealing.py --quick    a few seconds

It prints one table and saves one figure, figures/l2_annealing.png (--figure PATH for another place)."""
import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM, landscape, tap
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm import exact

N_VISIBLE, N_HIDDEN = 14, 12
COLOURS = {1: BLUE, 2: GREEN}


def main():
    arguments = parse_arguments()
    n_temperatures, n_starts = (12, 40) if arguments.quick else (40, 300)
    rng = np.random.default_rng(arguments.seed)
    rbm = machine(rng)
    coupling = np.linalg.norm(rbm.W, ord=2)
    temperatures = np.geomspace(coupling / 2, coupling / 60, n_temperatures)     # y = 2 is where annealing starts
    truth = np.array([-T * exact.log_partition_function(at(rbm, T)) for T in temperatures])
    found = {order: [landscape.find_minima(at(rbm, T), order, n_starts, rng, max_iter=5000, merge=1e-3) for T in temperatures]
             for order in COLOURS}
    paths = {order: landscape.annealing_path(at(rbm, temperatures[-1]), order, n_temperatures, max_iter=5000)
             for order in COLOURS}
    print(f"{N_VISIBLE} x {N_HIDDEN} units, largest singular value of W {coupling:.2f}, {n_starts} random starts at "
          f"each of {n_temperatures} temperatures, seed {arguments.seed}")
    print_table(temperatures, truth, found, paths)
    draw(temperatures, truth, coupling, found, paths, arguments.figure)
    print(f"The figure is in {arguments.figure}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer temperatures and starts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, default=Path("figures/l2_annealing.png"))
    return parser.parse_args()


def machine(rng):
    """Return random couplings with biases that favour neither 0 nor 1, up to small random fields."""
    W = rng.standard_normal((N_VISIBLE, N_HIDDEN))
    return RBM(W, -W.sum(axis=1) / 2 + 0.05 * rng.standard_normal(N_VISIBLE),
               -W.sum(axis=0) / 2 + 0.05 * rng.standard_normal(N_HIDDEN))


def at(rbm, temperature):
    return RBM(rbm.W, rbm.a, rbm.b, 1 / temperature)


def lowest_minimum(states):
    """Return the free energy of the lowest minimum found."""
    return states.free_energy[states.is_minimum].min(initial=np.inf)


def print_table(temperatures, truth, found, paths):
    print("{:>8}{:>12}".format("T", "exact F") + "".join(f"{f'order {order}: minima':>20}{'lowest':>10}{'annealed':>10}"
                                                       for order in COLOURS))
    for k in range(0, len(temperatures), max(1, len(temperatures) // 10)):
        line = f"{temperatures[k]:8.3f}{truth[k]:12.4f}"
        for order in COLOURS:
            states = found[order][k]
            line += f"{states.is_minimum.sum():20d}{lowest_minimum(states):10.4f}"
            line += f"{paths[order][k][1].free_energy[0]:10.4f}"
        print(line)


def draw(temperatures, truth, coupling, found, paths, path):
    figure, (count_axes, energy_axes, error_axes) = plt.subplots(1, 3, figsize=(14.5, 4.6), layout="constrained")
    for order, colour in COLOURS.items():
        counts = [states.is_minimum.sum() for states in found[order]]
        count_axes.plot(temperatures, counts, marker="o", ms=3, color=colour, label=f"order {order}")
        edge = {1: 4, 2: np.sqrt(48) - 4}[order]
        count_axes.axvline(coupling / edge, color=colour, ls=":",
                           label=rf"$\beta\sigma_\mathrm{{max}}(W)={edge:.3g}$: only one to its right")
    most = {order: max(states.is_minimum.sum() for states in found[order]) for order in COLOURS}
    count_axes.set(title=f"Cooling splits one minimum into {most[1]} at order 1,\nat order 2 into {most[2]} at most",
                   xscale="log", yscale="log", xlabel="temperature T", ylabel="distinct minima found")
    count_axes.legend(fontsize=8, loc="upper right")

    for k, states in enumerate(found[1]):
        levels = states.free_energy[states.is_minimum]
        energy_axes.plot(np.full(len(levels), temperatures[k]), levels - truth[k], ".", ms=4, color=ORANGE,
                         label="minima from random starts" if k == 0 else None)
    annealed = np.array([state.free_energy[0] for _, state in paths[1]])
    lowest = np.array([lowest_minimum(states) for states in found[1]])
    energy_axes.plot(temperatures, annealed - truth, color=RED, label="annealed")
    missed = (annealed > lowest + 1e-6).sum()
    energy_axes.set(title="Annealing at order 1 finds the lowest minimum\n"
                    f"at {len(temperatures) - missed} of {len(temperatures)} temperatures", xscale="log",
                    xlabel="temperature T", ylabel=r"$\Gamma_1^*-F$  [energy]")
    energy_axes.legend(fontsize=8)

    for order, colour in COLOURS.items():
        one = np.array([lowest_minimum(states) for states in found[order]])
        together = np.array([-T * states.log_partition_function for T, states in zip(temperatures, found[order])])
        error_axes.plot(temperatures, np.abs(one - truth) / temperatures, "--", color=colour,
                        label=f"order {order}, lowest minimum")
        error_axes.plot(temperatures, np.abs(together - truth) / temperatures, color=colour,
                        label=f"order {order}, all minima")
    hot, cold = (abs(lowest_minimum(found[2][k]) - truth[k]) / temperatures[k] for k in (0, -1))
    means = found[2][-1].m_v[0]
    error_axes.set(title=f"Order 2 errs by {hot:.2g} nats, when cold by {cold:.0f}:\n"
                   f"its lowest minimum there has means {means.min():.2f} to {means.max():.2f}",
                   xscale="log", yscale="log",
                   xlabel="temperature T", ylabel=r"error of $\log Z$  [nats]")
    error_axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
