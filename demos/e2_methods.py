"""Which method, which yardstick? Nine ways to teach an RBM, judged by the likelihood and by four
measures in its place.

    python demos/e2_methods.py                 a minute and a half on one core: 784 x 16, exact
    python demos/e2_methods.py --quick         nine seconds: 784 x 8, 3 epochs, 2 seeds
    python demos/e2_methods.py --hidden 100    three minutes: log Z by annealed sampling
    python demos/e2_methods.py --mnist PATH    ten minutes: the full MNIST, 784 x 256, annealed

All methods make the same steps on the same batches; only the negative phase differs, and one is
centered. Each machine is then measured on held-out digits: by the log-likelihood, which is what all
of them are to raise; by the pseudo-likelihood; by the TAP log-likelihood of order 2; by the
reconstruction, log p of a digit given its own hidden means, which most programs print; and by the
accuracy of a softmax layer that sees the hidden means only, beside raw pixels and random weights.
For all five, higher is better. The rank correlation (Spearman) of two of them over the methods is 1
if they put the methods in the same order and -1 if in opposite orders.

It prints two tables and saves one figure, figures/e2_methods.png."""
import argparse
import time
import warnings

import numpy as np
from common import demo_parser, plt, save
from matplotlib.ticker import LogLocator, NullLocator

from minife import MLP, RBM, backprop, tap
from minife.descent.optimizers import SGD, Adam, linear_decay
from minife.data import load_digits
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm import exact
from minife.evaluation import annealed_importance_sampling, pseudo_likelihood
from minife.rbm.tempering import ParallelTempering
from minife.rbm.training import (Centering, ContrastiveDivergence, NegativePhase,
                                 PersistentContrastiveDivergence, train)
from minife.units import Binary

YARDSTICKS = ("log-likelihood", "pseudo-likelihood", "TAP log-likelihood", "reconstruction",
              "accuracy")
SHORT = ("likelihood", "pseudo", "TAP", "reconstr.", "accuracy")
STYLES = {"CD-1": (ORANGE, "o"), "CD-10": (ORANGE, "s"), "PCD": (BLUE, "o"),
          "centered PCD": (BLUE, "s"), "tempering": (BLUE, "^"), "EMF 1": (GREEN, "o"),
          "EMF 2": (GREEN, "s"), "EMF 3": (GREEN, "^"), "exact samples": (RED, "D")}


class ExactSamples(NegativePhase):
    """The negative phase by 100 independent samples of the model: what PCD would be if its chains
    forgot at once."""

    def moments(self, rbm, batch, rng):
        return rbm.clamped_moments(exact.sample(rbm, 100, rng))


def main():
    setting = parse_arguments()
    digits = load_digits(mnist=setting.mnist)
    print(f"{len(digits.X_train)} digits, {len(digits.X_test)} held out, 784 x {setting.hidden} "
          f"units, {setting.epochs} epochs in batches of {setting.batch},\nrate 0.1 falling to 0, "
          f"momentum 0.5; {exact_or_annealed(setting)} log-likelihood in nats per digit:")
    results = {}
    for seed in range(setting.seed, setting.seed + setting.seeds):
        for name, (phase, centering) in methods(setting.hidden).items():
            rbm, seconds = learn(digits, phase, centering, setting, seed)
            record = measure(rbm, digits, setting, seed) | {"CPU [s]": seconds}
            results.setdefault(name, []).append(record)
            print(f"seed {seed}, {name}: {record['log-likelihood']:.1f}", flush=True)
    controls = {name: readout(*rows, digits, setting, 0)
                for name, rows in control_features(digits, setting).items()}
    correlations = rank_correlations(results)
    print_tables(results, correlations, controls)
    save(draw(results, correlations, controls, setting), setting)


def parse_arguments():
    parser = demo_parser(__doc__, "fewer epochs, hidden units and seeds", mnist=True)
    parser.add_argument("--hidden", type=int, help="16, or 256 for MNIST, if not given; more than "
                                                   f"{exact.LARGEST_LAYER} need annealing")
    parser.add_argument("--epochs", type=int, help="10, or 20 of MNIST, if not given")
    parser.add_argument("--seeds", type=int, help="how many; 3, or 1 for MNIST, if not given")
    given = parser.parse_args()
    usual = {"hidden": 16, "epochs": 10, "seeds": 3, "batch": 50, "readout_epochs": 30,
             "mnist": None, "out": None}
    if given.mnist:
        usual |= {"hidden": 256, "epochs": 20, "seeds": 1, "batch": 100, "readout_epochs": 10}
    if given.quick:
        usual |= {"hidden": 8, "epochs": 3, "seeds": 2, "readout_epochs": 5}
    given = {name: value for name, value in vars(given).items() if value is not None}
    return argparse.Namespace(**usual | given)


def methods(n_hidden):
    """Return the methods, name -> negative phase, and Centering or None."""
    phases = {"CD-1": (ContrastiveDivergence(1), None), "CD-10": (ContrastiveDivergence(10), None),
              "PCD": (PersistentContrastiveDivergence(100), None),
              "centered PCD": (PersistentContrastiveDivergence(100), Centering()),
              "tempering": (ParallelTempering(10, n_chains=100), None)}
    for order in (1, 2, 3):
        phases[f"EMF {order}"] = tap.ExtendedMeanField(order, n_steps=3), None
    if n_hidden <= exact.LARGEST_LAYER:
        phases["exact samples"] = ExactSamples(), None
    return phases


def learn(digits, phase, centering, setting, seed):
    """Return a trained machine and the CPU seconds of its training."""
    rng = np.random.default_rng(seed)
    rbm = RBM.initialise(784, setting.hidden, rng, digits.X_train, dtype=np.float32)
    n_steps = setting.epochs * -(-len(digits.X_train) // setting.batch)
    start = time.process_time()
    optimizer = SGD(linear_decay(0.1, n_steps), momentum=0.5)
    train(rbm, digits.X_train, phase, optimizer, setting.epochs, rng, centering,
          batch_size=setting.batch)
    return rbm, time.process_time() - start


def measure(rbm, digits, setting, seed):
    """Return the yardsticks, the error of the first, and how many of 100 starts of the TAP
    equations got stuck."""
    X, rates = digits.X_test, digits.X_train.mean(axis=0)
    if rbm.n_hidden <= exact.LARGEST_LAYER:
        log_z, error = exact.log_partition_function(rbm), 0.0
    else:
        annealed = annealed_importance_sampling(rbm, 100, 3000, np.random.default_rng(seed), rates)
        log_z, error = annealed.log_z, annealed.standard_error
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", tap.NotConvergedWarning)
        tap_likelihood = tap.log_likelihood(rbm, X, n_starts=0, m_v=X[::len(X) // 100],
                                            method="block", tol=1e-5, max_iter=300)
    field = rbm.beta * rbm.visible_field(rbm.hidden_mean(X))
    return {"log-likelihood": -rbm.beta * rbm.free_energy(X).mean() - log_z, "error": error,
            "pseudo-likelihood": pseudo_likelihood(rbm, X[:1000]),
            "TAP log-likelihood": tap_likelihood,
            "stuck": sum(warning.message.n_rows for warning in caught),
            "reconstruction": (X * field - Binary().potential(field)).sum(axis=1).mean(),
            "accuracy": readout(rbm.hidden_mean(digits.X_train), rbm.hidden_mean(X), digits,
                                setting, seed)}


def readout(features, test_features, digits, setting, seed):
    """Return the test accuracy, in percent, of a softmax layer trained on features (n, n_features)
    of the digits."""
    rng = np.random.default_rng(seed)
    mlp = MLP((features.shape[1], 10), rng=rng, dtype=np.float32)
    mlp.normalise_input(features)
    n_steps = setting.readout_epochs * -(-len(features) // setting.batch)
    backprop.train(mlp, features, digits.y_train, Adam(linear_decay(0.01, n_steps)),
                   setting.readout_epochs, rng, batch_size=setting.batch)
    return 100 * (mlp.predict(test_features).argmax(axis=1) == digits.y_test).mean()


def control_features(digits, setting):
    """Return what the features must beat, name -> training and test rows: raw pixels, and hidden
    means by chance."""
    X, X_test = digits.X_train, digits.X_test
    W = np.random.default_rng(0).standard_normal((784, setting.hidden))
    W /= np.sqrt(X.var(axis=0).sum())
    untrained = RBM(W, np.zeros(784), -X.mean(axis=0) @ W)                # fields: mean 0, var. 1
    return {"raw pixels": (X, X_test),
            "random weights": (untrained.hidden_mean(X), untrained.hidden_mean(X_test))}


def column(results, key):
    """Return a measure of all machines (n_methods, n_seeds)."""
    return np.array([[run[key] for run in runs] for runs in results.values()])


def rank_correlations(results):
    """Return the rank correlations of the yardsticks over the methods, seed by seed (n_seeds, 5,
    5)."""
    values = np.array([column(results, key) for key in YARDSTICKS])  # (5, n_methods, n_seeds)
    ranks = values.argsort(axis=1).argsort(axis=1)
    return np.array([np.corrcoef(ranks[:, :, seed]) for seed in range(ranks.shape[2])])


def print_tables(results, correlations, controls):
    print(f"\n{'[nats/digit]':14}{'log-likelihood':>15}{'error':>6}{'pseudo':>13}{'TAP':>13}"
          f"{'stuck':>6}{'reconstr.':>13}{'accuracy [%]':>13}{'CPU':>6}")
    for name, runs in results.items():
        mean = {key: np.mean([run[key] for run in runs]) for key in runs[0]}
        cell = {key: f"{mean[key]:.1f}" for key in YARDSTICKS}
        if len(runs) > 1:
            for key in YARDSTICKS:
                cell[key] += f" ± {np.std([run[key] for run in runs], ddof=1):.1f}"
        print(f"{name:14}{cell['log-likelihood']:>15}{mean['error']:6.2f}"
              f"{cell['pseudo-likelihood']:>13}{cell['TAP log-likelihood']:>13}{mean['stuck']:6.0f}"
              f"{cell['reconstruction']:>13}{cell['accuracy']:>13}{mean['CPU [s]']:6.1f}")
    for name, accuracy in controls.items():
        print(f"{name:80}{accuracy:13.1f}")
    print("""
of held-out digits, mean ± standard deviation over the seeds; CPU in seconds of training
pseudo, TAP, reconstr.: pseudo-likelihood; TAP log-likelihood of order 2; reconstruction
error: of the log-likelihood; 0 where it is exact. An annealed one is on average too high
stuck: of 100 starts of the TAP equations at held-out digits, those that did not converge
""")
    several = len(correlations) > 1
    print("rank correlation over the methods"
          + ", mean over the seeds (least and largest)" * several)
    print(" " * 19 + "".join(f"{name:>16}" for name in SHORT))
    table = zip(YARDSTICKS, correlations.mean(axis=0), correlations.min(axis=0),
                correlations.max(axis=0))
    for name, *row in table:
        cells = [f"{r:.2f}" + f" ({low:.1f} {high:.1f})" * several for r, low, high in zip(*row)]
        print(f"{name:19}" + "".join(f"{cell:>16}" for cell in cells))


def exact_or_annealed(setting):
    return "exact" if setting.hidden <= exact.LARGEST_LAYER else "annealed"


def draw(results, correlations, controls, setting):
    figure, panels = plt.subplots(2, 3, figsize=(12, 7.4))
    truth = f"{exact_or_annealed(setting)} log-likelihood [nats/digit]"
    for panel, key, r in zip(panels.flat, YARDSTICKS[1:], correlations.mean(axis=0)[0, 1:]):
        scatter(panel, results, "log-likelihood", key)
        panel.set(title=f"{key[0].upper() + key[1:]}: rank correlation {r:+.2f}", xlabel=truth,
                  ylabel=f"{key} {'[%]' if key == 'accuracy' else '[nats/digit]'}")
    ends = column(results, "log-likelihood").min(), column(results, "log-likelihood").max()
    panels[0, 1].plot(ends, ends, color="0.4", lw=1, ls=":")
    panels[0, 1].annotate("equal", ends[1:] * 2, (-30, -35), textcoords="offset points",
                          color="0.4")
    for (name, accuracy), line in zip(controls.items(), ("--", ":")):
        panels[1, 0].axhline(accuracy, color="0.3", lw=1, ls=line)
        panels[1, 0].text(ends[0], accuracy, f"{name} {accuracy:.1f} %", va="bottom")
    panels[1, 0].margins(y=0.1)
    draw_ranks(panels[1, 1], results)
    scatter(panels[1, 2], results, "CPU [s]", "log-likelihood")
    best = max(results, key=lambda name: np.mean([run["log-likelihood"] for run in results[name]]))
    panels[1, 2].set(title=f"Most is learned by {best}", xlabel="CPU time of training [s]",
                     ylabel=truth, xscale="log")
    panels[1, 2].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panels[1, 2].xaxis.set_major_formatter("{x:g}")
    panels[1, 2].xaxis.set_minor_locator(NullLocator())
    figure.legend(*panels[1, 2].get_legend_handles_labels(), loc="outside lower center",
                  ncols=len(results))
    return figure


def scatter(panel, results, x, y):
    """Draw a point for each machine."""
    for name, runs in results.items():
        colour, marker = STYLES[name]
        panel.plot([run[x] for run in runs], [run[y] for run in runs], marker, color=colour, ms=7,
                   alpha=0.75, mew=0, label=name)


def draw_ranks(panel, results):
    """Draw a line for each method, from yardstick to yardstick, at its rank by the mean over the
    seeds."""
    means = np.array([column(results, key).mean(axis=1) for key in YARDSTICKS])
    ranks = (-means).argsort(axis=1).argsort(axis=1) + 1                     # (5, n_methods)
    for name, line in zip(results, ranks.T):
        colour, marker = STYLES[name]
        panel.plot(line, marker + "-", color=colour, ms=7)
    panel.set(title=f"CD-1 is number {ranks[0, 0]} by likelihood, "
                    f"{ranks[1, 0]} by pseudo-likelihood",
              ylabel="rank of the mean, 1 is best", yticks=range(1, len(results) + 1),
              xticks=range(len(YARDSTICKS)),
              xticklabels=SHORT)
    panel.tick_params(axis="x", rotation=20)
    panel.invert_yaxis()


if __name__ == "__main__":
    main()
