"""T4: EMF against CD-1 and PCD on digits, by epoch and by CPU second; and the published EMF curve, repeated.

    python demos/t4_emf_against_cd_pcd.py            about 50 seconds on one core
    python demos/t4_emf_against_cd_pcd.py --quick    5 seconds
    python demos/t4_emf_against_cd_pcd.py --settings published --mnist PATH    10 minutes: 60000 digits
    python demos/t4_emf_against_cd_pcd.py --settings better --mnist PATH       10 minutes

Without --mnist the embedded 4000 digits are used; mnist.npz or the folder of the IDX files will do. EMF of order 2
comes in two kinds: its rows of magnetisations live on from step to step, as the chains of PCD, or they start at the
batch in every step, as those of CD. The published settings are the defaults of the Python class EMF_RBM, which is of
the second kind, and scores training rows, reported at about -78 nats of pseudo-likelihood: 3 damped sweeps, pixels on
where the grey value is above 0, rate 0.005, momentum 0.5, batches of 100, 20 epochs, weights of standard deviation
0.001 at the start, L1 decay 0.01 of a batch sum, which is 0.0001 of a batch mean. Three things differ here: momentum
moves the biases too, batches are shuffled, and a sweep moves the hidden layer first.

It prints one table and saves one figure, figures/t4_emf_against_cd_pcd.png."""
import argparse
import time
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM, tap
from minife.descent.optimizers import SGD, linear_decay
from minife.data import binarise, load_digits
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.evaluation import pseudo_likelihood
from minife.rbm.training import ContrastiveDivergence, PersistentContrastiveDivergence, train

SETTINGS = {
    "embedded": {"n_hidden": 100, "rate": 0.1, "falls": True, "l1": 0.0, "batch_size": 50, "n_epochs": 20, "sd": 0.01,
                 "threshold": 0.5, "n_sweeps": 3},
    "published": {"n_hidden": 256, "rate": 0.005, "falls": False, "l1": 1e-4, "batch_size": 100, "n_epochs": 20,
                  "sd": 0.001, "threshold": 0.001, "n_sweeps": 3},
    "better": {"n_hidden": 256, "rate": 0.05, "falls": True, "l1": 1e-4, "batch_size": 100, "n_epochs": 20,
               "sd": 0.01, "threshold": 0.001, "n_sweeps": 3}}
STYLES = {"CD-1": (ORANGE, "-"), "PCD": (BLUE, "-"), "EMF, living on": (RED, "-"), "EMF, from the batch": (GREEN, "-")}


def main():
    arguments = parse_arguments()
    changes = {"rate": arguments.rate, "n_sweeps": arguments.sweeps}
    setting = SETTINGS[arguments.settings] | {name: value for name, value in changes.items() if value is not None}
    if arguments.quick:
        setting = setting | {"n_hidden": 30, "n_epochs": 4}
    X, X_test = data(arguments.mnist, setting["threshold"])
    n_sweeps = setting["n_sweeps"]
    phases = {"CD-1": ContrastiveDivergence(), "PCD": PersistentContrastiveDivergence(100),
              "EMF, living on": tap.ExtendedMeanField(2, n_sweeps, 100),
              "EMF, from the batch": tap.ExtendedMeanField(2, n_sweeps, persistent=False)}
    print(f"{len(X)} digits of 784 pixels, {len(X_test)} held out, seed {arguments.seed}, "
          + ", ".join(f"{name} {value}" for name, value in setting.items()))
    print("{:20}{:>10}{:>10}{:>10}{:>10}{:>8}{:>8}".format("", "pseudo-", "on train-", "TAP log-", "of starts", "|W|",
                                                          "CPU"))
    print("{:20}{:>10}{:>10}{:>10}{:>10}{:>8}{:>8}".format("[nats/digit]", "likelihood", "ing rows", "likelihood",
                                                          "stuck", "", "[s]"))
    histories = {}
    for name, phase in phases.items():
        if arguments.only in name:
            histories[name] = history = learn(X, X_test, phase, setting, arguments.seed, name)
            last, seconds = history[-1], sum(record["cpu"] for record in history)
            print(f"{name:20}{last['pseudo']:10.1f}{last['train']:10.1f}{last['tap']:10.1f}{last['stuck']:7d}/20"
                  f"{last['W']:8.1f}{seconds:8.1f}", flush=True)
    draw(histories, len(X), setting, arguments.figure)
    print(f"The figure is in {arguments.figure}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer epochs and hidden units")
    parser.add_argument("--settings", choices=SETTINGS, default="embedded")
    parser.add_argument("--rate", type=float, help="another learning rate than that of the settings")
    parser.add_argument("--sweeps", type=int, help="another number of sweeps of EMF")
    parser.add_argument("--only", default="", help="only methods with this in their names")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mnist", type=Path, help="mnist.npz, or the folder of the IDX files")
    parser.add_argument("--figure", type=Path, default=Path("figures/t4_emf_against_cd_pcd.png"))
    return parser.parse_args()


def data(path, threshold):
    """Return training and test digits, on above the threshold: the embedded ones, or MNIST from a path."""
    digits = load_digits(binary=False, mnist=path)
    return binarise(digits.X_train, threshold), binarise(digits.X_test, threshold)[:1000]


def learn(X, X_test, phase, setting, seed, name):
    """Return the history of a machine's training."""
    rng = np.random.default_rng(seed)
    rbm = RBM.initialise(784, setting["n_hidden"], rng, X, dtype=np.float32)
    rbm.W *= np.float32(setting["sd"] / 0.01)
    n_steps = setting["n_epochs"] * -(-len(X) // setting["batch_size"])
    rate = linear_decay(setting["rate"], n_steps) if setting["falls"] else setting["rate"]

    def watch(rbm, epoch):
        cpu = time.process_time() - clock["mark"]                             # of learning, without this watching
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", tap.NotConvergedWarning)
            likelihood = tap.log_likelihood(rbm, X_test, m_v=X_test[:20], method="block", tol=1e-5, max_iter=200)
        record = {"pseudo": pseudo_likelihood(rbm, X_test), "tap": likelihood, "cpu": cpu,
                  "stuck": int(sum(warning.message.n_rows for warning in caught)), "W": float(np.linalg.norm(rbm.W))}
        if epoch == setting["n_epochs"]:
            record["train"] = pseudo_likelihood(rbm, X[:1000])
        clock["mark"] = time.process_time()
        return record

    clock = {"mark": time.process_time()}
    return train(rbm, X, phase, SGD(rate, momentum=0.5, l1=setting["l1"]), setting["n_epochs"], rng,
                 batch_size=setting["batch_size"], callbacks=[watch], label=name)


def draw(histories, n_rows, setting, path):
    figure, panels = plt.subplots(2, 2, figsize=(12, 7.6), layout="constrained", sharex="col", sharey="row")
    for name, history in histories.items():
        colour, line = STYLES[name]
        epochs, seconds = [r["epoch"] for r in history], np.cumsum([r["cpu"] for r in history])
        for row, key in zip(panels, ("pseudo", "tap")):
            for axes, x in zip(row, (epochs, seconds)):
                axes.plot(x, [r[key] for r in history], color=colour, ls=line, marker=".", label=name)
    last = {name: history[-1] for name, history in histories.items()}
    for row, key, title in zip(panels, ("pseudo", "tap"), ("Pseudo-likelihood", "TAP log-likelihood")):
        row[0].set_ylabel(f"{title} [nats/digit]")
        row[0].set_title(f"{title}, in the end " + ", ".join(f"{r[key]:.0f}" for r in last.values()))
    panels[0, 1].set_title(f"{n_rows} digits, {setting['n_hidden']} hidden units, {setting['n_sweeps']} sweeps of EMF")
    panels[1, 1].set_title("The same, by time")
    panels[1, 0].set(xlabel="epoch", xticks=range(0, setting["n_epochs"] + 1, 1 if setting["n_epochs"] < 10 else 4))
    panels[1, 1].set_xlabel("CPU time of learning [s]")
    panels[0, 0].legend(title="numbers in this order")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
