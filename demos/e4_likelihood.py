r"""How good can an RBM of digits become? Centered PCD, judged by annealing from both sides.

    python demos/e4_likelihood.py             twenty seconds on one core: 784 x 100, embedded
    python demos/e4_likelihood.py --quick      a few seconds
    python demos/e4_likelihood.py --mnist PATH   six minutes a seed: 784 x 500, MNIST, 20 epochs
    python demos/e4_likelihood.py --mnist PATH --epochs 60 --steps 2 --decay 2e-4    nine minutes
    python demos/e4_likelihood.py --mnist PATH --pixels threshold --epochs 10 --rate 0.4 --steps 3
    python demos/e4_likelihood.py --mnist PATH --pixels threshold --epochs 2 --rate 0.2 --steps 1 \
        --decay 1e-4 --chains 100 --peer    three seconds of learning, 33 of scikit-learn

Grey pixels become binary once, before training: "drawn", each on with its grey value as
probability, as in most of the literature, or "threshold", on above 127. The two make different
data, whose likelihoods must not be compared. The rate falls linearly to zero, momentum is 0, steps
are centered (R18), the chains of PCD (R14) are as many as --chains says and take --steps Gibbs
steps an update. log Z is estimated by 100 cooled chains, 5000 temperatures at the end and 1000 on
the way (E3, E5): an optimistic likelihood, with its error and effective chains. Beside it stands
the conservative one of 100 held-out digits, each heated once (E17): by how much it is lower on the
same digits. It is higher where few cooled chains carry log Z: they found a valley in which
annealing, as a model, has no share. --seeds N repeats it all, from --seed on; --peer lets scikit-
learn's BernoulliRBM, where it is installed, learn the same data at its rate 0.05 for 10 epochs, and
judges it likewise.

It prints one line per look and saves one figure, figures/e4_likelihood.png."""
import argparse
import time

import numpy as np
from common import demo_parser, plt, save

from minife import RBM
from minife.data import load_digits, sample_binary
from minife.descent.optimizers import SGD, linear_decay
from minife.evaluation import annealed_importance_sampling, annealed_log_likelihood
from minife.plots import BLUE, GREEN, ORANGE, RED, show_wall
from minife.rbm.centering import Centering
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.training import PersistentContrastiveDivergence, train

BATCH_SIZE, N_ANNEALED, N_HEATED = 100, 100, 100
PUBLISHED = {"drawn": (-86.34, "CD-25, Salakhutdinov and Murray 2008")}


def main():
    setting = parse_arguments()
    X, X_test = data(setting.mnist, setting.pixels)
    print(f"{len(X)} digits, {len(X_test)} held out, pixels {setting.pixels}, {X.mean():.1%} on; "
          f"784 x {setting.hidden} units,\n{setting.epochs} epochs of {len(X) // BATCH_SIZE} "
          f"steps, rate {setting.rate} to 0, {setting.chains} chains, {setting.steps} Gibbs steps "
          f"an update, decay {setting.decay}\n")
    print(f"{'nats per digit':24}{'held out':>10}{'training':>10}{'error of':>9}{'effective':>11}"
          f"{'conservative:':>20}{'CPU [s]':>8}{'|W|':>7}\n"
          f"{'':44}{'log Z':>9}{'chains':>11}{'lower by':>20}")
    curves = []
    for seed in range(setting.seed, setting.seed + setting.seeds):
        rbm, curve = learn(X, X_test, setting, seed)
        curves.append(curve)
    held_out = np.array([curve[-1]["test"] for curve in curves])
    if len(curves) > 1:
        print(f"{'mean over seeds':24}{held_out.mean():10.2f} ± {held_out.std(ddof=1):.2f}")
    if setting.peer:
        peer(X, X_test, setting)
    save(draw(rbm, X_test, curves, setting), setting)


def parse_arguments():
    parser = demo_parser(__doc__, "fewer epochs, hidden units and temperatures", mnist=True)
    parser.add_argument("--pixels", choices=("drawn", "threshold"), default="drawn",
                        help="how grey values become binary; drawn if not given")
    parser.add_argument("--rate", type=float, default=0.3, help="at the start; 0.3 if not given")
    parser.add_argument("--epochs", type=int, help="30, or 20 of MNIST, if not given")
    parser.add_argument("--chains", type=int, help="of PCD; 200, or 500 for MNIST, if not given")
    parser.add_argument("--steps", type=int, help="Gibbs steps an update; 2, or 5 for MNIST")
    parser.add_argument("--decay", type=float, default=3e-4, help="L2 of W; 3e-4 if not given")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many; 1")
    parser.add_argument("--peer", action="store_true", help="scikit-learn on the same data, too")
    given = parser.parse_args()
    usual = {"hidden": 100, "epochs": 30, "chains": 200, "steps": 2, "temperatures": 5000,
             "mnist": None, "out": None}
    if given.mnist:
        usual |= {"hidden": 500, "epochs": 20, "chains": 500, "steps": 5}
    if given.quick:
        usual |= {"hidden": 50, "epochs": 5, "temperatures": 500}
    given = {name: value for name, value in vars(given).items() if value is not None}
    return argparse.Namespace(**usual | given)


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
    rate = linear_decay(setting.rate, setting.epochs * len(X) // BATCH_SIZE)
    looks = {round(epoch) for epoch in np.geomspace(1, setting.epochs, 8)}
    curve, clock = [], {"seconds": 0.0, "mark": time.process_time()}

    def watch(rbm, epoch):
        clock["seconds"] += time.process_time() - clock["mark"]           # of learning alone
        if epoch in looks:
            last = epoch == setting.epochs
            n_temperatures = setting.temperatures if last else setting.temperatures // 5
            curve.append(judge(rbm, X, X_test, n_temperatures)
                         | {"epoch": epoch, "seconds": clock["seconds"]})
            print_line(f"seed {seed}, epoch {epoch}", rbm, curve[-1])
        clock["mark"] = time.process_time()

    train(rbm, X, PersistentContrastiveDivergence(setting.chains, setting.steps),
          SGD(rate, l2=setting.decay), setting.epochs, rng, centering=Centering(),
          batch_size=BATCH_SIZE, callbacks=[watch], label=f"seed {seed}")
    return rbm, curve


def judge(rbm, X, X_test, n_temperatures):
    """Return the log-likelihood of held-out and of training digits, from both sides  (E5, E17)

    The difference of the two sides is that of the digits that were heated, with its error."""
    rates, rng = X.mean(axis=0), np.random.default_rng(1)
    estimate = annealed_importance_sampling(rbm, N_ANNEALED, n_temperatures, rng, rates)
    test, training = (-rbm.beta * rbm.free_energy(rows).astype(float) - estimate.log_z
                      for rows in (X_test, X[:len(X_test)]))              # (n,) each
    heated = np.linspace(0, len(X_test) - 1, N_HEATED).astype(int)
    below = annealed_log_likelihood(rbm, X_test[heated], 1, n_temperatures, rng, rates)
    lower = test[heated] - below.log_likelihoods
    return {"test": test.mean(), "train": training.mean(), "error": estimate.standard_error,
            "sample size": estimate.effective_sample_size, "lower": lower.mean(),
            "lower error": lower.std(ddof=1) / np.sqrt(N_HEATED)}


def print_line(name, rbm, record):
    lower = f"{record['lower']:.2f} ± {record['lower error']:.2f}"
    print(f"{name:24}{record['test']:10.2f}{record['train']:10.2f}{record['error']:9.2f}"
          f"{record['sample size']:11.1f}{lower:>20}{record['seconds']:8.1f}"
          f"{np.linalg.norm(rbm.W):7.1f}", flush=True)


def peer(X, X_test, setting):
    """Print the line of scikit-learn's BernoulliRBM, at a constant rate of 0.05 for 10 epochs."""
    try:
        from sklearn.neural_network import BernoulliRBM
    except ImportError:
        print("scikit-learn is not installed")
        return
    start = time.process_time()
    theirs = BernoulliRBM(setting.hidden, learning_rate=0.05, batch_size=BATCH_SIZE, n_iter=10,
                          random_state=0)
    theirs.fit(X.astype(np.float32))
    seconds = time.process_time() - start
    rbm = RBM(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_)
    record = judge(rbm, X, X_test, setting.temperatures) | {"seconds": seconds}
    print_line("scikit-learn, 10 epochs", rbm, record)


def draw(rbm, X_test, curves, setting):
    figure, (curve_axes, filter_axes, dream_axes) = plt.subplots(1, 3, figsize=(12, 4.5),
                                                                 width_ratios=(1.3, 1, 1))
    draw_curves(curve_axes, curves, setting)
    strongest = np.argsort(-np.linalg.norm(rbm.W, axis=0))[:64]
    show_wall(filter_axes, rbm.W.T[strongest], n_columns=8, signed=True)
    filter_axes.set_title(f"The {len(strongest)} strongest filters\n"
                          "(weights: blue below zero, red above)")
    v, h = gibbs_chain(rbm, X_test[:64], 1000, np.random.default_rng(0))
    show_wall(dream_axes, rbm.visible_mean(h), n_columns=8)
    dream_axes.set_title("Pixel means after 1000 Gibbs steps\nthat began at held-out digits")
    return figure


def draw_curves(axes, curves, setting):
    """Draw the log-likelihood along training: annealed, and the conservative estimate below it."""
    for k, curve in enumerate(curves):
        epochs = [record["epoch"] for record in curve]
        for which, colour, marker, line, name in (("test", BLUE, "o", "-", "held-out digits"),
                                                  ("train", ORANGE, "s", "--", "training digits")):
            axes.plot(epochs, [record[which] for record in curve], marker=marker, ls=line, ms=4,
                      color=colour, label=name if k == 0 else None)
        axes.plot(epochs, [record["test"] - record["lower"] for record in curve], marker="v",
                  ls=":", ms=4, color=GREEN, label="held-out, conservative" if k == 0 else None)
    if setting.mnist and setting.pixels in PUBLISHED:
        value, name = PUBLISHED[setting.pixels]
        axes.axhline(value, color=RED, ls="-.", lw=1, label=f"{name}: {value}")
    last = np.mean([curve[-1]["test"] for curve in curves])
    lower = np.mean([curve[-1]["lower"] for curve in curves])
    axes.set_xscale("log")
    axes.set_xticks(epochs, epochs)
    axes.set_xticks([], minor=True)
    axes.set(title=f"Held-out digits reach {last:.1f} nats,\n{last - lower:.1f} by the "
                   "conservative estimate",
             xlabel="epoch", ylabel="log-likelihood by annealing [nats per digit]")
    axes.legend(loc="lower right")


if __name__ == "__main__":
    main()
