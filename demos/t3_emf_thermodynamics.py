"""T3: an RBM learns digits by extended mean field; its TAP free energy, energy and entropy, epoch by epoch.

    python demos/t3_emf_thermodynamics.py            about 30 seconds on one core
    python demos/t3_emf_thermodynamics.py --quick    3 seconds
    python demos/t3_emf_thermodynamics.py --mnist PATH    5 minutes: 60000 digits

Two machines differ in where the 100 rows of magnetisations start in each step: where the last step left them, or at
the batch. After each epoch all rows move on to their fixed points, where Gamma = U - T S. Seen are the means over the
rows, and their range as a band. Rows that live on are soon all the same: at weak coupling there is one fixed point,
they meet there, and nothing ever parts them again. It prints one table and saves one figure,
figures/t3_emf_thermodynamics.png."""
import argparse
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM, landscape, tap
from minife.descent.optimizers import SGD, linear_decay
from minife.data import load_digits
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm.training import train

ORDER, BATCH_SIZE = 2, 100


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer epochs and hidden units")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mnist", type=Path, help="mnist.npz, or the folder of the IDX files")
    parser.add_argument("--figure", type=Path, default=Path("figures/t3_emf_thermodynamics.png"))
    arguments = parser.parse_args()
    X, X_test = data(arguments.mnist)
    n_hidden, n_epochs = (30, 4) if arguments.quick else (100, 20)
    print(f"{len(X)} digits of 784 pixels, {n_hidden} hidden units, {n_epochs} epochs, EMF of order {ORDER}, "
          f"seed {arguments.seed}")
    histories = {}
    for name, persistent in {"rows live on": True, "rows start at the batch": False}.items():
        phase = tap.ExtendedMeanField(ORDER, 3, BATCH_SIZE, persistent=persistent)
        histories[name] = learn(X, X_test, phase, n_hidden, n_epochs, arguments.seed, name)
        print_table(name, histories[name])
    print("""
Gamma, U, S: means over the rows of magnetisations, at their fixed points, Gamma = U - S at T = 1
lowest: the lowest Gamma of them; TAP log p: lowest - F(x), in nats per held-out digit; rho: the spectral radius (T19)
  at the lowest; states: distinct patterns of hidden units on and off; stuck: rows not converged after 200 sweeps""")
    draw(histories, arguments.figure)
    print(f"The figure is in {arguments.figure}")


def learn(X, X_test, phase, n_hidden, n_epochs, seed, name):
    """Return the measures before training and after each epoch."""
    rng = np.random.default_rng(seed)
    rbm = RBM.initialise(784, n_hidden, rng, X, dtype=np.float32)
    phase.moments(rbm, X[:BATCH_SIZE], rng)                                   # so that there is an epoch 0
    history = [dict(epoch=0, **measures(rbm, phase, X_test))]
    train(rbm, X, phase, SGD(linear_decay(0.1, n_epochs * len(X) // BATCH_SIZE), momentum=0.5), n_epochs, rng,
          batch_size=BATCH_SIZE, label=name,
          callbacks=[lambda rbm, epoch: history.append(dict(epoch=epoch, **measures(rbm, phase, X_test)))])
    return history


def data(path):
    """Return training and test digits, binary: the embedded ones, or MNIST from a path."""
    digits = load_digits(mnist=path)
    return digits.X_train, digits.X_test[:1000]


def measures(rbm, phase, X_test):
    """Return Gamma, U and S of the fixed point of each row, and what the machine makes of held-out digits."""
    rbm = rbm.double()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tap.NotConvergedWarning)              # they are counted
        state = tap.fixed_point(rbm, ORDER, phase.m_v, phase.m_h, method="block", tol=1e-4, max_iter=200)
    thermo = landscape.thermodynamics(rbm, state.m_v, state.m_h, ORDER)
    low = [thermo.F.argmin()]
    return {"F": thermo.F, "U": thermo.U, "S": thermo.S, "lowest": thermo.F.min(),
            "F_x": rbm.free_energy(X_test).mean(),
            "rho": tap.spectral_trust(rbm, state.m_v[low], state.m_h[low])[0], "W": np.linalg.norm(rbm.W),
            "n_states": len(np.unique(np.round(state.m_h), axis=0)), "n_stuck": int((~state.converged).sum())}


def print_table(name, history):
    print("\n{:24}{:>8}{:>8}{:>8}{:>8}{:>8}{:>11}{:>8}{:>8}{:>8}{:>8}".format(
        f"{name}, epoch", "Gamma", "lowest", "U", "S", "F(x)", "TAP log p", "|W|", "rho", "states", "stuck"))
    for r in history[::max(1, len(history) // 10)]:
        print(f"{r['epoch']:24}{r['F'].mean():8.1f}{r['lowest']:8.1f}{r['U'].mean():8.1f}{r['S'].mean():8.1f}"
              f"{r['F_x']:8.1f}{r['lowest'] - r['F_x']:11.1f}{r['W']:8.1f}{r['rho']:8.2f}{r['n_states']:8}"
              f"{r['n_stuck']:8}")


def draw(histories, path):
    figure, panels = plt.subplots(2, 2, figsize=(12, 7.6), layout="constrained", sharex=True, sharey="row")
    for (name, history), energy, entropy in zip(histories.items(), *panels):
        epochs, last = [r["epoch"] for r in history], history[-1]
        for axes, key, colour, label in ((energy, "U", ORANGE, "energy U"), (energy, "F", GREEN, "Γ = U − TS"),
                                         (entropy, "S", BLUE, "entropy S [nats]")):
            rows = np.array([r[key] for r in history])                        # (n_epochs + 1, n_rows)
            axes.fill_between(epochs, rows.min(axis=1), rows.max(axis=1), color=colour, alpha=0.25, lw=0)
            axes.plot(epochs, rows.mean(axis=1), color=colour, label=label)
        energy.plot(epochs, [r["F_x"] for r in history], color=RED, ls="--", label="F(x) of held-out digits")
        entropy.plot(epochs, [r["W"] for r in history], color="black", label="|W| [T]")
        entropy.plot(epochs, [r["n_states"] for r in history], color=RED, marker=".", ls=":",
                     label="distinct states of 100 rows")
        energy.set_title(f"{name}: at the end Γ {last['F'].min():.0f} to {last['F'].max():.0f}, "
                         f"F(x) {last['F_x']:.0f}")
        entropy.set_title(f"{name}: {last['n_states']} distinct state{'s' * (last['n_states'] > 1)}, "
                          f"|W| {last['W']:.0f}")
        entropy.set(xlabel="epoch")
    panels[0, 0].set_ylim(top=150)
    panels[1, 0].set_xticks(range(0, last["epoch"] + 1, 1 if last["epoch"] < 10 else 4))
    panels[0, 0].set_ylabel("energies [units of T]")
    panels[1, 0].set_ylabel("S [nats], |W| [T], number of states")
    panels[0, 1].legend(loc="upper right")
    panels[1, 1].legend(loc="upper right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
