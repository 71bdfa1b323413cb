"""Local entropy: a rippled well made smooth, and Entropy-SGD against plain descent.

    python demos/l10_entropy_sgd.py              about 15 seconds on one core: one seed
    python demos/l10_entropy_sgd.py --quick      4 seconds
    python demos/l10_entropy_sgd.py --seeds 5    the page's table

784-100-10, ReLU, 1000 embedded digits, 2000 gradients of batches of 50 for each method; held out
1000 digits. Entropy-SGD moves to the mean of Langevin walks of 5 or 20 gradients (L21)."""
import matplotlib.pyplot as plt
import numpy as np

from common import demo_parser, name_seeds, save, with_deviation
from minife import MLP
from minife.backprop import CategoricalCrossEntropy
from minife.data import load_digits
from minife.descent import SGD
from minife.descent.optimizers import linear_decay
from minife.landscape import label_balance, label_temperature, noise_rise
from minife.landscape.entropy_sgd import langevin_direction, local_free_energy
from minife.units import Rectified

N_GRADIENTS = 2000
METHODS = {"SGD": {}, "SGD, momentum 0.9": {"momentum": 0.9}, "SGD, L2 decay 0.003": {"l2": 0.003},
           "Entropy-SGD, 5 steps": {"n_steps": 5, "gamma": 1.0},
           "Entropy-SGD, 20 steps": {"n_steps": 20, "gamma": 1.0},
           "Entropy-SGD, 20 steps, hot": {"n_steps": 20, "gamma": 1.0, "noise": 0.01}}

# head, form and width of what is printed of each method
COLUMNS = (("training", "loss", ".3f", 14), ("held-out", "loss", ".3f", 14),
           ("lowest on", "the way", ".3f", 14), ("held-out", "error [%]", ".1f", 11),
           ("", "T*", ".2f", 12), ("rise under", "30 % noise", ".3f", 14))


def main():
    parser = demo_parser(__doc__, quick="a quarter of the gradients")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    arguments = parser.parse_args()
    n_gradients = N_GRADIENTS // 4 if arguments.quick else N_GRADIENTS
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    print(f"after {n_gradients} gradients, losses in nats per row, {name_seeds(seeds)}"
          + ": mean ± standard deviation" * (len(seeds) > 1))
    for line in (0, 1):
        print(" " * 20 + "".join(f"{column[line]:>{column[3]}}" for column in COLUMNS))
    results = {}
    for name, settings in METHODS.items():
        r = results[name] = np.array([learn(seed, n_gradients, **settings) for seed in seeds])
        print(f"{name.replace(' steps', ''):20}"
              + "".join(f"{with_deviation(values, form):>{width}}"
                        for values, (_, _, form, width) in zip(r.T, COLUMNS)), flush=True)
    print("Entropy-SGD, 20: with walks of 20 gradients; hot: with more noise on them\n"
          "lowest on the way: of the held-out loss")
    draw(results, arguments)


def learn(seed, n_gradients, momentum=0.0, l2=0.0, n_steps=None, gamma=None, noise=1e-4):
    """Return training loss, held-out loss, the lowest on the way, error in %, T*, noise rise."""
    rng, digits = np.random.default_rng(seed), load_digits()
    rows = rng.permutation(len(digits.X_train))[:1000]
    X, y = digits.X_train[rows], digits.y_train[rows]
    mlp, lowest = MLP((784, 100, 10), Rectified(), CategoricalCrossEntropy(), rng), np.inf
    n_outer = n_gradients // (n_steps or 1)
    rate = 0.1 * (1 - momentum)
    plain = n_steps is None
    optimizer = SGD(linear_decay(rate, n_outer), momentum, l2=l2) if plain else SGD(1 / gamma)
    for step in range(n_outer):
        if plain:
            batch = rng.integers(len(X), size=50)
            slope = mlp.gradient(X[batch], y[batch])
        else:
            inner = 0.1 * (1 - step / n_outer)
            slope = langevin_direction(mlp, X, y, gamma, n_steps, inner, noise, rng)
        optimizer.step(mlp.parameters, slope)
        if step % max(1, n_outer // 50) == 0:
            lowest = min(lowest, mlp.loss(digits.X_test, digits.y_test))
    x = mlp.fields(digits.X_test)[-1]
    held_out = label_balance(x, digits.y_test).loss.mean()
    error = 100 * (x.argmax(1) != digits.y_test).mean()
    return (mlp.loss(X, y), held_out, min(lowest, held_out), error,
            label_temperature(x, digits.y_test),
            noise_rise(mlp, X, y, 0.3, 10, np.random.default_rng(0)))


def draw(results, arguments):
    figure, (well, losses) = plt.subplots(1, 2, figsize=(12, 4.6))
    x = np.linspace(-2, 2, 801)
    f = 20 * (x**2 - 1) ** 2 / 4 + 2 * x + 3 * np.cos(8 * x)
    counts = []
    for gamma in (None, 200, 50, 10, 3):
        smooth = f if gamma is None else local_free_energy(f, x, gamma)[0]
        n = np.sum((smooth[1:-1] < smooth[:-2]) & (smooth[1:-1] < smooth[2:]))
        counts.append(n)
        label = "$f$" if gamma is None else rf"$\gamma$ = {gamma}"
        look = {"color": "black", "linestyle": "-"} if gamma is None else {}
        well.plot(x, smooth - smooth.min(), **look,
                  label=f"{label}: {n} minima" if n > 1 else f"{label}: one minimum")
    well.set(title=f"minus the local entropy of a rippled well:\n{counts[0]} minima of $f$, "
                   f"{counts[-1]} at the smallest $\\gamma$",
             xlabel="x", ylabel="height above the lowest point", ylim=(0, 18))
    well.legend(loc="upper center", ncols=2, frameon=True, framealpha=1, edgecolor="white")
    means = np.array([r[:, 1].mean() for r in results.values()])
    spread = np.array([r[:, 1].std() for r in results.values()])
    place = np.arange(len(means))[::-1]
    losses.errorbar(means, place, xerr=spread, fmt="o", linestyle="")
    losses.set_yticks(place, results)
    best = list(results)[means.argmin()]
    losses.set(title=f"lowest held-out loss: {best},\n{means.min():.3f} nats",
               xlabel="held-out loss  [nats per row]",
               ylim=(-0.5, len(means) - 0.5))
    save(figure, arguments)


if __name__ == "__main__":
    main()
