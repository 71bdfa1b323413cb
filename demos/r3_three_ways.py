"""R3: one RBM learns handwritten digits in three ways, by CD-1 (R13), by PCD (R14) and by EMF of
order 2 (T15).

    python demos/r3_three_ways.py            about half a minute on one core
    python demos/r3_three_ways.py --quick    a few seconds

The three machines differ only in their negative phase: how the model's means in (R9) are
estimated."""
import warnings

import numpy as np
from common import BLUE, GREEN, ORANGE, RED, demo_parser, plt, save

from minife import RBM, kernels, tap
from minife.data import load_digits
from minife.descent import SGD, linear_decay
from minife.evaluation import free_energy_gap, pseudo_likelihood
from minife.plots import show_wall
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.training import ContrastiveDivergence, PersistentContrastiveDivergence, train

COLOURS = {"CD-1": ORANGE, "PCD": BLUE, "EMF order 2": GREEN}


def main():
    arguments = demo_parser(__doc__, "fewer epochs and hidden units").parse_args()
    n_hidden, n_epochs, n_dream_steps = (50, 5, 100) if arguments.quick else (100, 40, 500)
    digits = load_digits()
    noise, shuffled = noise_and_shuffled(digits.X_test, np.random.default_rng(arguments.seed))
    phases = {
        "CD-1": ContrastiveDivergence(n_steps=1),
        "PCD": PersistentContrastiveDivergence(n_chains=100, n_steps=1),
        "EMF order 2": tap.ExtendedMeanField(order=2, n_steps=3, n_chains=100, persistent=True)
    }
    machines, histories, dreams, table = {}, {}, {}, {}
    print(
        f"{len(digits.X_train)} digits of 784 pixels, {n_hidden} hidden units, {n_epochs} epochs, "
        f"seed {arguments.seed}, {kernels.implementation} kernels")
    for name, phase in phases.items():
        machines[name], histories[name] = rbm, history = learn(name, phase, digits, n_hidden,
                                                               n_epochs, arguments.seed)
        v, h = gibbs_chain(rbm, digits.X_test[::20], n_dream_steps,
                           np.random.default_rng(arguments.seed + 1))
        dreams[name] = rbm.visible_mean(h)
        seconds = sum(record["seconds"] for record in history)
        table[name] = measures(rbm, digits, noise, shuffled, v) | {"seconds": seconds}
    print_table(table, digits, shuffled)
    draw(digits, noise, shuffled, machines, histories, dreams, table, n_dream_steps, arguments)


def learn(name, phase, digits, n_hidden, n_epochs, seed):
    """Return a trained RBM and the history of its training; only the negative phase differs between
    methods."""
    rng = np.random.default_rng(seed)
    rbm = RBM.initialise(784, n_hidden, rng, digits.X_train, dtype=np.float32)
    batch_size = 50
    n_steps = n_epochs * len(digits.X_train) // batch_size
    optimizer = SGD(linear_decay(0.1, n_steps), momentum=0.5)

    def watch(rbm, epoch):
        return {"pseudo_likelihood": pseudo_likelihood(rbm, digits.X_test[::10])}

    history = train(rbm, digits.X_train, phase, optimizer, n_epochs, rng, batch_size=batch_size,
                    callbacks=[watch], label=name)
    return rbm, history


def noise_and_shuffled(X, rng):
    """Return pixels that are fair coins, and the rows of X with their pixels in random order."""
    return rng.integers(2, size=X.shape, dtype=np.uint8), rng.permuted(X, axis=1)


def measures(rbm, digits, noise, shuffled, v):
    """Return the numbers of a machine's line in the table, by name; v are its dreams."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", tap.NotConvergedWarning)
        tap_likelihood = tap.log_likelihood(rbm, digits.X_test, n_starts=0, m_v=digits.X_test[::10],
                                            step=0.3)
    n_stuck = sum(warning.message.n_rows for warning in caught)
    distance, nearest = nearest_row(v, digits.X_train)
    return {
        "noise": free_energy_gap(rbm, digits.X_test,
                                 noise), "shuffled": free_energy_gap(rbm, digits.X_test, shuffled),
        "overlap": (rbm.free_energy(shuffled) <= rbm.free_energy(digits.X_test).max()).mean(),
        "overfit": free_energy_gap(rbm, digits.X_train, digits.X_test),
        "pseudo": pseudo_likelihood(rbm, digits.X_test[::10]), "tap": tap_likelihood,
        "stuck": n_stuck, "dream": distance.mean(), "classes": len(set(digits.y_train[nearest]))
    }


def nearest_row(rows, X):
    """Return in how many pixels each row differs from the nearest row of X, and the number of that
    row."""
    differences = rows.sum(axis=1)[:, None] + X.sum(axis=1) - 2 * (rows.astype(float) @ X.T)
    return differences.min(axis=1), differences.argmin(axis=1)


def print_table(table, digits, shuffled):
    head = ("", "noise", "shuffled", "overlap", "overfit", "pseudo-", "TAP log-", "stuck",
            "dream to", "classes", "seconds")
    more = ("", "- digits", "- digits", "", "", "likelihood", "likelihood", "", "digit", "", "")
    for names in (head, more):
        print("{:12}{:>9}{:>9}{:>8}{:>8}{:>11}{:>11}{:>6}{:>9}{:>8}{:>8}".format(*names).rstrip())
    line = (
        "{noise:9.0f}{shuffled:9.0f}{overlap:8.1%}{overfit:8.1f}{pseudo:11.1f}{tap:11.1f}{stuck:6d}"
        "{dream:9.1f}{classes:8d}{seconds:8.1f}")
    for name, numbers in table.items():
        print(f"{name:12}" + line.format(**numbers))
    digit, mixed = (nearest_row(X[::20], digits.X_train)[0].mean()
                    for X in (digits.X_test, shuffled))
    print(f"""
noise - digits, shuffled - digits: mean free energy above that of held-out digits at T = 1;
  the higher the better
overlap: share of the shuffled digits that lie as low as some held-out digit
overfit: mean free energy of held-out digits above that of training digits
pseudo-likelihood, TAP log-likelihood of order 2: of held-out digits, in nats per digit;
  the TAP one with the lowest fixed point that is reached from 100 of them
stuck: how many of these 100 starts did not converge
dream to digit: pixels between a dream and the nearest training digit, after Gibbs steps
  from held-out digits; of these digits it is {digit:.1f}, with their pixels shuffled {mixed:.1f}
classes: how many of the ten digits those nearest training digits are""")


def draw(digits, noise, shuffled, machines, histories, dreams, table, n_dream_steps, arguments):
    figure = plt.figure(figsize=(12, 7.8))
    rows = figure.subfigures(3, 1, height_ratios=[1.2, 1.05, 1.05])

    digits_axes, curve_axes, energy_axes = rows[0].subplots(1, 3)
    show_wall(digits_axes, digits.X_train[:50], n_columns=10)
    digits_axes.set_title(f"Data: 50 of {len(digits.X_train)} digits")
    for name, history in histories.items():
        epochs = [record["epoch"] for record in history]
        curve_axes.plot(epochs, [record["pseudo_likelihood"] for record in history],
                        color=COLOURS[name], label=name)
    curve_axes.set(title="Learning: how well the others predict each pixel", xlabel="epoch",
                   ylabel="pseudo-likelihood [nats/digit]")
    curve_axes.legend()
    draw_free_energies(energy_axes, machines["PCD"], digits, noise, shuffled)

    for axes, (name, rbm) in zip(rows[1].subplots(1, 3), machines.items()):
        strongest = np.argsort(-np.linalg.norm(rbm.W, axis=0))[:50]
        show_wall(axes, rbm.W.T[strongest], n_columns=10, signed=True)
        axes.set_title(f"{name}: the 50 strongest of {rbm.n_hidden} filters")
    rows[1].supxlabel("weights: blue below zero, red above", fontsize="medium")
    for axes, name in zip(rows[2].subplots(1, 3), dreams):
        show_wall(axes, dreams[name], n_columns=10)
        axes.set_title(f"{name}: dreams near {table[name]['classes']} of the 10 digits")
    rows[2].supxlabel(f"dreams: pixel means after {n_dream_steps} Gibbs steps from held-out digits",
                      fontsize="medium")
    save(figure, arguments)


def draw_free_energies(axes, rbm, digits, noise, shuffled):
    """Draw how far the free energies of digits, shuffled digits and noise lie apart."""
    kinds = {
        "digits": rbm.free_energy(digits.X_test), "shuffled\npixels": rbm.free_energy(shuffled),
        "noise": rbm.free_energy(noise)
    }
    bins = np.linspace(min(map(np.min, kinds.values())), max(map(np.max, kinds.values())), 100)
    top = 0
    for (name, energies), colour in zip(kinds.items(), (BLUE, ORANGE, RED)):
        counts, _, _ = axes.hist(energies, bins, color=colour)
        axes.text(np.median(energies),
                  counts.max() + 10, name, color=colour, ha="center", va="bottom")
        top = max(top, counts.max())
    axes.set(title="PCD: held-out digits lie low in free energy", xlabel="F(v) [energy, at T = 1]",
             ylabel="rows per bin", ylim=(0, 1.3 * top))


if __name__ == "__main__":
    main()
