"""T2: which solver of the TAP equations arrives, weak to strong couplings  (T10, T17, T18)

    python demos/t2_solvers.py            10 seconds on one core
    python demos/t2_solvers.py --quick    3 seconds

Order 2, random machines of 12 x 8 units, 10 random starts each, at most 1000 sweeps. The last panel
follows Gamma_2 along the sweeps of one machine: those of the block minimiser never raise it."""
import warnings

import numpy as np
from common import BLUE, GREEN, ORANGE, RED, demo_parser, plt, save

from minife import RBM, tap

N_VISIBLE, N_HIDDEN, N_STARTS, MAX_ITER, N_SHOWN = 12, 8, 10, 1000, 40
SOLVERS = {"block": {"method": "block"}, "step 1": {"method": "damped", "step": 1.0},
           "step ½": {"method": "damped", "step": 0.5},
           "synchronous, step 1": {"method": "synchronous", "step": 1.0}}
STYLES = {"block": (GREEN, "-", "o"), "step 1": (ORANGE, "--", "s"), "step ½": (BLUE, "-.", "^"),
          "synchronous, step 1": (RED, ":", "x")}


def main():
    arguments = demo_parser(__doc__, "fewer machines and scales").parse_args()
    warnings.simplefilter("ignore", tap.NotConvergedWarning)           # they are counted
    scales = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0]
    if arguments.quick:
        scales = [0.5, 1.0, 2.0, 5.0]
    n_machines = 10 if arguments.quick else 20
    print(f"{n_machines} machines of {N_VISIBLE} x {N_HIDDEN} units per standard deviation of W, "
          f"{N_STARTS} starts each, order 2:\n"
          f"share of starts solved in {MAX_ITER} sweeps, and the median of their sweeps\n")
    print(f"{'sd(W)':7}" + "".join(f"{name:>21}" for name in SOLVERS))
    rng = np.random.default_rng(arguments.seed)
    shares, sweeps = {name: [] for name in SOLVERS}, {name: [] for name in SOLVERS}
    for scale in scales:
        solve_all([machine(rng, scale) for _ in range(n_machines)], rng, shares, sweeps)
        cells = [f"{shares[name][-1]:.0%}" + (f" {sweeps[name][-1]:5.0f}" if shares[name][-1] else
                                              "     -") for name in SOLVERS]
        print(f"{scale:<7}" + "".join(f"{cell:>21}" for cell in cells))
    rng = np.random.default_rng(arguments.seed + 1)
    rbm, start = machine(rng, 4.0), (rng.random((1, N_VISIBLE)), rng.random((1, N_HIDDEN)))
    curves = {name: free_energies(rbm, *start, solver) for name, solver in SOLVERS.items()}
    draw(scales, shares, sweeps, curves, n_machines, arguments)


def machine(rng, scale):
    return RBM(scale * rng.standard_normal((N_VISIBLE, N_HIDDEN)), rng.standard_normal(N_VISIBLE),
               rng.standard_normal(N_HIDDEN))


def solve_all(machines, rng, shares, sweeps):
    """Append, for each solver, the share of starts that converge and the median of their sweeps."""
    converged, n_iter = {name: [] for name in SOLVERS}, {name: [] for name in SOLVERS}
    for rbm in machines:
        m_v, m_h = rng.random((N_STARTS, N_VISIBLE)), rng.random((N_STARTS, N_HIDDEN))
        for name, solver in SOLVERS.items():
            state = tap.fixed_point(rbm, 2, m_v, m_h, max_iter=MAX_ITER, **solver)
            converged[name].append(state.converged)
            n_iter[name].append(state.n_iter[state.converged])
    for name in SOLVERS:
        done = np.concatenate(n_iter[name])
        shares[name].append(np.mean(converged[name]))
        sweeps[name].append(np.median(done) if len(done) else np.nan)


def free_energies(rbm, m_v, m_h, solver):
    """Return Gamma_2 at one start and after each sweep."""
    values = [tap.free_energy(rbm, m_v, m_h, 2)[0]]
    for _ in range(N_SHOWN):
        state = tap.fixed_point(rbm, 2, m_v, m_h, max_iter=1, **solver)
        m_v, m_h = state.m_v, state.m_h
        values.append(state.free_energy[0])
    return np.array(values)


def draw(scales, shares, sweeps, curves, n_machines, arguments):
    figure, (share_axes, sweep_axes, energy_axes) = plt.subplots(1, 3, figsize=(12, 4.4))
    for name, (colour, dashes, marker) in STYLES.items():
        line = {"color": colour, "ls": dashes, "marker": marker, "ms": 5, "label": name}
        share_axes.plot(scales, np.multiply(100, shares[name]), **line)
        sweep_axes.plot(scales, sweeps[name], **line)
        rises = int((np.diff(curves[name]) > 1e-9).sum())
        energy_axes.plot(curves[name], color=colour, ls=dashes,
                         label=f"{name}: {rises} sweeps rise")
    ends = {name: f"{100 * shares[name][-1]:.0f} %" for name in SOLVERS}
    share_axes.set(title=f"At sd(W) = {scales[-1]:g} the block minimiser solves\n{ends['block']}, "
                         f"step 1 {ends['step 1']}, step ½ {ends['step ½']}", ylim=(-4, 104),
                   xlabel="standard deviation of W [energy, at T = 1]",
                   ylabel=f"starts solved in {MAX_ITER} sweeps [%]")
    sweep_axes.set(title=f"The block minimiser needs {np.min(sweeps['block']):.0f} to "
                         f"{np.max(sweeps['block']):.0f} sweeps,\n"
                         f"{N_STARTS * n_machines} starts at each point",
                   yscale="log", xlabel="standard deviation of W [energy, at T = 1]",
                   ylabel="median sweeps of the solved starts", ylim=(7, 400))
    sweep_axes.set_yticks([10, 20, 50, 100, 200], ["10", "20", "50", "100", "200"], minor=False)
    sweep_axes.minorticks_off()
    energy_axes.set(title=f"One machine, sd(W) = 4: Γ₂ along {N_SHOWN} sweeps\n", xlabel="sweep",
                    ylabel="Γ₂ [energy]")
    energy_axes.xaxis.get_major_locator().set_params(integer=True)
    energy_axes.set_ylim(top=energy_axes.get_ylim()[1] + 0.5 * np.ptp(energy_axes.get_ylim()))
    energy_axes.legend(loc="upper right", fontsize="small")
    figure.legend(*share_axes.get_legend_handles_labels(), loc="outside lower left", ncols=4)
    save(figure, arguments)


if __name__ == "__main__":
    main()
