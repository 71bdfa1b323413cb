"""What every demo shares: its arguments, the look of its figure, and where the figure goes."""
import argparse
import sys
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)

from minife.plots import BLUE, GREEN, ORANGE, RED  # noqa: E402

WIDEST = 12  # inches at 100 dots each: fits a laptop's screen
plt.rcParams.update({
    "figure.dpi": 100, "figure.constrained_layout.use": True, "axes.titlesize": "medium",
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, RED],
                                  linestyle=["-", "--", "-.", ":"])
})


def demo_parser(text, quick, mnist=False,
                out="where the figure goes; figures/NAME.png, or figures/quick/NAME.png"):
    """Return the ArgumentParser of a demo: --quick, --seed, --out and, where it applies, --mnist.

    text   the docstring of the demo; quick says what --quick leaves out, out what is written"""
    parser = argparse.ArgumentParser(description=text,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers; 0 if not given")
    parser.add_argument("--out", type=Path, metavar="PATH", help=out)
    if mnist:
        parser.add_argument("--mnist", type=Path, metavar="PATH",
                            help="the full MNIST in place of the embedded digits")
    return parser


def name_seeds(seeds):
    """Return "seed 0" or "seeds 0 to 4" of a range."""
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def with_deviation(values, form=".2f"):
    """Return the mean of values as a text, ± their standard deviation if there are several."""
    deviation = f" ± {np.std(values):{form.lstrip('+')}}" if len(values) > 1 else ""
    return f"{np.mean(values):{form}}{deviation}"


def with_range(values, form=".1f"):
    """Return the mean of values as a text, and the least and the largest if there are several."""
    ends = f" ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else ""
    return f"{np.mean(values):{form}}{ends}"


def save(figure, arguments):
    """Save the figure of a demo where its arguments say, a quick one marked as such, and print
    where."""
    path = arguments.out
    if path is None:
        folder = Path("figures/quick") if arguments.quick else Path("figures")
        path = folder / f"{Path(sys.argv[0]).stem}.png"
    if arguments.quick:
        figure.text(0.995, 0.005, "quick run", ha="right", va="bottom", fontsize="small",
                    color="0.5")
    if figure.get_size_inches()[0] > WIDEST:
        raise ValueError(
            f"a figure must be at most {WIDEST} inches wide, got {figure.get_size_inches()[0]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)
    print(f"The figure is in {path}")
