"""Cooling a machine: how many minima Gamma has at orders 1 and 2, and which one annealing ends in.

    python demos/l5_annealing.py            about 5 seconds on one core
    python demos/l5_annealing.py --quick    a second

Minima from random starts, weighed by (L7). Order 1 has one minimum where beta sigma_max(W) < 4,
order 2 below 2.93. It prints one table and draws one figure."""
import matplotlib.pyplot as plt
import numpy as np

from common import demo_parser, save
from minife import RBM
from minife.landscape import annealing_path, at_temperature, find_minima
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm import exact

N_VISIBLE, N_HIDDEN = 14, 12
LOOK = {1: (BLUE, "o"), 2: (GREEN, "s")}
ONE_MINIMUM = {1: 4.0, 2: np.sqrt(48) - 4}                            # below this beta sigma_max(W)


def main():
    arguments = demo_parser(__doc__, quick="fewer temperatures and starts").parse_args()
    n_temperatures, n_starts = (12, 40) if arguments.quick else (40, 300)
    rng = np.random.default_rng(arguments.seed)
    rbm = random_machine(rng)
    coupling = np.linalg.norm(rbm.W, ord=2)
    temperatures = np.geomspace(coupling / 2, coupling / 60, n_temperatures)
    truth = np.array([-T * exact.log_partition_function(at_temperature(rbm, T))
                      for T in temperatures])
    found = {order: [find_minima(at_temperature(rbm, T), order, n_starts, rng, max_iter=5000,
                                 merge=1e-3) for T in temperatures] for order in LOOK}
    coldest = at_temperature(rbm, temperatures[-1])
    paths = {order: annealing_path(coldest, order, n_temperatures, max_iter=5000)
             for order in LOOK}
    print(f"{N_VISIBLE} x {N_HIDDEN} units, sigma_max(W) = {coupling:.2f}, seed {arguments.seed}; "
          f"{n_starts} random starts at each of {n_temperatures} temperatures\n"
          "F = -T log Z; Gamma of the lowest minimum found, and where annealing ends [energy]\n")
    print_table(temperatures, truth, found, paths)
    draw(temperatures, truth, coupling, found, paths, arguments)


def random_machine(rng):
    """Return random couplings with biases that favour neither 0 nor 1, up to small fields."""
    W = rng.standard_normal((N_VISIBLE, N_HIDDEN))
    return RBM(W, -W.sum(axis=1) / 2 + 0.05 * rng.standard_normal(N_VISIBLE),
               -W.sum(axis=0) / 2 + 0.05 * rng.standard_normal(N_HIDDEN))


def lowest_minimum(minima):
    """Return the free energy of the lowest minimum found."""
    return minima.free_energy[minima.is_minimum].min(initial=np.inf)


def print_table(temperatures, truth, found, paths):
    heads = [f"{f'order {order}: minima':>19}{'lowest':>9}{'annealed':>10}" for order in LOOK]
    print(f"{'T':>6}{'exact F':>10}" + "".join(heads))
    for k in range(0, len(temperatures), max(1, len(temperatures) // 10)):
        line = f"{temperatures[k]:6.3f}{truth[k]:10.3f}"
        for order in LOOK:
            minima, annealed = found[order][k], paths[order][k][1].free_energy[0]
            line += f"{minima.is_minimum.sum():19d}{lowest_minimum(minima):9.3f}{annealed:10.3f}"
        print(line)


def draw(temperatures, truth, coupling, found, paths, arguments):
    figure, (counts, energies, errors) = plt.subplots(1, 3, figsize=(12, 4.4))
    for order, (colour, mark) in LOOK.items():
        number = [minima.is_minimum.sum() for minima in found[order]]
        counts.plot(temperatures, number, marker=mark, ms=3, color=colour, label=f"order {order}")
        edge = ONE_MINIMUM[order]
        counts.axvline(coupling / edge, color=colour, linestyle="--" if order == 1 else ":",
                       label=rf"$\beta\sigma_\mathrm{{max}}(W)={edge:.3g}$")
    most = {order: max(minima.is_minimum.sum() for minima in found[order]) for order in LOOK}
    counts.set(title=f"cooling splits one minimum into {most[1]} at order 1,\n"
                     f"at order 2 into {most[2]} at most", ylabel="distinct minima found",
               yscale="log")
    counts.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])

    for k, minima in enumerate(found[1]):
        levels = minima.free_energy[minima.is_minimum]
        energies.plot(np.full(len(levels), temperatures[k]), levels - truth[k], ".", ms=4,
                      color=ORANGE, label="minima from random starts" if k == 0 else None)
    annealed = np.array([state.free_energy[0] for _, state in paths[1]])
    lowest = np.array([lowest_minimum(minima) for minima in found[1]])
    energies.plot(temperatures, annealed - truth, color=RED, linestyle="-", label="annealed")
    n_right = (annealed <= lowest + 1e-6).sum()
    energies.set(title="annealing at order 1 ends in the lowest\n"
                       f"minimum at {n_right} of {len(temperatures)} temperatures",
                 ylabel=r"$\Gamma_1^*-F$  [energy]")

    for (order, (colour, _)), (dashed, line) in zip(LOOK.items(), (("--", "-"), (":", "-."))):
        one = np.array([lowest_minimum(minima) for minima in found[order]])
        together = np.array([-T * minima.log_partition_function
                             for T, minima in zip(temperatures, found[order])])
        errors.plot(temperatures, np.abs(one - truth) / temperatures, dashed, color=colour,
                    label=f"order {order}, lowest minimum")
        errors.plot(temperatures, np.abs(together - truth) / temperatures, line, color=colour,
                    label=f"order {order}, all minima")
    hot, cold = (abs(lowest_minimum(found[2][k]) - truth[k]) / temperatures[k] for k in (0, -1))
    means = found[2][-1].m_v[0]
    errors.set(title=f"order 2 errs by {hot:.2g} nats hot, by {cold:.0f} cold:\n"
                     f"a lowest minimum with means {means.min():.2f} to {means.max():.2f}",
               yscale="log", ylabel=r"error of $\log Z$  [nats]")
    for panel in (counts, energies, errors):
        panel.set(xscale="log", xlabel="temperature T")
        panel.set_xticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
        panel.minorticks_off()
        panel.legend(fontsize="small")
    save(figure, arguments)


if __name__ == "__main__":
    main()
