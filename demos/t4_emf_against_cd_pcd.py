"""T4: EMF beside CD-1 and PCD on digits, by epoch and by second; the published curve  (T13, T15)

    python demos/t4_emf_against_cd_pcd.py            about 50 seconds on one core
    python demos/t4_emf_against_cd_pcd.py --quick    5 seconds
    python demos/t4_emf_against_cd_pcd.py --settings published --mnist PATH    10 minutes
    python demos/t4_emf_against_cd_pcd.py --settings better --mnist PATH       10 minutes

Without --mnist: the embedded 4000 digits. EMF of order 2 starts its magnetisations at the batch in
every step, as CD does its chains, or lets them live on, as PCD does. The published settings are the
defaults of the Python class EMF_RBM, which starts at the batch and scores training rows, reported
at about -78 nats of pseudo-likelihood: 3 sweeps of step 1/2, pixels on where the grey value is
above 0, rate 0.005, momentum 0.5, batches of 100, 20 epochs, weights of standard deviation 0.001 at
the start, L1 decay 0.01 of a batch sum, which is 0.0001 of a batch mean. Three things differ here:
momentum moves the biases too, batches are shuffled, and a sweep moves the hidden layer first."""
import time
import warnings

import numpy as np
from common import BLUE, GREEN, ORANGE, RED, demo_parser, plt, save

from minife import RBM, tap
from minife.data import binarise, load_digits
from minife.descent.optimizers import SGD, linear_decay
from minife.evaluation import pseudo_likelihood
from minife.rbm.training import ContrastiveDivergence, PersistentContrastiveDivergence, train

SETTINGS = {
    "embedded": {"n_hidden": 100, "rate": 0.1, "falls": True, "l1": 0.0, "batch_size": 50,
                 "n_epochs": 20, "sd": 0.01, "threshold": 0.5, "n_sweeps": 3},
    "published": {"n_hidden": 256, "rate": 0.005, "falls": False, "l1": 1e-4, "batch_size": 100,
                  "n_epochs": 20, "sd": 0.001, "threshold": 0.001, "n_sweeps": 3},
    "better": {"n_hidden": 256, "rate": 0.05, "falls": True, "l1": 1e-4, "batch_size": 100,
               "n_epochs": 20, "sd": 0.01, "threshold": 0.001, "n_sweeps": 3}}
STYLES = {"CD-1": (ORANGE, "--", "s"), "PCD": (BLUE, "-", "o"),
          "EMF, from the batch": (GREEN, "-.", "^"), "EMF, persistent": (RED, ":", "x")}


def main():
    arguments = parse_arguments()
    changes = {"rate": arguments.rate, "n_sweeps": arguments.sweeps}
    setting = SETTINGS[arguments.settings] | {
        name: value for name, value in changes.items() if value is not None}
    if arguments.quick:
        setting = setting | {"n_hidden": 30, "n_epochs": 4}
    digits = load_digits(binary=False, mnist=arguments.mnist)
    X, X_test = (binarise(x, setting["threshold"]) for x in (digits.X_train, digits.X_test[:1000]))
    n_sweeps = setting["n_sweeps"]
    phases = {"CD-1": ContrastiveDivergence(), "PCD": PersistentContrastiveDivergence(100),
              "EMF, from the batch": tap.ExtendedMeanField(2, n_sweeps),
              "EMF, persistent": tap.ExtendedMeanField(2, n_sweeps, 100, persistent=True)}
    print("{} digits, {} held out, pixels on above {threshold}; {n_hidden} hidden units, "
          "weights of {sd} at the start,\n{n_epochs} epochs in batches of {batch_size}, rate {rate}"
          "{}, L1 decay {l1:g}, {n_sweeps} sweeps of EMF, seed {}\n".format(
              len(X), len(X_test), " falling to 0" * setting["falls"], arguments.seed, **setting))
    print(f"{'':20}{'pseudo-likelihood':>24}{'TAP log-':>12}{'starts':>9}")
    print(f"{'[nats/digit]':20}{'held out':>12}{'training':>12}{'likelihood':>12}{'stuck':>9}"
          f"{'|W|':>8}{'CPU [s]':>10}")
    histories = {}
    for name, phase in phases.items():
        if arguments.only in name:
            histories[name] = history = learn(X, X_test, phase, setting, arguments.seed, name)
            last, seconds = history[-1], sum(record["cpu"] for record in history)
            stuck = f"{last['stuck']} of 20"
            print(f"{name:20}{last['pseudo']:12.1f}{last['train']:12.1f}{last['tap']:12.1f}"
                  f"{stuck:>9}{last['W']:8.1f}{seconds:10.1f}", flush=True)
    draw(histories, len(X), setting, arguments)


def parse_arguments():
    parser = demo_parser(__doc__, "fewer epochs and hidden units", mnist=True)
    parser.add_argument("--settings", choices=SETTINGS, default="embedded", help="of all methods")
    parser.add_argument("--rate", type=float, help="another learning rate than in the settings")
    parser.add_argument("--sweeps", type=int, help="another number of sweeps of EMF")
    parser.add_argument("--only", default="", help="only methods with this in their names")
    return parser.parse_args()


def learn(X, X_test, phase, setting, seed, name):
    """Return the history of a machine's training."""
    rng = np.random.default_rng(seed)
    rbm = RBM.initialise(784, setting["n_hidden"], rng, X, dtype=np.float32)
    rbm.W *= setting["sd"] / 0.01
    n_steps = setting["n_epochs"] * -(-len(X) // setting["batch_size"])
    rate = linear_decay(setting["rate"], n_steps) if setting["falls"] else setting["rate"]

    def watch(rbm, epoch):
        cpu = time.process_time() - clock["mark"]                      # of learning, without this
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", tap.NotConvergedWarning)
            likelihood = tap.log_likelihood(rbm, X_test, n_starts=0, m_v=X_test[:20],
                                            method="block", tol=1e-5, max_iter=200)
        record = {"pseudo": pseudo_likelihood(rbm, X_test), "tap": likelihood, "cpu": cpu,
                  "stuck": sum(warning.message.n_rows for warning in caught),
                  "W": float(np.linalg.norm(rbm.W))}
        if epoch == setting["n_epochs"]:
            record["train"] = pseudo_likelihood(rbm, X[:1000])
        clock["mark"] = time.process_time()
        return record

    clock = {"mark": time.process_time()}
    return train(rbm, X, phase, SGD(rate, momentum=0.5, l1=setting["l1"]), setting["n_epochs"], rng,
                 batch_size=setting["batch_size"], callbacks=[watch], label=name)


def draw(histories, n_rows, setting, arguments):
    figure, panels = plt.subplots(2, 2, figsize=(12, 7.6), sharex="col", sharey="row")
    for name, history in histories.items():
        colour, dashes, marker = STYLES[name]
        epochs, seconds = [r["epoch"] for r in history], np.cumsum([r["cpu"] for r in history])
        for row, key in zip(panels, ("pseudo", "tap"), strict=True):
            for axes, x in zip(row, (epochs, seconds), strict=True):
                axes.plot(x, [r[key] for r in history], color=colour, ls=dashes, marker=marker,
                          ms=4, label=name)
    names = {"pseudo": "Pseudo-likelihood", "tap": "TAP log-likelihood"}
    for row, (key, title) in zip(panels, names.items(), strict=True):
        ends = ", ".join(f"{history[-1][key]:.0f}" for history in histories.values())
        row[0].set_ylabel(f"{title} [nats/digit]")
        row[0].set_title(f"{title} at the end, in the order of the legend:\n{ends}")
        row[1].set_title("the same, by time")
    n_epochs = setting["n_epochs"]
    panels[1, 0].set(xlabel="epoch", xticks=range(0, n_epochs + 1, 1 if n_epochs < 10 else 4))
    panels[1, 1].set_xlabel("CPU time of learning [s]")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=4,
                  title=f"{n_rows} digits, {setting['n_hidden']} hidden units, "
                        f"{setting['n_sweeps']} sweeps of EMF")
    save(figure, arguments)


if __name__ == "__main__":
    main()
