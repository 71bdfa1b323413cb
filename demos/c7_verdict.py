"""The verdict: each claim about free energies and backprop is run, measured and judged; then, what learning minimises.

    python demos/c7_verdict.py            five seconds on one core
    python demos/c7_verdict.py --quick    three seconds, with fewer random problems

The conjecture: learning in an EMF RBM and the two passes of backprop do one thing, to minimise a free energy. Is this
right? The script prints one line for each part of an answer, and saves figures/c7_verdict.png: the free energy of a
machine minimised over its weights, which has no end, and the two free energies whose difference a likelihood is. The
equations are in minife/bridge/README.md."""
import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM, tap
from minife.bridge.claims.verdict import verdict
from minife.data import bars_and_stripes
from minife.plots import BLUE, GREEN, ORANGE
from minife.rbm import exact

SIDE = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer random problems")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, default=Path("figures/c7_verdict.png"))
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    findings = verdict(rng, arguments.quick)
    print_findings(findings)
    alone, against = descend_alone(2000, rng), descend_difference(2000, rng)
    draw(alone, against, arguments.figure)
    print(f"The figure is in {arguments.figure}")


def print_findings(findings):
    width = max(len(finding.claim) for finding in findings)
    print(f"{'claim':{width}}  {'':5}{'verdict':9}{'measured':>9}  what was measured")
    for finding in findings:
        mark = "" if finding.holds else "  <- NOT AS EXPECTED"
        print(f"{finding.claim:{width}}  {finding.tag:5}{finding.status:9}{number(finding.measured):>9}  "
              f"{finding.meaning}{mark}")
    counts = {status: sum(finding.status == status for finding in findings) for status in ("exact", "limit", "false")}
    print(f"\n{counts['exact']} claims are exact, {counts['limit']} true in a limit, {counts['false']} false; "
          f"{sum(finding.holds for finding in findings)} of {len(findings)} came out as the chapter says")


def number(x):
    """Return x in a few characters: errors as powers of ten, all others with their digits."""
    return f"{x:.0e}" if abs(x) < 1e-3 else f"{x:.0f}" if abs(x) >= 100 else f"{x:.3f}"


def descend_alone(n_steps, rng):
    """Return Gamma_1* and |W| at each step of minimising Gamma_1* over all parameters, from small weights  (C22)"""
    rbm = RBM.initialise(SIDE**2, 8, rng)
    course = []
    for _ in range(n_steps + 1):
        star = tap.fixed_point(rbm, order=1, step=1.0)
        course.append((star.free_energy[0], np.linalg.norm(rbm.W)))
        slopes = tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)
        for name, array in rbm.parameters.items():
            array -= 0.1 * slopes[name]
    return np.array(course)


def descend_difference(n_steps, rng):
    """Return mean F(x) and F = -log Z at each step of maximising the likelihood of bars and stripes, exactly  (C22)"""
    X = bars_and_stripes(SIDE)
    rbm = RBM.initialise(SIDE**2, 8, rng, X)
    rbm.W *= 10
    course = []
    for _ in range(n_steps + 1):
        course.append((rbm.free_energy(X).mean(), -exact.log_partition_function(rbm)))
        slopes = exact.log_likelihood_gradient(rbm, X)
        for name, array in rbm.parameters.items():
            array += 0.2 * slopes[name]
    return np.array(course)


def draw(alone, against, path):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.4), layout="constrained")
    steps = np.arange(len(alone))
    left.plot(steps, alone[:, 0], color=ORANGE, label="$\\Gamma_1^*$ of the machine")
    left.plot(steps, alone[:, 1], color=BLUE, linestyle="--", label="|W|")
    end = f"{alone[-1, 0]:.0f}, with |W| = {alone[-1, 1]:.0f}"
    left.set(title=f"Minimised alone, a free energy runs away:\nto {end}; no data came in", xlabel="gradient step",
             ylabel="energy; norm of the weights")
    left.legend(loc="lower left")

    (data, model), best = against.T, np.log(2 ** (SIDE + 1) - 2)
    right.plot(steps, data, color=ORANGE, linestyle="--", label="F(x), mean over the patterns")
    right.plot(steps, model, color=BLUE, label="F = -log Z")
    right.fill_between(steps, model, data, color=GREEN, alpha=0.15, linewidth=0)
    right.plot(steps, data - model, color=GREEN, linestyle="-.", label="F(x) - F = -log p(x)")
    right.axhline(best, color="0.3", linewidth=1, linestyle=":", label=f"the least possible, log {np.exp(best):.0f}")
    fall = f"{data[0] - model[0]:.2f} to {data[-1] - model[-1]:.2f} nats"
    right.set(title=f"Learning minimises a difference: both free energies\nfall, and -log p(x) from {fall}",
              xlabel="gradient step", ylabel="free energy [nats]")
    right.legend(loc="center right", bbox_to_anchor=(1, 0.58))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
