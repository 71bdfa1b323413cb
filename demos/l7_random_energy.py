"""The random energy model runs out of entropy; few levels share the weight when it is cold.

    python demos/l7_random_energy.py            about 5 seconds on one core
    python demos/l7_random_energy.py --quick    1 second

2^N independent levels of variance N/2 (L10). Above T_c the entropy is nearly that of a large model
(L11); below, few levels share the weight (L12). Both approach a large model slowly."""
import matplotlib.pyplot as plt
import numpy as np

from common import demo_parser, save
from minife.landscape.random_energy import (CRITICAL, GROUND, edge_temperature, entropy_at,
                                            level_thermodynamics, mean_participation,
                                            participation, random_levels)
from minife.plots import RED

SIZES = {8: 2000, 12: 1000, 16: 100}                                             # N: samples
TEMPERATURES = np.linspace(0.1, 1.2, 23)


def main():
    arguments = demo_parser(__doc__, quick="a fifth of the samples").parse_args()
    rng = np.random.default_rng(arguments.seed)
    S, Y, lowest = {}, {}, {}
    print(f"{'N':>5}{'samples':>9}{'T_N':>8}{'lowest / N':>12}{'S / N at T_c':>14}"
          f"{'Y at T = 0.2':>16}{'1 - T/T_N':>12}")
    for N, n_samples in SIZES.items():
        E = random_levels(N, n_samples // 5 if arguments.quick else n_samples, rng)
        S[N] = [level_thermodynamics(E, T)[2].mean() / N for T in TEMPERATURES]
        Y[N] = [participation(E, T) for T in TEMPERATURES]
        lowest[N] = E.min(axis=1) / N
        cold = participation(E, 0.2)
        print(f"{N:5d}{len(E):9d}{edge_temperature(N):8.3f}{lowest[N].mean():12.3f}"
              f"{level_thermodynamics(E, CRITICAL)[2].mean() / N:14.3f}"
              f"{cold.mean():8.3f} ± {cold.std() / np.sqrt(len(E)):.3f}"
              f"{mean_participation(0.2, N):12.3f}")
    print(f"large{CRITICAL:17.3f}{GROUND:12.3f}{0:14.3f}{'':16}{mean_participation(0.2):12.3f}")
    print("lowest / N: the lowest level, per unit; S / N: nats per unit; means over the samples\n"
          "Y: sum of the squared weights, mean ± its standard error; 1 - T/T_N: by theory")
    draw(S, Y, arguments)


def draw(S, Y, arguments):
    figure, (entropy, sharing, spread) = plt.subplots(1, 3, figsize=(12, 4.2))
    for N in SIZES:
        entropy.plot(TEMPERATURES, S[N], label=f"N = {N}")
        sharing.plot(TEMPERATURES, [y.mean() for y in Y[N]], label=f"N = {N}")
    T = np.linspace(0.1, 1.2, 200)
    entropy.plot(T, entropy_at(T), color="black", linestyle="-", linewidth=1, label="large N (L11)")
    sharing.plot(T, mean_participation(T), color="black", linestyle="-", linewidth=1,
                 label="large N (L12)")
    largest = max(SIZES)
    sharing.plot(T, mean_participation(T, largest), color="black", linestyle=":",
                 label=f"$1-T/T_N$, N = {largest}")
    spread.hist(Y[12][2], bins=np.linspace(0, 1, 21), color="0.6", edgecolor="white")
    spread.axvline(Y[12][2].mean(), color=RED, linestyle="--", label=f"mean {Y[12][2].mean():.2f}")
    for panel in (entropy, sharing):
        panel.axvline(CRITICAL, color=RED, linestyle=":", linewidth=1)
        panel.set_xlabel("temperature T (dotted: $T_c$)")
        panel.legend()
    at_critical = np.interp(CRITICAL, TEMPERATURES, S[largest])
    entropy.set(title=f"S/N at $T_c$ is still {at_critical:.2f} for N = {largest}",
                ylabel="entropy per unit  [nats]")
    sharing.set(title="when cold, few levels share the weight", ylabel="mean of $Y=\\sum p^2$")
    spread.set(title=f"Y at T = {TEMPERATURES[2]:.1f}, N = 12: no typical value\n"
                     f"in {len(Y[12][2])} samples",
               xlabel="Y of one sample", ylabel="number of samples")
    spread.legend(loc="upper left")
    save(figure, arguments)


if __name__ == "__main__":
    main()
