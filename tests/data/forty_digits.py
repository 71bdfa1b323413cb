"""Numbers of two small RBMs at 40 digits, by definitions alone: no formula of minife is used.

    pip install mpmath
    python tests/data/forty_digits.py > tests/data/forty_digits.json    half a minute

Sums run over all states, slopes are differences at 60 digits, and fixed points are the roots of
such slopes. log Z, moments, F and exact Gamma prove chapter R and (T1), the rest the expansion."""
import itertools
import json

import mpmath as mp

mp.mp.dps = 60
MACHINES = [
    {"beta": "1.3", "W": [["1.5", "-2.25"], ["0.75", "1.25"], ["-3.5", "0.5"]],
     "a": ["0.25", "-0.75", "1.5"], "b": ["-0.5", "1.125"],
     "m_v": ["0.2", "0.55", "0.875"], "m_h": ["0.65", "0.1"], "step": "0.25"},
    {"beta": "0.6", "W": [["6.5", "-1.75", "2.5"], ["-4.0", "5.25", "1.0"]],
     "a": ["-1.5", "0.5"], "b": ["0.75", "-2.5", "-1.25"],
     "m_v": ["0.9", "0.35"], "m_h": ["0.3", "0.8", "0.45"], "step": "0.25"}]


def numbers(x):
    return [numbers(y) for y in x] if isinstance(x, list) else mp.mpf(x)


def energy(r, v, h):
    return -(sum(a * x for a, x in zip(r["a"], v)) + sum(b * y for b, y in zip(r["b"], h))
             + sum(w * x * y for row, x in zip(r["W"], v) for w, y in zip(row, h)))


def states(r):
    for s in itertools.product((0, 1), repeat=len(r["a"]) + len(r["b"])):
        yield s[:len(r["a"])], s[len(r["a"]):]


def log_sum(r, u=None):
    u = u or [0] * (len(r["a"]) + len(r["b"]))
    return mp.log(sum(mp.exp(-r["beta"] * energy(r, v, h) + sum(x * y for x, y in zip(u, v + h)))
                      for v, h in states(r)))


def mean(r, what):
    z = mp.exp(log_sum(r))
    return sum(what(v, h) * mp.exp(-r["beta"] * energy(r, v, h)) / z for v, h in states(r))


def partials(f, x):
    """The slopes of f(x) in each entry of x, by differences."""
    return [mp.diff(lambda y, k=k: f([*x[:k], y, *x[k + 1:]]), x[k]) for k in range(len(x))]


def exact_gamma(r, m):
    """The Legendre transform: fields u whose machine has the means m."""
    def misses(*u):
        return [mean - wanted for mean, wanted in zip(partials(lambda x: log_sum(r, x), u), m)]

    free = [mp.log(x / (1 - x)) - r["beta"] * y for x, y in zip(m, r["a"] + r["b"])]
    u = list(mp.findroot(misses, free, tol=1e-80, maxsteps=60))
    return (sum(x * y for x, y in zip(u, m)) - log_sum(r, u)) / r["beta"]


def gamma(r, m, order):
    """The mean energy minus entropy / beta of free units, minus pair terms of orders 2 and 3."""
    beta, n = r["beta"], len(r["a"])
    value = energy(r, m[:n], m[n:]) + sum(x * mp.log(x) + (1 - x) * mp.log(1 - x) for x in m) / beta
    for row, x in zip(r["W"], m[:n]):
        for w, y in zip(row, m[n:]):
            if order >= 2:                              # <dv^2> <dh^2> / 2!
                value -= beta * w**2 * moment(x, 2) * moment(y, 2) / 2
            if order >= 3:                              # <dv^3> <dh^3> / 3!
                value -= beta**2 * w**3 * moment(x, 3) * moment(y, 3) / 6
    return value


def moment(m, k):
    return m * (1 - m)**k + (1 - m) * (-m)**k


def slopes(r, m, order):
    return partials(lambda x: gamma(r, x, order), m)


def fixed_point(r, order, step, start=None):
    """Small damped moves down the slope of theta, then Newton's method on the slopes."""
    m = start or [mp.mpf(1) / 2 for _ in r["a"] + r["b"]]
    if start is None:
        for _ in range(400):
            theta = [mp.log(x / (1 - x)) - r["beta"] * d for x, d in zip(m, slopes(r, m, order))]
            m = [x + step * (1 / (1 + mp.exp(-t)) - x) for x, t in zip(m, theta)]
    return list(mp.findroot(lambda *x: slopes(r, list(x), order), m, tol=1e-80, maxsteps=60))


def total_slope(r, order, m, i, j):
    """dGamma* / dW_ij, with the fixed point found anew on both sides."""
    sides, step = [], mp.mpf(10)**-15
    for sign in (1, -1):
        moved = dict(r, W=[[w + sign * step * ((k, l) == (i, j)) for l, w in enumerate(row)]
                           for k, row in enumerate(r["W"])])
        sides.append(gamma(moved, fixed_point(moved, order, None, m), order))
    return (sides[0] - sides[1]) / (2 * step)


def text(x):
    return [text(y) for y in x] if isinstance(x, (list, tuple)) else mp.nstr(x, 40)


def record(given):
    r = {name: numbers(given[name]) for name in ("beta", "W", "a", "b")}
    m = numbers(given["m_v"] + given["m_h"])
    n_v, n_h = len(r["a"]), len(r["b"])
    rows = list(itertools.product((0, 1), repeat=n_v))
    free = [-mp.log(sum(mp.exp(-r["beta"] * energy(r, v, h))
                        for h in itertools.product((0, 1), repeat=n_h))) / r["beta"] for v in rows]
    found = {"log_z": log_sum(r), "F": free,
             "v": [mean(r, lambda v, h, i=i: v[i]) for i in range(n_v)],
             "h": [mean(r, lambda v, h, j=j: h[j]) for j in range(n_h)],
             "vh": [[mean(r, lambda v, h, i=i, j=j: v[i] * h[j]) for j in range(n_h)]
                    for i in range(n_v)],
             "exact_gamma": exact_gamma(r, m)}
    orders = {}
    for order in (1, 2, 3):
        star = fixed_point(r, order, mp.mpf(given["step"]))
        d_W = [[total_slope(r, order, star, i, j) for j in range(n_h)] for i in range(n_v)]
        orders[order] = {"gamma": gamma(r, m, order), "slopes": slopes(r, m, order), "star": star,
                         "gamma_star": gamma(r, star, order), "d_W": d_W}
    texts = {name: text(value) for name, value in found.items()}
    by_order = {k: {name: text(x) for name, x in of.items()} for k, of in orders.items()}
    return given | texts | {"orders": by_order}


if __name__ == "__main__":
    print(json.dumps([record(machine) for machine in MACHINES], indent=1))
