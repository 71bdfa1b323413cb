"""T3: an RBM learns digits by EMF: its free energy, energy and entropy by epoch  (T8, T15, T19)

    python demos/t3_emf_thermodynamics.py            about 30 seconds on one core
    python demos/t3_emf_thermodynamics.py --quick    3 seconds
    python demos/t3_emf_thermodynamics.py --mnist PATH    5 minutes: 60000 digits

Two machines differ in where the 100 rows of magnetisations start in each step: at the batch, or
where the last step left them. After each epoch all rows move on to their fixed points, where
Gamma = U - T S. Rows that live on are soon all the same: at weak coupling there is one fixed point,
they meet there, and nothing ever parts them again."""
import warnings

import numpy as np
from common import BLUE, GREEN, ORANGE, RED, demo_parser, plt, save

from minife import RBM, landscape, tap
from minife.data import load_digits
from minife.descent.optimizers import SGD, linear_decay
from minife.rbm.training import train

ORDER, BATCH_SIZE = 2, 100


def main():
    arguments = demo_parser(__doc__, "fewer epochs and hidden units", mnist=True).parse_args()
    digits = load_digits(mnist=arguments.mnist)
    X, X_test = digits.X_train, digits.X_test[:1000]
    n_hidden, n_epochs = (30, 4) if arguments.quick else (100, 20)
    print(f"{len(X)} digits of 784 pixels, {n_hidden} hidden units, {n_epochs} epochs, EMF of "
          f"order {ORDER}, seed {arguments.seed}")
    histories = {}
    for name, persistent in {"from the batch": False, "persistent": True}.items():
        phase = tap.ExtendedMeanField(ORDER, 3, BATCH_SIZE, persistent=persistent)
        histories[name] = learn(X, X_test, phase, n_hidden, n_epochs, arguments.seed, name)
        print_table(name, histories[name])
    print("""
Gamma, U, S: means over the rows of magnetisations, at their fixed points, Gamma = U - S at T = 1
lowest: the lowest Gamma of them; log p: lowest - F(x), the TAP estimate, in nats per held-out digit
rho: the spectral radius (T19) at the lowest; stuck: rows not converged after 200 sweeps
states: distinct patterns of hidden units on and off""")
    draw(histories, arguments)


def learn(X, X_test, phase, n_hidden, n_epochs, seed, name):
    """Return the measures before training and after each epoch."""
    rng = np.random.default_rng(seed)
    rbm = RBM.initialise(784, n_hidden, rng, X, dtype=np.float32)
    phase.moments(rbm, X[:BATCH_SIZE], rng)                            # so that there is an epoch 0
    history = [dict(epoch=0, **measures(rbm, phase, X_test))]

    def watch(rbm, epoch):
        history.append(dict(epoch=epoch, **measures(rbm, phase, X_test)))

    rate = linear_decay(0.1, n_epochs * len(X) // BATCH_SIZE)
    train(rbm, X, phase, SGD(rate, momentum=0.5), n_epochs, rng, batch_size=BATCH_SIZE, label=name,
          callbacks=[watch])
    return history


def measures(rbm, phase, X_test):
    """Return Gamma, U and S at the fixed point of each row, and F(x) of held-out digits."""
    rbm = rbm.double()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tap.NotConvergedWarning)        # they are counted
        state = tap.fixed_point(rbm, ORDER, phase.m_v, phase.m_h, method="block", tol=1e-4,
                                max_iter=200)
    parts = landscape.thermodynamics(rbm, state.m_v, state.m_h, ORDER)
    low = [parts.F.argmin()]
    return {"F": parts.F, "U": parts.U, "S": parts.S, "lowest": parts.F.min(),
            "F_x": rbm.free_energy(X_test).mean(),
            "rho": tap.spectral_trust(rbm, state.m_v[low], state.m_h[low])[0],
            "W": np.linalg.norm(rbm.W), "n_stuck": int((~state.converged).sum()),
            "n_states": len(np.unique(np.round(state.m_h), axis=0))}


def print_table(name, history):
    columns = ("Gamma", "lowest", "U", "S", "F(x)", "log p", "|W|", "rho", "states", "stuck")
    print(f"\n{name + ', epoch':22}" + "".join(f"{column:>7}" for column in columns))
    for r in history[::max(1, len(history) // 10)]:
        numbers = (r["F"].mean(), r["lowest"], r["U"].mean(), r["S"].mean(), r["F_x"],
                   r["lowest"] - r["F_x"], r["W"])
        print(f"{r['epoch']:22}" + "".join(f"{number:7.1f}" for number in numbers)
              + f"{r['rho']:7.2f}{r['n_states']:7}{r['n_stuck']:7}")


def draw(histories, arguments):
    figure, panels = plt.subplots(3, 2, figsize=(12, 8.4), sharex=True, sharey="row",
                                  height_ratios=(2, 1, 1))
    bands = {"U": (ORANGE, "--", "energy U"), "F": (GREEN, "-", "Γ = U − TS")}
    for (name, history), energy, entropy, count in zip(histories.items(), *panels, strict=True):
        epochs, last = [r["epoch"] for r in history], history[-1]
        for key, (colour, dashes, label) in bands.items():
            band(energy, epochs, history, key, color=colour, ls=dashes, label=label)
        energy.plot(epochs, [r["F_x"] for r in history], color=RED, ls="-.",
                    label="F(x) of held-out digits")
        band(entropy, epochs, history, "S", color=BLUE, ls="-", label="entropy S")
        count.plot(epochs, [r["n_states"] for r in history], color="black", marker=".", ls="-")
        energy.set_title(f"{name}: at the end Γ {span(last['F'])}, F(x) {last['F_x']:.0f}")
        entropy.set_title(f"S {span(last['S'])} at the end")
        n_states = last["n_states"]
        count.set_title(f"{n_states} distinct state{'s' * (n_states > 1)} at the end")
        count.set(xlabel="epoch", yscale="log", ylim=(0.8, 140))
    count.set_yticks([1, 10, 100], ["1", "10", "100"])
    count.set_xticks(range(0, last["epoch"] + 1, 1 if last["epoch"] < 10 else 4))
    for axes, label in zip(panels[:, 0], ("energies [T]", "S [nats]", "states of 100 rows")):
        axes.set_ylabel(label)
    panels[0, 0].set_ylim(top=150)
    panels[0, 1].legend(loc="upper right")
    figure.supxlabel("lines: means over 100 rows of magnetisations at their fixed points; "
                     "bands: their range", fontsize="small")
    save(figure, arguments)


def span(values):
    """Return the range of values in words, one number where it rounds to one."""
    low, high = f"{values.min():.0f}", f"{values.max():.0f}"
    return low if low == high else f"from {low} to {high}"


def band(axes, epochs, history, key, **line):
    """Draw the mean over the rows and their range as a band."""
    rows = np.array([r[key] for r in history])                          # (n_epochs + 1, n_rows)
    low, high = rows.min(axis=1), rows.max(axis=1)
    axes.fill_between(epochs, low, high, color=line["color"], alpha=0.25, lw=0)
    axes.plot(epochs, rows.mean(axis=1), **line)


if __name__ == "__main__":
    main()
