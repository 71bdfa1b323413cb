r"""How good can an RBM of digits become? Centered PCD, judged by annealing from both sides.

    python demos/e4_likelihood.py             half a minute on one core: 784 x 100, embedded
    python demos/e4_likelihood.py --quick      a few seconds
    python demos/e4_likelihood.py --mnist PATH   seven minutes a seed: 784 x 500, the full MNIST
    python demos/e4_likelihood.py --mnist PATH --validate    the same, on a split of the training
                                             digits, for choices

Grey pixels are probabilities. "anew" draws the training digits anew at every step (R25), "drawn"
once, before training; both test on digits drawn once. "threshold" puts on what is above 127. These
are other data than drawn ones, and their likelihoods must not be compared. The rate falls linearly
to the share --end of it; the parameters are averaged over the last part of the steps, --averaging
(D6). Momentum is 0, steps are centered (R18), the chains of PCD (R14) are as many as --chains says
and take --steps Gibbs steps an update.

Test digits are judged once, at the end. On the way it is training digits; with --validate it is
the last sixth of the training digits, which then take no part in learning, and test digits are not
looked at. log Z is estimated by 100 cooled chains, 5000 temperatures at the end and 1000 on the way
(E3, E5): an optimistic likelihood, with its error and effective chains. Beside it stands the
conservative one of 100 digits, each heated once (E17): by how much it is lower on the same digits.
It is higher where few cooled chains carry log Z: they found a valley in which annealing, as a
model, has no share.

--seeds N repeats it all, from --seed on; --save PATH keeps the last machine, and --machine PATH
judges it again, with more --temperatures for example; --peer lets scikit-learn's BernoulliRBM,
where it is installed, learn the same data at its rate 0.05 for 10 epochs, and judges it likewise.
With at most 20 hidden units log Z is exact, and no chain is cooled.

It prints one line per look and saves one figure, figures/e4_likelihood.png."""
import argparse
import time

import numpy as np
from common import demo_parser, plt, save

from minife import RBM, models
from minife.data import load_digits, sample_binary
from minife.descent.optimizers import SGD, linear_decay
from minife.evaluation import annealed_importance_sampling, annealed_log_likelihood
from minife.plots import BLUE, GREEN, ORANGE, RED, show_wall
from minife.rbm import exact
from minife.rbm.centering import Centering
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.training import PersistentContrastiveDivergence, train

BATCH_SIZE, N_ANNEALED, N_HEATED, N_EXACT = 100, 100, 100, 20
PUBLISHED = (-86.34, "CD-25, Salakhutdinov and Murray 2008")


def main():
    setting = parse_arguments()
    X, known, held_out = data(setting)
    head = (f"{'nats per digit':24}{'training':>10}{setting.rows:>11}{'error of':>9}"
            f"{'effective':>11}{'conservative:':>20}{'CPU [s]':>8}{'|W|':>7}\n"
            f"{'':45}{'log Z':>9}{'chains':>11}{'lower by':>20}")
    if setting.machine:
        rbm = models.load(setting.machine)
        record = judge(rbm, known, held_out, setting.temperatures) | {"seconds": np.nan}
        print(head)
        return print_line(f"from {setting.machine}", rbm, record)
    print(f"{len(X)} digits, {len(held_out)} {setting.rows}, pixels {setting.pixels}, "
          f"{known.mean():.1%} on; 784 x {setting.hidden} units,\n{setting.epochs} epochs of "
          f"{len(X) // BATCH_SIZE} steps, rate {setting.rate} to {setting.end * setting.rate:g}, "
          f"averaging {setting.averaging}, {setting.chains} chains,\n{setting.steps} Gibbs steps "
          f"an update, decay {setting.decay}\n")
    print(head)
    curves = []
    for seed in range(setting.seed, setting.seed + setting.seeds):
        rbm, curve = learn(X, known, held_out, setting, seed)
        curves.append(curve)
    last = np.array([curve[-1]["held out"] for curve in curves])
    if len(curves) > 1:
        print(f"{f'mean of {len(last)} seeds':34}{last.mean():11.2f}, from {last.min():.2f} to "
              f"{last.max():.2f}")
    if setting.save:
        models.save(rbm, setting.save)
    if setting.peer:
        peer(known, held_out, setting)
    save(draw(rbm, held_out, curves, setting), setting)


def parse_arguments():
    parser = demo_parser(__doc__, "fewer epochs, hidden units and temperatures", mnist=True)
    parser.add_argument("--pixels", choices=("anew", "drawn", "threshold"), default="anew",
                        help="how grey values become binary; drawn anew if not given")
    parser.add_argument("--hidden", type=int, help="units; 100, or 500 for MNIST, if not given")
    parser.add_argument("--rate", type=float, default=0.3, help="at the start; 0.3 if not given")
    parser.add_argument("--end", type=float, default=0.0, metavar="SHARE",
                        help="where the rate ends; 0 if not given")
    parser.add_argument("--averaging", type=float, default=0.1, metavar="SHARE",
                        help="of the steps, the last ones; 0.1 if not given, 0 for no mean")
    parser.add_argument("--epochs", type=int, help="30, or 57 of MNIST, if not given")
    parser.add_argument("--chains", type=int, default=200, help="of PCD; 200 if not given")
    parser.add_argument("--steps", type=int, help="Gibbs steps an update; 2, or 3 for MNIST")
    parser.add_argument("--decay", type=float, help="L2 of W; 1e-4, or 2e-4 for MNIST")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many; 1")
    parser.add_argument("--validate", action="store_true",
                        help="learn without the last sixth of the training digits and judge it")
    parser.add_argument("--temperatures", type=int, help="at the end; 5000 if not given")
    parser.add_argument("--save", metavar="PATH", help="file (.npz) for the last machine")
    parser.add_argument("--machine", metavar="FILE", help="that was saved: judge it, learn nothing")
    parser.add_argument("--peer", action="store_true", help="scikit-learn on the same data, too")
    given = parser.parse_args()
    usual = {"hidden": 100, "epochs": 30, "steps": 2, "decay": 1e-4, "temperatures": 5000,
             "mnist": None, "out": None, "save": None, "machine": None,
             "rows": "validation" if given.validate else "test"}
    if given.mnist:
        usual |= {"hidden": 500, "epochs": 57, "steps": 3, "decay": 2e-4}
    if given.quick:
        usual |= {"hidden": 50, "epochs": 5, "temperatures": 500}
    given = {name: value for name, value in vars(given).items() if value is not None}
    return argparse.Namespace(**usual | given)


def data(setting):
    """Return the rows to learn, the same as binary rows, and those to judge, the same each time."""
    digits = load_digits(setting.pixels == "threshold", setting.mnist)
    grey, test = digits.X_train, digits.X_test
    rng = np.random.default_rng(2008)
    binary, test = (rows if rows.dtype == np.uint8 else sample_binary(rows, rng)
                    for rows in (grey, test))
    n = len(grey) - len(grey) // 6 if setting.validate else len(grey)
    X = grey[:n].astype(np.float32) if setting.pixels == "anew" else binary[:n]
    return X, binary[:n], binary[n:] if setting.validate else test


def learn(X, known, held_out, setting, seed):
    """Return a machine that has learned X, and what was measured on the way, one dict per look."""
    rng = np.random.default_rng(seed)
    rbm = RBM.initialise(784, setting.hidden, rng, known, dtype=np.float32)
    rate = linear_decay(setting.rate, setting.epochs * len(X) // BATCH_SIZE, setting.end)
    looks = {round(epoch) for epoch in np.geomspace(1, setting.epochs, 6)}
    curve, clock = [], {"seconds": 0.0, "mark": time.process_time()}

    def watch(rbm, epoch):
        clock["seconds"] += time.process_time() - clock["mark"]           # of learning alone
        if epoch in looks:
            last = epoch == setting.epochs
            n_temperatures = setting.temperatures if last else setting.temperatures // 5
            rows = held_out if last or setting.validate else None
            curve.append(judge(rbm, known, rows, n_temperatures)
                         | {"epoch": epoch, "seconds": clock["seconds"]})
            print_line(f"seed {seed}, epoch {epoch}", rbm, curve[-1])
        clock["mark"] = time.process_time()

    train(rbm, X, PersistentContrastiveDivergence(setting.chains, setting.steps),
          SGD(rate, l2=setting.decay), setting.epochs, rng, centering=Centering(),
          grey="drawn" if setting.pixels == "anew" else "means", averaging=setting.averaging,
          batch_size=BATCH_SIZE, callbacks=[watch], label=f"seed {seed}")
    return rbm, curve


def judge(rbm, X, held_out, n_temperatures):
    """Return the log-likelihood of training and of held-out digits, from both sides  (E5, E17)

    The difference of the two sides is that of the digits that were heated, with its error: held-out
    ones, where there are any."""
    if min(rbm.n_hidden, rbm.n_visible) <= N_EXACT:
        return {"training": exact.log_likelihood(rbm, X[:10000]),
                "held out": np.nan if held_out is None else exact.log_likelihood(rbm, held_out),
                "error": 0.0, "sample size": np.inf, "lower": 0.0, "lower error": 0.0}
    rates, rng = X.mean(axis=0), np.random.default_rng(1)
    estimate = annealed_importance_sampling(rbm, N_ANNEALED, n_temperatures, rng, rates)

    def log_likelihoods(rows):
        return -rbm.beta * rbm.free_energy(rows).astype(float) - estimate.log_z         # (n,)
    rows = X[:10000] if held_out is None else held_out
    heated = rows[np.linspace(0, len(rows) - 1, N_HEATED).astype(int)]
    below = annealed_log_likelihood(rbm, heated, 1, n_temperatures, rng, rates)
    lower = log_likelihoods(heated) - below.log_likelihoods
    return {"training": log_likelihoods(X[:10000]).mean(),
            "held out": np.nan if held_out is None else log_likelihoods(held_out).mean(),
            "error": estimate.standard_error, "sample size": estimate.effective_sample_size,
            "lower": lower.mean(), "lower error": lower.std(ddof=1) / np.sqrt(N_HEATED)}


def print_line(name, rbm, record):
    held_out = "" if np.isnan(record["held out"]) else f"{record['held out']:.2f}"
    lower = f"{record['lower']:.2f} ± {record['lower error']:.2f}"
    print(f"{name:24}{record['training']:10.2f}{held_out:>11}{record['error']:9.2f}"
          f"{record['sample size']:11.1f}{lower:>20}{record['seconds']:8.1f}"
          f"{np.linalg.norm(rbm.W):7.1f}", flush=True)


def peer(X, held_out, setting):
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
    record = judge(rbm, X, held_out, setting.temperatures) | {"seconds": seconds}
    print_line("scikit-learn, 10 epochs", rbm, record)


def draw(rbm, held_out, curves, setting):
    figure, (curve_axes, filter_axes, dream_axes) = plt.subplots(1, 3, figsize=(12, 4.5),
                                                                 width_ratios=(1.3, 1, 1))
    draw_curves(curve_axes, curves, setting)
    strongest = np.argsort(-np.linalg.norm(rbm.W, axis=0))[:64]
    show_wall(filter_axes, rbm.W.T[strongest], n_columns=8, signed=True)
    filter_axes.set_title(f"The {len(strongest)} strongest filters\n"
                          "(weights: blue below zero, red above)")
    v, h = gibbs_chain(rbm, held_out[:64], 1000, np.random.default_rng(0))
    show_wall(dream_axes, rbm.visible_mean(h), n_columns=8)
    dream_axes.set_title("Pixel means after 1000 Gibbs steps\nthat began at held-out digits")
    return figure


def draw_curves(axes, curves, setting):
    """Draw the log-likelihood along training: annealed, and the conservative estimate below it."""
    for k, curve in enumerate(curves):
        epochs, training, held_out, lower = (np.array([record[name] for record in curve]) for name
                                             in ("epoch", "training", "held out", "lower"))
        axes.plot(epochs, training, marker="s", ls="--", ms=4, color=ORANGE,
                  label="training digits" if k == 0 else None)
        axes.plot(epochs, held_out, marker="o", ms=6, color=BLUE,
                  label=f"{setting.rows} digits" if k == 0 else None)
        axes.plot(epochs, held_out - lower, marker="v", ls=":", ms=6, color=GREEN,
                  label=f"{setting.rows} digits, conservative" if k == 0 else None)
    if setting.mnist and setting.pixels != "threshold":
        value, name = PUBLISHED
        axes.axhline(value, color=RED, ls="-.", lw=1, label=f"{name}: {value}")
    last = np.mean([curve[-1]["held out"] for curve in curves])
    lower = np.mean([curve[-1]["lower"] for curve in curves])
    axes.set_xscale("log")
    axes.set_xticks(epochs, epochs)
    axes.set_xticks([], minor=True)
    axes.set(title=f"{setting.rows.capitalize()} digits reach {last:.1f} nats,\n{last - lower:.1f} "
                   "by the conservative estimate",
             xlabel="epoch", ylabel="log-likelihood by annealing [nats per digit]")
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom=bottom - 0.35 * (top - bottom))                 # room for the legend
    axes.legend(loc="lower right")


if __name__ == "__main__":
    main()
