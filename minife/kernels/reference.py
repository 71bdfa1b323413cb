"""The kernels in NumPy, as plain as the mathematics: same names, arguments, numbers as compiled.

They are the readable version, the oracle of the tests, and what runs where nothing could be
compiled."""
import numpy as np

from .arrays import shapes

# Products with states, and draws


@shapes(states="n n_in", matrix="n_in n_out")
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
        c0, c1 = (product1 >> word) ^ c1 ^ k0, product1 & low
        c2, c3 = (product0 >> word) ^ c3 ^ k1, product0 & low
        k0 = (k0 + np.uint64(0x9E3779B9)) & low
        k1 = (k1 + np.uint64(0xBB67AE85)) & low
    return c0, c1, c2, c3


def random_words(key, draw, n_rows, n_units):
    """Return random 32-bit words (n_rows, n_units) of a key, a draw, the row and the unit  (K3)"""
    n_blocks = (n_units + 3) // 4
    words = np.hstack(philox(np.arange(n_blocks), np.arange(n_rows)[:, None], draw, int(key)))
    return words.astype(np.uint32)[:, :n_units]                         # of (n_rows, 4 n_blocks)


def sigmoid(x):
    """Return 1 / (1 + e^-x), clipped where e^-x would leave the range of x's dtype  (K4)"""
    low, high = (-87, 88) if x.dtype == np.float32 else (-708, 709)
    return 1 / (1 + np.exp(np.clip(-x, low, high)))


@shapes(mean="n n_units")
def draw_units(mean, key, draw):
    """Return samples (n, n_units) uint8 of units with these means  (R4)"""
    words = random_words(key, draw, *mean.shape)
    bits = 23 if mean.dtype == np.float32 else 31     # so that uniform is exact, and never 0 or 1
    uniform = ((words >> np.uint32(32 - bits)) + 0.5).astype(mean.dtype) * 2.0**-bits
    return (uniform < mean).astype(np.uint8)


@shapes(states="n n_in", W="n_in n_out", bias="n_out")
def anneal_units(states, W, bias, beta_0, beta_1, key, draw):
    """Return samples (n, n_out) uint8 at beta_1, and the change (n,) of sum softplus(beta field)
    from beta_0  (R4, E3)

    The field is that of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)."""
    field = bias + binary_product(states, W)
    x = field.astype(np.float64)
    change = (softplus(beta_1 * x) - softplus(beta_0 * x)).sum(axis=1)
    mean = sigmoid(beta_1 * field)
    return draw_units(mean, key, draw), change


# Sums of softplus


def softplus(x):
    """Return log(1 + e^x)"""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@shapes(x="n n_terms", y="n_terms n_columns")
def softplus_product(x, y):
    """Return sum over k of log(1 + e^(x_rk + y_ks)) (n, n_columns)  (R15)

    x (n, n_terms), y (n_terms, n_columns)"""
    total = np.zeros((len(x), y.shape[1]))
    for k in range(len(y)):
        total += softplus(x[:, k, None] + y[k])
    return total


@shapes(states="n n_units", W="n_seen n_units", a="n_seen", b="n_units", uniform="n n_units")
def collapsed_sweep(states, W, a, b, uniform):
    """Return states (n, n_units) uint8, each unit drawn given the others, and log w (n,) before and
    after  (E8)

    w(h) = e^(b.h) prod_i (1 + e^(a_i + (W h)_i)), with what they see through W (n_seen, n_units)
    summed out  (E7)"""
    states = states.copy()
    x = a + states @ W.T                                                     # (n, n_seen)
    before = states @ b + softplus(x).sum(axis=1)
    for j in range(W.shape[1]):
        off = x - states[:, j, None] * W[:, j]
        on = off + W[:, j]
        field = b[j] + softplus(on).sum(axis=1) - softplus(off).sum(axis=1)
        states[:, j] = uniform[:, j] < sigmoid(field)
        x = np.where(states[:, j, None], on, off)
    after = states @ b + softplus(x).sum(axis=1)
    return states, before, after


# Sweeps of magnetisations to a fixed point of the TAP equations


def layer_field(m_in, m, W, bias, beta, order):
    """Return theta (n, n_out), beta times the field of units at means m that see m_in  (T9)

    m_in (n, n_in), m (n, n_out), W (n_in, n_out). Seen from the hidden layer, m_in is m_v; seen
    from the visible one it is m_h, and W stands transposed."""
    theta = beta * (bias + m_in @ W)                                         # (n, n_out)
    if order >= 2:
        c_in = m_in - m_in**2
        theta = theta + beta**2 * (0.5 - m) * (c_in @ W**2)
    if order >= 3:
        skew_in, c = c_in * (0.5 - m_in), m - m**2
        theta = theta + beta**3 * (1 / 3 - 2 * c) * (skew_in @ W**3)
    return theta


def worst(way, m):
    """Return the residual (n,) of rows at m, whose units are this way from sigma(theta)  (T12)"""
    c, floor = m - m**2, np.finfo(m.dtype).eps ** (1 / 3)
    return np.max(np.abs(way) / (c + floor), axis=1)


def sweep(moved, W, a, b, m_v, m_h, tol, max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,) of sweeps of m_h, then m_v  (T10, T12)

    moved(m_in, m, W, bias) returns the new means of a layer and the residual (n,) of the old ones;
    a row rests when its residual is <= tol."""
    m_v, m_h = m_v.copy(), m_h.copy()
    residual, n_iter = np.full(len(m_v), np.inf, W.dtype), np.zeros(len(m_v), np.intp)
    for _ in range(max_iter):
        rows = np.flatnonzero(residual > tol)
        if len(rows) == 0:
            break
        m_h[rows], worst_h = moved(m_v[rows], m_h[rows], W, b)
        m_v[rows], worst_v = moved(m_h[rows], m_v[rows], W.T, a)
        residual[rows] = np.maximum(worst_h, worst_v)
        n_iter[rows] += 1
    return m_v, m_h, residual, n_iter


@shapes(W="n_visible n_hidden", a="n_visible", b="n_hidden", m_v="n n_visible", m_h="n n_hidden")
def damped_fixed_point(W, a, b, beta, m_v, m_h, order, step, tol, max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,) of damped sweeps to that tol  (T10, T12)"""
    def moved(m_in, m, W, bias):
        theta = layer_field(m_in, m, W, bias, beta, order)
        mean = sigmoid(theta)
        return m + step * (mean - m), worst(mean - m, m)
    return sweep(moved, W, a, b, m_v, m_h, tol, max_iter)


@shapes(W="n_visible n_hidden", a="n_visible", b="n_hidden", m_v="n n_visible", m_h="n n_hidden")
def block_fixed_point(W, a, b, beta, m_v, m_h, order, tol, max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,) of block sweeps to that tol  (T12, T18)"""
    def moved(m_in, m, W, bias):
        x = beta * (bias + m_in @ W)
        onsager = beta**2 * ((m_in - m_in**2) @ W**2) if order == 2 else np.zeros_like(x)
        theta = x + (0.5 - m) * onsager
        return minimum(x, onsager), worst(sigmoid(theta) - m, m)
    return sweep(moved, W, a, b, m_v, m_h, tol, max_iter)


def minimum(x, onsager):
    """Return sigma(t) at the root of t + onsager (sigma(t) - 1/2) = x, by Newton's steps  (T18)"""
    t = np.maximum(np.abs(x) / (1 + onsager / 4), np.abs(x) - onsager / 2)   # below the root
    small = 3e-4 if x.dtype == np.float32 else 1e-8   # what is left is below its square
    for _ in range(40):
        e = np.exp(-t)                                # sigma(t) = 1 / s, sigma' = e / s^2
        s = 1 + e
        climb = ((np.abs(x) - t) * s - onsager * (0.5 * (1 - e))) * s / (s * s + onsager * e)
        t = t + climb
        if not np.any(climb > small * (1 + t)):
            break
    return sigmoid(np.where(x > 0, t, -t))


# Steps of the optimizers, in place


@shapes(theta="n", slope="n")
def descent_step(theta, slope, rate, l1, l2):
    """Change theta (n,) in place: one step of gradient descent with decay  (D2)"""
    theta -= rate * (slope + l1 * np.sign(theta) + l2 * theta)


@shapes(theta="n", velocity="n", slope="n")
def momentum_step(theta, velocity, slope, rate, momentum, l1, l2):
    """Change velocity and theta (n,) in place: one step with momentum and decay  (D2)"""
    velocity[...] = momentum * velocity + (slope + l1 * np.sign(theta) + l2 * theta)
    theta -= rate * velocity


@shapes(theta="n", mean="n", square="n", slope="n")
def adaptive_step(theta, mean, square, slope, rate, share, square_share, held, square_held,
                  epsilon, l1, l2):
    """Change mean, square and theta (n,) in place: one step of RMSProp or Adam  (D3, D4)"""
    slope = slope + l1 * np.sign(theta) + l2 * theta
    mean += share * (slope - mean)
    square += square_share * (slope**2 - square)
    theta -= rate * (mean / held) / (np.sqrt(square / square_held) + epsilon)
