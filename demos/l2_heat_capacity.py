"""U, S and the heat capacity C of trained machines against the temperature: where is the peak of C?

    python demos/l2_heat_capacity.py              about 12 seconds on one core: three seeds
    python demos/l2_heat_capacity.py --quick      6 seconds: one seed, fewer epochs
    python demos/l2_heat_capacity.py --seeds 5    more seeds
    python demos/l2_heat_capacity.py --constant   PCD with a rate that does not fall

Digits of 14 x 14 pixels learned by 8 hidden units with the exact gradient; the same digits with
every pixel shuffled over the rows, which keeps the means and destroys all correlations; digits of
28 x 28 pixels learned by 10 hidden units with PCD, 100 chains. All sums are exact; C = beta^2 Var E
(L5). T* is that of the training data (L3); its balance also by AIS and by TAP."""
import matplotlib.pyplot as plt
import numpy as np

from common import demo_parser, save
from minife import RBM
from minife.data import load_digits
from minife.descent import SGD
from minife.descent.optimizers import linear_decay
from minife.evaluation import annealed_importance_sampling
from minife.landscape import (anneal, at_temperature, data_balance, data_temperature,
                              sampled_thermodynamics, thermodynamics)
from minife.plots import BLUE, GREEN, ORANGE
from minife.rbm import exact
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.training import ExactEnumeration, PersistentContrastiveDivergence, train

TEMPERATURES = np.geomspace(0.5, 2, 57)                                        # steps of 2.5 %
LOOK = {"digits, exact": (BLUE, "-"), "digits, PCD": (GREEN, "-."),
        "shuffled, exact": (ORANGE, "--")}


def main():
    parser = demo_parser(__doc__, quick="one seed, 8 epochs instead of 30")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--constant", action="store_true", help="the rate of PCD does not fall")
    arguments = parser.parse_args()
    n_seeds, n_epochs = (1, 8) if arguments.quick else (arguments.seeds, 30)
    print(f"{'':16}{'seed':>5}{'peak of C at T':>16}{'T* of the data':>16}"
          f"{'U':>9}{'S':>8}{'C at T = 1':>12}{'C at its peak':>15}")
    curves, first = {}, None
    for kind in LOOK:
        for seed in range(arguments.seed, arguments.seed + n_seeds):
            rbm, X = learn(kind, seed, n_epochs, arguments.constant)
            first = (rbm, X) if (kind, seed) == ("digits, PCD", arguments.seed) else first
            points = [exact.thermodynamics(at_temperature(rbm, T)) for T in TEMPERATURES]
            curve = {name: np.array([getattr(point, name) for point in points]) / rbm.n_visible
                     for name in "USC"}
            curves.setdefault(kind, []).append(curve)
            U, S, C = (curve[name][len(TEMPERATURES) // 2] for name in "USC")
            print(f"{kind:16}{seed:5d}{peak(curve['C']):>16}{data_temperature(rbm, X):16.3f}"
                  f"{U:9.3f}{S:8.3f}{C:12.3f}{curve['C'].max():15.3f}", flush=True)
    print("U at T = 1, S and C [nats]: per pixel")
    print_balances(*first)
    draw(curves, arguments)


def print_balances(rbm, X):
    """Print the balance of the data by exact sums, by AIS with Gibbs chains, and by TAP  (L3)"""
    rng, state = np.random.default_rng(0), anneal(rbm, order=2)
    log_z = annealed_importance_sampling(rbm, 200, 2000, rng).log_z
    v, _ = gibbs_chain(rbm, X[:1000], 1000, rng)
    sources = {"exact sums": exact.thermodynamics(rbm),
               "AIS and 1000 chains": sampled_thermodynamics(rbm, v, log_z),
               "TAP, order 2, annealed": thermodynamics(rbm, state.m_v, state.m_h, order=2)}
    print("\nthe first PCD machine, its training data, nats per row\n"
          f"{'':25}{'loss':>8} = {'entropy':>8} + {'gap':>6}")
    for name, source in sources.items():
        balance = data_balance(rbm, X, source)
        print(f"{name:25}{balance.loss.mean():8.2f} = {balance.entropy.mean():8.2f} "
              f"{balance.gap.mean():+8.2f}")


def learn(kind, seed, n_epochs, constant):
    """Return the trained machine and its data."""
    rng, X = np.random.default_rng(seed), load_digits().X_train
    if kind == "digits, PCD":
        rbm = RBM.initialise(784, 10, rng, X)
        rate = 0.05 if constant else linear_decay(0.05, n_epochs * len(X) // 50)
        train(rbm, X, PersistentContrastiveDivergence(100), SGD(rate, momentum=0.5), n_epochs, rng,
              batch_size=50)
        return rbm, X
    X = (X.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)) > 0.5).astype(np.uint8).reshape(-1, 196)
    if kind == "shuffled, exact":
        X = np.column_stack([rng.permutation(pixel) for pixel in X.T])
    rbm = RBM.initialise(196, 8, rng, X)
    optimizer = SGD(linear_decay(0.2, n_epochs * len(X) // 100), momentum=0.5)
    train(rbm, X, ExactEnumeration(), optimizer, n_epochs, rng, batch_size=100)
    return rbm, X


def peak(C):
    """Return in words the temperature at which C is largest, by a parabola through three points."""
    k = C.argmax()
    if k in (0, len(C) - 1):
        return f"{'below' if k == 0 else 'above'} {TEMPERATURES[k]:.1f}"
    left, middle, right = C[k - 1:k + 2]
    shift = (left - right) / (left - 2 * middle + right) / 2
    return f"{TEMPERATURES[k] * (TEMPERATURES[1] / TEMPERATURES[0]) ** shift:.3f}"


def draw(curves, arguments):
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.2))
    labels = {"U": "energy U per pixel", "S": "entropy S per pixel  [nats]",
              "C": "heat capacity C per pixel  [nats]"}
    for panel, (name, label) in zip(axes, labels.items()):
        for kind, (colour, line) in LOOK.items():
            for k, curve in enumerate(curves[kind]):
                panel.plot(TEMPERATURES, curve[name], linestyle=line, color=colour, linewidth=1.4,
                           label=kind if k == 0 else None)
        panel.axvline(1, color="0.6", linewidth=0.8, linestyle=":")
        panel.set(xlabel="temperature T", xscale="log", ylabel=label)
        panel.set_xticks([0.5, 0.7, 1, 1.4, 2], ["0.5", "0.7", "1", "1.4", "2"])
        panel.minorticks_off()
    U, S = (curves["digits, exact"][0][name] for name in "US")
    axes[0].set_title(f"digits: U from {U[0]:.2f} to {U[-1]:.2f}")
    axes[1].set_title(f"digits: S from {S[0]:.2f} to {S[-1]:.2f}")
    peaks = {kind: ", ".join(peak(curve["C"]) for curve in curves[kind]) for kind in LOOK}
    axes[2].set_title(f"peak of C: exact {peaks['digits, exact']};\nPCD {peaks['digits, PCD']}")
    axes[0].legend()
    save(figure, arguments)


if __name__ == "__main__":
    main()
