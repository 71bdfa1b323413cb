"""The kernels in NumPy: the same names, arguments, locals and equation tags as the .pyx files, and the same numbers.

They are the readable version, the oracle of the tests, and what runs where nothing could be compiled."""
import numpy as np


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
    """Return samples (n, n_out) uint8 at beta_1, and the change (n,) of sum softplus(beta field) from beta_0  (R4, R19)

    The field is that of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)."""
    field = bias + binary_product(states, W)
    x = field.astype(np.float64)
    change = (np.logaddexp(0, beta_1 * x) - np.logaddexp(0, beta_0 * x)).sum(axis=1)
    mean = sigmoid(field.dtype.type(beta_1) * field)
    return draw_units(mean, key, draw), change


def layer_fields(powers, bias, beta, m_in):
    """Return theta without its reaction, and the Onsager sums of orders 2 and 3, of the layer that sees m_in  (T9)

    powers holds W, W * W, W * W * W as far as the order goes; the sums beyond it are None."""
    c_in = m_in - m_in**2
    theta = beta * (bias + m_in @ powers[0])
    onsager_2 = beta**2 * (c_in @ powers[1]) if len(powers) >= 2 else None
    onsager_3 = beta**3 * ((c_in * (0.5 - m_in)) @ powers[2]) if len(powers) >= 3 else None
    return theta, onsager_2, onsager_3


def move_layer(theta, onsager_2, onsager_3, m, damping):
    """Move the magnetisations m (n, n_out) in place towards their stationary point; return the residual (n,)  (T10)"""
    c, floor = m - m**2, m.dtype.type(np.finfo(m.dtype).eps ** (1 / 3))
    if onsager_2 is not None:
        theta = theta + (0.5 - m) * onsager_2
    if onsager_3 is not None:
        theta = theta + (1 / 3 - 2 * c) * onsager_3
    mean = sigmoid(theta)
    residual = np.max(np.abs(mean - m) / (c + floor), axis=1)
    m += m.dtype.type(damping) * (mean - m)
    return residual


def damped_fixed_point(W, a, b, beta, m_v, m_h, order, damping, tol, max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,): sweeps of m_h, then m_v, until residual <= tol  (T10, T12)"""
    m_v, m_h = np.array(m_v, dtype=W.dtype), np.array(m_h, dtype=W.dtype)
    residual, n_iter = np.full(len(m_v), np.inf, dtype=W.dtype), np.zeros(len(m_v), dtype=np.intp)
    powers, beta = [W], W.dtype.type(beta)
    while len(powers) < order:
        powers.append(powers[-1] * W)
    powers_T = [power.T for power in powers]
    for _ in range(max_iter):
        rows = np.flatnonzero(residual > tol)
        if len(rows) == 0:
            break
        v, h = m_v[rows], m_h[rows]
        worst_h = move_layer(*layer_fields(powers, b, beta, v), h, damping)
        worst_v = move_layer(*layer_fields(powers_T, a, beta, h), v, damping)
        m_v[rows], m_h[rows], residual[rows] = v, h, np.maximum(worst_h, worst_v)
        n_iter[rows] += 1
    return m_v, m_h, residual, n_iter


def descent_step(theta, slope, rate, l1, l2):
    """Change theta (n,) in place: one step of gradient descent with decay  (B15)"""
    theta -= rate * (slope + l1 * np.sign(theta) + l2 * theta)


def momentum_step(theta, velocity, slope, rate, momentum, l1, l2):
    """Change velocity and theta (n,) in place: one step of gradient descent with momentum and decay  (B15)"""
    velocity[...] = momentum * velocity + (slope + l1 * np.sign(theta) + l2 * theta)
    theta -= rate * velocity


def adaptive_step(theta, mean, square, slope, rate, share, square_share, held, square_held, epsilon, l1, l2):
    """Change mean, square and theta (n,) in place: one step of RMSProp or Adam with decay  (B16, B17)"""
    slope = slope + l1 * np.sign(theta) + l2 * theta
    mean += share * (slope - mean)
    square += square_share * (slope**2 - square)
    theta -= rate * (mean / held) / (np.sqrt(square / square_held) + epsilon)


def block_half_step(W, bias, order, beta, floor, m_in, m_out):
    """Return one layer at its exact minimum at fixed m_in, the other layer, and the residual before the move  (T18)"""
    c_in, c_out = m_in - m_in**2, m_out - m_out**2
    x = beta * (bias + m_in @ W)
    onsager = beta**2 * (c_in @ (W * W)) if order == 2 else np.zeros_like(x)
    residual = np.max(np.abs(sigmoid(x + (0.5 - m_out) * onsager) - m_out) / (c_out + floor), axis=1)
    t = np.maximum(np.abs(x) / (1 + onsager / 4), np.abs(x) - onsager / 2)   # below the root
    small = 3e-4 if W.dtype == np.float32 else 1e-8                          # what is left is below its square
    for _ in range(40):                                                      # Newton's steps, up to the root
        e = np.exp(-t)                                                       # sigma = 1 / s, sigma' = e / s^2
        s = 1 + e
        climb = ((np.abs(x) - t) * s - onsager * (0.5 * (1 - e))) * s / (s * s + onsager * e)
        t = t + climb
        if not np.any(climb > small * (1 + t)):
            break
    return sigmoid(np.where(x > 0, t, -t)), residual


def block_fixed_point(W, a, b, beta, m_v, m_h, order, tol, max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,): block sweeps of m_h, then m_v, until residual <= tol  (T12, T18)"""
    m_v, m_h = np.array(m_v, dtype=W.dtype), np.array(m_h, dtype=W.dtype)
    residual, n_iter = np.full(len(m_v), np.inf, dtype=W.dtype), np.zeros(len(m_v), dtype=np.intp)
    beta, floor = W.dtype.type(beta), W.dtype.type(np.finfo(W.dtype).eps ** (1 / 3))
    for _ in range(max_iter):
        rows = np.flatnonzero(residual > tol)
        if len(rows) == 0:
            break
        m_h[rows], worst_h = block_half_step(W, b, order, beta, floor, m_v[rows], m_h[rows])
        m_v[rows], worst_v = block_half_step(W.T, a, order, beta, floor, m_h[rows], m_v[rows])
        residual[rows] = np.maximum(worst_h, worst_v)
        n_iter[rows] += 1
    return m_v, m_h, residual, n_iter


def softplus_product(x, y):
    """Return sum over k of log(1 + e^(x_rk + y_ks)) (n, n_columns), x (n, n_terms), y (n_terms, n_columns)  (R23)"""
    total = np.zeros((len(x), y.shape[1]))
    for k in range(len(y)):
        z = x[:, k, None] + y[k]
        total += np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))        # log(1 + e^z)
    return total
