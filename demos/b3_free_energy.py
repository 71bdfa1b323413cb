"""The loss is a free energy: that of the output clamped to its label, minus that of the free
output.

    python demos/b3_free_energy.py            seven seconds on one core
    python demos/b3_free_energy.py --quick    three seconds

A softmax output is one unit with ten states, of energies -x_k. Held at its label y it has the free
energy F(x, y) = -x_y, left free F(x) = -log sum_k e^(x_k), and the cross entropy is F(x, y) - F(x),
to rounding  (B6)

The figure, figures/b3_free_energy.png, follows both free energies as a network learns the embedded
digits, shows how the difference tells right digits from wrong ones, and what the temperature of the
output does: the slope of the loss is again clamped minus free, of the mean energy, and the
temperature is right where the two agree."""
import numpy as np
from common import BLUE, GREEN, ORANGE, RED, demo_parser, plt, save

from minife import MLP
from minife.descent import Adam, linear_decay
from minife.data import load_digits
from minife.gradcheck import check_gradient
from minife.units import Potts, Rectified

BATCH_SIZE = 50


def main():
    arguments = demo_parser(__doc__, "fewer steps and hidden units").parse_args()
    n_hidden, n_steps = (50, 600) if arguments.quick else (100, 2400)
    digits = load_digits(binary=False)
    mlp, steps, course = learn(digits, n_hidden, n_steps, np.random.default_rng(arguments.seed))

    print(f"784-{n_hidden}-10, ReLU, Adam; means over {len(digits.X_test)} test digits, in nats")
    print(f"{'step':>6}{'clamped F(x,y)':>16}{'free F(x)':>12}{'difference':>14}"
          f"{'cross entropy':>16}{'largest disagreement':>22}")
    line = "{clamped:16.4f}{free:12.4f}{difference:14.4f}{cross_entropy:16.4f}{disagreement:22.1e}"
    for step, numbers in [*list(zip(steps, course, strict=True))[::6], (steps[-1], course[-1])]:
        print(f"{step:6}" + line.format(**numbers))
    worst = max(numbers["disagreement"] for numbers in course)
    print(f"largest disagreement in any row at any step: {worst:.1e}")

    x, y = mlp.fields(digits.X_test)[-1], digits.y_test
    print("slope of F(x,y) - F(x) in the fields against free mean minus clamped mean: relative "
          f"error {slope_error(x[:20], y[:20]):.1e}")
    gap, right = clamped_free_energy(x, y) - free_energy(x), x.argmax(axis=1) == y
    print(f"least difference of the {np.sum(~right)} wrong digits: {gap[~right].min():.3f}; "
          "none can be below log 2 = 0.693,\n"
          "as the label of a wrong digit has at most the probability 1/2")

    x_train = mlp.fields(digits.X_train)[-1]
    T = np.geomspace(0.2, 10, 400)
    sweep = {"test": temperature_sweep(x, y, T),
             "train": temperature_sweep(x_train, digits.y_train, T)}
    best = sweep["test"]["loss"].argmin()
    print(f"the test loss is {cross_entropy(x, y).mean():.3f} at T = 1 and least at "
          f"T = {T[best]:.2f}: {sweep['test']['loss'][best]:.3f}")
    clamped = clamped_free_energy(x, y).mean()
    free = -(Potts().mean(x / T[best]) * x).sum(axis=1).mean()
    print(f"mean energies there: {clamped:.2f} clamped, {free:.2f} free")
    draw(steps, course, gap, right, T, sweep, best, arguments)


def clamped_free_energy(x, y):
    """Return F(x, y) = -x_y of the rows of fields x (n, K) with the output clamped to the labels y:
    (n,)"""
    return -x[np.arange(len(x)), y]


def free_energy(x, T=1.0):
    """Return F(x) = -T log sum_k e^(x_k / T), of the free output: (n,)"""
    return -T * Potts().potential(x / T)


def cross_entropy(x, y):
    """Return -log m_y with m = softmax(x), straight from its definition: (n,)"""
    return -np.log(Potts().mean(x)[np.arange(len(x)), y])


def learn(digits, n_hidden, n_steps, rng):
    """Return a trained network, and its free energies over the test digits at some steps, evenly in
    log(step)."""
    mlp = MLP((784, n_hidden, 10), Rectified(), rng=rng)
    mlp.normalise_input(digits.X_train)
    optimizer = Adam(linear_decay(0.003, n_steps))
    steps = np.unique(np.geomspace(1, n_steps + 1, 60).astype(int)) - 1
    course = []
    for step in range(n_steps + 1):
        if step in steps:
            course.append(free_energies(mlp.fields(digits.X_test)[-1], digits.y_test))
        rows = rng.integers(len(digits.X_train), size=BATCH_SIZE)
        optimizer.step(mlp.parameters, mlp.gradient(digits.X_train[rows], digits.y_train[rows]))
    return mlp, steps, course


def free_energies(x, y):
    """Return the mean free energies of the output over the rows, by name."""
    clamped, free, expected = clamped_free_energy(x, y), free_energy(x), cross_entropy(x, y)
    return {"clamped": clamped.mean(), "free": free.mean(), "difference": (clamped - free).mean(),
            "cross_entropy": expected.mean(),
            "disagreement": np.abs(clamped - free - expected).max()}


def slope_error(x, y):
    """Return the relative error of free mean minus clamped mean as the slope of F(x, y) - F(x),
    summed over rows."""
    x, clamped_mean = x.copy(), np.eye(x.shape[1])[y]
    return check_gradient(lambda p: (clamped_free_energy(p["x"], y) - free_energy(p["x"])).sum(),
                          {"x": x}, {"x": Potts().mean(x) - clamped_mean})["x"]


def temperature_sweep(x, y, temperatures):
    """Return for each T the mean of -log p = [F(x, y) - F(x)] / T, and its slope in 1 / T.

    The slope is the clamped energy -x_y minus the mean energy of the free output, -sum_k m_k
    x_k."""
    loss = [((clamped_free_energy(x, y) - free_energy(x, T)) / T).mean() for T in temperatures]
    slope = [(clamped_free_energy(x, y) + (Potts().mean(x / T) * x).sum(axis=1)).mean()
             for T in temperatures]
    return {"loss": np.array(loss), "slope": np.array(slope)}


def draw(steps, course, gap, right, T, sweep, best, arguments):
    figure, (course_axes, row_axes, heat_axes) = plt.subplots(1, 3, figsize=(12, 4.8))

    clamped, free, difference = ([numbers[key] for numbers in course]
                                 for key in ("clamped", "free", "difference"))
    for values, colour, style, name in (
            (difference, GREEN, "-.", "F(x, y) - F(x), the cross entropy"),
            (clamped, ORANGE, "--", "F(x, y), clamped to the label"),
            (free, BLUE, "-", "F(x), free")):
        course_axes.plot(steps, values, color=colour, linestyle=style, label=name)
    course_axes.fill_between(steps, free, clamped, color=GREEN, alpha=0.15, linewidth=0)
    course_axes.set_xscale("symlog", linthresh=1)
    course_axes.set(title=f"F(x, y) changes by {clamped[-1] - clamped[0]:.1f} nats, F(x) by "
                          f"{free[-1] - free[0]:.1f}:\nthe difference goes from "
                          f"{difference[0]:.2f} to {difference[-1]:.2f}", xlabel="gradient step",
                    ylabel="mean over test digits [nats]")
    course_axes.set_ylim(top=6)
    course_axes.legend(loc="upper right")

    bins = np.geomspace(1e-6, 20, 50)
    for rows, colour, filled, name in ((right, BLUE, True, "right"), (~right, RED, False, "wrong")):
        row_axes.hist(np.clip(gap[rows], bins[0], None), bins, color=colour,
                      alpha=0.6 if filled else 1, linestyle="-",
                      histtype="stepfilled" if filled else "step", linewidth=1.5,
                      label=f"{name}: {rows.sum()} test digits")
    row_axes.axvline(np.log(2), ymax=0.7, color="0.3", linestyle=":",
                     label="log 2: wrong digits lie above")
    row_axes.set_xscale("log")
    row_axes.set(title=f"{np.mean(gap[~right] > np.log(2)):.0%} of the wrong digits lie above "
                       "log 2,\n"
                       f"{np.mean(gap[right] < np.log(2)):.1%} of the right ones below",
                 xlabel="F(x, y) - F(x) [nats]; the first bin holds all below",
                 ylabel="digits per bin")
    row_axes.set_ylim(0, 1.35 * row_axes.get_ylim()[1])
    row_axes.legend(loc="upper left")

    heat_axes.plot(T, sweep["test"]["loss"], color=GREEN, linestyle="-.", label="test loss")
    heat_axes.plot(T, sweep["train"]["loss"], color="0.5", linestyle=":", label="training loss")
    heat_axes.plot(T, sweep["test"]["slope"], color=RED, linestyle="-",
                   label="its slope in 1 / T on test digits:\nclamped minus free mean energy")
    heat_axes.axhline(0, color="0.8", linewidth=1, zorder=0)
    heat_axes.axvline(T[best], ymax=0.7, color="0.3", linewidth=1, linestyle=":")
    heat_axes.set_xscale("log")
    heat_axes.set(title=f"Test loss is least at T = {T[best]:.2f},\n"
                        f"where its slope is {round(sweep['test']['slope'][best], 2) + 0:.2f}",
                  xlabel="temperature T of the output, softmax(x / T)",
                  ylabel="loss and its slope [nats]", ylim=(-2, 2.8))
    heat_axes.legend(loc="upper left")
    save(figure, arguments)


if __name__ == "__main__":
    main()
