"""One gradient, four ways: backprop through n iterations, linear response, equilibrium propagation
(two kinds).

    python demos/c2_four_gradients.py            five seconds on one core
    python demos/c2_four_gradients.py --quick    four seconds

A machine with clamped input comes to rest; how does a loss of its output depend on its weights? It
prints how far the other ways are from the linear response, whose own error is rounding, and saves
figures/c2_four_gradients.png."""
import warnings

import matplotlib.pyplot as plt
import numpy as np
from common import demo_parser, save

from minife import MLP
from minife.backprop import SquaredError
from minife.bridge import ClampedNetwork, LayeredMeanField, forgetting_rate
from minife.gradcheck import numerical_gradient
from minife.parameters import flatten
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.tap import NotConvergedWarning
from minife.units import Binary

PRECISE = {"tol": 1e-15, "max_iter": 400}  # down to rounding, or 400 sweeps


def main():
    arguments = demo_parser(__doc__, "fewer points on each line").parse_args()
    warnings.simplefilter("ignore", NotConvergedWarning)
    iterations = np.array([1, 2, 3, 5, 8, 12, 18, 26]) if arguments.quick else np.arange(1, 41)
    nudges = 10.0 ** np.arange(-5, 0.1, 1.0 if arguments.quick else 0.25)
    lines = {}
    for order in (1, 2):
        network, X, y = machine(order, np.random.default_rng(arguments.seed))
        exactly = network.implicit_gradient(X, y, **PRECISE)
        numerical, _ = numerical_gradient(lambda p: network.loss(X, y, **PRECISE),
                                          network.parameters)
        rest = network.equilibrium(X, **PRECISE)
        lines[order] = {
            "rate": forgetting_rate(network.pair, rest.m_h, rest.m_y).max(),
            "backprop": [distance(network.backprop_gradient(X, y, n), exactly) for n in iterations],
            "one nudge": [distance(network.equilibrium_propagation_gradient(X, y, nudge, False,
                                                                            **PRECISE), exactly)
                          for nudge in nudges],
            "two nudges": [distance(network.equilibrium_propagation_gradient(X, y, nudge, True,
                                                                             **PRECISE), exactly)
                           for nudge in nudges]}
        error = distance(exactly, numerical)
        print(f"order {order}: relative error of the linear response against finite differences "
              f"{error:.0e};\n  of the others against the linear response:")
        print_table(lines[order], iterations, nudges)
    feedback = 10.0 ** np.arange(-4, 0.1, 1.0 if arguments.quick else 0.25)
    untied = untied_errors(feedback, np.random.default_rng(arguments.seed))
    print("an MLP 5-7-6-3 as the limit of a layered machine: relative error "
          f"{untied[0]:.0e} at feedback {feedback[0]:.0e},\n"
          f"  slope {slope(untied, feedback, 1e-3, 1e-1):.2f} against the feedback")
    save(draw(lines, iterations, nudges, feedback, untied), arguments)


def machine(order, rng):
    """Return a ClampedNetwork 8-6-4 at beta = 1.2, ten binary rows and targets."""
    W, U = 0.6 * rng.standard_normal((8, 6)), 0.6 * rng.standard_normal((6, 4))
    network = ClampedNetwork(W, U, 0.5 * rng.standard_normal(6), 0.5 * rng.standard_normal(4), 1.2,
                             order)
    return network, rng.integers(2, size=(10, 8)), rng.integers(2, size=(10, 4))


def untied_errors(feedback, rng):
    """Return how far the difference of two equilibria of a layered machine is from the backprop
    gradient of its MLP."""
    mlp = MLP((5, 7, 6, 3), Binary(), SquaredError(Binary()), rng)
    for array in mlp.parameters.values():
        array *= 0.4
    X, y = rng.standard_normal((8, 5)), rng.random((8, 3))
    return [distance(LayeredMeanField(mlp, f).equilibrium_propagation_gradient(X, y, 0.01),
                     mlp.gradient(X, y))
            for f in feedback]


def distance(one, other):
    """Return |one - other| / |other|."""
    return np.linalg.norm(flatten(one) - flatten(other)) / np.linalg.norm(flatten(other))


def slope(errors, scales, low, high):
    """Return the slope of log(error) against log(scale) between two scales."""
    inside = (scales > low * 0.99) & (scales < high * 1.01)
    return np.polyfit(np.log(scales[inside]), np.log(np.array(errors)[inside]), 1)[0]


def print_table(line, iterations, nudges):
    picked = [k for k, n in enumerate(iterations) if n in (1, 2, 3, 5, 8, 12, 18, 26)]
    print("  iterations     " + "".join(f"{iterations[k]:9d}" for k in picked))
    print("  backprop       " + "".join(f"{line['backprop'][k]:9.0e}" for k in picked))
    picked = [k for k, nudge in enumerate(nudges) if abs(np.log10(nudge) % 1) < 1e-9]
    print("  nudge          " + "".join(f"{nudges[k]:9.0e}" for k in picked))
    for name, scales in (("one nudge", (1e-4, 1e-2)), ("two nudges", (1e-3, 1e-1))):
        print(f"  {name:15}" + "".join(f"{line[name][k]:9.0e}" for k in picked)
              + f"   slope {slope(line[name], nudges, *scales):.2f}")


def draw(lines, iterations, nudges, feedback, untied):
    figure, (backprop_axes, nudge_axes, untied_axes) = plt.subplots(1, 3, figsize=(12, 4.3))
    for order, colour, styles in ((1, BLUE, ("-", "-.")), (2, ORANGE, ("--", ":"))):
        line = lines[order]
        backprop_axes.semilogy(iterations, line["backprop"], color=colour, linestyle=styles[0],
                               label=f"order {order}")
        for ways, shade, style in zip(("one nudge", "two nudges"), (RED, GREEN), styles):
            nudge_axes.loglog(nudges, line[ways], color=shade, linestyle=style,
                              label=f"{ways}, order {order}")
    rate, error = lines[1]["rate"], lines[1]["backprop"]
    guide = iterations[(iterations > 2) & (np.array(error) > 1e-14)]
    at = list(iterations).index(guide[0])
    backprop_axes.semilogy(guide, 0.3 * error[at] * guide / guide[0] * rate ** (guide - guide[0]),
                           color="0.6", linestyle=":", label=rf"$n\,\rho^n$, $\rho$ = {rate:.2f}")
    backprop_axes.set(xlabel="iterations n", ylabel="relative error of the gradient",
                      title="backprop through 8 iterations errs by "
                            f"{error[list(iterations).index(8)]:.0e}\n"
                            "(order 2, step 1/2: "
                            f"{lines[2]['backprop'][list(iterations).index(8)]:.0e})")
    backprop_axes.legend()
    slopes = [slope(lines[1][name], nudges, *scales)
              for name, scales in (("one nudge", (1e-4, 1e-2)), ("two nudges", (1e-3, 1e-1)))]
    nudge_axes.set(xlabel=r"nudge $\lambda$", ylabel="relative error of the gradient",
                   title=f"equilibrium propagation: order {slopes[0]:.2f} in $\\lambda$\n"
                         f"with one nudge, {slopes[1]:.2f} with two, until rounding")
    nudge_axes.legend()
    untied_axes.loglog(feedback, untied, color=BLUE)
    untied_axes.set(xlabel=r"feedback $\gamma$", ylabel="relative error of the gradient",
                    title="an MLP 5-7-6-3 as the limit of no feedback:\n"
                          f"slope {slope(untied, feedback, 1e-3, 1e-1):.2f}")
    return figure


if __name__ == "__main__":
    main()
