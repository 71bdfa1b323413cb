"""U1: the seven units: potential A, its slope the activation, its curvature the response  (U1, U2,
U3, U6, U7)

    python demos/u1_units.py            1 second
    python demos/u1_units.py --quick    the same

For each unit it prints the largest error of A' and A'' against central differences, away from
kinks."""
import numpy as np
from common import demo_parser, plt, save

from minife.units import Binary, Gaussian, LeakyRectified, Potts, Rectified, Spin, Step

UNITS = (Binary(), Spin(), Gaussian(), Rectified(), LeakyRectified(0.2), Step())


def main():
    arguments = demo_parser(__doc__, "the same").parse_args()
    x = np.linspace(-4, 4, 401)
    curves = {repr(unit): (unit.potential(x), unit.mean(x), unit.variance(x)) for unit in UNITS}
    # a Potts unit: two fields held
    fields = np.column_stack([x, np.zeros_like(x), np.ones_like(x)])
    potts = Potts()
    curves["Potts(), first of 3 states"] = (potts.potential(fields), potts.mean(fields)[:, 0],
                                            potts.variance(fields)[:, 0, 0])
    print("{:30}{:>14}{:>12}".format("unit", "error of A'", "of A''"))
    errors = []
    for name, (A, m, c) in curves.items():
        away = np.abs(x[1:-1]) > 0.05
        errors.append(
            [np.abs(np.gradient(y, x)[1:-1] - dy[1:-1])[away].max() for y, dy in ((A, m), (m, c))])
        print(f"{name:30}{errors[-1][0]:14.1e}{errors[-1][1]:12.1e}")
    draw(x, curves, np.max(errors), arguments)


def draw(x, curves, error, arguments):
    figure, axes = plt.subplots(2, 4, figsize=(12, 6), sharex=True, sharey=True)
    for ax, (name, (A, m, c)) in zip(axes.flat, curves.items()):
        ax.plot(x, A, label="$A$, potential")
        ax.plot(x, m, label="$A'$, activation")
        ax.plot(x, c, label="$A''$, response")
        ax.set(title=name, ylim=(-1.2, 3.2))
        ax.axhline(0, color="0.8", lw=0.8, ls="-", zorder=0)
    axes.flat[-1].axis("off")
    axes.flat[-1].legend(*axes.flat[0].get_legend_handles_labels(), loc="center")
    for ax in (*axes[1, :3], axes[0, 3]):
        ax.set_xlabel("field $x$")
        ax.tick_params(labelbottom=True)
    for ax in axes[:, 0]:
        ax.set_ylabel("potential, mean, response")
    figure.suptitle(
        f"A unit is a convex potential: slope and curvature agree with differences to {error:.0e} "
        f"of a grid step of 0.02"
    )
    save(figure, arguments)


if __name__ == "__main__":
    main()
