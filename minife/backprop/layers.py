"""One layer, forward and backward on one screen. A backward quotes the line that it differentiates.

d_x is the slope of the loss in x, row by row; for the fields x it is the error, which the README
calls delta. Rows of zeros and ones may be States, of which h @ W and h.T @ d_x are sums of rows
of W and of d_x  (K1)."""


def dense(h, W, b):
    """Return the fields x (n, n_out) of units that see h (n, n_in) through W (n_in, n_out)  (B1)"""
    return h @ W + b


def activate(x, unit):
    """Return the activations h (n, n_out) of units in the fields x: their means  (B2)"""
    return unit.mean(x)


def activate_backward(d_h, x, unit):
    """Return d_x (n, n_out), given d_h (n, n_out): the slope of a mean is a variance  (B9)"""
    # h = unit.mean(x)
    return d_h * unit.variance(x)


def dense_backward(d_x, h):
    """Return d_W (n_in, n_out) and d_b (n_out,), sums over the rows, given d_x (n, n_out)  (B8)"""
    # x = h @ W + b
    d_W = h.T @ d_x                                                         # (n_in, n_out)
    d_b = d_x.sum(axis=0)                                                   # (n_out,)
    return d_W, d_b


def dense_backward_input(d_x, W):
    """Return d_h (n, n_in), given d_x (n, n_out): the errors above, through the weights  (B9)"""
    # x = h @ W + b
    return d_x @ W.T                                                        # (n, n_in)
