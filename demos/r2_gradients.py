"""The gradients of CD-1, CD-10, PCD and parallel tempering against the exact one, along one
training run.

    python demos/r2_gradients.py            about a minute on one core
    python demos/r2_gradients.py --quick    a few seconds

A machine of 9 pixels and 8 hidden units learns the 14 bars and stripes by the exact gradient g
(R9). Along the way every method estimates the gradient at the very same machines; PCD and
tempering keep their chains from step to step, and so follow a machine that moves. With 2^9 visible
states the Gibbs step is a matrix K (R12), and what CD (R13) and PCD (R14) do in the mean, and how
they scatter, needs no sampling: the distribution of the chains is known. An estimate has 14
chains, one per row; with M chains of PCD or tempering the scatter falls as 1/sqrt(M), and the bias
stays. An update of tempering (R19), 10 rungs, costs 10 Gibbs steps.

The bias of chains that live on is a lag: they lack the latest moves of the machine, as far back as
they remember. To first order in the rate it follows from how chains fluctuate at rest
(exact_chain.lag), for PCD by the modes of K. For tempering these fluctuations are measured, which
is far less noisy than to look for a small bias in gradients. "drawn - expected" is the mean of
what the package samples, minus the closed form (tempering: minus g), in units of its error: about
1 is right. Training time is steps times rate.

figures/r2_gradients.png shows memory and biases along training, CD-k against k, and PCD against
the learning rate."""
import itertools

import numpy as np
from common import demo_parser, plt, save
from numpy.linalg import norm

from minife import RBM
from minife.data import bars_and_stripes
from minife.evaluation import exact_chain
from minife.parameters import flatten
from minife.plots import BLUE, GREEN, ORANGE, RED
from minife.rbm import exact
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.tempering import ParallelTempering, at_share
from minife.rbm.training import PersistentContrastiveDivergence

X = bars_and_stripes(3)
BITS, COINS = 1 << np.arange(9), np.full(2**9, 1 / 2**9)          # chains of PCD begin there
STEPS = 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000   # of CD-k
TICKS = 20, 50, 100, 200, 500                      # training times
COLOURS = {"CD-1": ORANGE, "CD-10": RED, "PCD": BLUE, "tempering": GREEN}


def main():
    arguments = demo_parser(__doc__, "a quarter of the run, fewer chains").parse_args()
    rate, n_repeats, rates, times = (0.4, 10, (0.4, 0.2), (100,)) if arguments.quick else (
        0.2, 100, (0.4, 0.2, 0.1, 0.05), (200, 400))
    moments = {"start": 60, "middle": 200} | ({} if arguments.quick else {"end": 800})
    records = follow(rate, moments, n_repeats, arguments.seed)
    lags = np.array([lags_of_pcd(r, times, arguments.seed) for r in rates])
    print("\nBias of PCD over |g|, by the rate:" + "".join(f"{r:10g}" for r in rates))
    names = [name for time in times
             for name in (f"at training time {time}", "to first order in the rate")]
    for what, row in zip(names, lags.transpose(1, 2, 0).reshape(-1, len(rates)), strict=True):
        print(f"    {what:<30}" + "".join(f"{bias:10.5f}" for bias in row))
    save(draw(records, rates, times, lags), arguments)


class Watched(RBM):
    """A machine that remembers the visible states that were drawn last."""

    def draw_visible(self, h, draw):
        self.v = super().draw_visible(h, draw)
        return self.v


def training_run(rate, n_steps, seed):
    """Yield the machine before each step, one object that moves, and at last where it ends."""
    rbm = Watched.initialise(9, 8, np.random.default_rng(seed), X)
    for _ in range(n_steps):
        yield rbm
        for name, slope in exact.log_likelihood_gradient(rbm, X).items():
            rbm.parameters[name] += rate * slope
    yield rbm


def chains_along(rate, n_steps, seed):
    """Yield the number of each step, the machine before it, and where chains of PCD then are."""
    first, second = itertools.tee(training_run(rate, n_steps, seed))
    for step, (rbm, p) in enumerate(zip(first, exact_chain.follow(second, COINS), strict=True)):
        yield step, rbm, p


def follow(rate, moments, n_repeats, seed):
    """Return one record per moment that is looked at; print the table at those that have a name."""
    rng, n_steps = np.random.default_rng(seed), round(max(moments.values()) / rate)
    named = {round(time / rate): name for name, time in moments.items()}
    times = np.geomspace(20, max(moments.values()), 20)
    watched = {round(time / rate) for time in times} | set(named)
    n_chains = len(X) * n_repeats
    pcd, tempering = PersistentContrastiveDivergence(n_chains), ParallelTempering(10, n_chains)
    records = []
    for step, rbm, p in chains_along(rate, n_steps, seed):
        pcd.moments(rbm, None, rng)
        tempering.moments(rbm, None, rng)
        dreams = rbm.v, tempering.v[-1]
        if step in watched:
            g = flatten(exact.log_likelihood_gradient(rbm, X))
            record = judge(rbm, g, p, rng) | {"time": rate * step, "name": named.get(step)}
            records.append(record)
        if step in named:
            starts = np.tile(X, (n_repeats, 1))
            drawn = {f"CD-{k}": gibbs_chain(rbm, starts, k, rng)[0] for k in (1, 10)}
            drawn |= {"PCD": dreams[0], "tempering": dreams[1]}
            record["lag of tempering"] = lag_of_tempering(
                rbm, rate * g, 4 * record["tempered memory"], 100 * n_repeats, rng)
            record["lag of PCD"] = rbm.beta * norm(exact_chain.lag(rbm, rate * g))
            off = {name: errors(rbm, v) for name, v in drawn.items()}
            print_table(record, g, off, tempering.swap_rates)
    return records


def judge(rbm, g, p, rng):
    """Return what can be said of a machine and its exact gradient g, with chains of PCD at p."""
    rows = exact_chain.certain(X, 9)                                        # starts of CD
    closed = {f"CD-{k}": closed_form(rbm, g, exact_chain.after(rbm, rows, k)) for k in (1, 10)}
    closed["PCD"] = closed_form(rbm, g, np.tile(p, (len(X), 1)))
    decay, P = {}, rows.mean(axis=0, keepdims=True)
    for k, before in zip(STEPS, (0, *STEPS), strict=False):
        P = exact_chain.after(rbm, P, k - before)
        decay[k] = closed_form(rbm, g, P)["bias"] / norm(g)
    eigenvalues, phi = exact_chain.modes(rbm)
    return {"size": norm(g), "log_likelihood": exact.log_likelihood(rbm, X), "closed": closed,
            "decay": decay, "memory": -1 / np.log(eigenvalues[1]),
            "tempered memory": tempered_memory(rbm, phi[1], rng)}


def closed_form(rbm, g, P):
    """Return error, its norm, variance and cosine of the gradient by chains, one at each row of P.

    The data's half of the gradient cancels."""
    statistics = exact_chain.statistics(rbm)
    means = P @ statistics                                             # (n_chains, n_parameters)
    error = -rbm.beta * (means.mean(axis=0) - exact_chain.distribution(rbm) @ statistics)
    variance = rbm.beta**2 * (P @ statistics**2 - means**2).sum(axis=0) / len(P)**2
    return {"error": error, "bias": norm(error), "variance": variance,
            "cosine": cosine(g + error, g)}


def cosine(estimates, g):
    """Return the cosines of estimates (..., n_parameters) with the gradient g."""
    return estimates @ g / norm(estimates, axis=-1) / norm(g)


def errors(rbm, v):
    """Return the errors (n, n_parameters) of the gradients that single chains v (n, 9) give."""
    statistics = exact_chain.statistics(rbm)
    return -rbm.beta * (statistics[v @ BITS] - exact_chain.distribution(rbm) @ statistics)


def tempered_memory(rbm, phi, rng, n_chains=500, longest=300):
    """Return after how many updates the mean of phi, the slowest mode of K, has fallen to 1/e.

    That is the mean in the coldest rung. All rungs begin at the state where phi is largest. The
    Gibbs chain needs -1 / log lambda_2 steps, from any start."""
    ladder, state = ParallelTempering(10, n_chains), np.argmax(np.abs(phi))
    n_updates, share = 0, 1.0
    ladder.v = np.tile(exact.all_states(9, state, state + 1), (10, n_chains, 1))
    while share > 1 / np.e and n_updates < longest:
        ladder.moments(rbm, None, rng)
        n_updates += 1
        share = np.mean(phi[ladder.v[-1] @ BITS]) / phi[state]
    return n_updates


def lag_of_tempering(rbm, velocity, n_updates, n_chains, rng):
    """Return the norm of beta times exact_chain.lag for the coldest of the rungs, its upper end at
    two errors, and whether it can be told from 0.

    All rungs move with the machine, each by its share. The square of a noisy mean is too large by
    the trace of its covariance, which is taken off. The sum over steps ends after n_updates."""
    ladder, push, later = ParallelTempering(10, n_chains), 0, 0
    rungs = [at_share(rbm, share) for share in ladder.betas]
    ladder.v = np.stack([exact.sample(rung, n_chains, rng) for rung in rungs])
    for rung, v in zip(rungs[1:], ladder.v[1:], strict=True):          # the hottest feels nothing
        push = push + errors(rung, v) @ velocity                       # (n_chains,), minus d log p
    for _ in range(n_updates):
        ladder.moments(rbm, None, rng)
        later = later + errors(rbm, ladder.v[-1])                      # (n_chains, n_parameters)
    samples = push[:, None] * later
    mean, covariance = samples.mean(axis=0), np.cov(samples.T) / n_chains
    square = mean @ mean - np.trace(covariance)
    error = np.sqrt(2 * np.sum(covariance**2) + 4 * mean @ covariance @ mean)
    return np.sqrt(max(square, 0)), np.sqrt(max(square, 0) + 2 * error), square > 2 * error


def print_table(record, g, drawn, swap_rates):
    size, (tempered, at_most, is_seen) = record["size"], record["lag of tempering"]
    print(f"\n{record['name']}, training time {record['time']:g}: log-likelihood "
          f"{record['log_likelihood']:.3f} nats/row, |g| {size:.4f}\n"
          f"    the slowest mode falls to 1/e in {record['memory']:.2f} Gibbs steps, tempered in "
          f"{record['tempered memory']}\n"
          f"    to first order PCD lags by {record['lag of PCD'] / size:.5f} |g|; tempering swaps "
          f"{swap_rates.min():.0%} to {swap_rates.max():.0%} of all pairs")
    print("{:12}{:>12}{:>14}{:>14}{:>18}{:>24}".format(
        "14 chains", "bias/|g|", "scatter/|g|", "cosine, mean", "cosine, one step",
        "drawn - expected"))
    for method, error in drawn.items():
        estimates = g + error.reshape(-1, len(X), len(g)).mean(axis=1)      # (n_repeats, ...)
        cosines = cosine(estimates, g)
        if method == "tempering":
            expected, variance = g, error.var(axis=0) / len(X)
            bias, angle = f"{tempered / size:.4f}" if is_seen else f"< {at_most / size:.4f}", ""
        else:
            closed = record["closed"][method]
            expected, variance = g + closed["error"], closed["variance"]
            bias, angle = f"{closed['bias'] / size:.5f}", f"{closed['cosine']:.4f}"
        off = (estimates.mean(axis=0) - expected) / np.sqrt(variance / len(estimates))
        print(f"{method:12}{bias:>12}{np.sqrt(variance.sum()) / size:14.2f}{angle:>14}"
              f"{cosines.mean():11.2f} ± {cosines.std(ddof=1):.2f}"
              f"{np.sqrt(np.mean(off**2)):17.2f} errors", flush=True)


def lags_of_pcd(rate, times, seed):
    """Return the bias of PCD over |g| at times, in closed form and to first order: (n_times, 2)"""
    steps, lags = [round(time / rate) for time in times], []
    for step, rbm, p in chains_along(rate, max(steps), seed):
        if step in steps:
            g = flatten(exact.log_likelihood_gradient(rbm, X))
            lags.append((closed_form(rbm, g, p[None])["bias"] / norm(g),
                         rbm.beta * norm(exact_chain.lag(rbm, rate * g)) / norm(g)))
    return lags


def draw(records, rates, times, lags):
    figure, ((memory, bias), (steps, speed)) = plt.subplots(2, 2, figsize=(12, 9))
    named = [record for record in records if record["name"]]
    draw_memory(memory, records, named)
    draw_bias(bias, records, named)
    draw_steps(steps, named)
    draw_speed(speed, rates, times, lags)
    for axes, ticks in ((memory, TICKS), (bias, TICKS), (speed, rates)):
        axes.set_xticks(ticks, ticks)
        axes.set_xticks([], minor=True)
    return figure


def draw_memory(axes, records, named):
    time, gibbs, tempered = (np.array([record[key] for record in records])
                             for key in ("time", "memory", "tempered memory"))
    axes.loglog(time, gibbs, color="black", label=r"Gibbs chain: $-1/\log\lambda_2$ of K")
    axes.loglog(time, tempered, "o", ms=4, color=GREEN, label="tempering, 10 rungs: updates")
    for k, line in ((1, ":"), (10, "-.")):
        axes.axhline(k, color=COLOURS[f"CD-{k}"], ls=line, label=f"steps of CD-{k}")
    for record in named:
        axes.plot(record["time"], record["memory"], "s", color="black")
        axes.annotate(f"{record['name']}: {record['log_likelihood']:.2f} nats/row  ",
                      (record["time"], record["memory"]), ha="right")
    axes.set(title=f"The slowest mode is remembered for {gibbs[0]:.2f} Gibbs steps at first,\n"
                   f"{gibbs[-1]:.0f} at the end; with tempering {tempered[-1]} updates",
             xlabel="training time [steps × rate]", ylabel="slowest mode falls to 1/e in [steps]")
    axes.legend(fontsize=8)


def draw_bias(axes, records, named):
    time, sizes = (np.array([record[key] for record in records]) for key in ("time", "size"))
    axes.loglog(time, sizes, color="black", lw=2, ls="-", label="|g|, the exact gradient")
    for name, line in (("CD-1", "--"), ("CD-10", "-."), ("PCD", ":")):
        biases = [record["closed"][name]["bias"] for record in records]
        axes.loglog(time, biases, color=COLOURS[name], ls=line, label=f"bias of {name}")
    for is_seen, marker, label in ((True, "o", "bias of tempering"),
                                   (False, "v", "bias of tempering, at most")):
        lags = [(record["time"], value if is_seen else at_most) for record in named
                for value, at_most, seen in [record["lag of tempering"]] if seen == is_seen]
        if lags:
            axes.plot(*zip(*lags, strict=True), marker, color=GREEN, label=label)
    last = [records[-1]["closed"][name]["bias"] / sizes[-1] for name in ("CD-1", "CD-10", "PCD")]
    axes.set(title="At the end the biases of CD-1, CD-10 and PCD are\n"
                   + ", ".join(f"{b:.2f} |g|" for b in last),
             xlabel="training time [steps × rate]", ylabel="norm of gradient or bias",
             ylim=(1e-6, 30))
    axes.legend(fontsize=8, loc="upper left", ncols=2)


def draw_steps(axes, named):
    for record, colour, line in zip(named, (GREEN, ORANGE, RED), ("-", "--", "-."), strict=False):
        axes.loglog(*zip(*record["decay"].items(), strict=True), "o", ls=line, ms=4, color=colour,
                    label=f"{record['name']}: memory {record['memory']:.3g} steps")
    last = named[-1]
    enough = [k for k, bias in last["decay"].items() if bias < 0.01]
    axes.set(title=f"{last['name']}: the bias of CD-k is below 0.01 |g|\n"
                   + (f"from k = {enough[0]} on" if enough else f"for no k up to {STEPS[-1]}")
                   + f", the chain remembers {last['memory']:.3g} steps", ylim=(1e-6, 3),
             xlabel="k, Gibbs steps", ylabel="bias of CD-k over |g|")
    axes.legend(loc="lower right", fontsize=8)


def draw_speed(axes, rates, times, lags):
    for at, (biases, predicted), colour, marker in zip(
            times, lags.transpose(1, 2, 0), (BLUE, GREEN), "os", strict=False):
        axes.loglog(rates, biases, marker, color=colour, label=f"training time {at}")
        axes.loglog(rates, predicted, ":", color=colour, label="to first order in the rate")
    slope = np.polyfit(np.log(rates), np.log(lags[:, -1, 0]), 1)[0]
    axes.set(title=f"PCD lags: at training time {times[-1]}\n"
                   f"its bias grows as the rate to the power {slope:.2f}",
             xlabel="learning rate", ylabel="bias of PCD over |g|")
    axes.legend(fontsize=8)


if __name__ == "__main__":
    main()
