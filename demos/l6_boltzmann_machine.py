"""The mean-field Boltzmann machine learns XOR and line symmetry without a backward pass; where its minima come from.

    python demos/l3_boltzmann_machine.py            about 25 seconds on one core
    python demos/l3_boltzmann_machine.py --quick    a few seconds

It prints two tables and saves one figure, figures/l3_boltzmann_machine.png (--figure PATH for another place)."""
import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife.descent.optimizers import SGD, linear_decay
from minife.data import line_symmetry, xor
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.landscape import BoltzmannMachine

PROBLEMS = {"XOR": (*xor(), 4), "line symmetry": (*line_symmetry(6), 12)}         # X, y, hidden units
SCHEDULES = {"quenched": (1, BLUE), "annealed": (5, ORANGE)}                      # n_temperatures, colour
TEMPERATURES = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2])  # over lambda_max
N_EPOCHS, EVERY = 100, 4


def main():
    arguments = parse_arguments()
    n_seeds, n_glasses, n_starts = (2, 3, 50) if arguments.quick else (20, 12, 100)
    print(f"{N_EPOCHS} epochs of all patterns, learning rate 0.5 falling to zero, momentum 0.9, T = 1, layers coupled "
          "with standard deviation 1\n")
    print("problem        units   phases        learned   epochs: median, most   right: quenched  annealed    lowest")
    seeds = range(arguments.seed, arguments.seed + n_seeds)
    curves = {(name, how): learning(name, how, seeds) for name in PROBLEMS for how in SCHEDULES}
    print("""
phases: quenched, sweeps at T from magnetisations 0; annealed, sweeps that cool down to T in 5 steps
learned: machines that answer every pattern right from some epoch on, with the phases they learned with
right: mean share of right answers after learning if the phases are quenched, if they are annealed, and if the answer
  whose clamped free energy is lowest counts
""")
    numbers = minima_by_temperature(n_glasses, n_starts)                          # (n_glasses, n_temperatures)
    print("T / lambda_max     " + "".join(f"{T:6.2f}" for T in TEMPERATURES))
    print("minima found, mean " + "".join(f"{n:6.1f}" for n in numbers.mean(axis=0)))
    draw(curves, numbers, arguments.figure)
    print(f"The figure is in {arguments.figure}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer seeds, spin glasses and starts")
    parser.add_argument("--seed", type=int, default=0, help="the first of the seeds")
    parser.add_argument("--figure", type=Path, default=Path("figures/l3_boltzmann_machine.png"))
    return parser.parse_args()


def learning(name, how, seeds):
    """Return the learning curves (n_seeds, n) of machines at different seeds, and print their line of the table."""
    X, y, n_hidden = PROBLEMS[name]
    curves, machines = zip(*[learn(X, y, n_hidden, SCHEDULES[how][0], seed) for seed in seeds])
    epochs = [n for n in map(epochs_needed, curves) if n is not None]
    right = [np.mean([(machine.predict(X, n_temperatures=n) == y).mean() for machine in machines])
             for n, _ in SCHEDULES.values()]
    right.append(np.mean([(lowest_answer(machine, X) == y).mean() for machine in machines]))
    needed = f"{np.median(epochs):.0f}, {max(epochs)}" if epochs else "none"
    print(f"{name:15}{f'{X.shape[1]}-{n_hidden}-1':8}{how:10}{f'{len(epochs)} of {len(seeds)}':>11}{needed:>23}"
          + f"{right[0]:>18.1%}{right[1]:>10.1%}{right[2]:>10.1%}", flush=True)
    return np.array(curves)


def learn(X, y, n_hidden, n_temperatures, seed):
    """Return the share of right answers after 0, EVERY, 2 EVERY, ... epochs, and the machine."""
    machine = BoltzmannMachine.initialise(X.shape[1], n_hidden, 1, np.random.default_rng(seed))
    optimizer, right = SGD(linear_decay(0.5, N_EPOCHS), momentum=0.9), []
    solver = {"n_temperatures": n_temperatures, "tol": 1e-3}
    for epoch in range(N_EPOCHS + 1):
        if epoch % EVERY == 0:
            right.append((machine.predict(X, **solver) == y).mean())
        if epoch < N_EPOCHS:
            optimizer.step(machine.parameters, machine.contrastive_gradient(X, y, **solver))
    return right, machine


def epochs_needed(right):
    """Return after how many epochs all answers are right for good, None if they never are."""
    wrong = np.flatnonzero(np.array(right) < 1)
    n = wrong[-1] + 1 if len(wrong) else 0
    return EVERY * n if n < len(right) else None


def lowest_answer(machine, X):
    """Return the answer (n,) whose free energy, with X and the answer clamped, is lower."""
    m = np.zeros((len(X), machine.n_units))
    m[:, machine.inputs], clamped, gamma = 2.0 * X - 1, machine.inputs | machine.outputs, []
    for spin in (-1, 1):
        m[:, machine.outputs] = spin
        gamma.append(machine.fixed_point(m, clamped).free_energy)
    return np.argmin(gamma, axis=0)


def minima_by_temperature(n_glasses, n_starts):
    """Return the numbers of minima that random starts find, of spin glasses with 16 spins and no field."""
    numbers = np.zeros((n_glasses, len(TEMPERATURES)), dtype=int)
    for glass in range(n_glasses):
        rng = np.random.default_rng(glass)
        J = np.triu(rng.standard_normal((16, 16)) / 4, 1)
        J += J.T
        starts = rng.uniform(-1, 1, (n_starts, 16))
        for k, T in enumerate(TEMPERATURES * np.linalg.eigvalsh(J)[-1]):
            state = BoltzmannMachine(J, np.zeros(16), 1 / T).fixed_point(starts, tol=1e-5, max_iter=5000)
            numbers[glass, k] = number_of_distinct(state.m)
    return numbers


def number_of_distinct(m, distance=0.01):
    n = 0
    while len(m):
        n, m = n + 1, m[np.abs(m - m[0]).max(axis=1) > distance]
    return n


def draw(curves, numbers, path):
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.4), layout="constrained")
    for panel, (name, (X, _, _)) in zip(axes, PROBLEMS.items()):
        learned = []
        for how, (_, colour) in SCHEDULES.items():
            rows = curves[name, how]
            epochs = EVERY * np.arange(rows.shape[1])
            panel.plot(epochs, rows.T, color=colour, alpha=0.15, linewidth=0.8)
            panel.plot(epochs, rows.mean(axis=0), color=colour, linewidth=2, label=f"{how}, mean of {len(rows)} seeds")
            learned.append(f"{(rows[:, -1] == 1).sum()} of {len(rows)}")
        panel.set(title=f"{name}, {len(X)} patterns: {learned[0]} learn quenched,\n{learned[1]} annealed",
                  xlabel="epoch", ylabel="share of right answers", ylim=(0.2, 1.03))
        panel.legend(loc="lower right")
    panel, most = axes[2], numbers[:, 0].mean()
    panel.plot(TEMPERATURES, numbers.T, color=GREEN, alpha=0.3, linewidth=0.8)
    panel.plot(TEMPERATURES, numbers.mean(axis=0), "o-", color=GREEN, linewidth=2, label=f"mean of {len(numbers)}")
    panel.axvline(1, color=RED, linestyle="--", label=r"$T=\lambda_{\max}$")
    panel.set(title=f"16 spins: {most:.0f} minima at $T=0.05\\,\\lambda_{{\\max}}(J)$,\n"
              r"one wherever $T>\lambda_{\max}(J)$",
              xlabel=r"$T/\lambda_{\max}(J)$", ylabel=r"minima of $\Gamma$ found", yscale="log")
    panel.set_yticks([1, 2, 5, 10, 20], [1, 2, 5, 10, 20])
    panel.minorticks_off()
    panel.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
