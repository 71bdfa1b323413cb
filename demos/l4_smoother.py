"""A smoother landscape: a cut of Gamma when hot and cold, its minima, a glass against a funnel.

    python demos/l4_smoother.py            about 5 seconds on one core
    python demos/l4_smoother.py --quick    2 seconds

16 spins in mean field (L8). The cut is a square with two of the states that no flip improves and
their mirror images at its corners. Temperatures are over lambda_max, the largest eigenvalue of J:
from there on there is one minimum (L9)."""
import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from common import demo_parser, save, with_deviation
from minife.landscape import (BoltzmannMachine, find_spin_minima, flip_stable_states,
                              random_couplings)
from minife.plots import BLUE, GREEN, ORANGE, RED

N = 16
CUTS = (2, 1, 0.5, 0.1)
TEMPERATURES = np.array([0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95, 1.05, 1.3, 2.0])
FUNNELS = np.array([0, 0.5, 1, 1.5, 2, 3, 4])
COLD = 0.1


def main():
    arguments = demo_parser(__doc__, quick="3 machines and 50 starts, not 12 and 200").parse_args()
    n_machines, n_starts = (3, 50) if arguments.quick else (12, 200)
    seeds = range(arguments.seed, arguments.seed + n_machines)
    numbers = np.array([[count(glass(seed), T, n_starts) for T in TEMPERATURES] for seed in seeds])
    cold = np.array([len(flip_stable_states(at(glass(seed), 1.0))) for seed in seeds])
    print(f"{n_machines} glasses of {N} spins, {n_starts} starts each")
    print("T / lambda_max      " + "".join(f"{T:7.2f}" for T in TEMPERATURES))
    print("minima found, mean  " + "".join(f"{n:7.1f}" for n in numbers.mean(axis=0)))
    right = (numbers == 1) == (TEMPERATURES >= 1)
    print(f"one minimum if and only if T >= lambda_max: in {right.sum()} of {right.size} cases")
    print(f"{numbers[:, 0].min()} to {numbers[:, 0].max()} minima found at T = {TEMPERATURES[0]} "
          f"lambda_max; by listing all 2^{N} states,\n{cold.min()} to {cold.max()} that no flip "
          f"improves, mean {cold.mean():.1f}")
    funnels = np.array([[funnel(strength, seed, n_starts) for seed in seeds]
                        for strength in FUNNELS])
    print(f"\na funnel added, at T = {COLD} lambda_max, mean ± standard deviation\n"
          f"{'strength':8}{'minima found':>18}{'share of starts that end in a lowest one':>46}")
    for strength, (number, share) in zip(FUNNELS, funnels.transpose(0, 2, 1)):
        print(f"{strength:8.1f}{with_deviation(number, '.1f'):>18}{with_deviation(share):>46}")
    print("strength: of the funnel over that of the glass")
    draw(numbers, funnels, arguments)


def glass(seed, strength=0.0):
    return random_couplings(N, np.random.default_rng(seed), strength)


def at(J, T):
    """Return the machine without fields at T, in units of lambda_max(J)."""
    return BoltzmannMachine(J, np.zeros(N), 1 / (T * np.linalg.eigvalsh(J)[-1]))


def settle(J, T, n_starts):
    starts = np.random.default_rng(0).uniform(-1, 1, (n_starts, N))
    return find_spin_minima(at(J, T), starts, tol=1e-5, max_iter=5000)


def count(J, T, n_starts):
    """Return the number of minima found."""
    return len(settle(J, T, n_starts).m)


def funnel(strength, seed, n_starts):
    """Return the number of cold minima, and the share of starts that end in a lowest one."""
    found = settle(glass(seed, strength), COLD, n_starts)
    lowest = found.free_energy < found.free_energy[0] + 1e-6
    return len(found.m), found.n_starts[lowest].sum() / n_starts


def draw(numbers, funnels, arguments):
    figure = plt.figure(figsize=(12, 7))
    grid = figure.add_gridspec(2, 12)
    cuts([figure.add_subplot(grid[0, 3 * k:3 * k + 3]) for k in range(4)], glass(arguments.seed))
    counts, glasses, shares = (figure.add_subplot(grid[1, 4 * k:4 * k + 4]) for k in range(3))
    counts.plot(TEMPERATURES, numbers.T, color=GREEN, alpha=0.3, linewidth=0.8, linestyle="-")
    counts.plot(TEMPERATURES, numbers.mean(axis=0), "o-", color=GREEN,
                label=f"mean of {len(numbers)} glasses")
    counts.axvline(1, color=RED, linestyle="--", label=r"$T=\lambda_\mathrm{max}$")
    right = ((numbers == 1) == (TEMPERATURES >= 1))
    counts.set(title="one minimum just where $T\\geq\\lambda_\\mathrm{max}$:\n"
                     f"in {right.sum()} of {right.size} cases",
               xlabel=r"$T/\lambda_\mathrm{max}$", ylabel="minima found", xscale="log",
               yscale="log")
    counts.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2], ["0.05", "0.1", "0.2", "0.5", "1", "2"])
    counts.set_yticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    counts.minorticks_off()
    counts.legend()
    labels = f"minima at $T={COLD}\\,\\lambda_\\mathrm{{max}}$", "share of starts in a lowest one"
    for panel, what, label in zip((glasses, shares), funnels.transpose(2, 0, 1), labels):
        panel.plot(FUNNELS, what, ".", color=ORANGE, alpha=0.5)
        panel.plot(FUNNELS, what.mean(axis=1), "s-", color=BLUE,
                   label=f"mean of {what.shape[1]} machines")
        panel.set(xlabel="strength, funnel over glass", ylabel=label)
        panel.set_ylim(0, None)
    first, last = funnels[0].mean(axis=0), funnels[-1].mean(axis=0)
    glasses.set_title(f"a glass has {first[0]:.1f} minima,\n"
                      f"a funnel of strength {FUNNELS[-1]:g} has {last[0]:.1f}")
    shares.set_title(f"starts that end in a lowest minimum:\n{first[1]:.0%} in a glass, "
                     f"{last[1]:.0%} in the funnel")
    glasses.legend()
    save(figure, arguments)


def cuts(panels, J):
    """Draw Gamma over a square whose corners are two cold states and their mirror images.

    m_i is u times the lowest state where both agree, w times it where they differ."""
    s = flip_stable_states(at(J, 1.0))
    energy = -((s @ J) * s).sum(axis=1) / 2
    first = s[energy.argmin()]
    far = abs(s @ first) < N / 2
    agree = first == s[far][energy[far].argmin()]
    u = np.linspace(-0.999, 0.999, 121)
    m = first * np.where(agree, u[:, None, None], u[None, :, None])            # (121, 121, N)
    for panel, T in zip(panels, CUTS):
        machine = at(J, T)
        gamma = machine.free_energy(m.reshape(-1, N)).reshape(m.shape[:2])
        edged = np.pad(gamma, 1, constant_values=np.inf)
        around = sliding_window_view(edged, (3, 3)).min(axis=(2, 3))
        wells = np.argwhere(gamma <= around)
        panel.contourf(u, u, gamma.T, 24, cmap="viridis")
        panel.plot(*u[wells].T, "o", color="white", markeredgecolor="black", markersize=5,
                   linestyle="", clip_on=False)
        panel.set(title=f"$T={T}\\,\\lambda_\\mathrm{{max}}$: {len(wells)} "
                        f"{'minimum' if len(wells) == 1 else 'minima'} in this cut",
                  xlabel="$m$ where two cold states agree", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    panels[0].set_ylabel("$m$ where they differ\n(dark: low $\\Gamma$)")


if __name__ == "__main__":
    main()
