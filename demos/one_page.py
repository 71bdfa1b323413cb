"""The whole argument on one page: does backprop minimise a free energy?

    python demos/one_page.py          2 seconds

Plain NumPy, nothing of minife. Each function is an equation of the book, with its tag; each is
compared with an exact sum or with finite differences, and the errors are printed. beta = 1."""
from itertools import product

import numpy as np

rng = np.random.default_rng(0)


# Chapter U: a unit in a field x. Its potential A has the mean as slope, the variance as curvature.
def A(x): return np.logaddexp(0, x)                              # log(1 + e^x)  (U1)
def sigmoid(x): return 1 / (1 + np.exp(-x))                      # A'  (U2)
def variance(m): return m - m**2                                 # A'' where A' = m  (U3)
def entropy(m): return -m * np.log(m) - (1 - m) * np.log(1 - m)  # -A*  (U4)


def slopes(f, theta, eps=1e-6):
    """Return the central differences of f() in every entry of the arrays in theta."""
    found = []
    for array in theta:
        d = np.zeros_like(array)
        for i in np.ndindex(array.shape):
            keep = array[i]
            array[i] = keep + eps
            up = f()
            array[i] = keep - eps
            d[i] = (up - f()) / (2 * eps)
            array[i] = keep
        found.append(d)
    return found


def distance(ours, theirs):
    a, b = (np.concatenate([np.ravel(x) for x in xs]) for xs in (ours, theirs))
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def say(what, error): print(f"{what:74}{error:.1e}")


# Chapter R: an RBM. Given v, the hidden units are summed in closed form.
n_v, n_h = 6, 5
W, a, b = 0.8 * rng.standard_normal((n_v, n_h)), rng.standard_normal(n_v), rng.standard_normal(n_h)
theta, X = (W, a, b), rng.integers(2, size=(20, n_v)).astype(float)
V, H = (np.array(list(product((0.0, 1.0), repeat=n))) for n in (n_v, n_h))           # all states


def energy(v, h): return -v @ a - h @ b - ((v @ W) * h).sum(axis=1)              # (R1)
def free_energy(v): return -v @ a - A(b + v @ W).sum(axis=1)                     # (R5)
def log_Z(): return np.logaddexp.reduce(-free_energy(V))                         # (R7)
def loss(): return free_energy(X).mean() + log_Z()                               # -log p  (R6)
def averages(v, h): return v.T @ h / len(v), v.mean(axis=0), h.mean(axis=0)      # <vh>, <v>, <h>


E = energy(np.repeat(V, len(H), axis=0), np.tile(H, (len(V), 1))).reshape(len(V), len(H))
by_sums = -np.logaddexp.reduce(-E, axis=1)
say("F(v) is the sum over h", np.abs(free_energy(V) - by_sums).max())
p = np.exp(-free_energy(V) - log_Z())
data = averages(X, sigmoid(b + X @ W))
model = (V * p[:, None]).T @ sigmoid(b + V @ W), p @ V, p @ sigmoid(b + V @ W)
learning = [m - d for m, d in zip(model, data)]                                      # (R9)
say("learning: model minus data", distance(learning, slopes(loss, theta)))
h = (rng.random((20, n_h)) < sigmoid(b + X @ W)) * 1.0           # one Gibbs step  (R13)
v = (rng.random((20, n_v)) < sigmoid(a + h @ W.T)) * 1.0
dream = averages(v, sigmoid(b + v @ W))
say("  by contrastive divergence, one step: biased and noisy",
    distance([m - d for m, d in zip(dream, data)], learning))


# Chapter T: a minimum over means in place of a sum over states. Order 2 has Onsager's reaction.
def gamma(m_v, m_h, order):                                                          # (T8)
    mean_field = -m_v @ a - m_h @ b - m_v @ W @ m_h - entropy(m_v).sum() - entropy(m_h).sum()
    return mean_field - 0.5 * variance(m_v) @ W**2 @ variance(m_h) * (order == 2)


def field(m_in, m, W, bias, order):                                                  # (T9)
    return bias + m_in @ W + (0.5 - m) * (variance(m_in) @ W**2) * (order == 2)


def fixed_point(order, step=0.5):                                                    # (T10)
    m_v, m_h = np.full(n_v, 0.5), np.full(n_h, 0.5)
    for _ in range(500):
        m_h = m_h + step * (sigmoid(field(m_v, m_h, W, b, order)) - m_h)
        m_v = m_v + step * (sigmoid(field(m_h, m_v, W.T, a, order)) - m_v)
    return m_v, m_h


def emf_slopes(m_v, m_h, order):                                                     # (T11)
    onsager = W * np.outer(variance(m_v), variance(m_h)) * (order == 2)
    return -np.outer(m_v, m_h) - onsager, -m_v, -m_h


for order in 1, 2:
    m = fixed_point(order)
    say(f"TAP, order {order}: log Z is off by", abs(-gamma(*m, order) - log_Z()))
    at_rest = np.hstack(slopes(lambda: gamma(*m, order), m))
    say("  slopes in the means vanish", np.abs(at_rest).max())
    through = slopes(lambda: gamma(*fixed_point(order), order), theta)
    say("  slopes in the weights are explicit (EMF)", distance(emf_slopes(*m, order), through))

# Chapter C: iterations are layers of a network with tied weights, which runs down Gamma_1  (C1, C3)
h, heights = sigmoid(b + X[0] @ W), [free_energy(X[:1])[0]]
for _ in range(20):
    v = sigmoid(a + h @ W.T)
    heights.append(gamma(v, h, 1))
    h = sigmoid(b + v @ W)
    heights.append(gamma(v, h, 1))
say("a forward pass runs down the free energy: largest step up", max(np.diff(heights).max(), 0))

# Chapter B: a network: sigmoid layer, softmax, cross entropy. Backprop by hand, from the top.
U, d, y = 2 * rng.standard_normal((n_h, 3)), rng.standard_normal(3), rng.integers(3, size=20)
net, Y = (W, b, U, d), np.eye(3)[y]


def output(X): return d + sigmoid(b + X @ W) @ U                                     # (B1, B2)
def softmax(o): return np.exp(o - np.logaddexp.reduce(o, axis=1)[:, None])           # (U7)
def cross_entropy(o): return (np.logaddexp.reduce(o, axis=1) - (o * Y).sum(axis=1)).mean()   # (B5)


h = sigmoid(b + X @ W)                                           # forward
d_o = (softmax(d + h @ U) - Y) / len(X)                          # backward: the error m - y  (B4)
d_U, d_d = h.T @ d_o, d_o.sum(axis=0)                            # (B8)
d_x = d_o @ U.T * variance(h)                                    # down: times W^T, a variance  (B9)
d_W, d_b = X.T @ d_x, d_x.sum(axis=0)
backprop = d_W, d_b, d_U, d_d
say("backprop", distance(backprop, slopes(lambda: cross_entropy(output(X)), net)))


# Chapter C: the same as a Boltzmann machine, r copies of each hidden unit, coupled by U / r.
def minus_F(X, r):                                               # -log p(y|x) = F(x, y) - F(x)
    f = b + X @ W
    return d + r * (A(f[:, :, None] + U / r) - A(f)[:, :, None]).sum(axis=1)


def clamped_minus_free(r):                                       # label clamped minus label free
    D = (Y - softmax(minus_F(X, r))) / len(X)                    # (n, label)
    h_D = sigmoid((b + X @ W)[:, :, None] + U / r) * D[:, None]  # (n, n_h, label)
    d_x = r * (h_D.sum(axis=2) - D.sum(axis=1)[:, None] * sigmoid(b + X @ W))
    return -X.T @ d_x, -d_x.sum(axis=0), -h_D.sum(axis=0), -D.sum(axis=0)


say("a Boltzmann machine, 1 copy: clamped minus free is its gradient",
    distance(clamped_minus_free(1), slopes(lambda: cross_entropy(minus_F(X, 1)), net)))
for r in 1, 10, 100, 1000:
    say(f"  and backprop's, with r = {r}, but for", distance(clamped_minus_free(r), backprop))
