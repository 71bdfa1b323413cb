"""Where each solver of the TAP equations converges: random machines of order 2, from weak to strong couplings.

    python demos/t2_solvers.py            about 10 seconds on one core
    python demos/t2_solvers.py --quick    a few seconds

It prints one table and saves one figure, figures/t2_solvers.png (--figure PATH for another place)."""
import argparse
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM, tap
from minife.plots import BLUE, GREEN, ORANGE, RED

N_VISIBLE, N_HIDDEN, N_STARTS, MAX_ITER = 12, 8, 10, 1000
SOLVERS = {"block": {"method": "block"}, "alternating": {"method": "alternating"},
           "damped by half": {"method": "damped", "step": 0.5},
           "synchronous": {"method": "synchronous", "step": 1.0}}
STYLE = {"block": (GREEN, "-"), "alternating": (ORANGE, "--"), "damped by half": (BLUE, "-"),
         "synchronous": (RED, ":")}


def main():
    arguments = parse_arguments()
    warnings.simplefilter("ignore", tap.NotConvergedWarning)      # counting them is the point
    scales = [0.5, 2.0, 5.0] if arguments.quick else [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0]
    n_machines = 4 if arguments.quick else 20
    print(f"{n_machines} machines of {N_VISIBLE} x {N_HIDDEN} units per scale of W, {N_STARTS} starts each, order 2, "
          f"at most {MAX_ITER} sweeps")
    rng = np.random.default_rng(arguments.seed)
    shares, sweeps = {name: [] for name in SOLVERS}, {name: [] for name in SOLVERS}
    print("{:8}".format("scale") + "".join(f"{name:>22}" for name in SOLVERS) + "     share solved, median sweeps")
    for scale in scales:
        solve_all([machine(rng, scale) for _ in range(n_machines)], rng, shares, sweeps)
        print(f"{scale:<8}" + "".join(f"{shares[name][-1]:15.0%}{sweeps[name][-1]:7.0f}" for name in SOLVERS))
    draw(scales, shares, sweeps, arguments.seed, arguments.figure)
    print(f"The figure is in {arguments.figure}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer machines and scales")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, default=Path("figures/t2_solvers.png"))
    return parser.parse_args()


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


def free_energies(rbm, m_v, m_h, solver, n_sweeps):
    """Return Gamma_2 after each sweep, from one start."""
    values = [tap.free_energy(rbm, m_v, m_h, 2)[0]]
    for _ in range(n_sweeps):
        state = tap.fixed_point(rbm, 2, m_v, m_h, max_iter=1, **solver)
        m_v, m_h = state.m_v, state.m_h
        values.append(state.free_energy[0])
    return np.array(values)


def draw(scales, shares, sweeps, seed, path):
    figure, (share_axes, sweep_axes, energy_axes) = plt.subplots(1, 3, figsize=(14, 4.4), layout="constrained")
    for name in SOLVERS:
        colour, line = STYLE[name]
        share_axes.plot(scales, np.multiply(100, shares[name]), line, marker="o", ms=4, color=colour, label=name)
        sweep_axes.plot(scales, sweeps[name], line, marker="o", ms=4, color=colour, label=name)
    ends = {name: f"{100 * shares[name][-1]:.0f} %" for name in SOLVERS}
    share_axes.set(title=f"At W of {scales[-1]:g} the block minimiser solves {ends['block']},\n"
                         f"undamped sweeps {ends['alternating']}, step by half {ends['damped by half']}",
                   xlabel="standard deviation of W  [energy, at T = 1]",
                   ylabel=f"starts solved within {MAX_ITER} sweeps [%]", ylim=(-4, 104))
    share_axes.legend(loc="upper right", bbox_to_anchor=(1, 0.95), fontsize=8)
    sweep_axes.set(title=f"The block minimiser needs {np.min(sweeps['block']):.0f} to "
                         f"{np.max(sweeps['block']):.0f} sweeps,\nas a median over the starts", yscale="log",
                   xlabel="standard deviation of W  [energy, at T = 1]", ylabel="median sweeps of the solved starts")

    rng = np.random.default_rng(seed + 1)
    rbm, start = machine(rng, 4.0), (rng.random((1, N_VISIBLE)), rng.random((1, N_HIDDEN)))
    curves = {name: free_energies(rbm, *start, solver, 40) for name, solver in SOLVERS.items()}
    rises = {name: int((np.diff(values) > 1e-9).sum()) for name, values in curves.items()}
    for name, values in curves.items():
        colour, line = STYLE[name]
        energy_axes.plot(values, line, color=colour, label=f"{name}: {rises[name]} of 40 sweeps rise")
    energy_axes.set(title=f"One machine, W of 4: rising sweeps\nblock {rises['block']}, damped by half "
                          f"{rises['damped by half']} of 40", xlabel="sweep", ylabel=r"$\Gamma_2$  [energy]")
    energy_axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
