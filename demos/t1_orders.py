"""T1: the exact log Z against the TAP free energies of orders 1, 2 and 3, from weak to strong coupling.

    python demos/t1_orders.py            3 seconds on one core
    python demos/t1_orders.py --quick    1 second

Machines of 10 visible and 8 hidden units, couplings of standard deviation w, small enough to sum over all states.
The error of order k falls as w^(k+1) at weak coupling. At strong coupling orders 2 and 3 fail, order 1 does not; the
line where order 2 must no longer be trusted is that of Almeida and Thouless (1978): the spectral radius rho of

    P = beta^4 (W o W) diag(c_h^2) (W o W)^T diag(c_v^2),    o: entry by entry

at the fixed point of order 2 reaches 1 there (T19). It prints one table and saves one figure, figures/t1_orders.png."""
import argparse
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM, tap
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm import exact

N_VISIBLE, N_HIDDEN = 10, 8
COLOURS = {1: ORANGE, 2: GREEN, 3: BLUE}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer machines and fewer strengths")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, default=Path("figures/t1_orders.png"))
    arguments = parser.parse_args()
    n_draws, n_strengths = (8, 15) if arguments.quick else (40, 29)
    rng = np.random.default_rng(arguments.seed)
    strengths = np.geomspace(1 / 16, 8, n_strengths)
    log_z, estimates, rho, lost = (np.array(x) for x in zip(*(one_draw(strengths, rng) for _ in range(n_draws))))
    error = estimates - log_z[:, None]                                       # (n_draws, 3, n_strengths)
    line = np.array([first_crossing(strengths, row) for row in rho])
    print_table(strengths, log_z, error, rho, lost, line)
    draw(strengths, log_z, estimates, error, line, arguments.figure)
    print(f"The figure is in {arguments.figure}")


def one_draw(strengths, rng):
    """Return log Z, its three estimates, rho and whether each solver failed, of one machine at all strengths.

    The biases are centred, so that only the random fields of size 1 prefer 0 or 1. Each fixed point starts from that
    of the next weaker coupling."""
    G = rng.standard_normal((N_VISIBLE, N_HIDDEN))
    field_v, field_h = rng.standard_normal(N_VISIBLE), rng.standard_normal(N_HIDDEN)
    log_z, rho = np.empty(len(strengths)), np.empty(len(strengths))
    estimates, lost = np.empty((3, len(strengths))), np.zeros((3, len(strengths)), dtype=bool)
    m = {order: (None, None) for order in COLOURS}
    for k, w in enumerate(strengths):
        rbm = RBM(w * G, field_v - w * G.sum(axis=1) / 2, field_h - w * G.sum(axis=0) / 2)
        log_z[k] = exact.log_partition_function(rbm)
        for order in COLOURS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", tap.NotConvergedWarning)     # they are counted
                method = {"method": "block"} if order < 3 else {"step": min(0.5, 1 / (1 + w**2))}
                state = tap.fixed_point(rbm, order, *m[order], max_iter=20_000, **method)
            m[order] = state.m_v, state.m_h
            estimates[order - 1, k] = -rbm.beta * state.free_energy[0]
            lost[order - 1, k] = not state.converged[0]
        rho[k] = tap.spectral_trust(rbm, *m[2])[0]
    return log_z, estimates, rho, lost


def first_crossing(strengths, rho):
    """Return the coupling at which rho first reaches 1, interpolated on logarithms, or infinity if it never does."""
    if rho.max() < 1:
        return np.inf
    k = np.argmax(rho >= 1)
    return np.exp(np.interp(0, np.log(rho[k - 1:k + 1]), np.log(strengths[k - 1:k + 1])))


def slopes(strengths, error):
    """Return the slope of log |error| against log w of each order, the median over the machines, up to w = 1/4."""
    weak = strengths <= 0.2501
    lines = np.log(np.abs(error[:, :, weak])).reshape(-1, weak.sum())
    slope = np.polyfit(np.log(strengths[weak]), lines.T, 1)[0]
    return np.median(slope.reshape(-1, 3), axis=0)


def print_table(strengths, log_z, error, rho, lost, line):
    print(f"{len(log_z)} machines of {N_VISIBLE} x {N_HIDDEN} units, medians over them")
    print("{:>8}{:>9}{:>9}{:>37}{:>18}".format("w", "log Z", "rho", "|error of log Z| at order 1, 2, 3",
                                              "not converged"))
    for k in range(0, len(strengths), max(1, len(strengths) // 14)):
        errors = np.median(np.abs(error[:, :, k]), axis=0)
        print(f"{strengths[k]:8.4f}{np.median(log_z[:, k]):9.3f}{np.median(rho[:, k]):9.3f}"
              + "{:13.6f}{:12.6f}{:12.6f}".format(*errors) + "{:10}{:4}{:4}".format(*lost[:, :, k].sum(axis=0)))
    at_line = [np.median([np.interp(x, strengths, np.abs(row)) for x, row in zip(line, error[:, order - 1])
                          if np.isfinite(x)]) for order in COLOURS]
    print("slopes of |error| up to w = 1/4: " + ", ".join(f"{x:.2f}" for x in slopes(strengths, error)))
    print(f"rho first reaches 1 at w = {np.median(line):.2f} (from {line.min():.2f} on; never in "
          f"{np.isinf(line).sum()} machines), where the |errors| are " + ", ".join(f"{x:.2f}" for x in at_line))
    print(f"order 2 is worse than order 1 from w = {worse_from(strengths, error):.2f}")


def worse_from(strengths, error):
    """Return the strength from which on the median |error| of order 2 exceeds that of order 1."""
    better = np.median(np.abs(error[:, 1]), axis=0) < np.median(np.abs(error[:, 0]), axis=0)
    return strengths[np.flatnonzero(better)[-1] + 1]


def draw(strengths, log_z, estimates, error, line, path):
    figure, (value_axes, error_axes) = plt.subplots(1, 2, figsize=(12, 5.4), layout="constrained")
    value_axes.plot(strengths, log_z[0], color="black", lw=2.5, label="exact")
    error_axes.plot([], [], color="black", lw=1, ls=":", label="slopes 2, 3, 4")
    for order, colour in COLOURS.items():
        value_axes.plot(strengths, estimates[0, order - 1], color=colour, label=f"order {order}")
        low, middle, high = np.quantile(np.abs(error[:, order - 1]), (0.1, 0.5, 0.9), axis=0)
        error_axes.fill_between(strengths, low, high, color=colour, alpha=0.25, lw=0)
        error_axes.plot(strengths, middle, color=colour, label=f"order {order}")
        k = np.searchsorted(strengths, 0.12)
        guide = strengths <= 0.5
        error_axes.plot(strengths[guide], middle[k] * (strengths[guide] / strengths[k])**(order + 1), "k:", lw=1)
    value_axes.axvline(line[0], color=RED, ls="--", label=f"rho = 1, at w = {line[0]:.2f}")
    error_axes.axvline(np.median(line), color=RED, ls="--",
                       label=f"rho = 1: w = {np.median(line):.2f}, 80 % in the band")
    error_axes.axvspan(*np.quantile(line, (0.1, 0.9), method="nearest"), color=RED, alpha=0.15, lw=0)
    value_axes.set(xscale="log", ylim=(0, 1.6 * log_z[0].max()), xlabel="w, standard deviation of a coupling [T]",
                   ylabel="log Z [nats]", title="One machine: beyond the line, orders 2 and 3 run away")
    weak = ", ".join(f"{x:.1f}" for x in slopes(strengths, error))
    error_axes.set(xscale="log", yscale="log", ylim=(1e-7, 1e3), xlabel="w, standard deviation of a coupling [T]",
                   ylabel=f"|error of log Z| [nats], median and 80 % of {len(error)} machines",
                   title=f"Slopes {weak}; beyond w = {worse_from(strengths, error):.1f} order 1 is best")
    value_axes.legend(loc="upper left")
    error_axes.legend(loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
