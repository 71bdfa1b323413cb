"""The tour: does backprop minimise a free energy? The post's story in pictures, and an answer in
eight lines.

    python demos/tour.py            about 5 seconds on one core
    python demos/tour.py --quick    a few seconds

1 an RBM learns an energy and dreams digits (R9, R14); 2 a forward pass runs down a free energy
(C3); 3 cross entropy is clamped minus free, all along training (B6); 4 backprop's gradient is no
slope of the free energy, but the difference of two (C8, C10); 5 a Boltzmann machine with r copies
of its hidden units becomes the network (C16, C17); 6 alone, a free energy has no floor (C22)."""
import time
import warnings

import numpy as np
from common import BLUE, GREEN, ORANGE, RED, demo_parser, plt, save

from minife import MLP, RBM, tap
from minife.backprop import train as train_network
from minife.bridge import ClampedNetwork, unroll
from minife.bridge.copies import CopiedUnits
from minife.data import load_digits
from minife.descent import SGD, Adam, linear_decay
from minife.parameters import flatten
from minife.plots import show_wall
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.training import PersistentContrastiveDivergence, train
from minife.units import Binary, Potts

COPIES = 4 ** np.arange(6)


def main():
    arguments = demo_parser(__doc__, "fewer epochs, steps and copies").parse_args()
    start, rng = time.perf_counter(), np.random.default_rng(arguments.seed)
    digits, grey = load_digits(), load_digits(binary=False)
    rbm, dreams = learn(digits, 3 if arguments.quick else 20, rng)
    courses = forward_passes(rbm, digits, rng)
    course = train_a_network(grey, 2 if arguments.quick else 20, rng)
    gradients = three_gradients(rng)
    copies = copies_of(course["mlp"], grey, COPIES[:4] if arguments.quick else COPIES)
    alone = descend_alone(100 if arguments.quick else 500, rng)
    answer = answers(courses, course, gradients, copies, alone)
    for line in answer:
        print("{:50}{:15}{}".format(*line))
    draw(digits, dreams, courses, course, gradients, copies, alone, arguments)
    print(f"{time.perf_counter() - start:.0f} seconds; "
          "every claim, measured: python demos/c7_verdict.py")


def learn(digits, n_epochs, rng):
    """Return an RBM that has learned the digits by persistent chains, and the means of 40 of its
    dreams  (R14)"""
    rbm = RBM.initialise(784, 100, rng, digits.X_train, dtype=np.float32)
    schedule = linear_decay(0.1, n_epochs * 80)
    train(rbm, digits.X_train, PersistentContrastiveDivergence(100), SGD(schedule, 0.5), n_epochs,
          rng, batch_size=50)
    _, h = gibbs_chain(rbm, digits.X_test[::25], 300, rng)
    return rbm.double(), rbm.visible_mean(h)


def forward_passes(rbm, digits, rng):
    """Return Gamma_1 along the layers of a forward pass, (n, n_layers), of three kinds of rows
    (C2, C3)"""
    X = digits.X_test[::10]
    kinds = {"digits": X, "shuffled pixels": rng.permuted(X, axis=1),
             "noise": rng.integers(2, size=X.shape, dtype=np.uint8)}
    return {name: unroll(rbm, 12).free_energies(rows) for name, rows in kinds.items()}


def train_a_network(grey, n_epochs, rng):
    """Return what a network's cross entropy on test digits is made of, epoch by epoch, and the
    network  (B6)"""
    mlp = MLP((784, 30, 10), Binary(), rng=rng)
    rows, potts, parts = np.arange(len(grey.X_test)), Potts(), []

    def look(mlp, _):
        x = mlp.fields(grey.X_test)[-1]  # the output fields are minus energies of the labels
        clamped, free = -x[rows, grey.y_test], -potts.potential(x)
        loss = -np.log(potts.mean(x)[rows, grey.y_test])
        parts.append(
            (clamped.mean(), free.mean(), loss.mean(), np.abs(clamped - free - loss).max()))

    look(mlp, 0)
    train_network(mlp, grey.X_train, grey.y_train, Adam(0.003), n_epochs, rng, batch_size=50,
                  callbacks=look)
    clamped, free, loss, error = np.array(parts).T
    return {"mlp": mlp, "clamped": clamped, "free": free, "loss": loss, "error": error.max()}


def three_gradients(rng):
    """Return backprop's gradient of a network at rest, a slope of its free energy, and a difference
    of two  (C8, C10)"""
    draw = rng.standard_normal
    net = ClampedNetwork(0.6 * draw((30, 20)), 0.3 * draw((20, 10)),
                         draw(20) / 2,
                         draw(10) / 2, beta=1.2)
    X, y = rng.integers(2, size=(50, 30)), rng.integers(2, size=(50, 10))
    rest = net.equilibrium(X, tol=1e-12)
    backprop = flatten(net.backprop_gradient(X, y, 60))
    slope = flatten(net.free_energy_gradient(X, rest.m_h, rest.m_y))
    difference = flatten(net.equilibrium_propagation_gradient(X, y, 1e-3, tol=1e-12))
    return backprop, slope, difference


def copies_of(mlp, grey, copies):
    """Return r and how far clamped minus free of r copies is from backprop's gradient, relative
    (C16, C17)"""
    X, y = (grey.X_test[:200] - mlp.input_mean) / mlp.input_scale, grey.y_test[:200]
    W1, b1, W2, b2 = mlp.parameters.values()
    backprop = flatten(mlp.gradient(grey.X_test[:200], y))
    errors = []
    for r in copies:
        slopes = CopiedUnits(W1, W2.T.copy(), b1, b2, int(r)).gradient(X, y)
        ours = np.concatenate([slopes[name].ravel()
                               for name in "Wb"] + [slopes["U"].T.ravel(), slopes["d"]])
        errors.append(np.linalg.norm(ours - backprop) / np.linalg.norm(backprop))
    return np.array(copies), np.array(errors)


def descend_alone(n_steps, rng):
    """Return the lowest free energy of a machine that descends it in its own parameters, step by
    step  (C22)"""
    rbm, values = RBM.initialise(9, 8, rng), []
    for _ in range(n_steps):
        star = tap.fixed_point(rbm, order=1, step=1.0)
        values.append(star.free_energy[0])
        slopes = tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)
        for name, array in rbm.parameters.items():
            array -= 0.1 * slopes[name]
    return np.array(values)


def cosine(one, other):
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def answers(courses, course, gradients, copies, alone):
    """Return the answer as lines of claim, answer and measured number."""
    steps = np.hstack([np.diff(gamma, axis=1).ravel() for gamma in courses.values()])
    backprop, slope, difference = gradients
    r, errors = copies
    exponent = np.polyfit(np.log(r), np.log(errors), 1)[0]
    error = np.linalg.norm(difference - backprop) / np.linalg.norm(backprop)
    return [("Does backprop minimise a free energy?", "answer", "measured"),
            ("a forward pass runs down a free energy", "yes",
             f"{(steps > 1e-9).sum()} of {steps.size} steps go up"),
            ("cross entropy is a free energy", "no",
             "it is one clamped minus one free,"),
            ("", "", f"to {course['error']:.0e} all along training"),
            ("backprop's gradient is a slope of the free energy", "no",
             f"cosine {cosine(backprop, slope):.2f}"),
            ("  it is a difference of two slopes, one nudged", "in the limit",
             f"relative error {error:.0e}"),
            ("a network is a Boltzmann machine with r copies", "as r grows",
             f"error {errors[-1]:.0e} at r = {r[-1]}, r^{exponent:.2f}"),
            ("a free energy minimised alone learns", "no",
             f"from {alone[0]:.0f} to {alone[-1]:.0f}, without data")]


def draw(digits, dreams, courses, course, gradients, copies, alone, arguments):
    figure = plt.figure(figsize=(12, 6.8))
    grid = figure.add_gridspec(4, 4)
    data, dream = (figure.add_subplot(grid[k, 0]) for k in (0, 1))
    descent, loss, cloud = (figure.add_subplot(grid[:2, k]) for k in (1, 2, 3))
    counting, away, text = (figure.add_subplot(grid[2:, k]) for k in (0, 1, slice(2, 4)))
    show_wall(data, digits.X_train[:40], 10)
    data.set_title("Data: handwritten digits")
    show_wall(dream, dreams, 10)
    dream.set_title("1  An RBM learns, and dreams digits")
    for (name, gamma), colour, style in zip(courses.items(), (BLUE, ORANGE, RED), ("-", "--", ":")):
        height = np.maximum(gamma - gamma[:, -1:], 1e-12).mean(axis=0)[:-4]
        descent.plot(height, color=colour, ls=style, label=name)
    ups = sum(int((np.diff(gamma, axis=1) > 1e-9).sum()) for gamma in courses.values())
    total = sum(gamma[:, 1:].size for gamma in courses.values())
    descent.set(title=f"2  A forward pass runs down:\n{ups} of {total} steps go up", yscale="log",
                xlabel="layer", ylabel=r"$\Gamma_1$ above its last value [energy, T = 1]")
    descent.legend(loc="upper right")
    epochs = np.arange(len(course["loss"]))
    loss.plot(epochs, course["clamped"], color=ORANGE, ls="--", label="label clamped")
    loss.plot(epochs, course["free"], color=BLUE, label="label free")
    loss.plot(epochs, course["clamped"] - course["free"], color=GREEN, ls="-", lw=4, alpha=0.4,
              label="clamped − free")
    loss.plot(epochs, course["loss"], color="black", ls=":", label="cross entropy")
    loss.set(title=f"3  The loss is a difference of two\nfree energies, to {course['error']:.0e}",
             xlabel="epoch", ylabel="mean over test digits [nats]")
    loss.xaxis.get_major_locator().set_params(integer=True)
    loss.legend(loc="center right", fontsize="small")
    backprop, slope, difference = gradients
    error = np.linalg.norm(difference - backprop) / np.linalg.norm(backprop)
    slope = slope * np.linalg.norm(backprop) / np.linalg.norm(slope)
    cloud.plot(backprop, slope, ".", ms=3, color=RED,
               label=f"a slope, rescaled: cosine {cosine(backprop, slope):.2f}")
    cloud.plot(backprop, difference, "x", ms=3, color=BLUE,
               label=f"a difference: error {error:.0e}")
    cloud.set(title="4  Backprop's gradient is a\ndifference of slopes, not a slope",
              xlabel="backprop's gradient, per weight", ylabel="by free energies",
              ylim=(1.1 * slope.min(), 1.9 * backprop.max()))
    cloud.legend(loc="upper left", markerscale=2)
    r, errors = copies
    counting.loglog(r, errors, "o-", color=BLUE, label="clamped minus free")
    counting.loglog(r, errors[-1] * r[-1] / r, ":", color="black", label="1/r")
    counting.set(title="5  r copies of a hidden unit:\nfrom RBM to network, as "
                       f"r^{np.polyfit(np.log(r), np.log(errors), 1)[0]:.2f}",
                 xlabel="copies r", ylabel="distance to backprop's gradient, relative",
                 ylim=(errors[-1] / 40, None))                            # room for the legend
    counting.legend(loc="lower left")
    away.plot(alone, color=ORANGE)
    away.set(
        title=
        f"6  Alone, a free energy has no floor:\n{alone[0]:.0f} to {alone[-1]:.0f}, and no data "
        f"came in",
        xlabel="gradient step", ylabel=r"$\Gamma_1$ at rest [energy, T = 1]")
    text.axis("off")
    lines = answers(courses, course, gradients, copies, alone)[1:]
    text.set_title("Does backprop minimise a free energy?")
    text.text(0.02, 0.95, "\n\n".join("\n".join(line) for line in paragraphs(lines)), va="top",
              fontsize="small", transform=text.transAxes)
    save(figure, arguments)


def paragraphs(lines):
    """Return the answer as pairs of lines for the figure: the claim, then answer and number."""
    pairs = []
    for claim, answer, number in lines:
        if claim:
            pairs.append(
                [f"{claim.strip()[0].upper()}{claim.strip()[1:]}?", f"      {answer}, {number}"])
        else:
            pairs[-1][1] += f" {number}"
    return pairs


if __name__ == "__main__":
    warnings.simplefilter("ignore", tap.NotConvergedWarning)
    main()
