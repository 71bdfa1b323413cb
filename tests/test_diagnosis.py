"""Why a machine is bad: autocorrelation times and spreads against exact answers, and planted
faults, each one found."""
import functools
import warnings

import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

import minife
from minife import RBM, diagnose, tap
from minife.evaluation import findings
from minife.descent.optimizers import SGD, linear_decay
from minife.data import bars_and_stripes, load_digits
from minife.estimators import BernoulliRBM
from minife.rbm import ClassificationRBM, GaussianRBM, exact
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.labelled import LabelledRBM
from minife.evaluation import free_energy_gap
from minife.evaluation.chains import Chains, autocorrelation_time, record_chains, scale_reduction
from minife.rbm.training import ContrastiveDivergence, ExactEnumeration, train

X = bars_and_stripes(3)
LONG = 10000                  # steps: the machine below forgets in some 250


# Chains: the autocorrelation time and the scale reduction


def autoregressive(phi, n_steps, n_chains, rng):
    """Return series (n_steps, n_chains) of variance 1 with x' = phi x + noise, whose rho(t) is
    phi^t."""
    x = rng.standard_normal((n_steps, n_chains))
    x[1:] *= np.sqrt(1 - phi**2)
    for t in range(1, n_steps):
        x[t] += phi * x[t - 1]
    return x


def transition_matrix(rbm):
    """Return K (v, v') of one Gibbs step and p(v), over all visible states  (R12)"""
    v, h = exact.all_states(rbm.n_visible), exact.all_states(rbm.n_hidden)

    def probabilities(states, means):
        return np.prod(np.where(states == 1, means[:, None], 1 - means[:, None]), axis=2)

    p = np.exp(-rbm.beta * rbm.free_energy(v) - exact.log_partition_function(rbm))
    return probabilities(h, rbm.hidden_mean(v)) @ probabilities(v, rbm.visible_mean(h)), p


def exact_time(rbm, f):
    """Return 1 + 2 sum rho(t) of f (2^n_visible,), a geometric series of K, and rho(1) to rho(20)
    (E9)"""
    K, p = transition_matrix(rbm)
    f = f - p @ f
    rest = np.outer(np.ones(len(p)), p)
    later = np.linalg.solve(np.eye(len(p)) - K + rest, K @ f)              # sum_k>=1 of K^k f
    rho, g = [], f
    for _ in range(20):
        g = K @ g
        rho.append((p * f) @ g / ((p * f) @ f))
    return 1 + 2 * (p * f) @ later / ((p * f) @ f), np.array(rho)


@proves("E9", "E10")
@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.97])
def test_the_time_of_an_autoregressive_series_is_known(phi):
    """(E9) and (E10): (1 + phi) / (1 - phi), within its standard error, a little above the spread
    over 60 seeds"""
    tau = (1 + phi) / (1 - phi)
    found = [autocorrelation_time(autoregressive(phi, 3000, 20, np.random.default_rng(seed)))
             for seed in range(60)]
    for time in found:
        assert_allclose(time.effective_sample_size * time.tau, 60000, rtol=1e-12)
    if phi == 0:                                          # below 1 is cut off
        assert all(1 <= time.tau < 1.05 for time in found)
    else:
        scores = np.array([(time.tau - tau) / time.standard_error for time in found])
        assert abs(scores.mean()) < 0.3 and 0.7 < scores.std() < 1
        assert max(time.standard_error for time in found) < 0.2 * tau


@proves("E10")
@pytest.mark.parametrize("r", [0.0, 0.3, 0.8])
def test_the_time_and_its_error_by_plain_sums(r):
    """(E10): pair by pair, window by window; the error counts the lags from -window to window, 2
    window + 1 of them"""
    x = autoregressive(r, 120, 3, np.random.default_rng(5))
    f, n = x - x.mean(), x.size
    C = [np.mean([f[i, chain] * f[i + k, chain] for chain in range(3) for i in range(120 - k)])
         for k in range(100)]
    tau = [1 + 2 * sum(C[k] / C[0] for k in range(1, window + 1)) for window in range(100)]
    window = next(window for window in range(100) if window >= 3 * tau[window])
    found = autocorrelation_time(x)
    assert_allclose(found.tau, max(tau[window], 1), rtol=1e-10)
    lags = len(range(-window, window + 1))
    assert_allclose(found.standard_error, found.tau * np.sqrt(2 * lags / n), rtol=1e-10)


@proves("E10")
@pytest.mark.parametrize("window", [1, 3])
def test_the_error_counts_the_lag_0_too(window):
    """(E10): the sum of the covariances from -window to window of independent numbers varies by 2
    (2 window + 1) / n

    8000 sums have a relative error of their spread of 0.8 %; without the lag 0 it would be 18 or 7
    % smaller."""
    n = 400
    x = np.random.default_rng(1).standard_normal((n, 8000))
    C = [(x[k:] * x[:n - k]).mean(axis=0) for k in range(window + 1)]  # about the true mean, 0
    assert_allclose((C[0] + 2 * sum(C[1:])).std(), np.sqrt(2 * (2 * window + 1) / n), rtol=0.03)


@proves("E9")
def test_the_variance_of_a_mean_is_that_of_n_over_tau_draws(rng):
    """(E9): chains of phi = 0.9 and 2000 steps; the variance of 4000 means has a relative error of
    2 %"""
    means = autoregressive(0.9, 2000, 4000, rng).mean(axis=0)
    assert_allclose(means.var(), 19 / 2000, rtol=0.08)


@proves("E9")
def test_block_gibbs_never_overshoots_and_its_time_is_found(beta):
    """(E9): rho(t) >= 0 falls, for any function of v; chains from exact samples have the time of
    the matrix"""
    rng = np.random.default_rng(6)
    rbm = random_rbm(rng, beta=beta, scale=1.5)
    v = exact.all_states(5)
    for f in [v[:, 0].astype(float), *rng.standard_normal((5, 32))]:
        _, rho = exact_time(rbm, f)
        assert (rho >= 0).all() and (np.diff(rho) <= 1e-15).all() and rho[0] <= 1
    chains = record_chains(rbm, exact.sample(rbm, 50, rng), 0, 2000, rng)
    for name, f in {"F(v)": rbm.free_energy(v), "units on": v.sum(axis=1)}.items():
        time = autocorrelation_time(chains.observables[name])
        assert abs(time.tau - exact_time(rbm, f)[0]) < 4 * time.standard_error < time.tau


@proves("E10", "E11")
@pytest.mark.parametrize("share, settles", [(0.05, True), (0.12, True), (0.22, False),
                                            (0.6, False)])
def test_chains_in_different_valleys_have_no_time(share, settles, rng):
    """(E10) and (E11): a plateau q of rho gives R^2 = 1 / (1 - q) and, if the window closes, tau =
    1 / (1 - 6 q)"""
    valley = np.where(np.arange(100) % 2, 1, -1)
    x = np.sqrt(1 - share) * rng.standard_normal((3000, 100)) + np.sqrt(share) * valley
    time = autocorrelation_time(x)
    assert np.isfinite(time.tau) == settles
    if settles:
        assert_allclose(time.tau, 1 / (1 - 6 * share), rtol=0.3)
    else:
        assert time.effective_sample_size == 0
    assert_allclose(scale_reduction(x) ** 2, 1 / (1 - share), rtol=0.02)


@proves("E11")
def test_the_scale_reduction_measures_the_length_of_chains(rng):
    """(E11): two chains by hand, and (tau - 1) / n_steps in equilibrium: phi = 0.9, tau = 19, 200
    steps"""
    assert_allclose(scale_reduction(np.array([[0, 4], [2, 6]])), np.sqrt(1 / 2 + 8 / 2))
    x = autoregressive(0.9, 200, 4000, rng)
    assert_allclose(scale_reduction(x) ** 2, (1 - 1 / 200) / (1 - 19 / 200), rtol=0.02)
    assert_allclose(scale_reduction(x) ** 2 - 1, 18 / 200, rtol=0.2)


@proves("E10", "E11")
def test_what_stands_still():
    """(E10) and (E11): nothing to forget, or nothing forgotten"""
    still, apart = np.full((10, 4), 0.1), np.tile([0.0, 1, 0, 1], (10, 1))
    assert (autocorrelation_time(still).tau,
            autocorrelation_time(still).effective_sample_size) == (1, 40)
    assert scale_reduction(still) == 1 and scale_reduction(apart) == np.inf
    assert np.isinf(autocorrelation_time(apart).tau)
    with pytest.raises(ValueError, match="at least two steps and two chains"):
        scale_reduction(still[:1])


@proves("R12")
def test_recorded_chains_are_gibbs_chains(beta):
    """(R12): the same states, step by step; modes are projections on singular vectors"""
    rbm = random_rbm(np.random.default_rng(0), 6, 4, beta)
    start = np.random.default_rng(1).integers(2, size=(3, 6)).astype(np.uint8)
    chains = record_chains(rbm, start, 2, 3, np.random.default_rng(2))
    v = [gibbs_chain(rbm, start, n_steps, np.random.default_rng(2))[0] for n_steps in (3, 4, 5)]
    u = np.linalg.svd(rbm.W)[0]
    assert list(chains.observables) == ["F(v)", "units on", "mode 1", "mode 2", "mode 3"]
    for t in range(3):
        assert_allclose(chains.observables["F(v)"][t], rbm.free_energy(v[t]))
        assert_allclose(chains.observables["units on"][t], v[t].sum(axis=1))
        assert_allclose(chains.observables["mode 2"][t], v[t] @ u[:, 1], atol=1e-14)
    assert_allclose(chains.mean_v, np.mean(v, axis=0))
    assert_allclose(chains.mean_h, np.mean([rbm.hidden_mean(states) for states in v], axis=0))


# Planted faults


@functools.cache
def learned(n_hidden=8, twins=False):
    """Return the parameters of a machine that learned bars and stripes by exact gradients, at beta
    = 1.

    Twins: the first two hidden units begin with the same weights, and the gradient never parts
    them."""
    rng = np.random.default_rng(0)
    rbm = RBM.initialise(9, n_hidden, rng, X)
    if twins:
        rbm.W[:, 1] = rbm.W[:, 0]
    train(rbm, X, ExactEnumeration(), SGD(linear_decay(0.2, 3000), momentum=0.5), 3000, rng,
          batch_size=len(X))
    return {name: array.copy() for name, array in rbm.parameters.items()}


def healthy(beta=1.0, **options):
    """Return that machine at a temperature of its own: the same p(v, h)  (D5)"""
    return RBM(*(learned(**options)[name] / beta for name in "Wab"), beta)


def with_hidden_units(rbm, W, b):
    """Return the machine with n further hidden units, W (n_visible, n) and b (n,) times beta being
    given."""
    return RBM(np.hstack([rbm.W, W / rbm.beta]), rbm.a, np.concatenate([rbm.b, b / rbm.beta]),
               rbm.beta)


def idle(beta=1.0):
    """Return that machine and a dead, an always-on and a constant unit, which leave p(v) as it is
    (R5)"""
    W = np.zeros((9, 3))
    W[0] = 0.05
    return with_hidden_units(healthy(beta), W, np.array([-9.0, 9.0, 0.3]))


def twins(beta=1.0):
    """Return a machine of which two hidden units are the same."""
    return healthy(beta, n_hidden=10, twins=True)


def moved(beta=1.0):
    """Return that machine with one bias moved by 1."""
    rbm = healthy(beta)
    rbm.a[4] += 1 / beta
    return rbm


def saturated(beta=1.0):
    """Return that machine with two more visible units, which it holds at 0."""
    rbm = healthy(beta)
    a = np.concatenate([rbm.a, np.array([-12, -12]) / beta])
    return RBM(np.vstack([rbm.W, np.zeros((2, 8))]), a, rbm.b, beta)


# The faults are looked for at this temperature; test_temperature_is_a_unit_of_energy has the others
BETA = 0.6


def test_a_healthy_machine_is_well():
    """No alarm, at any temperature, and no warning"""
    rbm = healthy(BETA)
    assert exact.log_likelihood(rbm, X) > -2.8            # the best is -log 14 = -2.64
    before = {name: array.copy() for name, array in rbm.parameters.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        diagnosis = diagnose(rbm, X, X, rng=np.random.default_rng(0), n_steps=LONG)
    assert diagnosis.alarms == [], str(diagnosis)
    assert "no alarms" in str(diagnosis) and "->" not in str(diagnosis)
    assert all(finding.name in str(diagnosis)
               for finding in diagnosis.findings) and len(diagnosis.findings) == 9
    for name, array in rbm.parameters.items():
        assert_array_equal(array, before[name])


@pytest.mark.parametrize("beta", [0.6, 1.5])
@pytest.mark.parametrize("machine", [healthy, idle, twins, moved, saturated])
def test_temperature_is_a_unit_of_energy(machine, beta):
    """(D5): the same numbers for (W / beta, a / beta, b / beta; beta), to the last flip of a unit,
    and so the same alarms, whatever is wrong"""
    rows = X if machine is not saturated else np.hstack([X, X[:, :1], np.zeros((14, 1))])
    one, other = (diagnose(machine(t), rows, rows[:7], rng=np.random.default_rng(3), n_steps=200)
                  for t in (1.0, beta))
    assert one.alarms == other.alarms
    rounded = ["observable", "unit", "residual"]         # names, and rounding
    if one["magnetisations"].numbers["stuck"]:
        rounded.append("distance")                       # where a row is stuck, and what it is then
    for first, second in zip(one.findings, other.findings):
        for name, number in first.numbers.items():
            if name not in rounded:
                assert_allclose(second.numbers[name], number, rtol=1e-6, atol=1e-6,
                                err_msg=f"{first.name}: {name}")


def test_idle_hidden_units_are_found_and_nothing_else():
    """A dead, an always-on and a constant unit leave p(v) as it is  (R5)"""
    diagnosis = diagnose(idle(BETA), X, rng=np.random.default_rng(0), n_steps=LONG)
    assert diagnosis.alarms == ["hidden units"], str(diagnosis)
    numbers = diagnosis["hidden units"].numbers
    assert [list(numbers[name]) for name in ("dead", "always on", "constant")] == [[8], [9], [10]]


@proves("E13")
def test_twins_are_found_and_nothing_else():
    """(E13)"""
    diagnosis = diagnose(twins(BETA), X, rng=np.random.default_rng(0), n_steps=LONG)
    assert diagnosis.alarms == ["filters"], str(diagnosis)
    assert_array_equal(diagnosis["filters"].numbers["pairs"], [[0, 1]])
    assert_allclose(diagnosis["filters"].numbers["largest cosine"], 1)


@proves("E13")
def test_mirror_images_count_and_parallel_units_with_other_answers_do_not():
    """(E13): w and -w with b and -b - sum(w) say the same; the same w with another b need not"""
    rng = np.random.default_rng(0)
    w, v = 3 * rng.standard_normal((1, 12)), rng.integers(2, size=(500, 12)).astype(np.uint8)
    mirror = RBM(np.vstack([w, -w]).T, np.zeros(12), [-w.sum() / 2, w.sum() / 2])
    shifted = RBM(np.vstack([w, w]).T, np.zeros(12), [-w.sum() / 2 - 8, -w.sum() / 2 + 8])
    assert findings.on_filters(mirror, mirror.hidden_mean(v)).alarm
    assert not findings.on_filters(shifted, shifted.hidden_mean(v)).alarm
    w = np.full((12, 2), 5.0)                            # the only pixel that varies parts them
    w[0], v[:, 1:] = (1, -1), 1
    parted = RBM(w, np.zeros(12), -55 - np.array([0.5, -0.5]))
    cosine, correlation = findings.cosines(w)[0, 1], np.corrcoef(parted.hidden_mean(v).T)[0, 1]
    assert cosine > 0.95 and correlation < -0.95
    assert not findings.on_filters(parted, parted.hidden_mean(v)).alarm


def test_a_saturated_visible_unit_is_found():
    """A coin that the machine holds at 0 by its bias; a pixel that the data hold at 0 is no
    fault"""
    rng = np.random.default_rng(0)
    rows = np.tile(X, (20, 1))
    rows = np.hstack([rows, rng.integers(2, size=(280, 1)), np.zeros((280, 1))])
    diagnosis = diagnose(saturated(BETA), rows, rng=rng, n_steps=LONG)
    assert diagnosis.alarms == ["visible units", "moments"], str(diagnosis)
    assert list(diagnosis["visible units"].numbers["saturated"]) == [9]
    assert list(diagnosis["visible units"].numbers["constant in the data"]) == [10]
    assert diagnosis["moments"].numbers["unit"] == "visible unit 9"
    assert_allclose(diagnosis["moments"].numbers["largest"], rows[:, 9].mean(), atol=1e-4)


@proves("R9", "E12")
def test_wrong_moments_are_found():
    """(R9, E12): a bias that has been moved by 1; the distance is that of the exact means, within 5
    errors"""
    rbm = moved(BETA)
    moments = diagnose(rbm, X, rng=np.random.default_rng(0), n_steps=LONG)["moments"]
    model, data = exact.moments(rbm), rbm.clamped_moments(X)
    difference = np.concatenate([model.v - data.v, model.h - data.h])
    assert moments.alarm
    assert abs(moments.numbers["rms"] - np.sqrt(np.mean(difference**2))) < 0.01
    error = moments.numbers["largest"] / moments.numbers["standard errors"]
    assert abs(moments.numbers["largest"] - np.abs(difference).max()) < 5 * error < 0.1


@proves("E12")
def test_units_that_err_together_are_no_alarm_and_one_of_many_is(rng):
    """(E12): 50 chains whose units share one deviation, twice its error; and one unit of 400 that
    is off by 0.2"""
    v, h = np.full((4, 200), 0.5), np.full((4, 200), 0.5)
    shift = rng.standard_normal((50, 1))
    shift = 0.25 * (shift - shift.mean()) / shift.std(ddof=1) + 2 * 0.25 / np.sqrt(50)
    together = Chains({"F(v)": np.zeros((100, 50))}, 0.5 + shift * np.ones(200),
                      0.5 + shift * np.ones(200))
    finding = findings.on_moments(v, h, together)
    assert not finding.alarm and finding.numbers["rms"] > findings.SKEWED_RMS
    assert_allclose(finding.numbers["rms"], np.sqrt(2**2 - 1) * 0.25 / np.sqrt(50))
    alone = 0.5 + 0.01 * rng.standard_normal((50, 200))
    alone[:, 7] += 0.2
    finding = findings.on_moments(v, h, Chains(together.observables, np.full((50, 200), 0.5),
                                               alone))
    assert finding.alarm and finding.numbers["rms"] < findings.SKEWED_RMS
    assert finding.numbers["unit"] == "hidden unit 7"


@proves("E10", "E11")
def test_either_measure_of_mixing_is_an_alarm(rng):
    """(E10) and (E11): a plateau q = 0.17 by tau alone; chains of 3.6 autocorrelation times by R
    alone"""
    valley = np.where(np.arange(100) % 2, 1, -1)
    valleys = np.sqrt(0.83) * rng.standard_normal((3000, 100)) + np.sqrt(0.17) * valley
    short = autoregressive(279 / 281, 1000, 400, rng)
    for x, infinite, apart in ((valleys, True, False), (short, False, True)):
        finding = findings.on_mixing(Chains({"F(v)": x}, None, None))
        assert finding.alarm
        assert np.isinf(finding.numbers["tau"]) == infinite
        assert (finding.numbers["scale reduction"] > findings.UNMIXED) == apart


def magnet(beta, strength=2.2):
    """Return a machine with two deep valleys, all off and all on, alike, and no two filters the
    same  (R1)"""
    W = strength * 2 * np.random.default_rng(5).random((12, 6)) / beta
    return RBM(W, -W.sum(axis=1) / 2, -W.sum(axis=0) / 2, beta)


@proves("E10", "E11")
def test_chains_that_do_not_mix_are_found(beta):
    """(E10, E11): with data from both valleys nothing else is wrong"""
    rbm = magnet(beta)
    diagnosis = diagnose(rbm,
                         exact.sample(rbm, 1000, np.random.default_rng(0)),
                         rng=np.random.default_rng(1))
    assert diagnosis.alarms == ["mixing"], str(diagnosis)
    numbers = diagnosis["mixing"].numbers
    assert np.isinf(numbers["tau"]) and numbers["effective sample size"] == 0
    assert numbers["scale reduction"] > 3


@proves("E12")
def test_a_valley_without_data_is_found(beta):
    """(E12): with data from one valley alone, noise falls into both; and the hidden units have
    nothing to tell"""
    rbm = magnet(beta)
    rows = exact.sample(rbm, 2000, np.random.default_rng(0))
    diagnosis = diagnose(rbm, rows[rows.sum(axis=1) > 6], rng=np.random.default_rng(1))
    wanted = ["hidden units", "mixing", "starting points", "moments"]
    assert diagnosis.alarms == wanted, str(diagnosis)


@pytest.mark.parametrize("strength, alarms", [(0.25, []), (2.0, ["coupling"])])
def test_couplings_past_the_line_are_found(strength, alarms, beta):
    """(T19): independent couplings, means 1/2, g sqrt(n_v n_h) = strength, so rho is its square;
    (T17) sees nothing"""
    rng, size = np.random.default_rng(2), (120, 80)
    W = 4 / beta * np.sqrt(strength / np.sqrt(size[0] * size[1])) * rng.standard_normal(size)
    rbm = RBM(W, -W.sum(axis=1) / 2, -W.sum(axis=0) / 2, beta)
    v, _ = gibbs_chain(rbm, rbm.random_states(500, rng), 200, rng)
    half = np.full((1, 120), 0.5), np.full((1, 80), 0.5)
    coupling = findings.on_coupling(rbm,
                                    tap.fixed_point(rbm, m_v=half[0], m_h=half[1], method="block"))
    assert coupling.alarm == bool(alarms)
    assert_allclose(coupling.numbers["rho"], strength**2, rtol=0.3)
    assert_allclose(coupling.numbers["rho"], tap.spectral_trust(rbm, *half)[0])
    assert coupling.numbers["smallest eigenvalue"] > 0
    assert_allclose(coupling.numbers["beta sigma_max"], beta * np.linalg.svd(W)[1][0])
    found = diagnose(rbm, v, rng=rng).alarms
    assert found == [] if not alarms else "coupling" in found


@proves("T12")
def test_an_unstable_iteration_is_found(beta):
    """(T12): strong couplings between one pair of units, far past what step 1/2 can settle"""
    rng = np.random.default_rng(0)
    rbm = random_rbm(rng, 30, 20, beta, scale=6 / beta)
    v = exact.sample(rbm, 40, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tap.NotConvergedWarning)
        settled = tap.fixed_point(rbm, m_v=v, max_iter=100)
    finding = findings.on_magnetisations(rbm, v, settled)
    assert finding.alarm == ((~settled.converged).sum() > 4)
    assert finding.numbers["residual"] == settled.residual.max() and finding.numbers["starts"] == 40
    assert_allclose(finding.numbers["distance"], np.sqrt(np.mean((settled.m_v - v) ** 2)))


@proves("L10")
def test_several_tap_states_are_said(beta):
    """(L10): the two valleys of a magnet: the lowest alone leaves out log 2; and the words say
    so"""
    rbm = magnet(beta)
    v = np.vstack([np.zeros((16, 12)), np.ones((16, 12))]).astype(np.uint8)
    finding = findings.on_magnetisations(rbm, v, tap.fixed_point(rbm, m_v=v, method="block"))
    assert finding.numbers["fixed points"] == 2 and not finding.alarm
    assert_allclose(finding.numbers["spread"], 0, atol=1e-6)
    assert_allclose(finding.numbers["left out"], np.log(2), rtol=1e-6)
    assert "at 2 fixed points" in finding.verdict
    assert "leaves out 0.69 nats of log Z" in finding.verdict
    rbm.a += 0.1 / beta                                  # one valley lies lower
    states = tap.fixed_point(rbm, m_v=v[[0, -1]], method="block").free_energy
    finding = findings.on_magnetisations(rbm, v, tap.fixed_point(rbm, m_v=v, method="block"))
    assert_allclose(finding.numbers["spread"], beta * np.ptp(states), rtol=1e-6)
    log_z = np.logaddexp.reduce(-beta * states)
    assert_allclose(finding.numbers["left out"], log_z + beta * states.min(), rtol=1e-5)
    one = findings.on_magnetisations(rbm, v[:5], tap.fixed_point(rbm, m_v=v[:5], method="block"))
    assert one.numbers["fixed points"] == 1 and one.verdict.endswith("at 1 fixed point")


def test_false_alarms_are_rare():
    """Of 30 random machines whose rows are exact samples of themselves, none has an alarm that
    rests on chance"""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        rbm = random_rbm(rng, 20, 10, 1.3, scale=0.5)
        X, X_other = exact.sample(rbm, 1000, rng), exact.sample(rbm, 1000, rng)
        diagnosis = diagnose(rbm, X, X_other, rng=rng, n_steps=400)
        assert set(diagnosis.alarms) <= {"hidden units"}, f"seed {seed}: {diagnosis}"


@proves("E2", "E12")
def test_overfitting_is_found_and_fitting_is_not():
    """(E2, E12): 100 digits by heart; 1000 digits seen once"""
    digits = load_digits()
    for n_rows, n_epochs, alarm in ((100, 150, True), (1000, 2, False)):
        rng = np.random.default_rng(0)
        rbm = RBM.initialise(784, 40, rng, digits.X_train[:n_rows])
        train(rbm, digits.X_train[:n_rows], ContrastiveDivergence(1), SGD(0.1), n_epochs, rng,
              batch_size=20)
        rows = digits.X_train[:n_rows], digits.X_test
        finding = findings.on_overfitting(rbm, *rows)
        assert finding.alarm == alarm, str(finding)
        assert_allclose(finding.numbers["gap"], free_energy_gap(rbm, *rows), rtol=1e-10)


@proves("E12")
def test_the_error_of_a_gap_is_that_of_exchanging_rows(beta):
    """(E12): under permutations of rows of one kind the gap spreads by its standard error, and
    there is no alarm"""
    rbm, rng = random_rbm(np.random.default_rng(1), 8, 5, beta), np.random.default_rng(2)
    v = exact.sample(rbm, 300, rng)
    found = []
    for _ in range(400):
        rng.shuffle(v)
        found.append(findings.on_overfitting(rbm, v[:100], v[100:]))
    gaps = np.array([finding.numbers["gap"] for finding in found])
    assert_allclose(gaps.std(),
                    np.mean([finding.numbers["standard error"] for finding in found]),
                    rtol=0.1)
    assert np.mean([finding.alarm for finding in found]) < 0.01


@proves("E12")
def test_scores_are_differences_in_standard_errors(rng):
    """(E12)"""
    x, y = rng.standard_normal(40), 1 + rng.standard_normal(60)
    wanted = (x.mean() - y.mean()) / np.sqrt(x.var(ddof=1) / 40 + y.var(ddof=1) / 60)
    assert_allclose(findings.score(*findings.mean_and_error(x), *findings.mean_and_error(y)),
                    wanted)
    assert findings.score(1.0, 0.0, 1.0, 0.0) == 0


def test_the_reasons_of_the_thresholds():
    """What a unit can tell whose mean moves by 0.05, and how often a row lies above another 0.2
    spreads lower"""
    def entropy(m):
        return -m * np.log(m) - (1 - m) * np.log(1 - m)

    low = np.linspace(1e-9, 1 - findings.BAND - 1e-9, 200)[:, None]
    share = np.linspace(0, 1, 200)                       # how often the mean is at the upper end
    told = (entropy(low + share * findings.BAND) - (1 - share) * entropy(low)
            - share * entropy(low + findings.BAND))
    assert 0.018 < told.max() < 0.02
    x = np.random.default_rng(0).standard_normal((2, 10**6))
    assert_allclose(np.mean(x[0] + findings.OVERFIT > x[1]), 0.56, atol=0.005)
    assert_allclose(findings.PARALLEL**2, 0.9, atol=0.01)
    tau = 1 + (findings.UNMIXED**2 - 1) * 1000           # of (E11), for 1000 steps
    assert_allclose(1000 / tau, 5, atol=0.3)


# The door


def test_the_same_seed_says_the_same_and_grey_rows_will_do():
    rbm, grey = healthy(), np.clip(X * 0.9, 0.05, 1)
    first, again = (str(diagnose(rbm, grey, grey, rng=np.random.default_rng(4), n_steps=40))
                    for _ in range(2))
    assert first == again
    assert first != str(diagnose(rbm, grey, grey, rng=np.random.default_rng(5), n_steps=40))
    assert minife.diagnose is diagnose


W, A, B = np.zeros((9, 2)), np.zeros(9), np.zeros(2)


@pytest.mark.parametrize("rbm", [GaussianRBM(W, A, B), LabelledRBM(W, A, B, n_classes=2),
                                 ClassificationRBM(W, np.zeros((3, 2)), A, B, np.zeros(3)), None],
                         ids=lambda rbm: type(rbm).__name__)
def test_other_machines_are_turned_away(rbm):
    with pytest.raises(TypeError, match=r"rbm must be an? RBM, got"):
        diagnose(rbm, X, rng=np.random.default_rng(0))


def test_wrong_arguments_are_named():
    rbm, rng = healthy(), np.random.default_rng(0)
    for arguments, options, message in [((X[:1],), {}, "X must have at least two rows, got 1"),
                                        ((X[:, :4],), {}, r"X must have shape \(n, 9\)"),
                                        ((X, X[:1]), {}, "X_other must have at least two rows"),
                                        ((2 * X,), {}, r"X must lie in \[0, 1\]"),
                                        ((X,), {"n_steps": 3}, "n_steps must be at least 4, got"),
                                        ((X,), {"n_steps": 0.5}, "n_steps must be a positive")]:
        with pytest.raises(ValueError, match=message):
            diagnose(rbm, *arguments, rng=rng, **options)
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator"):
        diagnose(rbm, X, rng=0)


def test_the_smallest_machine_and_one_without_couplings():
    """One unit in each layer: no pairs, one mode; W = 0: every chain forgets at once"""
    rows = np.array([[0], [1], [1]])
    assert diagnose(RBM([[0.5]], [0.1], [0.2]), rows, rows,
                    rng=np.random.default_rng(0))["filters"].numbers["largest cosine"] == 0
    rbm = RBM(np.zeros((6, 3)), np.zeros(6), np.zeros(3))
    diagnosis = diagnose(rbm,
                         rbm.random_states(500, np.random.default_rng(1)),
                         rng=np.random.default_rng(0))
    assert diagnosis.alarms == ["hidden units"]           # of no use, indeed
    assert diagnosis["mixing"].numbers["tau"] < 1.1


def test_the_estimator_asks_the_same():
    model = BernoulliRBM(n_components=8, n_iter=5, random_state=0)
    with pytest.raises(ValueError, match="has not learned yet"):
        model.diagnose(X)
    diagnosis = model.fit(X).diagnose(X, X, n_steps=40)
    assert [finding.name for finding in diagnosis.findings][-1] == "overfitting"
    assert str(diagnosis).startswith("9 x 8 units at beta = 1, seen with 14 rows: ")


def test_without_a_generator_every_call_draws_the_same(rng):
    rbm = random_rbm(rng, beta=1.5)
    X = exact.sample(rbm, 300, rng)
    first, again = (str(diagnose(rbm, X, n_steps=50)) for _ in range(2))
    assert first == again == str(diagnose(rbm, X, rng=np.random.default_rng(0), n_steps=50))
