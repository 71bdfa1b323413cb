"""What an RBM's mean field forgets: how far apart the outputs for different inputs still are after
n iterations.

    python demos/c3_forgetting.py            two seconds on one core
    python demos/c3_forgetting.py --quick    a second

All 256 inputs of an RBM 8-6 go through its unrolled iterations, for three sizes of the weights. It
prints the spread of h_n over the inputs and the rate rho that theory gives, and saves
figures/c3_forgetting.png."""
import warnings

import matplotlib.pyplot as plt
import numpy as np
from common import demo_parser, save

from minife import RBM, tap
from minife.bridge import ClampedNetwork, forgetting_rate, unroll
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm.exact import all_states

COLOURS = {0.3: BLUE, 0.6: GREEN, 1.0: ORANGE}
X = all_states(8)


def main():
    arguments = demo_parser(__doc__, "fewer iterations and machines").parse_args()
    warnings.simplefilter("ignore", tap.NotConvergedWarning)
    n_iterations, n_machines = (40, 60) if arguments.quick else (60, 400)

    print("spread of h_n over all 256 inputs: the largest standard deviation of a unit\n"
          "rho: the factor per iteration by theory\n")
    print("weights   rho" + "".join(f"{f'n = {n}':>10}" for n in (0, 1, 2, 5, 10, 20, 40)))
    lines = {}
    for scale in COLOURS:
        rbm = machine(scale, np.random.default_rng(arguments.seed))
        lines[scale] = spread, rate = spread_of_outputs(rbm, n_iterations), rate_of(rbm)
        print(f"{scale:7.1f}{rate:6.2f}" + "".join(f"{spread[n]:10.0e}"
                                                   for n in (0, 1, 2, 5, 10, 20, 40)))
    clamped = spread_when_clamped(machine(0.6, np.random.default_rng(arguments.seed)))
    print("\nwith the input clamped, weights of 0.6 and a second layer of free units the spread "
          f"stays {clamped:.2f}")
    measured, predicted = rates(n_machines, arguments.seed)
    error = np.abs(measured / predicted - 1)
    print(f"{len(measured)} random machines with rho below 0.9: the factor from n = 12 to 16 is "
          f"off rho\n  by {np.median(error):.0e} of it in the median, by {error.max():.0e} at most")
    save(draw(lines, clamped, measured, predicted), arguments)


def machine(scale, rng):
    return RBM(scale * rng.standard_normal((8, 6)), 0.5 * rng.standard_normal(8),
               0.5 * rng.standard_normal(6))


def spread_of_outputs(rbm, n_iterations):
    return np.array([h.std(axis=0).max() for h in unroll(rbm, n_iterations).forward(X)[::2]])


def spread_when_clamped(rbm):
    """Return the spread of the hidden means at rest when x stays, and the other layer is free: b +
    x W is a field."""
    network = ClampedNetwork(rbm.W, rbm.W.T[:, :4], rbm.b, rbm.a[:4])
    return network.equilibrium(X).m_h.std(axis=0).max()


def rate_of(rbm):
    star = tap.fixed_point(rbm, order=1, step=1.0, tol=1e-12, max_iter=20000)
    return forgetting_rate(rbm, star.m_v, star.m_h)[0]


def rates(n_machines, seed):
    """Return measured and predicted rates of random machines that have not yet reached rounding."""
    measured, predicted = [], []
    for k in range(n_machines):
        rng = np.random.default_rng([seed, k])
        rbm = machine(rng.uniform(0.4, 1.0), rng)
        spread, rate = spread_of_outputs(rbm, 16), rate_of(rbm)
        if spread[16] > 1e-12 and rate < 0.9 and spread[16] < 0.1:
            measured.append((spread[16] / spread[12]) ** (1 / 4))
            predicted.append(rate)
    return np.array(measured), np.array(predicted)


def draw(lines, clamped, measured, predicted):
    figure, (spread_axes, rate_axes) = plt.subplots(1, 2, figsize=(11.5, 4.8))
    for scale, (spread, rate) in lines.items():
        n = np.arange(len(spread))
        spread_axes.semilogy(n, spread, color=COLOURS[scale],
                             label=rf"weights of {scale}, $\rho$ = {rate:.2f}")
        above = spread > 1e-14
        late = min(6, above.sum() - 1)
        spread_axes.semilogy(n[above], 0.3 * spread[late] * rate ** (n[above] - late), color="0.6",
                             linestyle=":")
    spread_axes.axhline(clamped, color=RED, linestyle=(0, (6, 2, 1, 2, 1, 2)),
                        label="x clamped, 0.6: for ever")
    spread, rate = lines[0.6]
    gone = int(np.argmax(spread < 1e-12))
    spread_axes.set(xlabel="iterations n", ylabel=r"spread of $h_n$ over all inputs",
                    title="unclamped, the input is forgotten:\n"
                          f"{spread[0]:.2f} becomes {spread[gone]:.0e} by n = {gone}")
    spread_axes.legend()
    rate_axes.plot([0, 0.9], [0, 0.9], color="0.6")
    rate_axes.plot(predicted, measured, ".", color=BLUE, markersize=4)
    rate_axes.set(xlabel=r"$\rho=\beta^2\,s_{max}(\sqrt{c_v}\,W\sqrt{c_h})^2$",
                  ylabel="factor by which the spread shrinks",
                  title=f"{len(measured)} machines forget at the rate predicted,\nmedian error "
                        f"{np.median(np.abs(measured / predicted - 1)):.0e}")
    return figure


if __name__ == "__main__":
    main()
