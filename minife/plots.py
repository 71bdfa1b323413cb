"""What several figures share: colours that everybody can tell apart, and walls of small
pictures."""
import numpy as np

# Okabe and Ito, "Color universal design" (2008)
ORANGE, GREEN, BLUE, RED = "#E69F00", "#009E73", "#0072B2", "#D55E00"


def wall(rows, n_columns, shape=(28, 28)):
    """Return the rows (n, height * width) as one picture, n_columns side by side, with thin gaps of
    NaN."""
    height, width = shape
    n_lines = -(-len(rows) // n_columns)
    picture = np.full((n_lines * (height + 2) - 2, n_columns * (width + 2) - 2), np.nan)
    for k, row in enumerate(rows):
        top, left = k // n_columns * (height + 2), k % n_columns * (width + 2)
        picture[top:top + height, left:left + width] = np.reshape(row, shape)
    return picture


def show_wall(axes, rows, n_columns, shape=(28, 28), signed=False):
    """Draw the rows as a wall of pictures: grey from 0 to 1, or, if signed, blue below and red
    above zero."""
    picture = wall(rows, n_columns, shape)
    limits = {"vmin": 0, "vmax": 1, "cmap": "gray_r"}
    if signed:
        top = np.nanpercentile(np.abs(picture), 99)
        limits = {"vmin": -top, "vmax": top, "cmap": "RdBu_r"}
    axes.imshow(picture, interpolation="nearest", **limits)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
