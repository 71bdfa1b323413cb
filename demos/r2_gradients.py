"""R2: the gradients of CD-1, CD-10, PCD and parallel tempering against the exact one, along one training run.

    python demos/r2_gradients.py            about two minutes on one core
    python demos/r2_gradients.py --quick    a few seconds

A machine of 9 pixels and 8 hidden units learns the 14 bars and stripes by the exact gradient (R9). Along the way all
methods are asked for theirs, at the very same machines; PCD and tempering keep their chains from step to step, and so
follow a machine that moves. With 2^9 visible states the Gibbs step is a matrix K (R12), and what CD (R13) and PCD (R14)
do in the mean, and how they scatter, needs no sampling: chains that begin with the distribution p are at p K after a
step. Only tempering (R27) is sampled: its bias is a mean over many ladders and over the last 5 % of the steps before
the moment, and the noise of that mean is taken off. An estimate has 14 chains, one per row; with M chains of PCD or
tempering the scatter falls as 1/sqrt(M) and the bias stays. An update of tempering, 10 rungs, costs 10 Gibbs steps.

It prints a table per moment of training, with each closed form checked against what the package samples, and saves one
figure, figures/r2_gradients.png: how slowly the chain forgets, the biases along training, the bias of CD-k against k,
and that of PCD against the learning rate. Training time is steps times rate, so that runs of other rates compare."""
import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from minife import RBM
from minife.data import bars_and_stripes
from minife.parameters import flatten, norm
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm import exact, exact_chain
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.tempering import ParallelTempering
from minife.rbm.training import PersistentContrastiveDivergence

X = bars_and_stripes(3)
RATE, MOMENTS = 0.2, {"start": 60, "middle": 200, "end": 800}          # in training time
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)                    # of CD-k
RATES, LAG_TIMES = (0.8, 0.4, 0.2, 0.1, 0.05), (200, 400)
COLOURS = {"CD-1": ORANGE, "CD-10": RED, "PCD": BLUE, "tempering": GREEN}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="stop at a third of the time, at twice the rates")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, default=Path("figures/r2_gradients.png"))
    arguments = parser.parse_args()
    rate, n_repeats = (2 * RATE, 10) if arguments.quick else (RATE, 100)
    moments = MOMENTS | {"end": 260} if arguments.quick else MOMENTS
    rates, times = (RATES[:3], LAG_TIMES[:1]) if arguments.quick else (RATES, LAG_TIMES)
    records = follow(rate, moments, n_repeats, arguments.seed)
    lags = {time: [lag(r, time, arguments.seed) for r in rates] for time in times}
    print("\nBias of PCD over |g|, by the rate:" + "".join(f"{r:9g}" for r in rates))
    for time, biases in lags.items():
        print(f"    at training time {time:<17}" + "".join(f"{bias:9.4f}" for bias in biases))
    draw(records, moments, rates, lags, arguments.figure)
    print(f"The figure is in {arguments.figure}")


def training_run(rate, n_steps, seed):
    """Yield the number of each step and the machine before it, which follows the exact gradient, with the gradient."""
    rbm = RBM.initialise(9, 8, np.random.default_rng(seed), X)
    for step in range(n_steps + 1):
        gradient = exact.log_likelihood_gradient(rbm, X)
        yield step, rbm, gradient
        for name, array in rbm.parameters.items():
            array += rate * gradient[name]


def follow(rate, moments, n_repeats, seed):
    """Return one record per moment that is looked at; print the table at those that have a name."""
    rng, n_steps = np.random.default_rng(seed), round(max(moments.values()) / rate)
    named = {round(time / rate): name for name, time in moments.items()}
    watched = {round(time / rate) for time in np.geomspace(20, max(moments.values()), 20)} | set(named)
    pcd, tempering = PersistentContrastiveDivergence(len(X) * n_repeats), ParallelTempering(10, len(X) * n_repeats)
    p, records, window = np.full(2**9, 1 / 2**9), [], []               # persistent chains begin as fair coins
    for step, rbm, gradient in training_run(rate, n_steps, seed):
        p = exact_chain.after(rbm, p)
        for phase in (pcd, tempering):
            phase.moments(rbm, None, rng)
        if any(0.95 * end < step <= end for end in named):
            window.append(errors(rbm, tempering.v[-1]))
        if step in watched:
            records.append(judge(rbm, gradient, p, rng) | {"time": rate * step})
        if step in named:
            drawn = {f"CD-{k}": gibbs_chain(rbm, np.tile(X, (n_repeats, 1)), k, rng)[0] for k in (1, 10)}
            drawn = {name: errors(rbm, v) for name, v in (drawn | {"PCD": pcd.v, "tempering": tempering.v[-1]}).items()}
            records[-1]["sampled bias"] = sampled_bias(np.mean(window, axis=0))
            print_table(named[step], records[-1], drawn, flatten(gradient), tempering.swap_rates)
            window = []
    return records


def judge(rbm, gradient, p, rng):
    """Return what can be said in closed form at a machine, given the distribution p of the persistent chains there."""
    rows = exact_chain.certain(X, 9)                                   # a chain of CD begins at each
    closed = {"CD-1": closed_form(rbm, gradient, exact_chain.after(rbm, rows)),
              "CD-10": closed_form(rbm, gradient, exact_chain.after(rbm, rows, 10)),
              "PCD": closed_form(rbm, gradient, np.tile(p, (len(X), 1)))}
    decay, P = {}, rows.mean(axis=0, keepdims=True)
    for k, before in zip(STEPS, (0, *STEPS)):
        P = exact_chain.after(rbm, P, k - before)
        decay[k] = closed_form(rbm, gradient, P)["bias"]
    eigenvalues, phi = exact_chain.modes(rbm)
    return {"size": norm(gradient), "log_likelihood": exact.log_likelihood(rbm, X), "closed": closed, "decay": decay,
            "memory": -1 / np.log(eigenvalues[1]), "tempered memory": tempered_memory(rbm, phi[1], rng)}


def closed_form(rbm, gradient, P):
    """Return bias and scatter, over |g|, and cosine of the mean gradient, of independent chains, one per row of P."""
    statistics = exact_chain.statistics(rbm)
    means = P @ statistics                                             # (n_chains, n_parameters)
    error = -rbm.beta * (means.mean(axis=0) - exact_chain.distribution(rbm) @ statistics)   # the data's half cancels
    variance = rbm.beta**2 * (P @ statistics**2 - means**2).sum() / len(P)**2
    return {"error": error, "bias": np.linalg.norm(error) / norm(gradient),
            "scatter": np.sqrt(variance) / norm(gradient), "cosine": cosine(flatten(gradient) + error, gradient)}


def cosine(estimates, gradient):
    """Return the cosines of estimates (..., n_parameters) with the exact gradient."""
    return estimates @ flatten(gradient) / np.linalg.norm(estimates, axis=-1) / norm(gradient)


def errors(rbm, v):
    """Return the errors of the gradient that each of the chains v (n, 9) alone would give: (n, n_parameters)"""
    statistics = exact_chain.statistics(rbm)
    return -rbm.beta * (statistics[v @ (1 << np.arange(9))] - exact_chain.distribution(rbm) @ statistics)


def sampled_bias(errors):
    """Return the norm of the mean of independent errors (n, n_parameters), and what it is below with two errors.

    The square of a noisy mean is too large by the trace of its covariance, which is taken off."""
    mean, covariance = errors.mean(axis=0), np.cov(errors.T) / len(errors)
    square = mean @ mean - np.trace(covariance)
    error = np.sqrt(2 * np.sum(covariance**2) + 4 * mean @ covariance @ mean)
    return np.sqrt(max(square, 0)), np.sqrt(max(square, 0) + 2 * error), square > 2 * error


def tempered_memory(rbm, phi, rng, n_chains=500, longest=300):
    """Return after how many updates the mean of phi in the coldest rung has fallen to 1/e; phi is the slowest mode of K.

    All rungs begin at the state where phi is largest. One update is a Gibbs step of each rung and a round of swaps. The
    Gibbs chain alone needs -1 / log lambda_2 steps, from any start."""
    ladder, bits = ParallelTempering(10, n_chains), 1 << np.arange(9)
    state = np.argmax(np.abs(phi))
    ladder.v = np.tile((state // bits % 2).astype(np.uint8), (10, n_chains, 1))
    share = [1.0]
    while share[-1] > 1 / np.e and len(share) <= longest:
        ladder.moments(rbm, None, rng)
        share.append(np.mean(phi[ladder.v[-1] @ bits]) / phi[state])
    before, last = np.log(np.maximum(share[-2:], 1e-3))                # interpolate between the last two
    return len(share) - 2 + (before + 1) / (before - last)


def print_table(name, record, drawn, gradient, swap_rates):
    size, (bias, at_most, is_seen) = record["size"], record["sampled bias"]
    print(f"\n{name}, training time {record['time']:g}: log-likelihood {record['log_likelihood']:.3f} nats/row, "
          f"|g| {size:.4f}\n    the slowest mode falls to 1/e in {record['memory']:.2f} steps of the Gibbs chain, in "
          f"{record['tempered memory']:.2f} updates of tempering\n    ({swap_rates.min():.0%} to {swap_rates.max():.0%} "
          "of its swaps are accepted)")
    print("{:12}{:>14}{:>14}{:>14}{:>20}{:>24}".format("14 chains", "bias/|g|", "scatter/|g|", "cosine, mean",
                                                     "cosine, one step", "drawn - closed form"))
    for method, errors in drawn.items():
        estimates = gradient + errors.reshape(-1, len(X), len(gradient)).mean(axis=1)       # (n_repeats, n_parameters)
        cosines = estimates @ gradient / np.linalg.norm(estimates, axis=1) / size
        one = f"{cosines.mean():12.2f} ± {cosines.std(ddof=1):.2f}"
        if method == "tempering":
            seen = f"{bias / size:.3f}" if is_seen else f"< {at_most / size:.2f}"
            scatter = np.sqrt(errors.var(axis=0).sum() / len(X)) / size
            print(f"{method:12}{seen:>14}{scatter:14.2f}{'':14}{one:>20}")
        else:
            closed, noise = record["closed"][method], estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
            off = np.sqrt(np.mean(((estimates.mean(axis=0) - gradient - closed["error"]) / noise) ** 2))
            print(f"{method:12}{closed['bias']:14.4f}{closed['scatter']:14.2f}{closed['cosine']:14.4f}{one:>20}"
                  f"{off:17.2f} errors", flush=True)


def lag(rate, time, seed):
    """Return the bias of PCD over |g| at a training time, closed form: its chains follow a machine of this rate."""
    p = np.full(2**9, 1 / 2**9)
    for _, rbm, gradient in training_run(rate, round(time / rate), seed):
        p = exact_chain.after(rbm, p)
    return closed_form(rbm, gradient, p[None])["bias"]


def draw(records, moments, rates, lags, path):
    figure, ((memory, bias), (steps, speed)) = plt.subplots(2, 2, figsize=(12.5, 9), layout="constrained")
    time, gibbs, tempered, sizes = (np.array([record[key] for record in records])
                                    for key in ("time", "memory", "tempered memory", "size"))
    looked_at = {name: records[np.argmin(np.abs(time - at))] for name, at in moments.items()}
    memory.loglog(time, gibbs, color="black", label="Gibbs chain: $-1/\\log\\lambda_2$ of K")
    memory.loglog(time, tempered, "o", ms=4, color=COLOURS["tempering"], label="tempering, 10 rungs: measured")
    for k in (1, 10):
        memory.axhline(k, color=COLOURS[f"CD-{k}"], ls=":", label=f"steps of CD-{k}")
    for name, record in looked_at.items():
        memory.plot(record["time"], record["memory"], "s", color="black")
        memory.annotate(f"{name}: {record['log_likelihood']:.2f} nats/row", (record["time"], record["memory"]),
                        xytext=(-8, 2), textcoords="offset points", ha="right")
    memory.set(title=f"The better the machine, the longer its memory:\n{gibbs[-1]:.0f} Gibbs steps at the end, "
               f"{tempered[-1]:.0f} updates with tempering", xlabel="training time [steps × rate]",
               ylabel="slowest mode falls to 1/e in [steps]")
    memory.legend(fontsize=8)

    bias.loglog(time, sizes, color="black", lw=2, label="|g|, the exact gradient")
    for name in ("CD-1", "CD-10", "PCD"):
        bias.loglog(time, sizes * [record["closed"][name]["bias"] for record in records], color=COLOURS[name],
                    label=f"bias of {name}")
    for record in looked_at.values():
        value, at_most, is_seen = record["sampled bias"]
        bias.plot(record["time"], value if is_seen else at_most, "o" if is_seen else "v", color=COLOURS["tempering"])
    last = records[-1]["closed"]
    bias.set(title=f"At the end the biases of CD-1, CD-10 and PCD are\n{last['CD-1']['bias']:.2f}, "
             f"{last['CD-10']['bias']:.2f} and {last['PCD']['bias']:.2f} times the gradient",
             xlabel="training time [steps × rate]", ylabel="norm of gradient or bias", ylim=(1e-6, 1))
    bias.plot([], [], "v", color=COLOURS["tempering"], label="bias of tempering: below (2 errors)")
    bias.legend(fontsize=8)

    for (name, record), colour in zip(looked_at.items(), (GREEN, ORANGE, RED)):
        steps.loglog(*zip(*record["decay"].items()), "o-", ms=4, color=colour,
                     label=f"{name}: memory {record['memory']:.3g} steps")
    steps.set(title="CD-k needs more steps than the chain remembers", xlabel="k, Gibbs steps",
              ylabel="bias of CD-k over |g|", ylim=(1e-6, 3))
    steps.legend()

    for (at, biases), colour in zip(lags.items(), (BLUE, GREEN)):
        slope = np.log(biases[-2] / biases[-1]) / np.log(rates[-2] / rates[-1])
        speed.loglog(rates, biases, "o-", color=colour, label=f"training time {at}, slope {slope:.2f}")
        speed.loglog(rates, biases[-1] * np.array(rates) / rates[-1], ":", color=colour)
    speed.set(title="The bias of PCD is proportional to the learning rate", xlabel="learning rate",
              ylabel="bias of PCD over |g|", xticks=rates, xticklabels=rates)
    speed.minorticks_off()
    speed.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
