"""The mean-field Boltzmann machine learns XOR and line symmetry without a backward pass (L20).

    python demos/l6_boltzmann_machine.py            about 10 seconds on one core: 10 seeds
    python demos/l6_boltzmann_machine.py --quick    2 seconds: 2 seeds
    python demos/l6_boltzmann_machine.py --seeds 20    the table of the chapter

100 epochs of all patterns, learning rate 1/2 falling to zero, momentum 0.9, T = 1. It prints one
table and draws one figure."""
import matplotlib.pyplot as plt
import numpy as np

from common import demo_parser, name_seeds, save
from minife.data import line_symmetry, xor
from minife.descent import SGD
from minife.descent.optimizers import linear_decay
from minife.landscape import BoltzmannMachine
from minife.plots import BLUE, ORANGE

PROBLEMS = {"XOR": (*xor(), 4), "line symmetry": (*line_symmetry(6), 12)}     # X, y, hidden units
SCHEDULES = {"quenched": (1, BLUE, "-"), "annealed": (5, ORANGE, "--")}       # n_temperatures, look
N_EPOCHS, EVERY = 100, 4


def main():
    parser = demo_parser(__doc__, quick="2 seeds")
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    arguments = parser.parse_args()
    n_seeds = 2 if arguments.quick else arguments.seeds
    seeds = range(arguments.seed, arguments.seed + n_seeds)
    print(f"{N_EPOCHS} epochs, {name_seeds(seeds)}\n"
          f"{'':40}{'epochs until then:':>20}{'right answers [%]':>22}\n"
          f"{'problem':15}{'units':8}{'phases':10}{'learned':>9}{'median, most':>16}"
          f"{'quenched':>13}{'annealed':>10}{'lowest':>9}")
    curves = {(name, how): learning(name, how, seeds) for name in PROBLEMS for how in SCHEDULES}
    print("""
phases: quenched, sweeps at T from magnetisations 0; annealed, sweeps that cool to T in 5 steps
learned: machines that answer every pattern right from some epoch on, with the phases of learning
right answers: after learning, if the phases are quenched, if they are annealed, and if the answer
  of the lowest clamped free energy counts""")
    draw(curves, arguments)


def learning(name, how, seeds):
    """Return the learning curves (n_seeds, n) of machines, and print their line of the table."""
    X, y, n_hidden = PROBLEMS[name]
    runs = [learn(X, y, n_hidden, SCHEDULES[how][0], seed) for seed in seeds]
    epochs = [n for n in (epochs_needed(curve) for curve, _ in runs) if n is not None]
    right = [np.mean([(machine.predict(X, n_temperatures=n) == y).mean() for _, machine in runs])
             for n, _, _ in SCHEDULES.values()]
    right.append(np.mean([(lowest_answer(machine, X) == y).mean() for _, machine in runs]))
    needed = f"{np.median(epochs):.0f}, {max(epochs)}" if epochs else "none"
    print(f"{name:15}{f'{X.shape[1]}-{n_hidden}-1':8}{how:10}"
          f"{f'{len(epochs)} of {len(seeds)}':>9}{needed:>16}"
          f"{100 * right[0]:13.1f}{100 * right[1]:10.1f}{100 * right[2]:9.1f}", flush=True)
    return np.array([curve for curve, _ in runs])


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


def draw(curves, arguments):
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4))
    for panel, (name, (X, _, _)) in zip(axes, PROBLEMS.items()):
        learned = []
        for how, (_, colour, line) in SCHEDULES.items():
            rows = curves[name, how]
            epochs = EVERY * np.arange(rows.shape[1])
            panel.plot(epochs, rows.T, line, color=colour, alpha=0.15, linewidth=0.8)
            panel.plot(epochs, rows.mean(axis=0), line, color=colour, linewidth=2,
                       label=f"{how}, mean of {len(rows)} seeds")
            learned.append(f"{(rows[:, -1] == 1).sum()} of {len(rows)}")
        panel.set(title=f"{name}, {len(X)} patterns: {learned[0]} learn quenched,\n"
                        f"{learned[1]} annealed",
                  xlabel="epoch", ylabel="share of right answers", ylim=(0.2, 1.03))
        panel.legend(loc="lower right")
    save(figure, arguments)


if __name__ == "__main__":
    main()
