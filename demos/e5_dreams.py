"""Are dreams digits? A network that was taught to read digits reads what chains of 1000 Gibbs steps
have dreamt.

    python demos/e5_dreams.py                 half a minute on one core: 784 x 200, embedded digits
    python demos/e5_dreams.py --quick         a few seconds: 784 x 100, 10 epochs, 100 steps
    python demos/e5_dreams.py --mnist PATH    two minutes: 784 x 500, the full MNIST
    python demos/e5_dreams.py --mnist PATH --machine FILE    a machine that e4_likelihood.py saved,
                                              which has learned drawn digits, and its diagnosis

An RBM learns binary digits by centered PCD, and a network learns to name them. Then chains of the
RBM start at fair coins, at pixels drawn one by one with the means of the data, and at held-out
digits, and what they have become is given to the network, which has never seen a dream. Its
confidence is the largest of its ten probabilities. To compare, it also reads held-out digits, the
same with their pixels shuffled, and coins: it must answer something to everything, so confidence
alone proves little. Beside it stand how evenly the ten answers occur, by their entropy in nats, at
most log 10 = 2.303, and in how many pixels a row differs from the nearest training digit.

It prints one table and saves one figure, figures/e5_dreams.png."""
import argparse

import numpy as np
from common import demo_parser, plt, save

from minife import MLP, RBM, backprop, diagnose, models
from minife.data import Dataset, load_digits, sample_binary
from minife.descent.optimizers import SGD, Adam, linear_decay
from minife.plots import BLUE, GREEN, ORANGE, RED, show_wall
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.training import Centering, PersistentContrastiveDivergence, train
from minife.units import Rectified

DREAMS = ("dreams from coins", "dreams from means", "dreams from digits")
STYLES = {"held-out digits": ("black", "-", ""), DREAMS[0]: (BLUE, "-", "///"),
          DREAMS[1]: (RED, "-.", "..."), DREAMS[2]: (GREEN, (0, (5, 1)), "xxx"),
          "shuffled digits": (ORANGE, "--", ""), "coins": ("0.5", ":", "")}


def main():
    setting = parse_arguments()
    rng = np.random.default_rng(setting.seed)
    digits = load_digits(not setting.machine, setting.mnist)
    digits = drawn(digits) if setting.machine else digits
    reader = learn_to_read(digits, setting, rng)
    rbm = models.load(setting.machine) if setting.machine else learn_to_dream(digits, setting, rng)
    origin = setting.machine or f"{setting.epochs} epochs"
    error = (reader.predict(digits.X_test).argmax(axis=1) != digits.y_test).mean()
    print(f"{len(digits.X_train)} digits; the reader, {reader.sizes}, errs on {error:.2%} of "
          f"{len(digits.X_test)} held out;\n784 x {rbm.n_hidden} units, {origin}, "
          f"{setting.steps} Gibbs steps, seed {setting.seed}")
    chosen = rng.choice(len(digits.X_test), setting.chains, replace=False)
    X, coins = digits.X_test[chosen], rbm.random_states(setting.chains, rng)
    means = (rng.random(X.shape) < digits.X_train.mean(axis=0)).astype(np.uint8)
    rows = {"held-out digits": X}
    for name, start in zip(DREAMS, (coins, means, X)):
        rows[name] = gibbs_chain(rbm, start, setting.steps, rng)[0]
    rows |= {"shuffled digits": rng.permuted(X, axis=1), "coins": coins}
    readings = {name: reader.predict(v) for name, v in rows.items()}         # (n, 10) each
    print_table(rows, readings, digits)
    same = readings["dreams from digits"].argmax(axis=1) == digits.y_test[chosen]
    print(f"Of the chains that started at digits, {same.mean():.0%} end in the class where they "
          "began")
    if setting.machine:
        print(f"\n{diagnose(rbm, digits.X_train, digits.X_test, rng=rng)}\n")
    save(draw(rows, readings, setting), setting)


def parse_arguments():
    parser = demo_parser(__doc__, "fewer epochs, hidden units and steps", mnist=True)
    parser.add_argument("--rate", type=float, default=0.1, help="of the RBM at the start; 0.1")
    parser.add_argument("--epochs", type=int, help="of the RBM; 60, or 20 of MNIST, if not given")
    parser.add_argument("--machine", metavar="FILE", help="of an RBM that has learned drawn pixels")
    given = parser.parse_args()
    usual = {"hidden": 200, "epochs": 60, "steps": 1000, "chains": 500, "batch": 50,
             "reader_epochs": 30, "mnist": None, "out": None, "machine": None}
    if given.mnist:
        usual |= {"hidden": 500, "epochs": 20, "chains": 1000, "batch": 100, "reader_epochs": 10}
    if given.quick:
        usual |= {"hidden": 100, "epochs": 10, "steps": 100, "chains": 200, "reader_epochs": 5}
    given = {name: value for name, value in vars(given).items() if value is not None}
    return argparse.Namespace(**usual | given)


def drawn(digits):
    """Return the digits with binary pixels, drawn with their grey values, as in e4_likelihood."""
    rng = np.random.default_rng(2008)
    X_train, X_test = (sample_binary(grey, rng) for grey in (digits.X_train, digits.X_test))
    return Dataset(X_train, digits.y_train, X_test, digits.y_test)


def learn_to_read(digits, setting, rng):
    """Return a network that names binary digits."""
    mlp = MLP((784, 500, 10), Rectified(), rng=rng, dtype=np.float32)
    mlp.normalise_input(digits.X_train)
    rate = linear_decay(0.001, setting.reader_epochs * -(-len(digits.X_train) // setting.batch))
    backprop.train(mlp, digits.X_train, digits.y_train, Adam(rate, l2=1e-4), setting.reader_epochs,
                   rng, batch_size=setting.batch, label="reader")
    return mlp


def learn_to_dream(digits, setting, rng):
    """Return an RBM trained by centered PCD."""
    rbm = RBM.initialise(784, setting.hidden, rng, digits.X_train, dtype=np.float32)
    rate = linear_decay(setting.rate, setting.epochs * -(-len(digits.X_train) // setting.batch))
    train(rbm, digits.X_train, PersistentContrastiveDivergence(100), SGD(rate), setting.epochs, rng,
          Centering(), batch_size=setting.batch, label="RBM")
    return rbm


def class_counts(reading):
    """Return how often each class is the most probable one (10,)."""
    return np.bincount(reading.argmax(axis=1), minlength=10)


def entropy(counts):
    """Return the entropy of the shares of counts (n,), in nats."""
    p = counts[counts > 0] / counts.sum()
    return -(p * np.log(p)).sum()


def nearest_distance(rows, X):
    """Return in how many pixels each binary row differs from the nearest row of X (n,)."""
    common = rows.astype(np.float32) @ X.T.astype(np.float32)             # pixels on in both
    return (rows.sum(axis=1)[:, None] + X.sum(axis=1) - 2 * common).min(axis=1)


def print_table(rows, readings, digits):
    print(f"{'':20}{'confidence':>11}{'above 0.9':>10}{'entropy':>8}{'pixels to':>10}"
          "  classes 0 to 9\n"
          f"{'':20}{'':>11}{'':>10}{'[nats]':>8}{'a digit':>10}")
    for name, reading in readings.items():
        confidence, counts = reading.max(axis=1), class_counts(reading)
        distance = nearest_distance(rows[name], digits.X_train).mean()
        print(f"{name:20}{confidence.mean():11.3f}{(confidence > 0.9).mean():10.0%}"
              f"{entropy(counts):8.3f}{distance:10.1f}  {' '.join(map(str, counts))}", flush=True)


def draw(rows, readings, setting):
    figure = plt.figure(figsize=(12, 7.6))
    walls, charts = figure.subfigures(1, 2, width_ratios=[1, 1.1])
    for axes, name in zip(walls.subplots(3, 1), DREAMS):
        draw_wall(axes, rows[name][:48], readings[name][:48])
        confidence = readings[name].max(axis=1).mean()
        axes.set_title(f"{name.capitalize()}: mean confidence {confidence:.2f}")
    walls.supxlabel(f"after {setting.steps} Gibbs steps, and what the reader takes each for;\n"
                    "orange where its confidence is below 0.9", fontsize="medium")
    class_axes, confidence_axes = charts.subplots(2, 1)
    for k, name in enumerate(("held-out digits", *DREAMS)):
        counts = class_counts(readings[name])
        colour, _, hatch = STYLES[name]
        class_axes.bar(np.arange(10) + 0.21 * (k - 1.5), counts / counts.sum(), 0.21, color=colour,
                       hatch=hatch, edgecolor="white", linewidth=0,
                       label=f"{name}: entropy {entropy(counts):.2f}")
    most = readings[DREAMS[0]].argmax(axis=1)
    share = np.bincount(most).max() / len(most)
    class_axes.set(title=f"From coins {share:.0%} of the chains end as "
                         f"{np.bincount(most).argmax()}",
                   xlabel="class that the reader sees", ylabel="share of the rows",
                   xticks=range(10))
    class_axes.set_ylim(0, 1.6 * class_axes.get_ylim()[1])
    class_axes.legend(loc="upper right")
    for name, reading in readings.items():
        colour, line, _ = STYLES[name]
        confidence = np.sort(reading.max(axis=1))
        confidence_axes.plot(confidence, np.arange(1, len(confidence) + 1) / len(confidence),
                             ls=line, color=colour, label=f"{name}: {confidence.mean():.2f}")
    sure = {name: reading.max(axis=1).mean() for name, reading in readings.items()}
    dreams = [sure[name] for name in DREAMS]
    confidence_axes.set(title=f"The reader's confidence: digits {sure['held-out digits']:.2f}, "
                              f"dreams {min(dreams):.2f} to {max(dreams):.2f}",
                        ylabel="share of the rows at or below", xlim=(0.1, 1), ylim=(0, 1.02),
                        xlabel="confidence: the largest of ten probabilities")
    confidence_axes.legend(loc="upper left", title="mean confidence")
    return figure


def draw_wall(axes, rows, readings, n_columns=12):
    """Draw the rows, each with the class that the reader sees in it."""
    show_wall(axes, rows, n_columns)
    for k, reading in enumerate(readings):
        axes.text(k % n_columns * 30, k // n_columns * 30, f"{reading.argmax()}", ha="left",
                  va="top", fontsize=8, weight="bold",
                  color=BLUE if reading.max() > 0.9 else ORANGE)


if __name__ == "__main__":
    main()
