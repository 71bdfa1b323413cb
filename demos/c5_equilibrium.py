"""Learning without a backward pass: equilibrium propagation against backprop through the
iterations, on digits.

    python demos/c5_equilibrium.py                 half a minute on one core: 4000 digits
    python demos/c5_equilibrium.py --quick         five seconds
    python demos/c5_equilibrium.py --mnist PATH    a quarter of an hour: 784-500-10, the full set

A network 784-100-10: the input is clamped, hidden and output units come to rest, and the error is
that of the output at rest. All gradients go into the same loop, with the same start and batches. It
prints one table and saves figures/c5_equilibrium.png. The rate was chosen on 800 of the embedded
training digits, held out for that. PATH is what minife.data.load_mnist takes: mnist.npz, or a
folder with it or the four IDX files."""

import matplotlib.pyplot as plt
import numpy as np
from common import demo_parser, name_seeds, save, with_range

from minife.bridge import ClampedNetwork
from minife.data import load_digits
from minife.descent import Adam
from minife.descent.loop import descend
from minife.descent.optimizers import linear_decay
from minife.parameters import flatten
from minife.plots import BLUE, GREEN, ORANGE, RED

NUDGE, N_ITERATIONS, SOLVER = 0.5, 6, {"tol": 1e-3, "max_iter": 200}
RATE, MNIST_RATE, BATCH = 0.01, 0.003, 50
GRADIENTS = {
    "linear response": lambda net, X, Y: net.implicit_gradient(X, Y, **SOLVER),
    f"backprop, {N_ITERATIONS} iterations":
        lambda net, X, Y: net.backprop_gradient(X, Y, N_ITERATIONS),
    "two nudges":
        lambda net, X, Y: net.equilibrium_propagation_gradient(X, Y, NUDGE, True, **SOLVER),
    "one nudge":
        lambda net, X, Y: net.equilibrium_propagation_gradient(X, Y, NUDGE, False, **SOLVER),
    "clamped - free": lambda net, X, Y: net.contrastive_gradient(X, Y, **SOLVER),
    "backprop, 1 iteration": lambda net, X, Y: net.backprop_gradient(X, Y, 1)}
LINES = dict(zip(GRADIENTS, (("0.3", "-"), (BLUE, "--"), (GREEN, "-."), (ORANGE, ":"),
                             (RED, (0, (6, 2, 1, 2, 1, 2))), ("0.6", (0, (1, 4))))))


def main():
    arguments = demo_parser(__doc__, "fewer gradients, hidden units, epochs and seeds",
                            mnist=True).parse_args()
    digits = load_digits(binary=False, mnist=arguments.mnist)
    n_hidden, n_epochs, n_seeds = (500, 20, 1) if arguments.mnist else (
        (30, 4, 1) if arguments.quick else (100, 12, 3))
    rate = MNIST_RATE if arguments.mnist else RATE
    names = list(GRADIENTS)[1:3] if arguments.mnist else list(GRADIENTS)
    names = names[:4] if arguments.quick else names

    print(f"{len(digits.X_train)} training and {len(digits.X_test)} test digits; "
          f"784-{n_hidden}-10, order 1, squared error at rest,\n"
          f"{n_epochs} epochs of Adam in batches of {BATCH}, nudge {NUDGE}, "
          f"{name_seeds(range(arguments.seed, arguments.seed + n_seeds))}"
          + ": means,\nof the test error also the least and the largest" * (n_seeds > 1) + "\n")
    print(f"{'gradient':23}{'training loss':>14}{'training error [%]':>20}{'test error [%]':>20}"
          f"{'angle [degrees]':>17}{'[s]':>6}")
    histories = {}
    for name in names:
        runs = [learn(name, digits, n_hidden, n_epochs, arguments.seed + k, rate,
                      arguments.mnist is not None)
                for k in range(n_seeds)]
        histories[name] = history = {key: np.array([[record[key] for record in run]
                                                    for run in runs])
                                     for key in ("loss", "train_error", "test_error", "angle",
                                                 "seconds")}
        test = history["test_error"][:, -1]
        print(f"{name:23}{history['loss'][:, -1].mean():14.4f}"
              f"{100 * history['train_error'][:, -1].mean():20.2f}{with_range(100 * test):>20}"
              f"{history['angle'].max():17.2g}{history['seconds'].sum(axis=1).mean():6.0f}",
              flush=True)
    print("""
loss and errors: of the output at rest, after the last epoch
angle: the largest between that gradient and the linear response, over training as it went, on 100
  training digits; [s]: time of learning""")
    save(draw(histories), arguments)


def learn(name, digits, n_hidden, n_epochs, seed, rate, show=False):
    """Return the history of training with that gradient."""
    rng = np.random.default_rng(seed)
    X, Y = digits.X_train, np.eye(10, dtype=np.float32)[digits.y_train]
    network = ClampedNetwork.initialise(784, n_hidden, 10, rng, X, dtype=np.float32)
    gradient = GRADIENTS[name]

    def watch(network, epoch):
        rows = slice(0, 100)
        record = {"loss": network.loss(X[:10000], Y[:10000], **SOLVER),
                  "train_error": error_rate(network, X[:10000], digits.y_train[:10000]),
                  "test_error": error_rate(network, digits.X_test, digits.y_test),
                  "angle": angle(gradient(network, X[rows], Y[rows]),
                                 network.implicit_gradient(X[rows], Y[rows], tol=1e-6))}
        if show:
            print(f"  {name}, epoch {epoch}: test error {record['test_error']:.2%}", flush=True)
        return record

    optimizer = Adam(linear_decay(rate, n_epochs * -(-len(X) // BATCH)))
    return descend(network, lambda rows: gradient(network, X[rows], Y[rows]), len(X), optimizer,
                   n_epochs, rng,
                   batch_size=BATCH, callbacks=[watch])


def error_rate(network, X, y):
    """Return the share of rows whose most active output at rest is not their label."""
    return float((network.predict(X, **SOLVER).argmax(axis=1) != y).mean())


def angle(one, other):
    """Return the angle between two gradients in degrees, from the chord: small angles keep their
    digits."""
    one, other = (flatten(gradient).astype(np.float64) for gradient in (one, other))
    chord = np.linalg.norm(one / np.linalg.norm(one) - other / np.linalg.norm(other))
    return float(np.degrees(2 * np.arcsin(chord / 2)))


def draw(histories):
    figure, (error_axes, angle_axes) = plt.subplots(1, 2, figsize=(11.5, 5))
    for name, history in histories.items():
        colour, style = LINES[name]
        epochs, errors = np.arange(1, history["loss"].shape[1] + 1), 100 * history["test_error"]
        error_axes.plot(epochs, errors.mean(axis=0), color=colour, linestyle=style,
                        label=f"{name}: {errors[:, -1].mean():.1f} %")
        error_axes.fill_between(epochs, errors.min(axis=0), errors.max(axis=0), color=colour,
                                alpha=0.12, linewidth=0)
        if name != "linear response":
            angle_axes.semilogy(epochs, history["angle"].mean(axis=0), color=colour,
                                linestyle=style, label=name)
    last = {name: history["test_error"][:, -1].mean() for name, history in histories.items()}
    error_axes.set(xlabel="epoch", ylabel="test error [%]", ylim=(0, 3 * 100 * max(last.values())),
                   title=f"without a backward pass, by two nudges: {last['two nudges']:.1%},\n"
                         f"by backprop through {N_ITERATIONS} iterations: "
                         f"{last[f'backprop, {N_ITERATIONS} iterations']:.1%}")
    error_axes.legend()
    error_axes.xaxis.get_major_locator().set_params(integer=True)
    angle_axes.set(xlabel="epoch", ylabel="angle with the linear response [degrees]",
                   title=f"two nudges of {NUDGE} point along the linear response,\n"
                         f"to {histories['two nudges']['angle'].mean(axis=0).max():.1f}° at most")
    angle_axes.legend()
    angle_axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


if __name__ == "__main__":
    main()
