"""Vanishing and exploding errors: what a start does to the two passes of a deep network  (B13)

    python demos/b4_start.py            six seconds on one core
    python demos/b4_start.py --quick    one second

Networks of twenty layers of equal width, before the first step. Forward, the table shows the
variance over the rows of the fields at the top; backward, the mean square of the errors that arrive
at layer 1 when errors of mean square 1 are sent down from layer 20  (B9). Three starts: that of
(B13), where all fields have variance 1; Glorot's, variance 1 / n of the weights and no biases;
He's, variance 2 / n and no biases. The figure, figures/b4_start.png, follows the errors from layer
to layer."""
import numpy as np
from common import demo_parser, plt, save

from minife import MLP
from minife.backprop.layers import activate_backward, dense_backward_input
from minife.units import Binary, Rectified, Spin

DEPTH, N_ROWS = 20, 200
UNITS = {"sigmoid": Binary(), "tanh": Spin(), "ReLU": Rectified()}
STARTS = {"(B13)": None, "Glorot": 1.0, "He": 2.0}    # variance of the weights times the width


def main():
    arguments = demo_parser(__doc__, "layers of 100 units instead of 400").parse_args()
    width, rng = 100 if arguments.quick else 400, np.random.default_rng(arguments.seed)
    print(f"{DEPTH} layers of {width} units, {N_ROWS} rows of normal inputs\n")
    print(f"{'hidden unit':13}{'start':10}{'variance of the fields at the top':>34}"
          f"{'errors at layer 1':>20}{'per layer':>12}")
    squares = {}
    for unit in UNITS:
        for start in STARTS:
            mlp = network(UNITS[unit], STARTS[start], width, rng)
            x = mlp.fields(rng.standard_normal((N_ROWS, width)))
            squares[unit, start] = errors(mlp, x, rng)
            first = squares[unit, start][0]
            print(f"{unit:13}{start:10}{x[-1].var(axis=0).mean():34.2g}{first:20.2g}"
                  f"{first ** (1 / (DEPTH - 1)):12.3f}")
    print("""
variance of the fields at the top: over the rows, mean over the units; 0 if all rows look alike
errors at layer 1: mean square of those that arrive, where 1 was sent from layer 20
per layer: the factor from layer to layer, the 19th root of that""")
    draw(squares, arguments)


def network(unit, variance, width, rng):
    """Return a network of equal layers with the start of (B13), or with weights of this
    variance."""
    mlp = MLP((width,) * (DEPTH + 1), unit, rng=rng)
    if variance is not None:
        for k in range(1, DEPTH + 1):
            W = rng.standard_normal((width, width)) * np.sqrt(variance / width)
            mlp.parameters[f"W{k}"], mlp.parameters[f"b{k}"] = W, np.zeros(width)
    return mlp


def errors(mlp, x, rng):
    """Return the mean squares of the errors at layers 1 to DEPTH, 1 at the top  (B9)"""
    d_x = rng.standard_normal(x[-1].shape)
    squares = [1.0]
    for k in range(mlp.depth, 1, -1):
        d_h = dense_backward_input(d_x, mlp.parameters[f"W{k}"])
        d_x = activate_backward(d_h, x[k - 2], mlp.hidden)  # x[0] are the fields of layer 1
        squares.append((d_x**2).mean())
    return squares[::-1]


def draw(squares, arguments):
    figure, panels = plt.subplots(1, len(UNITS), figsize=(11.5, 4.4), sharey=True)
    layers = np.arange(1, DEPTH + 1)
    for axes, unit in zip(panels, UNITS, strict=True):
        for start, marker in zip(STARTS, "os^", strict=True):
            axes.plot(layers, squares[unit, start], marker=marker, markersize=4, label=start)
        factors = ", ".join(f"{start} {squares[unit, start][0] ** (1 / (DEPTH - 1)):.2f}"
                            for start in STARTS)
        axes.set(title=f"{unit}, factor per layer:\n{factors}", xlabel="layer", yscale="log",
                 xticks=[1, 5, 10, 15, 20])
    panels[0].set_ylabel("mean square of the errors, sent from layer 20")
    panels[0].legend(title="start", loc="lower right")
    save(figure, arguments)


if __name__ == "__main__":
    main()
