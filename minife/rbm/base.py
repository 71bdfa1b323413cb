"""What every machine of this chapter holds: two layers, the weights between them, beta. All of it
is checked where it is set."""
import copy

import numpy as np

from .. import validation


class TwoLayers:
    """Weights W, biases a and b of the two layers, and an inverse temperature beta; no physics yet.

    W     (n_visible, n_hidden), float32 or float64; a and b take its type
    a, b  (n_visible,), (n_hidden,)
    beta  inverse temperature 1/T > 0
    An array is kept, not copied, where its type and layout allow; training changes it in place.
    What replaces an array later must have its shape, and takes its type."""

    def __init__(self, W, a, b, beta=1.0):
        self.W, self.a, self.b, self.beta = W, a, b, beta

    @classmethod
    def initialise(cls, n_visible, n_hidden, rng, X=None, dtype=np.float64, **more):
        """Return a machine with small random weights.

        rng   a numpy.random.Generator: the weights are normal, of standard deviation 0.01
        X     (n, n_visible), data whose means the visible units get by their biases; None: a = 0
        more  by name, what else the class takes: beta"""
        n_visible = validation.positive_integer(n_visible, "n_visible")
        n_hidden = validation.positive_integer(n_hidden, "n_hidden")
        dtype = validation.float_type(dtype)
        W = 0.01 * validation.generator(rng).standard_normal((n_visible, n_hidden))
        a = np.zeros(n_visible) if X is None else cls.bias_of(X, n_visible)
        return cls(W.astype(dtype), a.astype(dtype), np.zeros(n_hidden, dtype), **more)

    n_visible = property(lambda self: self.W.shape[0])
    n_hidden = property(lambda self: self.W.shape[1])

    @property
    def parameters(self):
        """Return the dict of W, a and b: the arrays themselves."""
        return {"W": self.W, "a": self.a, "b": self.b}

    def double(self):
        """Return the machine in float64: itself if it is already."""
        if self.W.dtype == np.float64:
            return self
        twin = copy.copy(self)
        vars(twin).update({name: x.astype(np.float64) for name, x in self.parameters.items()})
        return twin

    def __setattr__(self, name, value):
        if name in ("W", "a", "b"):
            value = self._checked(value, name)
        elif name == "beta":
            value = validation.positive(value, "beta")
        super().__setattr__(name, value)

    def _checked(self, array, name):
        """Return what may be held as W, a or b: contiguous, writable, no other array's memory."""
        held = vars(self)
        dtype = held["W"].dtype if "W" in held else None
        array = validation.real_array(array, name, n_dims=2 if name == "W" else 1, dtype=dtype)
        if "W" in held:
            shape = {"W": self.W.shape, "a": self.W.shape[:1], "b": self.W.shape[1:]}[name]
            if array.shape != shape:
                raise ValueError(f"{name} must have shape {shape} to go with W {self.W.shape}, "
                                 f"got {array.shape}")
        array = np.ascontiguousarray(array)
        others = (held[other] for other in ("W", "a", "b") if other in held and other != name)
        tied = any(np.may_share_memory(array, other) for other in others)
        return array.copy() if tied or not array.flags.writeable else array

    def __repr__(self):
        return (f"{type(self).__name__}({self.n_visible} x {self.n_hidden}, beta={self.beta}, "
                f"{self.W.dtype})")
