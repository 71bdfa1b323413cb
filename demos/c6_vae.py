"""The unravelled network: a variational autoencoder, whose loss is energy minus entropy, learns
digits by backprop.

    python demos/c6_vae.py                 half a minute on one core: two latents, embedded digits
    python demos/c6_vae.py --quick         four seconds
    python demos/c6_vae.py --mnist PATH    ten minutes: 20 latents, 500 hidden units, the full set

It prints a table by epoch and saves one figure, figures/c6_vae.png. The loss of a digit is F = U -
S, minus the ELBO: the energy U is the mean of -log p(x, z) over the latents z that the encoder
gives it, S the entropy of z. F lies above -log p(x), and importance weighting says how far: its
estimate of log p(x) is a lower bound too, on average, but closer.

The grey values are the probabilities of binary pixels. On the embedded digits the pixels are drawn
anew for each batch; on the full set, --mnist, they are drawn once, for training and test digits, as
is usual for this benchmark: 784-500-20-500-784, Adam, 50 epochs in batches of 100. The test ELBO
must come out above -105 nats, and comes out at -98.8 for --seed 0, -98.4 for --seed 1."""
from statistics import NormalDist

import matplotlib.pyplot as plt
import numpy as np
from common import demo_parser, save

from minife.bridge.vae import VAE
from minife.bridge.vae_training import train
from minife.data import load_digits, sample_binary
from minife.descent import Adam
from minife.descent.optimizers import linear_decay
from minife.plots import BLUE, GREEN, ORANGE, show_wall


def main():
    arguments = demo_parser(__doc__, "fewer epochs and samples", mnist=True).parse_args()
    rng = np.random.default_rng(arguments.seed)
    X, X_test, digits = load(arguments.mnist, arguments.seed)
    if arguments.mnist:
        n_hidden, n_latent, batch_size, rate = 500, 20, 100, 0.001
        n_epochs = 1 if arguments.quick else 50
    else:
        n_hidden, n_latent, batch_size, rate = 100, 2, 50, 0.005
        n_epochs = 12 if arguments.quick else 100
    vae = VAE(784, n_hidden, n_latent, rng, X, np.float32)
    print(f"{len(X)} training and {len(X_test)} test digits; "
          f"784-{n_hidden}-{n_latent}-{n_hidden}-784,\n"
          f"{n_epochs} epochs of Adam in batches of {batch_size}, seed {arguments.seed}\n")
    rows = X_test[:1000]
    history = learn(vae, X, rows, n_epochs, batch_size, rate, rng, arguments.mnist is None)
    print_course(history)
    n_samples = 50 if arguments.quick else 500
    bound = vae.elbo(rows, np.random.default_rng(1), 10)
    log_p = vae.log_likelihoods(rows, np.random.default_rng(2), n_samples)
    print(f"""
{len(rows)} test digits: ELBO {bound:.2f}, log p(x) {log_p.mean():.2f}, a gap of \
{log_p.mean() - bound:.2f}; {n_samples} importance samples each;
  as digits differ, either mean has a standard error of {log_p.std() / np.sqrt(len(rows)):.1f}
all {len(X_test)} test digits: ELBO {vae.elbo(X_test, np.random.default_rng(3), 10):.2f}""")
    save(draw(vae, rows, digits.y_test[:1000], history, bound, log_p.mean()), arguments)


def load(mnist, seed):
    """Return the rows to learn, grey or binary, the binary test rows and the Dataset."""
    rng = np.random.default_rng([seed, 1])
    digits = load_digits(binary=False, mnist=mnist)
    X = digits.X_train if mnist is None else sample_binary(digits.X_train, rng)
    return X, sample_binary(digits.X_test, rng), digits


def learn(vae, X, X_test, n_epochs, batch_size, rate, rng, sample_pixels):
    """Return the history of training, with the free energy of the test digits by epoch."""
    def watch(vae, epoch):
        value = vae.free_energy(X_test, vae.noise(len(X_test), np.random.default_rng(epoch)))
        return {"test_F": float(value.F.mean()), "test_U": float(value.U.mean()),
                "test_S": float(value.S.mean()),
                "test_kl": float(value.kl.mean())}

    before = watch(vae, 0) | {"epoch": 0, "seconds": 0.0}
    n_steps = n_epochs * -(-len(X) // batch_size)
    return [before, *train(vae, X, Adam(linear_decay(rate, n_steps)), n_epochs, rng,
                           batch_size=batch_size,
                           sample_pixels=sample_pixels, callbacks=[watch])]


def print_course(history):
    print("nats per digit, F = U - S = -ELBO\n"
          f"{'':5}{'training':>11}{'test digits':>16}\n"
          f"{'epoch':5}{'F':>11}{'F':>16}{'U':>10}{'S':>9}{'KL(q||prior)':>15}{'time [s]':>11}")
    seconds = np.cumsum([record["seconds"] for record in history])
    for k in np.unique(np.linspace(0, len(history) - 1, 9).astype(int)):
        record = history[k]
        training = f"{record['F']:.2f}" if "F" in record else ""          # none at epoch 0
        print(f"{record['epoch']:5}{training:>11}{record['test_F']:16.2f}{record['test_U']:10.2f}"
              f"{record['test_S']:9.2f}{record['test_kl']:15.2f}{seconds[k]:11.1f}")


def draw(vae, X_test, y_test, history, bound, log_p):
    figure = plt.figure(figsize=(12, 4.6))
    left, middle, right = figure.subfigures(1, 3)
    if vae.n_latent == 2:
        draw_plane(left.subplots(), vae, X_test, y_test)
        draw_grid(middle.subplots(), vae)
    else:
        draw_pairs(left.subplots(), vae, X_test)
        draw_samples(middle.subplots(), vae)
    draw_course(right.subplots(3, 1, sharex=True), history, bound, log_p)
    return figure


def draw_plane(axes, vae, X, y):
    """Draw each digit as its label, at the mean of its q(z|x)."""
    mean, deviation = vae.encode(X)
    other = ((mean[:, None] - mean) ** 2).sum(axis=2) + 1e9 * np.eye(len(mean))
    agree = (y[other.argmin(axis=1)] == y).mean()
    for digit in range(10):
        axes.scatter(*mean[y == digit].T, marker=f"${digit}$", s=32, linewidth=0.2,
                     color=plt.get_cmap("tab10")(digit))
    axes.set(title=f"{len(X)} test digits in the latent plane: the nearest\nother one has its "
                   f"label for {agree:.0%}; "
                   "labels were not used", xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    axes.text(0.98, 0.98, f"typical width of q(z|x): {np.median(deviation):.2f}",
              ha="right", va="top", transform=axes.transAxes)


def draw_grid(axes, vae, n=14):
    """Draw the decoder's pixel probabilities at z on a grid of the prior's quantiles."""
    quantiles = [NormalDist().inv_cdf((k + 0.5) / n) for k in range(n)]
    z = np.array([[z1, z2] for z2 in quantiles[::-1] for z1 in quantiles])
    show_wall(axes, vae.decode(z), n)
    axes.set_title("What the decoder makes of the plane: equal shares\nof the prior, one digit "
                   "turning into another")


def draw_pairs(axes, vae, X, n=100):
    """Draw test digits, each above what the decoder makes of the mean of its q(z|x)."""
    mean, _ = vae.encode(X[:n // 2])
    again = vae.decode(mean)
    lines = [rows[k:k + 10] for k in range(0, n // 2, 10) for rows in (X, again)]
    share = (np.abs(X[:n // 2] - again) < 0.5).mean()
    show_wall(axes, np.concatenate(lines), 10)
    axes.set_title("Test digits, and below each its reconstruction\n"
                   f"from {vae.n_latent} numbers: {share:.0%} of the pixels are right")


def draw_samples(axes, vae, n=100):
    z = vae.noise(n, np.random.default_rng(5))
    show_wall(axes, vae.decode(z), 10)
    axes.set_title(f"{n} digits that the model made up:\np(pixel = 1 | z), z from the prior")


def draw_course(all_axes, history, bound, log_p):
    """Draw U, S and F = U - S of the test digits by epoch, from the first on."""
    before, *history = history                           # far above what comes after
    epochs = [record["epoch"] for record in history]
    course = {name: [record[f"test_{name}"] for record in history] for name in "FUS"}
    for axes, name, colour, text in zip(all_axes, "FUS", (GREEN, ORANGE, BLUE), (
            "F = U - S = -ELBO", "energy U", "entropy S"), strict=True):
        axes.plot(epochs, course[name], color=colour, marker=".", markersize=4)
        axes.set_ylabel(f"{text}\n[nats]")
    all_axes[0].plot(epochs, [record["F"] for record in history], color="0.6", linestyle=":",
                     label="training digits")
    all_axes[0].axhline(-log_p, color="0.3", linestyle="--", linewidth=1,
                        label=f"-log p(x): {-log_p:.1f}")
    all_axes[0].legend(loc="upper right")
    all_axes[2].set_xlabel("epoch")
    all_axes[0].set_title(f"F ends {log_p - bound:.1f} above -log p(x); before learning\n"
                          "F = {test_F:.0f}, U = {test_U:.0f}, S = {test_S:.1f}".format(**before))


if __name__ == "__main__":
    main()
