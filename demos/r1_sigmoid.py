"""R1: the sigmoid and the softplus come out of a sum over states; the step and the rectifier are what is left at T = 0.

    python demos/r1_sigmoid.py            about 3 seconds on one core
    python demos/r1_sigmoid.py --quick    about 2 seconds

A machine of 6 visible and 5 hidden units has 2^11 states. List them all with their weights e^(-beta E), and count: how
often is one hidden unit on, given the visible ones? Nothing in the list knows of a sigmoid, and yet the counts lie on
sigma(beta x), x being the local field (R3, R4). So do frequencies of drawn states. As T falls, sigma turns into the
step (U6). The same list gives three energies of the hidden layer at a given v: the lowest, min E(v, h) over h; the
average, U(v) = <E> over p(h | v); and the free energy F(v) = -T log sum e^(-beta E), which (R5) turns into a softplus
per unit. F is a soft minimum and no average: with the entropy S of p(h | v) it is U - TS, below U and below the lowest
energy (R11).

It prints all errors against the list of states and saves one figure, figures/r1_sigmoid.png."""
import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm.exact import all_states
from minife.rbm.gibbs import sample_hidden
from minife.units import Binary, Step

N_VISIBLE, N_HIDDEN, UNIT = 6, 5, 0                      # UNIT is the hidden unit that is looked at
TEMPERATURES = {3.0: GREEN, 1.0: BLUE, 0.3: ORANGE, 0.05: RED}
sigmoid, softplus = Binary().mean, Binary().potential


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer draws")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, default=Path("figures/r1_sigmoid.png"))
    arguments = parser.parse_args()
    n_draws, rng = 100 if arguments.quick else 400, np.random.default_rng(arguments.seed)
    W = rng.standard_normal((N_VISIBLE, N_HIDDEN))
    a, b = 0.5 * rng.standard_normal(N_VISIBLE), -W.sum(axis=0) / 2     # b: fields around 0
    v = all_states(N_VISIBLE)
    x = RBM(W, a, b).hidden_field(v)[:, UNIT]            # (2^n_visible,), the same at each temperature
    print(f"{N_VISIBLE} x {N_HIDDEN} units, {2**(N_VISIBLE + N_HIDDEN)} states listed, seed {arguments.seed}; worst "
          f"errors over all {len(v)} visible states\n\n"
          "{:>6}{:>17}{:>28}{:>14}{:>12}{:>12}{:>24}{:>10}".format(
              "T", "counted - sigma", "drawn - counted, in errors", "sigma - step", "(R5) - F", "U - TS - F",
              "lowest E - F, / T log 2", "U - F"))
    counted, drawn = {}, {}
    for T in TEMPERATURES:
        rbm = RBM(W, a, b, beta=1 / T)
        p, E = hidden_states(rbm)
        counted[T] = p @ all_states(N_HIDDEN)[:, UNIT]   # (2^n_visible,), p(h_j = 1 | v)
        drawn[T] = np.mean([sample_hidden(rbm, v, rng)[:, UNIT] for _ in range(n_draws)], axis=0)
        F, U, S, lowest = layer_energies(p, E, T)
        with np.errstate(invalid="ignore"):
            off = (drawn[T] - counted[T]) / np.sqrt(counted[T] * (1 - counted[T]) / n_draws)
        off = off[np.minimum(counted[T], 1 - counted[T]) * n_draws > 5]          # where the error bar can be trusted
        gap = (lowest - F).max()
        print(f"{T:6g}{np.abs(counted[T] - sigmoid(x / T)).max():17.0e}{len(off):10} states: rms "
              f"{np.sqrt(np.mean(off**2)):.2f}{np.abs(counted[T] - Step().mean(x)).max():17.4f}"
              f"{np.abs(F - rbm.free_energy(v)).max():12.0e}{np.abs(U - T * S - F).max():12.0e}"
              f"{gap:14.4f}{gap / (T * np.log(2)):10.2f}{(U - F).max():10.4f}")
    print(f"\nThe field nearest to 0 is {np.abs(x).min():.3f}: there the step is the last to form.")
    draw(W, a, b, x, counted, drawn, n_draws, arguments.figure)
    print(f"The figure is in {arguments.figure}")


def hidden_states(rbm):
    """Return p(h | v) and E(v, h), both (2^n_visible, 2^n_hidden), from the energies of all states alone  (R1, R2)"""
    v, h = all_states(rbm.n_visible), all_states(rbm.n_hidden)
    E = rbm.energy(np.repeat(v, len(h), axis=0), np.tile(h, (len(v), 1))).reshape(len(v), len(h))
    weight = np.exp(-rbm.beta * (E - E.min(axis=1, keepdims=True)))
    return weight / weight.sum(axis=1, keepdims=True), E


def layer_energies(p, E, T):
    """Return F(v), U(v), S(v) and the lowest energy, each (2^n_visible,), from the list of states."""
    lowest = E.min(axis=1)
    F = lowest - T * np.log(np.exp(-(E - lowest[:, None]) / T).sum(axis=1))
    return F, (p * E).sum(axis=1), -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1), lowest


def draw(W, a, b, x, counted, drawn, n_draws, path):
    figure, (sigmoid_axes, unit_axes, layer_axes) = plt.subplots(1, 3, figsize=(14.5, 4.8), layout="constrained")
    field = np.linspace(1.05 * x.min(), 1.05 * x.max(), 600)
    for T, colour in TEMPERATURES.items():
        sigmoid_axes.plot(field, sigmoid(field / T), color=colour, lw=1, label=f"T = {T:g}")
        sigmoid_axes.plot(x, counted[T], ".", ms=5, color=colour)
        some = np.argsort(x)[::5]
        sigmoid_axes.errorbar(x[some], drawn[T][some], np.sqrt(counted[T] * (1 - counted[T]) / n_draws)[some], fmt="o",
                              ms=6, mfc="none", lw=1, capsize=2, color=colour)
    sigmoid_axes.plot([], [], "k.", label=f"counted, {2**N_HIDDEN} states of h each")
    sigmoid_axes.errorbar([], [], [], fmt="ko", mfc="none", capsize=2, label=f"{n_draws} draws, one error")
    sigmoid_axes.step(field, Step().mean(field), color="black", ls=":", label="the step, T = 0")
    sigmoid_axes.set(title="Counting states gives the sigmoid;\nwhat is left of it when cold is the step",
                     xlabel="local field x of the unit [energy]", ylabel=r"$p(h_j = 1\,|\,v)$")
    sigmoid_axes.legend(fontsize=8, loc="lower right")

    field = np.linspace(-4, 4, 400)
    for T, colour in TEMPERATURES.items():
        unit_axes.plot(field, -T * softplus(field / T), color=colour, label=f"T = {T:g}")
        unit_axes.plot(field, -field * sigmoid(field / T), color=colour, ls="--", lw=1)
    unit_axes.plot(field, -Step().potential(field), color="black", ls=":", label="the lower of 0 and -x, T = 0")
    unit_axes.plot([], [], "k-", label="free energy, -T softplus(x/T)")
    unit_axes.plot([], [], "k--", lw=1, label=r"average energy, $-x\,\sigma(x/T)$")
    unit_axes.set(title="One unit: F passes below the lower energy,\nthe average above it", ylim=(-5.2, 1.2),
                  xlabel="local field x of the unit [energy]", ylabel="energy of the unit")
    unit_axes.legend(fontsize=8, loc="lower left")

    T = np.geomspace(0.003, 20, 96)
    row = np.argmin(np.abs(x))                           # the visible state at which the unit hesitates longest
    energies = [layer_energies(*hidden_states(RBM(W, a, b, beta=1 / t)), t) for t in T]
    F, U, S, lowest = np.array(energies)[:, :, row].T
    layer_axes.plot(T, (U - lowest) / T, color=ORANGE, label=r"average, $U(v)=\langle E\rangle$")
    layer_axes.axhline(0, color="black", ls=":", label="lowest, min E(v, h) over h")
    layer_axes.plot(T, (F - lowest) / T, color=BLUE, label="free energy F(v), counted")
    closed = [RBM(W, a, b, beta=1 / t).free_energy(all_states(N_VISIBLE)[row:row + 1])[0] for t in T[::8]]
    layer_axes.plot(T[::8], (closed - lowest[::8]) / T[::8], "o", color=BLUE, label="F(v) by (R5), a softplus per unit")
    layer_axes.fill_between(T, (F - lowest) / T, (U - lowest) / T, color="0.92", label="between them: the entropy S")
    layer_axes.axhline(-N_HIDDEN * np.log(2), color="0.5", lw=1, ls="--", label=f"-{N_HIDDEN} log 2: F cannot be lower")
    layer_axes.set(title=f"A layer of {N_HIDDEN} units at one v:\nF is a soft minimum, U the average", xscale="log",
                   xlabel="temperature T [energy]", ylabel="(energy - lowest energy) / T")
    layer_axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 0.06))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
