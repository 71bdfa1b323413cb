"""The kernels in NumPy: the same names, arguments, locals and equation tags as the .pyx files, and the same numbers.

They are the readable version, the oracle of the tests, and what runs where nothing could be compiled."""
from functools import partial

import numpy as np


def aligned_empty(n, m, dtype):
    """Return an array (n, m), not filled, whose rows begin at multiples of 64 bytes, where vector registers load best.

    It may have gaps between its rows."""
    width = 64 // np.dtype(dtype).itemsize                # numbers per register
    stride = -(-m // width) * width
    raw = np.empty(n * stride + width, dtype)
    start = -raw.ctypes.data % 64 // raw.itemsize
    return raw[start:start + n * stride].reshape(n, stride)[:, :m]


def padded_powers(W, order):
    """Return W, W^2, W^3 (order, n_in, n_columns) as far as the order goes, aligned, with zeros after the n_out columns

    n_columns is a multiple of 32, so that the kernels that sweep over layers need no code for what is left over."""
    n_in, n_out = W.shape
    powers = aligned_empty(order * n_in, -(-n_out // 32) * 32, W.dtype).reshape(order, n_in, -1)
    powers[0, :, :n_out], powers[0, :, n_out:] = W, 0
    for k in range(1, order):
        np.multiply(powers[k - 1], powers[0], out=powers[k])
    return powers


def binary_product(states, matrix):
    """Return states @ matrix for 0/1 states (n, n_in) and a matrix (n_in, n_out)  (K1)"""
    return states.astype(matrix.dtype) @ matrix


def philox(block, row, draw, key):
    """Return four random 32-bit words: Philox4x32-10 of the counter (block, row, draw, 0)  (K2)

    Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011)."""
    low, word = np.uint64(0xFFFFFFFF), np.uint64(32)
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in (block, row, draw, 0))
    k0, k1 = np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
    for _ in range(10):
        product0 = np.uint64(0xD2511F53) * c0
        product1 = np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (product1 >> word) ^ c1 ^ k0, product1 & low, (product0 >> word) ^ c3 ^ k1, product0 & low
        k0 = (k0 + np.uint64(0x9E3779B9)) & low
        k1 = (k1 + np.uint64(0xBB67AE85)) & low
    return c0, c1, c2, c3


def random_words(key, draw, n_rows, n_units):
    """Return random 32-bit words (n_rows, n_units), a function of key, draw, row, unit and ceil(n_units / 4)  (K3)"""
    n_blocks = (n_units + 3) // 4
    words = np.hstack(philox(np.arange(n_blocks), np.arange(n_rows)[:, None], draw, int(key)))  # (n_rows, 4 n_blocks)
    return words.astype(np.uint32)[:, :n_units]


def sigmoid(x):
    """Return 1 / (1 + e^-x), clipped where e^-x would leave the range of x's dtype  (K4)"""
    low, high = (-87, 88) if x.dtype == np.float32 else (-708, 709)
    return 1 / (1 + np.exp(np.clip(-x, low, high)))


def unit_means(states, W, bias, beta):
    """Return the means (n, n_out) of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)  (R4)"""
    return sigmoid(W.dtype.type(beta) * (bias + binary_product(states, W)))


def draw_units(mean, key, draw):
    """Return samples (n, n_units) uint8 of units with these means  (R4)"""
    words = random_words(key, draw, *mean.shape)
    bits = 23 if mean.dtype == np.float32 else 31  # so that uniform is exact, and never 0 or 1
    uniform = ((words >> np.uint32(32 - bits)) + 0.5).astype(mean.dtype) * mean.dtype.type(2.0**-bits)
    return (uniform < mean).astype(np.uint8)


def sample_units(states, W, bias, beta, key, draw):
    """Return samples (n, n_out) uint8 of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)  (R4)"""
    return draw_units(unit_means(states, W, bias, beta), key, draw)


def anneal_units(states, W, bias, beta_0, beta_1, key, draw):
    """Return samples (n, n_out) uint8 at beta_1, and the change (n,) of sum softplus(beta field) from beta_0  (R4, E3)

    The field is that of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)."""
    field = bias + binary_product(states, W)
    x = field.astype(np.float64)
    change = (np.logaddexp(0, beta_1 * x) - np.logaddexp(0, beta_0 * x)).sum(axis=1)
    mean = sigmoid(field.dtype.type(beta_1) * field)
    return draw_units(mean, key, draw), change


def layer_field(m_in, m, W, bias, beta, order):
    """Return theta (n, n_out), beta times the field of units at their means m, that see m_in (n, n_in) by W  (T9)

    Seen from the hidden layer, m_in is m_v; seen from the visible one it is m_h, and W stands transposed."""
    theta = beta * (bias + m_in @ W)                                         # (n, n_out)
    if order >= 2:
        c_in = m_in - m_in**2
        theta = theta + beta**2 * (0.5 - m) * (c_in @ W**2)
    if order >= 3:
        skew_in, c = c_in * (0.5 - m_in), m - m**2
        theta = theta + beta**3 * (1 / 3 - 2 * c) * (skew_in @ W**3)
    return theta


def layer_of(m, order):
    """Return the layer (order, n, n_units) of means m (n, n_units): m, c = m - m^2 and skew = c (1/2 - m)  (T9)"""
    layer = np.empty((order, *m.shape), dtype=m.dtype)
    layer[0] = m
    return complete(layer)


def complete(layer):
    """Return the layer (order, n, n_units) with c and skew made anew of its m, in place  (T9)"""
    m, order = layer[0], len(layer)
    if order >= 2:
        np.subtract(m, np.multiply(m, m, out=layer[1]), out=layer[1])
    if order >= 3:
        np.multiply(layer[1], 0.5 - m, out=layer[2])
    return layer


def layer_sums(layer, powers, backwards=False):
    """Return the sums (order, n, n_out) over a layer that another layer sees: m @ W, c @ W^2, skew @ W^3  (T9)

    backwards  the last one is done first"""
    sums = np.empty((len(powers), layer.shape[1], powers[0].shape[1]), dtype=layer.dtype)
    for k in range(len(powers))[::-1 if backwards else 1]:
        np.matmul(layer[k], powers[k], out=sums[k])
    return sums


def sweep_layers(move, W, a, b, beta, m_v, m_h, order, tol, max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,): sweeps of m_h, then m_v, until residual <= tol  (T10, T12)

    move(sums, bias, beta, layer) moves a layer in place at fixed sums over the other layer, and returns the residual
    (n,) before the move. All rows go together, so that the sums are products by BLAS."""
    visible, hidden = (layer_of(np.asarray(m, dtype=W.dtype), order) for m in (m_v, m_h))
    residual, n_iter = np.full(len(m_v), np.inf, dtype=W.dtype), np.zeros(len(m_v), dtype=np.intp)
    beta, copied = W.dtype.type(beta), W.dtype == np.float32 and W.size < 2**19
    powers, powers_T = [W], [W.T.copy() if copied else W.T]      # faster for BLAS, where a cache holds it
    while len(powers) < order:
        powers.append(powers[-1] * W)
        powers_T.append(powers_T[-1] * powers_T[0] if copied else powers[-1].T)
    for _ in range(max_iter):
        rows = np.flatnonzero(residual > tol)
        if len(rows) == 0:
            break
        v, h = (x if len(rows) == len(m_v) else x.take(rows, axis=1) for x in (visible, hidden))
        worst_h = move(layer_sums(v, powers), b, beta, h)
        worst_v = move(layer_sums(h, powers_T, backwards=True), a, beta, v)  # the cache still holds the last power
        residual[rows] = np.maximum(worst_h, worst_v)
        n_iter[rows] += 1
        if len(rows) < len(m_v):
            visible[:, rows], hidden[:, rows] = v, h
    return visible[0], hidden[0], residual, n_iter


def move_layer(sums, bias, beta, layer, step):
    """Move a layer (order, n, n_out) in place towards its stationary point; return the residual (n,) before  (T10)"""
    m, order = layer[0], len(layer)
    c, floor = m - m**2, m.dtype.type(np.finfo(m.dtype).eps ** (1 / 3))
    theta = beta * (bias + sums[0])
    if order >= 2:
        theta += beta**2 * (0.5 - m) * sums[1]
    if order >= 3:
        theta += beta**3 * (1 / 3 - 2 * c) * sums[2]
    mean = sigmoid(theta)
    residual = np.max(np.abs(mean - m) / (c + floor), axis=1)
    m += m.dtype.type(step) * (mean - m)
    complete(layer)
    return residual


def damped_fixed_point(W, a, b, beta, m_v, m_h, order, step, tol, max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,): damped sweeps until residual <= tol  (T10, T12)"""
    move = partial(move_layer, step=step)
    return sweep_layers(move, W, a, b, beta, m_v, m_h, order, tol, max_iter)


def descent_step(theta, slope, rate, l1, l2):
    """Change theta (n,) in place: one step of gradient descent with decay  (D2)"""
    theta -= rate * (slope + l1 * np.sign(theta) + l2 * theta)


def momentum_step(theta, velocity, slope, rate, momentum, l1, l2):
    """Change velocity and theta (n,) in place: one step of gradient descent with momentum and decay  (D2)"""
    velocity[...] = momentum * velocity + (slope + l1 * np.sign(theta) + l2 * theta)
    theta -= rate * velocity


def product_step(theta, velocity, base, states, matrix, rate, momentum, l1, l2):
    """Change theta and velocity (n, n_out) in place: one step along base + states @ matrix  (K1, D2)

    velocity, base   may be None: no momentum, nothing to add to"""
    slope = binary_product(states, matrix)
    if base is not None:
        slope = base + slope
    if velocity is None:
        descent_step(theta, slope, rate, l1, l2)
    else:
        momentum_step(theta, velocity, slope, rate, momentum, l1, l2)


def adaptive_step(theta, mean, square, slope, rate, share, square_share, held, square_held, epsilon, l1, l2):
    """Change mean, square and theta (n,) in place: one step of RMSProp or Adam with decay  (D3, D4)"""
    slope = slope + l1 * np.sign(theta) + l2 * theta
    mean += share * (slope - mean)
    square += square_share * (slope**2 - square)
    theta -= rate * (mean / held) / (np.sqrt(square / square_held) + epsilon)


def minimise_layer(sums, bias, beta, layer):
    """Move a layer (order, n, n_out) in place to its exact minimum; return the residual (n,) before it  (T18)"""
    m, order = layer[0], len(layer)
    c, floor = m - m**2, m.dtype.type(np.finfo(m.dtype).eps ** (1 / 3))
    x = beta * (bias + sums[0])
    onsager = beta**2 * sums[1] if order == 2 else np.zeros_like(x)
    residual = np.max(np.abs(sigmoid(x + (0.5 - m) * onsager) - m) / (c + floor), axis=1)
    t = np.maximum(np.abs(x) / (1 + onsager / 4), np.abs(x) - onsager / 2)   # below the root
    small = 3e-4 if m.dtype == np.float32 else 1e-8                          # what is left is below its square
    for _ in range(40):                                                      # Newton's steps, up to the root
        e = np.exp(-t)                                                       # sigma = 1 / s, sigma' = e / s^2
        s = 1 + e
        climb = ((np.abs(x) - t) * s - onsager * (0.5 * (1 - e))) * s / (s * s + onsager * e)
        t = t + climb
        if not np.any(climb > small * (1 + t)):
            break
    m[...] = sigmoid(np.where(x > 0, t, -t))
    complete(layer)
    return residual


def block_fixed_point(W, a, b, beta, m_v, m_h, order, tol, max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,): block sweeps of m_h, then m_v, until residual <= tol  (T12, T18)"""
    return sweep_layers(minimise_layer, W, a, b, beta, m_v, m_h, order, tol, max_iter)


def softplus_product(x, y):
    """Return sum over k of log(1 + e^(x_rk + y_ks)) (n, n_columns), x (n, n_terms), y (n_terms, n_columns)  (R15)"""
    total = np.zeros((len(x), y.shape[1]))
    for k in range(len(y)):
        z = x[:, k, None] + y[k]
        total += np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))        # log(1 + e^z)
    return total


def collapsed_sweep(states, W, a, b, uniform):
    """Return states (n, n_units) uint8 after each unit was drawn given the others, log w before and after (n,)  (E8)

    w(h) = e^(b.h) prod_i (1 + e^(a_i + (W h)_i)), with what they see through W (n_seen, n_units) summed out  (E7)"""
    def log_weight():
        return states @ b + softplus(x).sum(axis=1)

    states = states.copy()
    x = a + states @ W.T
    before = log_weight()
    for j in range(W.shape[1]):
        off = x - states[:, j, None] * W[:, j]
        on = off + W[:, j]
        field = b[j] + softplus(on).sum(axis=1) - softplus(off).sum(axis=1)
        states[:, j] = uniform[:, j] < sigmoid(field)
        x = np.where(states[:, j, None], on, off)
    return states, before, log_weight()


def softplus(x):
    """Return log(1 + e^x)"""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
