"""A forward pass runs downhill: the free energy of an RBM's mean field, layer by layer, from
handwritten digits on.

    python demos/c1_descent.py            six seconds on one core
    python demos/c1_descent.py --quick    two seconds

An RBM learns the embedded digits by PCD; then its mean-field iterations are unrolled into layers
h_0, v_1, h_1, ... It prints one table and saves one figure, figures/c1_descent.png."""

import matplotlib.pyplot as plt
import numpy as np
from common import demo_parser, save

from minife import RBM
from minife.bridge import unroll
from minife.data import load_digits
from minife.descent.optimizers import SGD, linear_decay
from minife.plots import BLUE, ORANGE, RED
from minife.rbm.training import PersistentContrastiveDivergence, train


def main():
    arguments = demo_parser(__doc__, "fewer epochs, hidden units, digits and layers").parse_args()
    n_hidden, n_epochs, n_rows, n_iterations = (
        (30, 3, 100, 10) if arguments.quick else (100, 30, 250, 40))
    digits, rng = load_digits(), np.random.default_rng(arguments.seed)
    rbm = learn(digits, n_hidden, n_epochs, rng).double()
    X = digits.X_test[::len(digits.X_test) // n_rows]
    starts = {"digits": X, "shuffled pixels": rng.permuted(X, axis=1),
              "noise": rng.integers(2, size=X.shape, dtype=np.uint8)}

    print(f"an RBM of 784 x {n_hidden} units, {n_epochs} epochs of PCD, seed {arguments.seed}; "
          f"{n_iterations} iterations, {2 * n_iterations + 1} layers\n"
          f"energies at T = 1, means over {n_rows} rows of each kind\n")
    print(f"{'':17}{'F(x)':>9}{'at v_1':>9}{'at h_1':>9}{'at the end':>12}"
          f"{'-log p_MF':>11}{'steps up':>10}")
    gammas = {}
    for name, rows in starts.items():
        gammas[name] = gamma = unroll(rbm, n_iterations).free_energies(rows)
        print(f"{name:17}{gamma[:, 0].mean():9.1f}{gamma[:, 1].mean():9.1f}"
              f"{gamma[:, 2].mean():9.1f}{gamma[:, -1].mean():12.1f}"
              f"{(gamma[:, 0] - gamma.min()).mean():11.1f}{n_rises(gamma):10d}")
    rises = {step: (np.diff(unroll(rbm, n_iterations, 2, step).free_energies(X),
                            axis=1) > 1e-9).mean(axis=0)
             for step in (1.0, 0.5)}
    print(f"""
F(x): at the input; at v_1, h_1 and the end: Gamma_1
at v_1: the drop from F(x) is the cross entropy of x and its reconstruction v_1, exactly
-log p_MF: F(x) above the lowest free energy found, in nats
steps up: of {n_rows * 2 * n_iterations} half steps, those that raised Gamma_1 by more than rounding
the first half step covers {first_share(gammas):.0%} of the way, in the mean over all rows
order 2, from digits: {rises[1.0].mean():.1%} of the half steps with step 1 raise Gamma_2, \
{rises[0.5].mean():.1%} with step 1/2""")
    save(draw(gammas, rises), arguments)


def learn(digits, n_hidden, n_epochs, rng):
    """Return an RBM trained on the digits."""
    rbm = RBM.initialise(784, n_hidden, rng, digits.X_train, dtype=np.float32)
    optimizer = SGD(linear_decay(0.1, n_epochs * len(digits.X_train) // 50), momentum=0.5)
    train(rbm, digits.X_train, PersistentContrastiveDivergence(n_chains=100), optimizer, n_epochs,
          rng, batch_size=50)
    return rbm


def first_share(gammas):
    """Return the share of the way to the last layer that the first step covers, mean over rows."""
    return np.mean([(gamma[:, 0] - gamma[:, 1]) / (gamma[:, 0] - gamma[:, -1])
                    for gamma in gammas.values()])


def n_rises(gamma):
    return int((np.diff(gamma, axis=1) > 1e-9).sum())


def draw(gammas, rises):
    figure, (value_axes, drop_axes, rise_axes) = plt.subplots(1, 3, figsize=(12, 4.3))
    lowest = min(gamma.min() for gamma in gammas.values())
    for (name, gamma), colour in zip(gammas.items(), (BLUE, ORANGE, RED)):
        layers, drops = np.arange(gamma.shape[1]), -np.diff(gamma, axis=1)
        band(value_axes, layers, gamma - lowest + 1, colour, name)
        band(drop_axes, layers[1:], np.maximum(drops, 1e-12), colour, name)
    n_steps = sum(np.diff(gamma).size for gamma in gammas.values())
    first = first_share(gammas)
    value_axes.set(yscale="log", xlabel="layer",
                   ylabel="1 + height above the lowest [energy at T = 1]",
                   title=f"{sum(map(n_rises, gammas.values()))} of {n_steps} steps go up;\n"
                         f"the first covers {first:.0%} of the way")
    value_axes.legend()
    drop_axes.set(yscale="log", xlabel="layer", ylabel="drop = KL(old means, new means) [nats]",
                  title="each layer lowers it by how far it moves")
    for step, colour in zip(rises, (RED, BLUE)):
        share = 100 * rises[step]
        name = f"step {step:g}"
        rise_axes.plot(np.arange(2, len(share) + 1, 2), share[1::2], color=colour,
                       label=f"hidden layers, {name}")
        rise_axes.plot(np.arange(1, len(share) + 1, 2), share[::2], color=colour, linestyle=":",
                       label=f"visible layers, {name}")
    rise_axes.set(xlabel="layer", ylabel=r"digits whose $\Gamma_2$ rises [%]", ylim=(-2, 105),
                  title=f"order 2: {rises[1.0].mean():.0%} of the steps with step 1 go up,\n"
                        f"{rises[0.5].mean():.1%} with step 0.5; at order 1 none")
    rise_axes.legend(loc="upper right", fontsize="small")
    return figure


def band(axes, x, rows, colour, label):
    """Draw the median of the rows (n, len(x)), and from their 5th to their 95th percentile a
    band."""
    low, middle, high = np.percentile(rows, (5, 50, 95), axis=0)
    axes.plot(x, middle, color=colour, label=label)
    axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)


if __name__ == "__main__":
    main()
