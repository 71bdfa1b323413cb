"""The verdict: each claim of chapter C about free energies and backprop is run, measured and
judged.

    python demos/c7_verdict.py            about ten seconds on one core
    python demos/c7_verdict.py --quick    about five seconds, with fewer random problems

The conjecture: learning in an EMF RBM and the two passes of backprop do one thing, to minimise a
free energy. Is this right? The script prints two lines for each part of an answer, and saves
figures/c7_verdict.png, which draws the same numbers: what is exact, what holds in a limit, and what
is false. The equations are in minife/bridge/README.md."""
import matplotlib.pyplot as plt
import numpy as np
from common import demo_parser, save

from minife.bridge.claims.claim import exponent
from minife.bridge.claims.verdict import verdict
from minife.plots import BLUE, GREEN, ORANGE, RED

LOOKS = (BLUE, "-", "o"), (ORANGE, "--", "s"), (GREEN, "-.", "^"), (RED, ":", "D")


def main():
    arguments = demo_parser(__doc__, "fewer random problems").parse_args()
    claims = verdict(np.random.default_rng(arguments.seed), arguments.quick)
    print_claims(claims)
    save(draw(claims), arguments)


def print_claims(claims):
    for claim in claims:
        mark = "" if claim.holds else "  <- NOT AS EXPECTED"
        print(f"{claim.tag:5}{claim.status:7}{claim.text}{mark}\n{'':12}{number(claim.measured)}, "
              f"{claim.meaning}")
    counts = {status: sum(claim.status == status for claim in claims)
              for status in ("exact", "limit", "false")}
    print(f"\n{counts['exact']} claims are exact, {counts['limit']} true in a limit, "
          f"{counts['false']} false; "
          f"{sum(claim.holds for claim in claims)} of {len(claims)} came out as the chapter says")


def number(x):
    """Return x in a few characters: errors as powers of ten, all others with their digits."""
    return f"{x:.0e}" if abs(x) < 1e-3 else f"{x:.0f}" if abs(x) >= 100 else f"{x:.3f}"


def draw(claims):
    """Return the figure: four limits, the exact claims, and what is false of training."""
    figure, axes = plt.subplots(2, 3, figsize=(12, 8))
    of = {tag: [claim for claim in claims if claim.tag == tag]
          for tag in {claim.tag for claim in claims}}
    (iterations, nudges, feedback), (copies, exact, alone) = axes
    draw_course(iterations, [("order 1 (C8)", of["C8"][0]), ("order 2, step ½ (C9)", of["C9"][0])],
                "iterations n",
                "Backprop tends to a linear response,\nerror {:.0e} at n = 100", loglog=False)
    draw_course(nudges, [("one nudge, order 1 (C10)", of["C10"][0]),
                         ("one nudge, order 2 (C10)", of["C10"][1]),
                         ("two nudges, order 1 (C11)", of["C11"][0]),
                         ("two nudges, order 2 (C11)", of["C11"][1])],
                r"nudge $\lambda$", "Two equilibria tend to it, too:\nexponents {0:.2f} (one "
                                    "nudge), {2:.2f} (two)")
    draw_course(feedback, [("nudged (C19)", of["C19"][0]), ("top clamped (C20)", of["C20"][0])],
                r"feedback $\gamma$", "In a deep network, with weak feedback:\nexponents {:.2f} "
                                      "and {:.2f}")
    draw_course(copies, [("one hidden layer (C17)", of["C17"][0]),
                         ("two, by exact sums (C21)", next(c for c in of["C21"] if c.course))],
                "copies r of each hidden unit",
                "Clamped minus free tends to backprop:\nexponents {:.2f} and {:.2f}")
    draw_exact(exact, [claim for claim in claims if claim.status == "exact"])
    draw_training(alone, of["C18"])
    return figure


def draw_course(axes, lines, xlabel, title, loglog=True):
    """Draw the errors of each claim, and set the title with their exponents or, if not loglog, last
    error."""
    for (label, claim), (colour, style, marker) in zip(lines, LOOKS):
        x, errors = claim.course
        axes.plot(x, errors, color=colour, linestyle=style, marker=marker if loglog else "",
                  markersize=4, label=label)
    numbers = [exponent(*claim.course) if loglog else claim.course[1][-1] for _, claim in lines]
    axes.set(xscale="log" if loglog else "linear", yscale="log", xlabel=xlabel,
             title=title.format(*numbers),
             ylabel="relative error of the gradient")
    axes.legend(fontsize="small")


def draw_exact(axes, claims):
    """Draw the measured error of each exact claim beside its bound: down to rounding, or to finite
    differences."""
    rows = np.arange(len(claims))
    floor = 1e-17
    axes.plot([max(claim.measured, floor) for claim in claims], rows, "o", color=BLUE,
              label="measured")
    axes.plot([claim.high for claim in claims], rows, "|", color="0.4", markersize=10,
              label="bound of the test")
    axes.set(xscale="log", xlim=(floor / 3, 1), yticks=rows,
             yticklabels=[claim.tag for claim in claims],
             xlabel="error (below zero: at the left edge)", ylabel="equation",
             title=f"{sum(claim.holds for claim in claims)} of {len(claims)} exact claims\nare "
                   "within their bounds")
    axes.invert_yaxis()
    axes.legend(fontsize="small", loc="upper right")


def draw_training(axes, claims):
    """Draw Gamma_1* descended alone, and the two free energies whose difference a likelihood is."""
    runaway, likelihood = claims
    steps, gamma = runaway.course
    axes.plot(steps, gamma, color=RED, linestyle=":", label=r"$\Gamma_1^*$ minimised alone")
    steps, (data, model) = likelihood.course
    axes.plot(steps, data, color=ORANGE, linestyle="--", label="F(x), likelihood maximised")
    axes.plot(steps, model, color=BLUE, label="F, likelihood maximised")
    axes.plot(steps, data - model, color=GREEN, linestyle="-.", label="F(x) − F = −log p(x)")
    axes.set(yscale="symlog", xlabel="gradient step", ylabel="energy at T = 1, symmetric log scale",
             title=f"Alone, a free energy runs away, to {gamma[-1]:.0f};\na difference falls from "
                   f"{data[0] - model[0]:.1f} to {data[-1] - model[-1]:.1f}")
    axes.legend(fontsize="small", loc="center right", bbox_to_anchor=(1, 0.64))


if __name__ == "__main__":
    main()
