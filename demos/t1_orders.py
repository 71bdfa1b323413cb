"""T1: the exact log Z and TAP free energies of orders 1 to 3, weak to strong coupling  (T8, T19)

    python demos/t1_orders.py            3 seconds on one core
    python demos/t1_orders.py --quick    1 second

Machines of 10 visible and 8 hidden units, couplings of standard deviation w, small enough to sum
over all states. At weak coupling the error of order k falls as w^(k+1). At strong coupling orders 2
and 3 fail, order 1 does not. Order 2 must not be trusted beyond the line of Almeida and Thouless
(1978), where the spectral radius rho of

    P = beta^4 (W o W) diag(c_h^2) (W o W)^T diag(c_v^2),    o: entry by entry

at its fixed point reaches 1."""
import warnings

import numpy as np
from common import BLUE, GREEN, ORANGE, RED, demo_parser, plt, save

from minife import RBM, tap
from minife.rbm import exact

N_VISIBLE, N_HIDDEN = 10, 8
STYLES = {1: (ORANGE, "-"), 2: (GREEN, "--"), 3: (BLUE, "-.")}


def main():
    arguments = demo_parser(__doc__, "fewer machines and fewer strengths").parse_args()
    n_draws, n_strengths = (8, 15) if arguments.quick else (40, 29)
    rng = np.random.default_rng(arguments.seed)
    strengths = np.geomspace(1 / 16, 8, n_strengths)
    draws = [one_draw(strengths, rng) for _ in range(n_draws)]
    log_z, estimates, rho, lost, line = (np.array(x) for x in zip(*draws, strict=True))
    error = estimates - log_z[:, None]                                  # (n_draws, 3, n_strengths)
    print_table(strengths, log_z, error, rho, lost, line)
    draw(strengths, log_z, estimates, error, line, arguments)


def one_draw(strengths, rng):
    """Return log Z, its three estimates, rho, where solvers failed, and the line of a machine.

    The biases are centred, so that only the random fields of size 1 prefer 0 or 1. Each fixed point
    starts from that of the next weaker coupling."""
    G = rng.standard_normal((N_VISIBLE, N_HIDDEN))
    fields = rng.standard_normal(N_VISIBLE), rng.standard_normal(N_HIDDEN)
    log_z, rho = np.empty(len(strengths)), np.empty(len(strengths))
    estimates, lost = np.empty((3, len(strengths))), np.zeros((3, len(strengths)), dtype=bool)
    starts, line = {order: (None, None) for order in STYLES}, np.inf
    for k, w in enumerate(strengths):
        rbm = machine(w, G, *fields)
        log_z[k] = exact.log_partition_function(rbm)
        for order in STYLES:
            state = settle(rbm, order, starts[order], w)
            if order == 2:
                rho[k] = tap.spectral_trust(rbm, state.m_v, state.m_h)[0]
                if np.isinf(line) and rho[k] >= 1:
                    line = crossing(strengths[k - 1], w, G, *fields, starts[2])
            starts[order] = state.m_v, state.m_h
            estimates[order - 1, k] = -rbm.beta * state.free_energy[0]
            lost[order - 1, k] = not state.converged[0]
    return log_z, estimates, rho, lost, line


def machine(w, G, field_v, field_h):
    return RBM(w * G, field_v - w * G.sum(axis=1) / 2, field_h - w * G.sum(axis=0) / 2)


def settle(rbm, order, start, w):
    """Return the fixed point of an order from a start; where it is not reached is counted."""
    method = {"method": "block"} if order < 3 else {"step": min(0.5, 1 / (1 + w**2))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tap.NotConvergedWarning)
        return tap.fixed_point(rbm, order, *start, max_iter=20_000, **method)


def crossing(weak, strong, G, field_v, field_h, start):
    """Return the coupling at which rho first reaches 1, by bisection between two strengths."""
    for _ in range(20):
        middle = np.sqrt(weak * strong)
        rbm = machine(middle, G, field_v, field_h)
        state = settle(rbm, 2, start, middle)
        if tap.spectral_trust(rbm, state.m_v, state.m_h)[0] < 1:
            weak, start = middle, (state.m_v, state.m_h)
        else:
            strong = middle
    return np.sqrt(weak * strong)


def slopes(strengths, error):
    """Return the slope of log |error| against log w of each order up to w = 1/4, as a median."""
    weak = strengths <= 0.2501
    lines = np.log(np.abs(error[:, :, weak])).reshape(-1, weak.sum())
    slope = np.polyfit(np.log(strengths[weak]), lines.T, 1)[0]
    return np.median(slope.reshape(-1, 3), axis=0)


def worse_from(strengths, error):
    """Return the strength from which on the median |error| of order 2 exceeds that of order 1."""
    first, second = (np.median(np.abs(error[:, order - 1]), axis=0) for order in (1, 2))
    return strengths[np.flatnonzero(second < first)[-1] + 1]


def print_table(strengths, log_z, error, rho, lost, line):
    print(f"{len(log_z)} machines of {N_VISIBLE} x {N_HIDDEN} units: medians; log Z in nats\n")
    print(f"{'':26}{'|error of log Z| at order':>30}{'not converged':>21}")
    print(f"{'w':>8}{'log Z':>9}{'rho':>9}{1:10}{2:10}{3:10}{1:13}{2:4}{3:4}")
    for k in range(0, len(strengths), max(1, len(strengths) // 14)):
        errors = np.median(np.abs(error[:, :, k]), axis=0)
        print(f"{strengths[k]:8.3g}{np.median(log_z[:, k]):9.2f}{np.median(rho[:, k]):9.3g}"
              + "".join(f"{e:10.3g}" for e in errors)
              + "{:13}{:4}{:4}".format(*lost[:, :, k].sum(axis=0)))
    print("slopes of log |error| against log w, up to w = 1/4: "
          + ", ".join(f"{x:.2f}" for x in slopes(strengths, error)))
    crossed = np.flatnonzero(np.isfinite(line))
    at_line = [np.median([np.interp(line[k], strengths, np.abs(error[k, order - 1]))
                          for k in crossed]) for order in STYLES]
    print(f"rho first reaches 1 at w = {np.median(line):.2f} in the median, {line.min():.2f} at "
          f"least, never in {np.isinf(line).sum()} machines;\nthere the |errors| are "
          + ", ".join(f"{x:.2f}" for x in at_line))
    print(f"order 2 is worse than order 1 from w = {worse_from(strengths, error):.2f}")


def draw(strengths, log_z, estimates, error, line, arguments):
    figure, (value_axes, error_axes) = plt.subplots(1, 2, figsize=(12, 5.4))
    value_axes.plot(strengths, log_z[0], color="black", lw=2.5, ls="-", label="exact")
    for order, (colour, dashes) in STYLES.items():
        style = {"color": colour, "ls": dashes, "label": f"order {order}"}
        value_axes.plot(strengths, estimates[0, order - 1], **style)
        low, middle, high = np.quantile(np.abs(error[:, order - 1]), (0.1, 0.5, 0.9), axis=0)
        error_axes.fill_between(strengths, low, high, color=colour, alpha=0.25, lw=0)
        error_axes.plot(strengths, middle, **style)
        k, guide = np.searchsorted(strengths, 0.12), strengths <= 0.5
        power = middle[k] * (strengths[guide] / strengths[k])**(order + 1)
        error_axes.plot(strengths[guide], power, "k:", lw=1,
                        label="slopes 2, 3, 4" if order == 3 else None)
    mark = {"color": RED, "ls": (0, (1, 1)), "lw": 2}
    value_axes.axvline(line[0], label=f"ρ = 1, at w = {line[0]:.2f}", **mark)
    low, middle, high = np.quantile(line, (0.1, 0.5, 0.9), method="nearest")
    error_axes.axvline(middle, label=f"ρ = 1: w = {middle:.2f}, 80 % in the band", **mark)
    error_axes.axvspan(low, high, color=RED, alpha=0.15, lw=0)
    apart = np.abs(estimates[0, 1:] - log_z[0]).max(axis=0) > 1
    value_axes.set(xscale="log", ylim=(0, 1.6 * log_z[0].max()), ylabel="log Z [nats]",
                   xlabel="w, standard deviation of a coupling [T]",
                   title="One machine: orders 2 and 3 are off by a nat from "
                         f"w = {strengths[apart][0]:.1f} on")
    weak = ", ".join(f"{x:.1f}" for x in slopes(strengths, error))
    error_axes.set(xscale="log", yscale="log", ylim=(1e-7, 1e3),
                   xlabel="w, standard deviation of a coupling [T]",
                   ylabel=f"|error of log Z| [nats], median and 80 % of {len(error)} machines",
                   title=f"Slopes {weak}; from w = {worse_from(strengths, error):.1f} on "
                         "order 1 is best")
    value_axes.legend(loc="upper left")
    error_axes.legend(loc="upper left")
    figure.supxlabel("ρ: spectral radius of P = β⁴ (W∘W) diag(c_h²) (W∘W)ᵀ diag(c_v²) at the fixed "
                     "point of order 2; beyond ρ = 1 do not trust it", fontsize="small")
    save(figure, arguments)


if __name__ == "__main__":
    main()
