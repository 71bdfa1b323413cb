"""The sigmoid and the softplus come out of a sum over states; at T = 0 the step and the rectifier
are left.

    python demos/r1_sigmoid.py            about 3 seconds on one core
    python demos/r1_sigmoid.py --quick    about 2 seconds

A machine of 6 visible and 5 hidden units has 2^11 states. List them all with their weights
e^(-beta E) (R1, R2), and count: how often is one hidden unit on, given the visible ones? Nothing in
the list knows of a sigmoid, and yet the counts lie on sigma(beta x), where x is the local field
(R3, R4). So do frequencies of drawn states. As T falls, sigma turns into the step (U6). The same
list gives three energies of the hidden layer at a given v: the lowest, min E(v, h) over h; the
average, U(v) = <E> over p(h | v); and the free energy F(v) = -T log sum e^(-beta E), which (R5)
turns into a softplus per unit. F is a soft minimum and no average: with the entropy S of p(h | v)
it is U - TS, below U and below the lowest energy (R11).

It prints all errors against the list of states and saves one figure, figures/r1_sigmoid.png."""
import numpy as np
from common import demo_parser, plt, save

from minife import RBM
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm.exact import all_states
from minife.rbm.gibbs import sample_hidden
from minife.units import Binary, Step

N_VISIBLE, N_HIDDEN, UNIT = 6, 5, 0                # UNIT is the hidden unit that is looked at
TEMPERATURES = {3.0: (GREEN, "-"), 1.0: (BLUE, "--"), 0.3: (ORANGE, "-."), 0.05: (RED, (0, (1, 1)))}
sigmoid, softplus = Binary().mean, Binary().potential
HEADS = ("T", "counted", "drawn - counted", "sigma", "(R5)", "U - TS", "lowest - F", "U - F"), (
    "", "- sigma", "in errors: rms, n", "- step", "- F", "- F", "/ T log 2", "")
TABLE = "{:>5}{:>10}{:>20}{:>10}{:>9}{:>9}{:>13}{:>9}"


def main():
    arguments = demo_parser(__doc__, "fewer draws").parse_args()
    n_draws, rng = 100 if arguments.quick else 400, np.random.default_rng(arguments.seed)
    W = rng.standard_normal((N_VISIBLE, N_HIDDEN))
    a, b = 0.5 * rng.standard_normal(N_VISIBLE), -W.sum(axis=0) / 2         # b: fields around 0
    v = all_states(N_VISIBLE)
    x = RBM(W, a, b).hidden_field(v)[:, UNIT]      # (2^n_visible,), the same at each temperature
    print(f"{N_VISIBLE} x {N_HIDDEN} units, {2**(N_VISIBLE + N_HIDDEN)} states listed, "
          f"seed {arguments.seed}; largest differences over all {len(v)} visible states\n")
    for head in HEADS:
        print(TABLE.format(*head).rstrip())
    counted, drawn = {}, {}
    for T in TEMPERATURES:
        rbm = RBM(W, a, b, beta=1 / T)
        p, E = hidden_states(rbm)
        counted[T] = p @ all_states(N_HIDDEN)[:, UNIT]                      # (2^n_visible,)
        draws = [sample_hidden(rbm, v, rng)[:, UNIT] for _ in range(n_draws)]
        drawn[T] = np.mean(draws, axis=0)
        F, U, S, lowest = layer_energies(p, E, T)
        trusted = np.minimum(counted[T], 1 - counted[T]) * n_draws > 5      # normal error bars
        off = ((drawn[T] - counted[T]) / error(counted[T], n_draws))[trusted]
        print(TABLE.format(
            f"{T:g}", f"{np.abs(counted[T] - sigmoid(x / T)).max():.0e}",
            f"{np.sqrt(np.mean(off**2)):.2f}, {len(off)}",
            f"{np.abs(counted[T] - Step().mean(x)).max():.4f}",
            f"{np.abs(F - rbm.free_energy(v)).max():.0e}", f"{np.abs(U - T * S - F).max():.0e}",
            f"{(lowest - F).max() / (T * np.log(2)):.2f}", f"{(U - F).max():.4f}"))
    print(f"\nThe field nearest to 0 is {np.abs(x).min():.3f}: there the step is the last to form.")
    save(draw(W, a, b, x, counted, drawn, n_draws), arguments)


def error(p, n):
    """Return the standard error of the mean of n draws with probability p; never 0."""
    return np.sqrt(np.maximum(p * (1 - p), 1e-300) / n)


def hidden_states(rbm):
    """Return p(h | v) and E(v, h), both (2^n_visible, 2^n_hidden), from energies alone  (R1, R2)"""
    v, h = all_states(rbm.n_visible), all_states(rbm.n_hidden)
    E = rbm.energy(np.repeat(v, len(h), axis=0), np.tile(h, (len(v), 1))).reshape(len(v), len(h))
    weight = np.exp(-rbm.beta * (E - E.min(axis=1, keepdims=True)))
    return weight / weight.sum(axis=1, keepdims=True), E


def layer_energies(p, E, T):
    """Return F(v), U(v), S(v) and the lowest energy, each (2^n_visible,), from all states."""
    lowest = E.min(axis=1)
    F = lowest - T * np.log(np.exp(-(E - lowest[:, None]) / T).sum(axis=1))
    S = -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1)
    return F, (p * E).sum(axis=1), S, lowest


def draw(W, a, b, x, counted, drawn, n_draws):
    figure, (sigmoid_axes, unit_axes, layer_axes) = plt.subplots(1, 3, figsize=(12, 5.2))
    draw_counts(sigmoid_axes, x, counted, drawn, n_draws)
    draw_unit(unit_axes)
    draw_layer(layer_axes, W, a, b, np.argmin(np.abs(x)))
    return figure


def draw_counts(axes, x, counted, drawn, n_draws):
    field, some = np.linspace(1.05 * x.min(), 1.05 * x.max(), 600), np.argsort(x)[::5]
    for T, (colour, line) in TEMPERATURES.items():
        axes.plot(field, sigmoid(field / T), color=colour, ls=line, lw=1, label=f"T = {T:g}")
        axes.plot(x, counted[T], ".", ms=5, color=colour)
        axes.errorbar(x[some], drawn[T][some], error(counted[T], n_draws)[some], fmt="o", ms=6,
                      mfc="none", lw=1, capsize=2, color=colour)
    axes.plot([], [], "k.", label=f"counted, {2**N_HIDDEN} states of h each")
    axes.errorbar([], [], [], fmt="ko", mfc="none", capsize=2, label=f"{n_draws} draws, one error")
    axes.step(field, Step().mean(field), color="black", ls=":", label="the step, T = 0")
    off = max(np.abs(counted[T] - sigmoid(x / T)).max() for T in TEMPERATURES)
    axes.set(title=f"Counted states lie on the sigmoid to {off:.0e};\nwhen cold it is the step",
             xlabel="local field x of the unit [energy]", ylabel=r"$p(h_j = 1\,|\,v)$",
             ylim=(-0.04, 1.75), yticks=np.linspace(0, 1, 6))
    axes.legend(fontsize=8, loc="upper left", ncols=2)


def draw_unit(axes):
    field = np.linspace(-4, 4, 400)
    for T, (colour, _) in TEMPERATURES.items():
        axes.plot(field, -T * softplus(field / T), color=colour, ls="-", label=f"T = {T:g}")
        axes.plot(field, -field * sigmoid(field / T), color=colour, ls="--", lw=1)
    axes.plot(field, -Step().potential(field), color="black", ls=":", label="lower of 0 and -x")
    axes.plot([], [], "k-", label="F, -T softplus(x/T)")
    axes.plot([], [], "k--", lw=1, label=r"average, $-x\,\sigma(x/T)$")
    for T in TEMPERATURES:
        axes.annotate(f"{T:g}", (0, -T * np.log(2)), fontsize=8, ha="right", va="top")
    axes.set(title="One unit: F passes below the lower energy,\nthe average above it",
             ylim=(-5.2, 1.2), xlabel="local field x of the unit [energy]",
             ylabel="energy of the unit [energy]")
    axes.legend(fontsize=8, loc="lower left")


def draw_layer(axes, W, a, b, row):
    """Draw three energies against T at the visible state `row`, of the field nearest to 0."""
    T = np.geomspace(0.003, 20, 96)
    machines = [RBM(W, a, b, beta=1 / t) for t in T]
    energies = [layer_energies(*hidden_states(rbm), t) for rbm, t in zip(machines, T, strict=True)]
    F, U, _, lowest = np.array(energies)[:, :, row].T
    axes.plot(T, (U - lowest) / T, color=ORANGE, ls="--", label=r"average, $U(v)=\langle E\rangle$")
    axes.axhline(0, color="black", ls=":", label="lowest, min E(v, h) over h")
    axes.plot(T, (F - lowest) / T, color=BLUE, ls="-", label="free energy F(v), counted")
    v = all_states(N_VISIBLE)[row:row + 1]
    closed = np.array([rbm.free_energy(v)[0] for rbm in machines[::8]])
    axes.plot(T[::8], (closed - lowest[::8]) / T[::8], "o", color=BLUE, label="F(v) by (R5)")
    axes.fill_between(T, (F - lowest) / T, (U - lowest) / T, color="0.92", label="entropy S")
    axes.axhline(-N_HIDDEN * np.log(2), color="0.5", lw=1, ls="-.",
                 label=f"-{N_HIDDEN} log 2: F cannot be lower")
    axes.set(title=f"A layer of {N_HIDDEN} units at one v:\nF is a soft minimum, U the average",
             xscale="log", xlabel="temperature T [energy]",
             ylabel="(energy - lowest energy) / T [nats]")
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 0.06))


if __name__ == "__main__":
    main()
