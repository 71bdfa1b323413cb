"""How a network sees its numbers: centred, and brought to a size with which its first steps are of
the usual length."""
import numpy as np

LARGE, SMALL = 10.0, 0.1  # standard deviations beyond which a rate means something else


class Scale:
    """x -> (x - mean) / scale, column by column, in float64.

    Columns are centred. Those whose standard deviation is above 10 are brought to 1, and all
    together where none is above 0.1; others keep their size, so that a learning rate means what it
    means to the numbers themselves."""

    def __init__(self, mean, scale):
        self.mean, self.scale = mean, scale

    @classmethod
    def of(cls, x, active=True):
        """Return the Scale of numbers x (n, k); the identity if it is not active."""
        if not active:
            return cls(np.zeros(x.shape[1]), np.ones(x.shape[1]))
        mean = x[0] + (x - x[0]).mean(axis=0, dtype=np.float64)         # exact where nothing varies
        spread = (x - mean).std(axis=0, dtype=np.float64)
        scale = np.where(spread > LARGE, spread, 1.0)
        if 0 < spread.max() < SMALL:
            scale[:] = np.sqrt((spread**2).mean())
        return cls(mean, scale)

    def down(self, x, dtype):
        """Return (x - mean) / scale, cast to dtype at the end."""
        return ((x - self.mean) / self.scale).astype(dtype)

    def up(self, x):
        """Return x * scale + mean, the inverse."""
        return x * self.scale + self.mean
