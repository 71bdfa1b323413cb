r"""How good can an RBM of digits become? Centered PCD, judged by annealed importance sampling along
the way.

    python demos/e4_likelihood.py                    ten seconds on one core: 784 x 100, the
    embedded digits python demos/e4_likelihood.py --quick            a few seconds
    python demos/e4_likelihood.py --mnist PATH       five minutes a seed: 784 x 500, the full MNIST,
    20 epochs python demos/e4_likelihood.py --mnist PATH --epochs 60 --steps 2 --decay 2e-4
    eight minutes: a longer run python demos/e4_likelihood.py --mnist PATH --pixels threshold
    --epochs 10 --rate 0.4 --steps 3   two minutes python demos/e4_likelihood.py --mnist PATH
    --pixels threshold --epochs 2 --rate 0.2 --decay 1e-4 --chains 100 \
        --steps 1 --peer                             three seconds of learning, against 33 of
        scikit-learn

Grey pixels become binary once, before training: "drawn", each on with its grey value as
probability, as in most of the literature, or "threshold", on above 127. The two make different
data, whose likelihoods must not be compared. The rate falls linearly to zero, momentum is 0, steps
are centered (R18), the chains of PCD (R14) are as many as --chains says and take --steps Gibbs
steps an update. log Z is estimated by 100 chains, 5000 temperatures at the end and 1000 on the way
(E3, E5). --seeds N repeats it all; --peer lets scikit-learn's BernoulliRBM, where it is installed,
learn the same data at its rate 0.05 for 10 epochs, and judges it the same way.

It prints one line per seed and saves one figure, figures/e4_likelihood.png."""
import argparse
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM
from minife.descent.optimizers import SGD, linear_decay
from minife.data import load_digits, sample_binary
from minife.plots import BLUE, ORANGE, RED, show_wall
from minife.rbm.gibbs import gibbs_chain
from minife.evaluation import annealed_importance_sampling
from minife.rbm.training import Centering, PersistentContrastiveDivergence, train

BATCH_SIZE, N_ANNEALED = 100, 100
PUBLISHED = {"drawn": (-86.34, "CD-25, Salakhutdinov and Murray 2008")}


def main():
    setting = parse_arguments()
    X, X_test = data(setting.mnist, setting.pixels)
    print(f"{len(X)} digits, {len(X_test)} held out, pixels {setting.pixels}, {X.mean():.1%} on; 784 x "
          f"{setting.hidden} units, {setting.epochs} epochs of {len(X) // BATCH_SIZE} steps, rate {setting.rate} to 0, "
          f"{setting.chains} chains, {setting.steps} Gibbs steps an update, decay {setting.decay}")
    print("{:22}{:>10}{:>12}{:>12}{:>10}{:>18}{:>9}".format("nats per digit", "held out", "training", "error of",
                                                          "effective", "CPU seconds of", "|W|"))
    print("{:22}{:>10}{:>12}{:>12}{:>10}{:>18}".format("", "", "", "log Z", "chains", "training"))
    curves = []
    for seed in range(setting.seeds):
        rbm, curve = learn(X, X_test, setting, seed)
        curves.append(curve)
        print_line(f"seed {seed}", rbm, curve[-1])
    held_out = np.array([curve[-1]["test"] for curve in curves])
    if len(curves) > 1:
        print(f"{'mean over seeds':22}{held_out.mean():10.2f} ± {held_out.std(ddof=1):.2f}")
    if setting.peer:
        peer(X, X_test, setting)
    draw(rbm, X_test, curves, setting)
    print(f"The figure is in {setting.figure}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer epochs, hidden units and temperatures")
    parser.add_argument("--mnist", type=Path, metavar="PATH", help="the full MNIST, in place of the embedded digits")
    parser.add_argument("--pixels", choices=("drawn", "threshold"), default="drawn")
    parser.add_argument("--rate", type=float, default=0.3, help="learning rate at the start")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--chains", type=int, help="of PCD")
    parser.add_argument("--steps", type=int, help="Gibbs steps an update")
    parser.add_argument("--decay", type=float, default=3e-4, help="L2 decay of the weights")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--peer", action="store_true", help="scikit-learn's BernoulliRBM on the same data, too")
    parser.add_argument("--figure", type=Path, default=Path("figures/e4_likelihood.png"))
    given = parser.parse_args()
    usual = {"hidden": 100, "epochs": 30, "chains": 200, "steps": 2, "temperatures": 5000, "mnist": None}
    if given.mnist:
        usual |= {"hidden": 500, "epochs": 20, "chains": 500, "steps": 5}
    if given.quick:
        usual |= {"hidden": 50, "epochs": 5, "temperatures": 500}
    return argparse.Namespace(**usual | {name: value for name, value in vars(given).items() if value is not None})


def data(path, pixels):
    """Return training and held-out digits, binary, the same at every call."""
    digits = load_digits(pixels == "threshold", path)
    if pixels == "threshold":
        return digits.X_train, digits.X_test
    rng = np.random.default_rng(2008)
    return sample_binary(digits.X_train, rng), sample_binary(digits.X_test, rng)


def learn(X, X_test, setting, seed):
    """Return a machine that has learned X, and what was measured on the way, one dict per look."""
    rng = np.random.default_rng(seed)
    rbm = RBM.initialise(784, setting.hidden, rng, X, dtype=np.float32)
    optimizer = SGD(linear_decay(setting.rate, setting.epochs * len(X) // BATCH_SIZE), l2=setting.decay)
    looks = {round(epoch) for epoch in np.geomspace(1, setting.epochs, 8)}
    curve, clock = [], {"seconds": 0.0, "mark": time.process_time()}

    def watch(rbm, epoch):
        clock["seconds"] += time.process_time() - clock["mark"]  # of learning, without this watching
        if epoch in looks:
            n_temperatures = setting.temperatures if epoch == setting.epochs else setting.temperatures // 5
            curve.append(judge(rbm, X, X_test, n_temperatures) | {"epoch": epoch, "seconds": clock["seconds"]})
        clock["mark"] = time.process_time()

    train(rbm, X, PersistentContrastiveDivergence(setting.chains, setting.steps), optimizer, setting.epochs, rng,
          centering=Centering(), batch_size=BATCH_SIZE, callbacks=[watch], label=f"seed {seed}")
    return rbm, curve


def judge(rbm, X, X_test, n_temperatures):
    """Return the log-likelihoods of held-out digits and of the first training digits, and what log
    Z rests on  (E5)"""
    estimate = annealed_importance_sampling(rbm, N_ANNEALED, n_temperatures, np.random.default_rng(1), X.mean(axis=0))
    test, training = (-rbm.beta * rbm.free_energy(rows).mean(dtype=float) - estimate.log_z
                      for rows in (X_test, X[:len(X_test)]))
    return {"test": test, "train": training, "error": estimate.standard_error,
            "sample size": estimate.effective_sample_size}


def print_line(name, rbm, record):
    print("{:22}{test:10.2f}{train:12.2f}{error:12.2f}{sample size:10.1f}{seconds:18.1f}{norm:9.1f}".format(
        name, norm=np.linalg.norm(rbm.W), **record), flush=True)


def peer(X, X_test, setting):
    """Print the line of scikit-learn's BernoulliRBM, at a constant rate of 0.05 for 10 epochs."""
    try:
        from sklearn.neural_network import BernoulliRBM
    except ImportError:
        print("scikit-learn is not installed")
        return
    start = time.process_time()
    theirs = BernoulliRBM(setting.hidden, learning_rate=0.05, batch_size=BATCH_SIZE, n_iter=10, random_state=0)
    theirs.fit(X.astype(np.float32))
    seconds = time.process_time() - start
    rbm = RBM(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_)
    print_line("scikit-learn, 10 epochs", rbm, judge(rbm, X, X_test, setting.temperatures) | {"seconds": seconds})


def draw(rbm, X_test, curves, setting):
    figure, (curve_axes, filter_axes, dream_axes) = plt.subplots(
        1, 3, figsize=(14, 4.9), layout="constrained", width_ratios=(1.3, 1, 1))
    for seed, curve in enumerate(curves):
        epochs = [record["epoch"] for record in curve]
        for which, colour, name in (("test", BLUE, "held-out digits"), ("train", ORANGE, "training digits")):
            curve_axes.plot(epochs, [record[which] for record in curve], "o-", ms=4, color=colour,
                            label=name if seed == 0 else None)
    if setting.mnist and setting.pixels in PUBLISHED:
        value, name = PUBLISHED[setting.pixels]
        curve_axes.axhline(value, color=RED, linestyle="--", label=f"{name}: {value}")
    last = np.mean([curve[-1]["test"] for curve in curves])
    curve_axes.set_xscale("log")
    curve_axes.set_xticks(epochs, epochs)
    curve_axes.set_xticks([], minor=True)
    curve_axes.set(title=f"Held-out digits reach {last:.1f} nats", xlabel="epoch",
                   ylabel="log-likelihood by annealing [nats per digit]")
    curve_axes.legend(loc="lower right")
    strongest = np.argsort(-np.linalg.norm(rbm.W, axis=0))[:64]
    show_wall(filter_axes, rbm.W.T[strongest], n_columns=8, signed=True)
    filter_axes.set_title("The 64 strongest filters\n(weights: blue below zero, red above)")
    v, h = gibbs_chain(rbm, X_test[:64], 1000, np.random.default_rng(0))
    show_wall(dream_axes, rbm.visible_mean(h), n_columns=8)
    dream_axes.set_title("Pixel means after 1000 Gibbs steps\nthat began at held-out digits")
    setting.figure.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(setting.figure, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
