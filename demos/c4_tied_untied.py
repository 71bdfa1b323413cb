"""Tied or untied? The post's network, iterations as layers, against the same layers with weights of
their own.

    python demos/c4_tied_untied.py            twenty seconds on one core
    python demos/c4_tied_untied.py --quick    three seconds

Digits of 14 x 14 pixels, a softmax on top of n unrolled iterations of an RBM 196-50. The untied
network starts as the same function of the input; the narrow one has as many parameters as the tied.
Five seeds; one table, and the figure figures/c4_tied_untied.png. Each network has a rate of its
own: of 0.003, 0.01, 0.02 and 0.03 the best one on 800 of the training digits, held out for that."""

import matplotlib.pyplot as plt
import numpy as np
from common import demo_parser, name_seeds, save

from minife import MLP
from minife.backprop import CategoricalCrossEntropy, train
from minife.bridge import TiedClassifier
from minife.data import load_digits
from minife.descent import Adam
from minife.descent.loop import descend
from minife.descent.optimizers import linear_decay
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.units import Binary

N_HIDDEN, BATCH = 50, 50
RATES = {("tied", 1): 0.03, ("untied, as wide", 1): 0.03, ("untied, as many parameters", 1): 0.02,
         ("tied", 2): 0.03, ("untied, as wide", 2): 0.02, ("untied, as many parameters", 2): 0.01,
         ("one hidden layer", 0): 0.03}
KINDS = {"tied": (BLUE, "-"), "untied, as wide": (ORANGE, "--"),
         "untied, as many parameters": (RED, ":"),
         "one hidden layer": (GREEN, "-.")}


def main():
    arguments = demo_parser(__doc__, "one depth, two seeds, fewer epochs").parse_args()
    depths, n_seeds, n_epochs = ((1,), 2, 3) if arguments.quick else ((1, 2), 5, 12)
    digits = small_digits()
    runs = [(kind, n) for n in depths for kind in KINDS if kind != "one hidden layer"]
    runs.append(("one hidden layer", 0))

    print(f"{len(digits.X_train)} digits, {n_epochs} epochs of Adam, "
          f"{name_seeds(range(arguments.seed, arguments.seed + n_seeds))}: mean ± standard error\n")
    print("{:28}{:>3}{:>8}{:>12}{:>18}{:>18}{:>10}".format(
        "", "n", "layers", "parameters", "training loss", "test error [%]", "overlap"))
    histories = {}
    for kind, n in runs:
        results = [learn(kind, n, digits, n_epochs, arguments.seed + k) for k in range(n_seeds)]
        histories[kind, n] = history = {
            key: np.array([[record[key] for record in run] for _, run in results])
            for key in ("training_loss", "test_error")}
        networks = [network for network, _ in results]
        n_parameters = sum(array.size for array in networks[0].parameters.values())
        last = {key: mean_and_error(values[:, -1]) for key, values in history.items()}
        similar = f"{np.mean([overlap(network) for network in networks]):.2f}" if n > 0 else "-"
        loss, error = last["training_loss"], 100 * np.array(last["test_error"])
        print(f"{kind:28}{n:3d}{2 * n + 2:8d}{n_parameters:12d}"
              f"{'{:.3f} ± {:.3f}'.format(*loss):>18}{'{:.1f} ± {:.1f}'.format(*error):>18}"
              f"{similar:>10}", flush=True)
    print("""
n: iterations; layers: of weights, with the softmax; a tied network uses W in all but the last
training loss: cross entropy in nats per digit
overlap: cosine of the first layer's weights with those of the second, transposed, after training;
  at the start it is 1 for tied and untied alike""")
    save(draw(histories, depths, n_seeds), arguments)


def small_digits():
    """Return the digits with 14 x 14 grey pixels, each the mean of four."""
    digits = load_digits(binary=False)
    blocks = (X.reshape(-1, 14, 2, 14, 2) for X in (digits.X_train, digits.X_test))
    X_train, X_test = (X.mean(axis=(2, 4)).reshape(-1, 196).astype(np.float32) for X in blocks)
    return type(digits)(X_train, digits.y_train, X_test, digits.y_test)


def learn(kind, n, digits, n_epochs, seed):
    """Return a trained network and its history; the same seed has the same first batches in the
    same order."""
    rng = np.random.default_rng(seed)
    X, y = digits.X_train, digits.y_train

    def watch(network, epoch):
        error = (network.predict(digits.X_test).argmax(axis=1) != digits.y_test).mean()
        return {"training_loss": network.loss(X, y), "test_error": float(error)}

    loop = {"batch_size": BATCH, "callbacks": [watch]}
    optimizer = Adam(linear_decay(RATES[kind, n], n_epochs * len(X) // BATCH))
    if kind == "one hidden layer":
        network = MLP((196, N_HIDDEN, 10), Binary(), CategoricalCrossEntropy(), rng, np.float32)
        return network, train(network, X, y, optimizer, n_epochs, rng, **loop)
    n_hidden = N_HIDDEN // (2 * n + 1) if kind == "untied, as many parameters" else N_HIDDEN
    tied = TiedClassifier.initialise(196, n_hidden, 10, n, rng, X, dtype=np.float32)
    if kind == "tied":
        history = descend(tied, lambda r: tied.gradient(X[r], y[r]), len(X), optimizer, n_epochs,
                          rng, **loop)
        return tied, history
    network = tied.untie()
    return network, train(network, X, y, optimizer, n_epochs, rng, **loop)


def overlap(network):
    """Return the cosine of the first two layers' weights, the second transposed: 1 where they are
    tied."""
    if isinstance(network, TiedClassifier):
        return 1.0
    one, two = network.parameters["W1"], network.parameters["W2"].T
    return (one * two).sum() / np.linalg.norm(one) / np.linalg.norm(two)


def mean_and_error(values):
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


def draw(histories, depths, n_seeds):
    figure, axes = plt.subplots(2, len(depths), figsize=(5.8 * len(depths), 7.4), squeeze=False,
                                sharey="row")
    for (loss_axes, error_axes), n in zip(axes.T, depths):
        final = {}
        for kind, (colour, style) in KINDS.items():
            history = histories[kind, 0 if kind == "one hidden layer" else n]
            for panel, key, unit in ((loss_axes, "training_loss", 1),
                                     (error_axes, "test_error", 100)):
                runs = unit * history[key]
                epochs = np.arange(1, runs.shape[1] + 1)
                final[key, kind] = mean_and_error(runs[:, -1])
                label = kind
                if key == "test_error":
                    label = "{}: {:.1f} ± {:.1f} %".format(kind, *final[key, kind])
                panel.plot(epochs, runs.mean(axis=0), color=colour, linestyle=style, label=label)
                panel.fill_between(epochs, runs.min(axis=0), runs.max(axis=0), color=colour,
                                   alpha=0.15, linewidth=0)
        loss = {kind: final["training_loss", kind][0] for kind in KINDS}
        wide, narrow = loss["untied, as wide"], loss["untied, as many parameters"]
        loss_axes.set(yscale="log",
                      title=f"{2 * n + 1} layers of {n} iteration{'s' if n > 1 else ''}, loss tied "
                            f"{loss['tied']:.2f};\nuntied {wide:.2f}, with equal parameters "
                            f"{narrow:.2f}")
        error_axes.set(xlabel="epoch", ylim=(0, 70),
                       title=f"test errors of {n_seeds} seeds: least to largest, mean ± its error")
        loss_axes.legend()
        for panel in (loss_axes, error_axes):
            panel.xaxis.get_major_locator().set_params(integer=True)
        error_axes.legend()
    axes[0, 0].set_ylabel("training loss [nats/digit]")
    axes[1, 0].set_ylabel("test error [%]")
    return figure


if __name__ == "__main__":
    main()
