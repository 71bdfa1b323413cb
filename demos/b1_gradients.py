"""Gradients checked live: every derivative of chapter B, derived by hand, against finite
differences.

    python demos/b1_gradients.py            eight seconds on one core
    python demos/b1_gradients.py --quick    three seconds

The table has a line for each network, of one to four layers, with every hidden unit and every loss:
the worst relative error of each parameter's gradient  (B4, B7, B8, B9), and that of the Hessian
times a vector, H v  (B10, B11, B12). The figure, figures/b1_gradients.png, shows why
minife.gradcheck takes five points and a step of 0.001, and why it must keep away from the kinks of
ReLU."""
import itertools

import numpy as np
from common import BLUE, GREEN, ORANGE, RED, demo_parser, plt, save

from minife import MLP
from minife.backprop import (BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError,
                             hessian_vector_product)
from minife.gradcheck import check_gradient, numerical_gradient
from minife.units import Binary, Gaussian, LeakyRectified, Rectified, Spin

HIDDEN = {"sigmoid": Binary(), "tanh": Spin(), "identity": Gaussian(), "ReLU": Rectified(),
          "leaky ReLU": LeakyRectified(0.01)}
LOSSES = {"squared error": SquaredError(), "squared error, sigmoid": SquaredError(Binary()),
          "binary cross entropy": BinaryCrossEntropy(),
          "categorical cross entropy": CategoricalCrossEntropy()}
SIZES = {1: (4, 3), 2: (4, 5, 3), 3: (4, 5, 6, 3), 4: (4, 5, 6, 5, 3)}  # by depth
N_ROWS, FAR_FROM_KINKS = 6, 0.05


def main():
    quick = "two hidden units, two losses, fewer steps in the figure"
    arguments = demo_parser(__doc__, quick).parse_args()
    rng = np.random.default_rng(arguments.seed)
    hidden = ["tanh", "ReLU"] if arguments.quick else list(HIDDEN)
    losses = ["squared error", "categorical cross entropy"] if arguments.quick else list(LOSSES)

    print("relative errors of derivatives by hand against finite differences")
    worst = max(print_table(depth, hidden, losses, rng) for depth in SIZES)
    print(f"""
W1 to b4: |finite difference - by hand| at the worst entry of the parameter, over the largest entry
  of its gradient; five-point central differences, step 0.001, {N_ROWS} rows of normal inputs
H v: the Hessian times a random vector v, by hand, against finite differences of gradient . v;
  the worst of all parameters
ReLU, leaky ReLU: only rows with every hidden field {FAR_FROM_KINKS} or more away from the kink at 0
The worst relative error of all is {worst:.1e}""")

    draw(np.logspace(-8, 0, 17 if arguments.quick else 49), rng, arguments)


def print_table(depth, hidden, losses, rng):
    """Print a line of errors for each network of that depth, and return the worst of all."""
    names = [f"{kind}{k}" for k in range(1, depth + 1) for kind in "Wb"]
    shapes = [shape for n_in, n_out in itertools.pairwise(SIZES[depth])
              for shape in (f"{n_in} x {n_out}", f"{n_out}")]
    print(f"\n{'-'.join(map(str, SIZES[depth]))}, {depth} layer{'s' if depth > 1 else ''}")
    print(f"{'hidden':11}{'loss':25}" + "".join(f"{cell:>7}" for cell in [*names, "H v"]))
    print(" " * 36 + "".join(f"{cell:>7}" for cell in shapes))
    worst_of_all = 0.0
    for unit in hidden if depth > 1 else ["none"]:
        for loss in losses:
            mlp, X, y = network(SIZES[depth], HIDDEN.get(unit, Binary()), LOSSES[loss], rng)
            errors = check_gradient(lambda p: mlp.loss(X, y), mlp.parameters, mlp.gradient(X, y))
            v = {name: rng.standard_normal(array.shape) for name, array in mlp.parameters.items()}
            curvature_errors = check_gradient(lambda p: dot(mlp.gradient(X, y), v), mlp.parameters,
                                              hessian_vector_product(mlp, X, y, v))
            cells = [errors[name] for name in names] + [max(curvature_errors.values())]
            print(f"{unit:11}{loss:25}" + "".join(f"{cell:7.0e}" for cell in cells))
            worst_of_all = max(worst_of_all, *cells)
    return worst_of_all


def network(sizes, hidden, loss, rng):
    """Return a random network with rows X and targets y for it, whose hidden fields keep away from
    the kink at 0."""
    mlp = MLP(sizes, hidden, loss, rng)
    for k in range(1, mlp.depth + 1):
        mlp.parameters[f"b{k}"] += 0.3 * rng.standard_normal(sizes[k])
    X = rng.standard_normal((1000, sizes[0]))
    X = X[distance_to_kinks(mlp, X) > FAR_FROM_KINKS][:N_ROWS]
    y = rng.random((N_ROWS, sizes[-1]))
    return mlp, X, y / y.sum(axis=1, keepdims=True)     # probabilities suit every loss


def distance_to_kinks(mlp, X):
    """Return how far from 0 the hidden field nearest to 0 is, row by row: (n,)"""
    hidden = mlp.fields(X)[:-1]
    return np.abs(np.concatenate(hidden, axis=1)).min(axis=1) if hidden else np.full(len(X), np.inf)


def dot(u, v):
    return sum((u[name] * v[name]).sum() for name in u)


def relative_error(mlp, X, y, difference, step):
    """Return the worst error of finite differences in any parameter, over the largest entry of the
    gradient."""
    by_hand = mlp.gradient(X, y)
    numerical = difference(lambda: mlp.loss(X, y), mlp.parameters, step)
    error = max(np.abs(numerical[name] - by_hand[name]).max() for name in by_hand)
    return error / max(np.abs(slope).max() for slope in by_hand.values())


def two_points(f, parameters, step):
    """Return (f(theta + step) - f(theta - step)) / (2 step) for every entry theta of the
    parameters."""
    gradient = {name: np.zeros(array.shape) for name, array in parameters.items()}
    for name, array in parameters.items():
        for index in np.ndindex(array.shape):
            theta = array[index]
            array[index] = theta + step
            above = f()
            array[index] = theta - step
            gradient[name][index] = (above - f()) / (2 * step)
            array[index] = theta
    return gradient


def five_points(f, parameters, step):
    return numerical_gradient(lambda p: f(), parameters, step)[0]


def draw(steps, rng, arguments):
    figure, (smooth_axes, kink_axes) = plt.subplots(1, 2, figsize=(11.5, 5), sharey=True)

    mlp, X, y = network(SIZES[3], Spin(), CategoricalCrossEntropy(), rng)
    two, five = ([relative_error(mlp, X, y, difference, step) for step in steps]
                 for difference in (two_points, five_points))
    smooth_axes.loglog(steps, two, color=ORANGE, linestyle="--", label="two points")
    smooth_axes.loglog(steps, five, color=BLUE, linestyle="-",
                       label="five points, as in minife.gradcheck")
    for error, power, start in ((two, 2, 3e-4), (five, 4, 2e-2)):  # below the error at step 0.1
        at = np.abs(np.log(steps / 0.1)).argmin()
        guide = np.array([start, 0.2])
        line = 0.1 * error[at] * (guide / steps[at]) ** power
        smooth_axes.loglog(guide, line, color="0.6", linewidth=1)
        smooth_axes.text(guide[0], line[0], f" step$^{power}$", color="0.4", va="top")
    rounding = np.array([1e-8, 1e-5])
    smooth_axes.loglog(rounding, 1e-14 / rounding, color="0.6", linewidth=1)
    smooth_axes.text(3e-7, 5e-14 / 3e-7, "1 / step", color="0.4")
    mark_step(smooth_axes)
    smooth_axes.set(title=f"tanh: the best of two points errs by {min(two):.0e},\n"
                          f"of five by {min(five):.0e}", xlabel="step",
                    ylabel="relative error of the finite difference", ylim=(1e-15, 10))
    smooth_axes.legend(loc="lower left")

    mlp, X, y = network(SIZES[3], Rectified(), CategoricalCrossEntropy(), rng)
    beside, distance = move_to_a_kink(mlp, X, 1e-5)
    far = [relative_error(mlp, X, y, five_points, step) for step in steps]
    near = [relative_error(mlp, beside, y, five_points, step) for step in steps]
    kink_axes.loglog(steps, near, color=RED, linestyle="--",
                     label=f"a field {distance:.0e} from its kink")
    kink_axes.loglog(steps, far, color=GREEN, linestyle="-",
                     label=f"all fields {FAR_FROM_KINKS} or more from their kinks")
    mark_step(kink_axes)
    at = np.abs(np.log(steps / 1e-3)).argmin()
    kink_axes.set(title=f"ReLU: five points across a kink err by {near[at]:.0e},\n"
                        f"away from kinks by {far[at]:.0e}", xlabel="step")
    kink_axes.legend(loc="lower left", fontsize="small")
    save(figure, arguments)


def mark_step(axes):
    axes.axvline(1e-3, color="0.6", linestyle=":", linewidth=1)
    axes.text(1.2e-3, 1e-14, "gradcheck's step", color="0.4", va="center")


def move_to_a_kink(mlp, X, distance):
    """Return X with its first row moved until a first hidden field is that far above 0, and how far
    it came out."""
    X, W = X.copy(), mlp.parameters["W1"][:, 0]
    X[0] += (distance - mlp.fields(X)[0][0, 0]) * W / (W @ W)
    return X, mlp.fields(X)[0][0, 0]


if __name__ == "__main__":
    main()
