"""From the RBM to the MLP by counting copies: r copies of each hidden unit, coupled to the label by
U / r.

    python demos/c8_copies.py            a quarter of a minute on one core
    python demos/c8_copies.py --quick    two seconds

For every r this is one Boltzmann machine at one temperature, its loss -log p(y | x) is a free
energy with the label clamped minus one with it free, and so is its gradient (C16). r = 1 is the
classification RBM; r -> infinity is the ordinary network 784-30-10 with its cross entropy and its
backprop gradient, but for an error of 1/r (C17). The script trains each of these machines on the
digits, prints two tables, and saves figures/c8_copies.png."""
import matplotlib.pyplot as plt
import numpy as np
from common import demo_parser, name_seeds, save, with_range

from minife.bridge import CopiedUnits
from minife.bridge.claims.claim import distance, exponent
from minife.bridge.claims.networks import slopes_of_limit
from minife.data import load_digits
from minife.descent import Adam
from minife.descent.loop import descend
from minife.plots import BLUE, GREEN, ORANGE

N_HIDDEN, BATCH, RATE = 30, 50, 0.003


def main():
    arguments = demo_parser(__doc__, "fewer digits, epochs, seeds and copies").parse_args()
    n_rows, n_epochs, n_seeds, counts = ((1000, 4, 2, (1, 16)) if arguments.quick
                                         else (4000, 8, 5, (1, 4, 16, 64)))
    digits = load_digits()
    X, y = digits.X_train[:n_rows].astype(float), digits.y_train[:n_rows]
    X_test = digits.X_test.astype(float)

    print(f"784-{N_HIDDEN}-10 on {n_rows} digits, {n_epochs} epochs of Adam in batches of "
          f"{BATCH}, {name_seeds(range(arguments.seed, arguments.seed + n_seeds))};\n"
          "means over the seeds, of the test error also the least and the largest\n\n"
          f"{'copies r':>9}{'training loss [nats]':>22}{'test error [%]':>22}")
    errors = {}
    for r in (*counts, np.inf):
        machines = [learn(r, X, y, n_epochs, arguments.seed + k) for k in range(n_seeds)]
        errors[r] = test = np.array([100 * error_rate(m, X_test, digits.y_test) for m in machines])
        loss = np.mean([machine.loss(X, y) for machine in machines])
        print(f"{r:9}{loss:22.4f}{with_range(test):>22}", flush=True)
    trained = machines[0].parameters  # those of the network, seed 0
    ladder = 2 ** np.arange(12)
    gradients, losses = at_weights(trained, ladder, X[:500], y[:500])
    print(f"\nr copies against the network, at its weights, on 500 digits:\n{'copies r':>9}"
          f"{'gradient, relative error':>26}{'loss, difference [nats]':>26}")
    for r, gradient, loss in zip(ladder, gradients, losses, strict=True):
        print(f"{r:9}{gradient:26.5f}{loss:26.5f}")
    print("exponent of the gradient's error in r, from the last two: "
          f"{exponent(ladder, gradients):.3f}")
    save(draw(errors, ladder, gradients, losses), arguments)


def start(seed, r=1):
    """Return CopiedUnits before training: the same for all r."""
    rng = np.random.default_rng(seed)
    W, U = 0.06 * rng.standard_normal((784, N_HIDDEN)), 0.2 * rng.standard_normal((10, N_HIDDEN))
    return CopiedUnits(W, U, np.zeros(N_HIDDEN), np.zeros(10), r)


def learn(r, X, y, n_epochs, seed):
    """Return CopiedUnits, or for r = inf their limit, an MLP, trained on the rows X and labels
    y."""
    machine = start(seed).limit() if r == np.inf else start(seed, r)
    descend(machine, lambda rows: machine.gradient(X[rows], y[rows]), len(X), Adam(RATE), n_epochs,
            np.random.default_rng(seed), batch_size=BATCH)
    return machine


def error_rate(machine, X, y):
    """Return the share of rows whose likeliest label is wrong."""
    return float((machine.predict(X).argmax(axis=1) != y).mean())


def at_weights(p, ladder, X, y):
    """Return, for each r, the relative error of clamped minus free as backprop's gradient, and of
    the loss  (C17)"""
    machines = [CopiedUnits(p["W1"], p["W2"].T, p["b1"], p["b2"], int(r)) for r in ladder]
    backprop, loss = slopes_of_limit(machines[0], X, y), machines[0].limit().loss(X, y)
    return (np.array([distance(m.gradient(X, y), backprop) for m in machines]),
            np.array([abs(m.loss(X, y) - loss) for m in machines]))


def draw(errors, ladder, gradients, losses):
    """Return the figure: the machine, its distance from the network, and its test error."""
    figure, (scheme, away, test) = plt.subplots(1, 3, figsize=(12, 4.4), width_ratios=(1.15, 1, 1))
    draw_scheme(scheme)
    away.loglog(ladder, gradients, "o-", color=BLUE, markersize=4,
                label="gradient, relative: clamped − free, backprop")
    away.loglog(ladder, losses, "s--", color=ORANGE, markersize=4, label="loss [nats]")
    away.loglog(ladder, 1 / ladder, ":", color="0.4", label="1/r, for comparison")
    away.set(xlabel="copies r of each hidden unit", ylabel="distance from the ordinary network",
             ylim=(None, 30),
             title="Clamped minus free becomes backprop:\nerror r to the power "
                   f"{exponent(ladder, gradients):.3f}")
    away.legend(fontsize="small", loc="upper right")
    names = [f"{r}" if r < np.inf else "∞: the MLP" for r in errors]
    for k, runs in enumerate(errors.values()):
        test.plot(np.full(len(runs), k), runs, ".", color=GREEN, alpha=0.6)
        test.plot(k, runs.mean(), "_", color=GREEN, markersize=22, markeredgewidth=2)
    means = [runs.mean() for runs in errors.values()]
    test.set(xlabel="copies r of each hidden unit", ylabel="test error [%]",
             ylim=(0, 1.4 * max(means)),
             xticks=range(len(names)), xticklabels=names, xlim=(-0.5, len(names) - 0.5),
             title="All of them learn: mean test errors\n"
                   f"of {len(runs)} seeds from {min(means):.1f} to {max(means):.1f} %")
    return figure


def draw_scheme(axes, r=3):
    """Draw x, two hidden units in r copies each, and the label."""
    x = [(k, 0) for k in np.linspace(0.6, 4.4, 4)]
    h = [(0.45 * i + 2.9 * j, 1.5) for j in range(2) for i in range(r)]
    h = [(a + 0.6, b) for a, b in h]
    label = (2.5, 3)
    for a in x:
        for k, b in enumerate(h):
            axes.plot(*zip(a, b), "-", color=(BLUE, ORANGE)[k // r], linewidth=0.6, alpha=0.7,
                      zorder=1)
    for k, b in enumerate(h):
        axes.plot(*zip(b, label), "-", color=(BLUE, ORANGE)[k // r], linewidth=0.6, zorder=1)
    for points, colours in ((x, ["0.75"] * 4), (h, [BLUE] * r + [ORANGE] * r), ([label], [GREEN])):
        axes.scatter(*zip(*points), s=120, c=colours, edgecolors="white", zorder=2)
    for text, place in (("x, clamped", (5.1, -0.12)), ("W, the same for all copies", (5.1, 0.65)),
                        ("r = 3 copies of each hidden unit", (5.1, 1.4)), ("U / r", (5.1, 2.2)),
                        ("label, clamped or free", (5.1, 2.9))):
        axes.text(*place, text, fontsize="small")
    axes.set(xlim=(0, 10.6), ylim=(-0.5, 3.5),
             title="One Boltzmann machine, one temperature:\nr = 1 is an RBM, r → ∞ the ordinary "
                   "network")
    axes.axis("off")


if __name__ == "__main__":
    main()
