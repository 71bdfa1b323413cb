"""All 2^17 perceptrons counted: random labels against a rule, as entropy runs out.

    python demos/l8_perceptron.py            about 12 seconds on one core
    python demos/l8_perceptron.py --quick    2 seconds: N = 11

Entropy of solutions and U(T), S(T) of the number of training errors (L13), the error on new
examples (L14), and the local entropy: how many solutions lie near a solution (L15). There are
P = alpha N patterns."""
import matplotlib.pyplot as plt
import numpy as np

from common import demo_parser, save
from minife.landscape.perceptron import (all_couplings, error_thermodynamics, errors,
                                         generalisation_error, local_solution_entropy,
                                         random_problem, solution_entropy)
from minife.plots import BLUE, ORANGE

ALPHAS = np.array([0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 2.0])
TEMPERATURES = np.geomspace(0.1, 5, 40)
THERMAL, NEAR = 1.0, 0.4                                              # alpha of two panels
DISTANCE, FAR = 4, 8                                                  # of neighbours, at most
LOOK = {"random labels": (ORANGE, "s--"), "a rule": (BLUE, "o-")}


def main():
    arguments = demo_parser(__doc__, quick="N = 11 instead of 17").parse_args()
    N, n_instances = (11, 30) if arguments.quick else (17, 30)
    w = all_couplings(N)
    results = {name: study(w, name == "a rule", arguments.seed, n_instances) for name in LOOK}
    print(f"N = {N}, {n_instances} instances; entropy: log2 of the number of solutions over N, in "
          "solvable instances")
    for name, r in results.items():
        print(f"\n{name + ', alpha =':24}" + "".join(f"{alpha:7.1f}" for alpha in ALPHAS))
        rows = [("share solvable", r["solvable"].mean(axis=0)), ("entropy", r["entropy"]),
                ("fewest errors / P", r["least"].mean(axis=0))]
        if name == "a rule":
            rows += [("error on new examples", r["new"].mean(axis=0)),
                     ("the densest solution", r["dense"].mean(axis=0)),
                     ("only the rule is left", r["unique"].mean(axis=0))]
        for label, values in rows:
            cells = "".join(f"{value:7.3f}" for value in values)
            print(f"{label:24}" + cells.replace("nan", "  -"))
    share = results["random labels"]["solvable"].mean(axis=0)
    k = np.flatnonzero(share < 0.5)[0]
    crossing = np.interp(0.5, share[[k, k - 1]], ALPHAS[[k, k - 1]])
    print("\nthe densest solution: error on new examples of the one with most others within "
          f"distance {DISTANCE}\nrandom labels: half of the instances are solvable at alpha = "
          f"{crossing:.2f}; 0.83 in a large perceptron")
    print(f"\nlocal entropy at alpha = {NEAR}, bits per coupling, mean over solutions\n"
          f"{'within the distance':24}" + "".join(f"{d:7d}" for d in range(5)))
    for name, r in results.items():
        print(f"{name:24}" + "".join(f"{value:7.3f}" for value in r["local"][:5]))
    draw(N, results, arguments)


def study(w, rule, seed, n_instances):
    """Return what the instances show at each alpha, a dict of arrays."""
    rng, N = np.random.default_rng(seed), w.shape[1]
    shape = (n_instances, len(ALPHAS))
    solvable, least, new, dense, unique, S = (np.zeros(shape) for _ in range(6))
    thermal, local = [], []
    for k in range(n_instances):
        problem = random_problem(N, int(round(ALPHAS[-1] * N)), rng, rule)
        E, done = np.zeros(len(w), dtype=np.int64), 0
        for j, alpha in enumerate(ALPHAS):
            P = int(round(alpha * N))
            E += errors(w, problem.X[done:P], problem.y[done:P])
            done = P
            solvable[k, j], least[k, j] = E.min() == 0, E.min() / max(P, 1)
            S[k, j] = solution_entropy(E, N)
            if rule:
                of_each = generalisation_error(w[E == 0], problem.teacher)
                nearby = local_solution_entropy(w, E == 0, DISTANCE)[:, -1]
                new[k, j], dense[k, j] = of_each.mean(), of_each[nearby.argmax()]
                unique[k, j] = np.sum(E == 0) == 1
            if alpha == THERMAL:
                thermal.append(error_thermodynamics(E, TEMPERATURES))
            if alpha == NEAR and solvable[k, j]:
                local.append(local_solution_entropy(w, E == 0, FAR).mean(axis=0))
    entropy = [S[solvable[:, j] > 0, j].mean() if solvable[:, j].any() else np.nan
               for j in range(len(ALPHAS))]
    U, S_T = np.mean(thermal, axis=0)
    return {"solvable": solvable, "least": least, "new": new, "dense": dense, "unique": unique,
            "entropy": np.array(entropy),
            "U": U / (THERMAL * N), "S": S_T / N / np.log(2), "local": np.mean(local, axis=0)}


def draw(N, results, arguments):
    figure, axes = plt.subplots(2, 3, figsize=(12, 7))
    panels = dict(zip(("entropy", "solvable", "new", "U", "S", "local"), axes.ravel()))
    for name, r in results.items():
        colour, mark = LOOK[name]
        panels["entropy"].plot(ALPHAS, r["entropy"], mark, color=colour, label=name)
        panels["solvable"].plot(ALPHAS, r["solvable"].mean(axis=0), mark, color=colour, label=name)
        for key in ("U", "S"):
            panels[key].plot(TEMPERATURES, r[key], mark[1:], color=colour, label=name)
        panels["local"].plot(np.arange(FAR + 1), r["local"], mark, color=colour, markersize=4,
                             label=name)
    rule, random = results["a rule"], results["random labels"]
    panels["solvable"].plot(ALPHAS, rule["unique"].mean(axis=0), "^:", color=BLUE,
                            label="a rule: only it is left")
    panels["solvable"].axhline(0.5, color="0.7", linewidth=0.8, linestyle=":")
    panels["new"].plot(ALPHAS, rule["new"].mean(axis=0), "o-", color=BLUE,
                       label="a random solution of the rule's labels")
    panels["new"].plot(ALPHAS, rule["dense"].mean(axis=0), "^:", color=BLUE,
                       label=f"the one with most others within {DISTANCE}")
    panels["new"].axhline(0.5, color=ORANGE, linestyle="--", label="random labels: nothing to know")
    zero = {name: r["entropy"] for name, r in results.items()}
    unsolved, new = 1 - random["solvable"].mean(axis=0), rule["new"].mean(axis=0)
    panels["entropy"].set(title=f"entropy runs out in both: {zero['random labels'][4]:.2f} and "
                                f"{zero['a rule'][4]:.2f}\nat $\\alpha$ = {ALPHAS[4]}",
                          ylabel="entropy of solutions  [bits per coupling]")
    panels["solvable"].set(title=f"no solution is left for {unsolved[6]:.0%} of random labels\n"
                                 f"at $\\alpha$ = {ALPHAS[6]}; the rule always solves its own",
                           ylabel="share of instances", ylim=(-0.05, 1.6))
    panels["new"].set(title=f"solutions know more of the rule: error {new[4]:.2f}\n"
                            f"at $\\alpha$ = {ALPHAS[4]}, {new[-1]:.3f} at {ALPHAS[-1]}",
                      ylabel="error on new examples", ylim=(0, 0.72))
    panels["U"].set(title=f"training errors at $\\alpha$ = {THERMAL}",
                    ylabel="U over the number of patterns", xscale="log")
    panels["S"].set(title=f"their entropy: {random['S'][0]:.2f} and {rule['S'][0]:.2f} at "
                          f"T = {TEMPERATURES[0]:.1f}",
                    ylabel="S  [bits per coupling]", xscale="log")
    panels["local"].set(title=f"around a solution at $\\alpha$ = {NEAR}",
                        xlabel="within this Hamming distance",
                        ylabel="local entropy  [bits per coupling]")
    for key in ("entropy", "solvable", "new"):
        panels[key].set_xlabel(r"$\alpha$ = patterns over couplings")
    for key in ("U", "S"):
        panels[key].set_xlabel("temperature T of training")
    for panel in panels.values():
        panel.legend(fontsize="small", loc="best")
    panels["local"].set_xticks(range(0, FAR + 1, 2))
    save(figure, arguments)


if __name__ == "__main__":
    main()
