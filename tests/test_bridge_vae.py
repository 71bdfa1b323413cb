"""The variational autoencoder: every number beside an exact one, from a grid over a plane of
latents."""
import itertools

import numpy as np
import pytest
from proofs import proves

from minife.bridge import vae as module
from minife.bridge.vae import VAE
from minife.bridge.vae_training import train
from minife.descent import SGD, Adam, NormConstraint
from minife.gradcheck import check_gradient
from minife.units import Binary

STATES = np.array(list(itertools.product((0, 1), repeat=4)), dtype=np.uint8)


def small_vae(seed=0, n_latent=2):
    """Return a VAE of 4 pixels and 5 hidden units, away from symmetric points."""
    rng = np.random.default_rng(seed)
    vae = VAE(4, 5, n_latent, rng)
    for name, array in vae.parameters.items():
        size = 0.3 if name == "W_s" else 0.8 if name.startswith("W") else 0.4
        array[...] = size * rng.standard_normal(array.shape)
    return vae


def plane(step=0.1, top=9.0):
    """Return the points z (n, 2) of a grid, and the area of each: sums over it are exact to
    rounding, as every integrand here is smooth and falls like a Gaussian."""
    axis = np.arange(-top, top + step / 2, step)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2), step**2


def log_normal(z, mean=0.0, deviation=1.0):
    return (-((z - mean) ** 2) / (2 * deviation**2) - np.log(deviation) - np.log(2 * np.pi)
            / 2).sum(axis=-1)


def log_joint(vae, x, z):
    """Return log p(x, z) (n,) of one row x (4,) at the points z, straight from its definition."""
    p = vae.decode(z)
    return np.log(np.where(x, p, 1 - p)).sum(axis=1) + log_normal(z)


def mean_free_energy(vae, X):
    """Return F, U, S, reconstruction and kl of each row of X averaged over the noise, on a grid:
    (5, n)"""
    noise, area = plane(step=0.2, top=8)
    weight = area * np.exp(log_normal(noise))
    parts = []
    for x in X:
        value = vae.free_energy(np.tile(x, (len(noise), 1)), noise)
        parts.append([weight @ part for part in (value.F, value.U, value.S, value.reconstruction,
                                                 value.kl)])
    return np.array(parts).T


@proves("C24")
def test_the_forward_pass_is_its_equations():
    """(C24)"""
    vae = small_vae()
    p, noise = vae.parameters, np.random.default_rng(1).standard_normal((16, 2))
    h = np.tanh(STATES @ p["W_e"] + p["b_e"])
    mu, s = h @ p["W_mu"] + p["b_mu"], h @ p["W_s"] + p["b_s"]
    z = mu + np.exp(s / 2) * noise
    logits = np.tanh(z @ p["W_d"] + p["b_d"]) @ p["W_o"] + p["b_o"]
    mean, deviation = vae.encode(STATES)
    np.testing.assert_allclose(mean, mu, atol=1e-14)
    np.testing.assert_allclose(deviation, np.exp(s / 2), rtol=1e-14)
    np.testing.assert_allclose(vae.decode(z), 1 / (1 + np.exp(-logits)), rtol=1e-13)
    probability = vae.decode(z)
    expected = -np.log(np.where(STATES, probability, 1 - probability)).sum(axis=1)
    np.testing.assert_allclose(vae.free_energy(STATES, noise).reconstruction, expected, rtol=1e-12)


def test_a_free_energy_by_hand():
    """(C25) One pixel, one latent, no weights: z is the noise, sigma^2 = 4, and the pixel is on
    with probability 1/4."""
    vae = VAE(1, 1, 1, np.random.default_rng(0))
    for array in vae.parameters.values():
        array[...] = 0
    for name, value in (("b_mu", 3), ("b_s", np.log(4)), ("b_o", -np.log(3))):
        vae.parameters[name][:] = value
    value = vae.free_energy([[1], [0]], [[0.7], [-2.0]])
    np.testing.assert_allclose(value.reconstruction, [np.log(4), np.log(4 / 3)], rtol=1e-14)
    np.testing.assert_allclose(value.kl, (9 + 4 - 1 - np.log(4)) / 2, rtol=1e-14)
    np.testing.assert_allclose(value.S, (np.log(4) + 1 + np.log(2 * np.pi)) / 2, rtol=1e-14)
    np.testing.assert_allclose(value.U, value.reconstruction + (9 + 4 + np.log(2 * np.pi)) / 2,
                               rtol=1e-14)


@proves("C25")
@pytest.mark.parametrize("seed", range(3))
def test_energy_minus_entropy_is_reconstruction_plus_divergence(seed):
    """(C25)"""
    vae, rng = small_vae(seed, n_latent=3), np.random.default_rng(seed)
    value = vae.free_energy(rng.random((50, 4)), rng.standard_normal((50, 3)))
    np.testing.assert_allclose(value.F, value.reconstruction + value.kl, rtol=1e-12)
    assert (value.kl >= 0).all()


@proves("C25")
def test_energy_entropy_and_divergence_are_what_they_are_called():
    """(C25) U, S and kl as integrals over the plane, none of them from its closed form."""
    vae = small_vae()
    _, U, S, reconstruction, kl = mean_free_energy(vae, STATES)
    z, area = plane(top=14)
    for k, x in enumerate(STATES):
        mean, deviation = (part[0] for part in vae.encode(x[None]))
        log_q = log_normal(z, mean, deviation)
        q = area * np.exp(log_q)
        np.testing.assert_allclose(q.sum(), 1, atol=1e-12)
        np.testing.assert_allclose(-q @ log_joint(vae, x, z), U[k], atol=1e-9)
        np.testing.assert_allclose(-q @ log_q, S[k], atol=1e-10)
        np.testing.assert_allclose(-q @ (log_joint(vae, x, z) - log_normal(z)), reconstruction[k],
                                   atol=1e-9)
        np.testing.assert_allclose(q @ (log_q - log_normal(z)), kl[k], atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_the_gap_of_the_bound_is_the_divergence_from_the_posterior(seed):
    """(C25) F + log p(x) = KL(q(z|x) || p(z|x)) >= 0, and sum_x p(x) = 1: the energy carries its
    own normalisation."""
    vae = small_vae(seed)
    F = mean_free_energy(vae, STATES)[0]
    z, area = plane(top=14)
    total = 0.0
    for k, x in enumerate(STATES):
        joint = log_joint(vae, x, z)
        log_p = np.log(area * np.exp(joint).sum())
        mean, deviation = (part[0] for part in vae.encode(x[None]))
        log_q = log_normal(z, mean, deviation)
        divergence = area * np.exp(log_q) @ (log_q - (joint - log_p))
        assert F[k] >= -log_p
        np.testing.assert_allclose(F[k] + log_p, divergence, atol=1e-9)
        total += np.exp(log_p)
    np.testing.assert_allclose(total, 1, atol=1e-12)


def test_the_bound_is_tight_where_the_posterior_is_the_prior():
    """(C25), (C27) A decoder that does not see z: with q the prior, each estimate is log p(x),
    whatever the noise."""
    vae = small_vae()
    for name in ("W_mu", "b_mu", "W_s", "b_s", "W_d"):
        vae.parameters[name][:] = 0
    p = vae.decode(np.zeros((1, 2)))[0]
    log_p = np.log(np.where(STATES, p, 1 - p)).sum(axis=1)
    np.testing.assert_allclose(-vae.free_energy(STATES, vae.noise(16, np.random.default_rng(0))).F,
                               log_p, rtol=1e-13)
    np.testing.assert_allclose(vae.elbo(STATES, np.random.default_rng(1), 3), log_p.mean(),
                               rtol=1e-13)
    np.testing.assert_allclose(vae.log_likelihood(STATES, np.random.default_rng(2), 3),
                               log_p.mean(), rtol=1e-13)


def test_a_weak_decoder_has_the_posterior_of_a_gaussian_model():
    """(C25) With one latent and decoder weights of order eps, log p(x|z) = const + w.(x - m) z - v
    z^2 / 2 + O(eps^3).

    So the posterior is normal, of variance 1 / (1 + v) and mean w.(x - m) / (1 + v). A q that has
    no part of this, the mean, or both leaves a gap of order eps^2, eps^4 and eps^6."""
    gaps = []
    for eps in (0.1, 0.05):
        vae = small_vae(n_latent=1)
        for name in ("W_mu", "W_s", "b_d"):
            vae.parameters[name][:] = 0
        vae.parameters["W_d"] *= eps
        w, m = (vae.parameters["W_d"] @ vae.parameters["W_o"])[0], vae.decode([[0.0]])[0]
        v = (w**2 * m * (1 - m)).sum()
        z = np.linspace(-10, 10, 401)[:, None]
        area, gap = z[1, 0] - z[0, 0], []
        for mean, variance in ((np.zeros(16), 1), ((STATES - m) @ w, 1),
                               ((STATES - m) @ w / (1 + v), 1 / (1 + v))):
            total = 0.0
            for x, mu in zip(STATES, mean, strict=True):
                vae.parameters["b_mu"][:], vae.parameters["b_s"][:] = mu, np.log(variance)
                F = area * np.exp(log_normal(z)) @ vae.free_energy(np.tile(x, (len(z), 1)), z).F
                total += F + np.log(area * np.exp(log_joint(vae, x, z)).sum())
            gap.append(total)
        gaps.append(gap)
    np.testing.assert_allclose(np.log2(np.divide(*gaps)), [2, 4, 6], atol=0.15)


@proves("C26")
def test_the_gradient_is_that_of_finite_differences_of_the_mean_free_energy():
    """(C26) for one, two and three latents, at fixed noise, of pixels and of their probabilities"""
    for n_latent in (1, 2, 3):
        vae, rng = small_vae(n_latent=n_latent), np.random.default_rng(n_latent)
        noise = rng.standard_normal((16, n_latent))
        for X in (STATES, rng.random((16, 4))):
            worst = check_gradient(lambda _: vae.free_energy(X, noise).F.mean(), vae.parameters,
                                   vae.gradient(X, noise))
            assert max(worst.values()) < 1e-7 and list(worst) == list(vae.parameters)


def test_the_gradient_is_a_mean_over_rows():
    vae, noise = small_vae(), np.random.default_rng(0).standard_normal((16, 2))
    gradient = vae.gradient(STATES, noise)
    for name in gradient:
        rows = [vae.gradient(STATES[k:k + 1], noise[k:k + 1])[name] for k in range(16)]
        np.testing.assert_allclose(gradient[name], np.mean(rows, axis=0), atol=1e-14)


@proves("C27")
def test_importance_weights_average_to_p():
    """(C27) One latent draw a row, many rows that are all the same x: the mean of p(x, z) / q(z|x)
    is p(x)."""
    vae, x = small_vae(), STATES[9]
    z, area = plane()
    p = area * np.exp(log_joint(vae, x, z)).sum()
    weights = np.exp(vae.log_likelihoods(np.tile(x, (200000, 1)), np.random.default_rng(0),
                                         n_samples=1))
    assert abs(weights.mean() - p) < 4 * weights.std() / np.sqrt(len(weights))


def test_the_importance_weighted_bound_rises_from_the_elbo_to_log_p():
    """(C27) On average, in n_samples: 1 gives the ELBO, many give log p."""
    vae = small_vae(1)
    vae.parameters["b_s"] += 1  # a q wider than the posterior has no huge weights
    z, area = plane()
    log_p = np.array([np.log(area * np.exp(log_joint(vae, x, z)).sum()) for x in STATES]).mean()
    elbo = -mean_free_energy(vae, STATES)[0].mean()
    rng = np.random.default_rng(0)
    bounds = [vae.log_likelihood(np.repeat(STATES, 20000 // k, axis=0), rng, k)
              for k in (1, 4, 20, 1000)]
    assert abs(bounds[0] - elbo) < 0.02
    assert abs(vae.elbo(np.repeat(STATES, 1000, axis=0), rng, 10) - elbo) < 0.01
    assert (np.diff(bounds) > 0).all() and log_p - elbo > 0.1
    assert abs(bounds[-1] - log_p) < 0.01


@proves("C24")
def test_samples_have_the_frequencies_of_the_model():
    vae = small_vae()
    z, area = plane()
    p = np.array([area * np.exp(log_joint(vae, x, z)).sum() for x in STATES])
    X = vae.sample(50000, np.random.default_rng(0))
    assert X.dtype == np.uint8 and X.shape == (50000, 4)
    counts = np.bincount(X @ [8, 4, 2, 1], minlength=16)
    chi2 = ((counts - 50000 * p) ** 2 / (50000 * p)).sum()
    assert chi2 < 44.3  # 15 degrees of freedom: exceeded once in 10000


def test_learning_two_patterns():
    """Two patterns, equally likely, and one latent: log p of a row is at most -log 2, and learning
    comes close.

    The ELBO stays below: the posterior of either pattern is half of the prior, and no normal q is
    half a normal one."""
    X, rng = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=np.uint8), np.random.default_rng(0)
    vae = VAE(4, 8, 1, rng)
    before = vae.elbo(X, np.random.default_rng(1), 1000)
    history = train(vae, np.tile(X, (50, 1)), Adam(0.02), 200, rng, batch_size=20)
    after = vae.elbo(X, np.random.default_rng(1), 1000)
    log_p = vae.log_likelihood(X, np.random.default_rng(1), 1000)
    assert before < -2.5 and -1.1 < after < log_p - 0.1 and -0.9 < log_p <= -np.log(2)
    assert [record["epoch"] for record in history] == list(range(1, 201))
    np.testing.assert_allclose([r["F"] for r in history], [r["U"] - r["S"] for r in history],
                               rtol=1e-12)


def test_training_is_the_loop_written_out():
    X, rng = np.random.default_rng(0).random((7, 4)), np.random.default_rng(5)
    vae, other = small_vae(), small_vae()
    train(vae, X, SGD(0.1), 2, np.random.default_rng(5), batch_size=3, sample_pixels=True)
    for _ in range(2):
        order = rng.permutation(7)
        for rows in (order[:3], order[3:6], order[6:]):
            x = (rng.random((len(rows), 4)) < X[rows]).astype(float)
            slope = other.gradient(x, rng.standard_normal((len(rows), 2)))
            for name, array in other.parameters.items():
                array -= 0.1 * slope[name]
    for name, array in vae.parameters.items():
        np.testing.assert_allclose(array, other.parameters[name], rtol=1e-12, err_msg=name)


def test_grey_pixels_give_the_mean_over_binary_ones_of_the_reconstruction():
    """The loss is linear in the targets: probabilities as targets are all the binary rows at
    once."""
    vae, grey = small_vae(), np.array([[0.2, 0.7, 1.0, 0.0]])
    noise = np.random.default_rng(0).standard_normal((1, 2))
    weight = np.where(STATES, grey, 1 - grey).prod(axis=1)
    x, _ = vae.check_rows(grey, noise)
    logits = vae._forward(x, noise)[-1]
    np.testing.assert_allclose(vae.free_energy(grey, noise).reconstruction,
                               weight @ module.loss.value(np.tile(logits, (16, 1)), STATES),
                               rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sample_pixels", [False, True])
def test_resumed_run_is_the_uninterrupted_run(dtype, sample_pixels, tmp_path):
    X = np.random.default_rng(0).random((30, 4))

    def run(n_epochs, checkpoint=None):
        rng = np.random.default_rng(3)
        vae = VAE(4, 5, 2, rng, dtype=dtype)
        history = train(vae, X, Adam(0.01), n_epochs, rng, batch_size=8,
                        sample_pixels=sample_pixels,
                        norm_constraint=NormConstraint(5, ceiling=True), checkpoint=checkpoint)
        return vae, history

    whole, history = run(5)
    run(2, tmp_path / "run.npz")
    resumed, resumed_history = run(5, tmp_path / "run.npz")
    for name, array in whole.parameters.items():
        assert array.dtype == dtype
        np.testing.assert_array_equal(array, resumed.parameters[name])
    assert [record["F"] for record in history] == [record["F"] for record in resumed_history]


@pytest.mark.parametrize("change", ["data", "hidden", "sampled"])
def test_checkpoint_of_another_run_is_refused(change, tmp_path):
    X = np.random.default_rng(0).random((10, 4))

    def run(X, n_hidden=5, sample_pixels=False):
        train(VAE(4, n_hidden, 2, np.random.default_rng(0)), X, SGD(0.1), 1,
              np.random.default_rng(0),
              sample_pixels=sample_pixels, checkpoint=tmp_path / "run.npz")

    run(X)
    with pytest.raises(ValueError, match="of another run"):
        run(X / 2 if change == "data" else X, 6 if change == "hidden" else 5, change == "sampled")


def test_divergence_is_an_error_that_names_the_epoch():
    with pytest.raises(FloatingPointError, match="epoch"), np.errstate(all="ignore"):
        train(small_vae(), STATES, SGD(1e200), 3, np.random.default_rng(0), batch_size=4)


def test_shapes_and_types():
    for dtype in (np.float32, np.float64):
        rng = np.random.default_rng(0)
        vae = VAE(4, 5, 2, rng, dtype=dtype)
        value = vae.free_energy(STATES, vae.noise(16, rng))
        assert all(part.shape == (16,) and part.dtype == dtype
                   for part in (value.F, *vars(value).values()))
        assert all(vae.gradient(STATES, vae.noise(16, rng))[name].dtype == dtype
                   for name in vae.parameters)
        assert vae.decode([[0, 1]]).dtype == dtype and vae.decode([[0, 1]]).shape == (1, 4)
        assert vae.log_likelihoods(STATES, rng, 3).shape == (16,)
        assert isinstance(vae.elbo(STATES, rng), float)
        assert isinstance(vae.log_likelihood(STATES, rng), float)


def test_extreme_fields_have_finite_free_energies():
    vae = small_vae()
    vae.parameters["b_o"][:] = [1000, -1000, 1000, -1000]
    value = vae.free_energy(STATES, np.zeros((16, 2)))
    assert np.isfinite(value.F).all() and value.reconstruction.max() > 3000
    assert all(np.isfinite(slope).all()
               for slope in vae.gradient(STATES, np.zeros((16, 2))).values())


def test_the_start_knows_the_mean_of_the_data_if_it_is_given():
    X = np.array([[1, 0, 1, 0], [1, 0, 0, 1]], dtype=np.uint8)
    vae, plain = VAE(4, 5, 2, np.random.default_rng(0), X), VAE(4, 5, 2, np.random.default_rng(0))
    np.testing.assert_allclose(vae.parameters["b_o"], [np.log(3), -np.log(3), 0, 0],
                               atol=1e-15)  # 2 rows: 1/4 to 3/4
    for name in vae.parameters:
        assert name == "b_o" or (vae.parameters[name] == plain.parameters[name]).all()


BAD = {
    "no hidden units": (lambda vae, rng: VAE(4, 0, 2, rng), ValueError,
                        "n_hidden must be a positive integer"),
    "latents": (lambda vae, rng: VAE(4, 5, 1.5, rng), ValueError,
                "n_latent must be a positive integer"),
    "dtype": (lambda vae, rng: VAE(4, 5, 2, rng, dtype=int), ValueError, "dtype must be one of"),
    "means": (lambda vae, rng: VAE(4, 5, 2, rng, 2 * STATES), ValueError,
              r"X must lie in \[0, 1\]"),
    "rng": (lambda vae, rng: VAE(4, 5, 2, 0), TypeError, "rng must be a numpy.random.Generator"),
    "pixels": (lambda vae, rng: vae.free_energy([[0, 1, 2, 0]], [[0, 0]]), ValueError,
               r"X must lie in \[0, 1\]"),
    "columns": (lambda vae, rng: vae.free_energy([[0, 1]], [[0, 0]]), ValueError,
                r"X must have shape \(n, 4\)"),
    "noise": (lambda vae, rng: vae.gradient(STATES, np.zeros((16, 3))), ValueError,
              r"noise must have shape \(n, 2\)"),
    "rows": (lambda vae, rng: vae.gradient(STATES, np.zeros((3, 2))), ValueError,
             "same number of rows, got 16 and 3"),
    "infinite": (lambda vae, rng: vae.decode([[0, np.inf]]), ValueError, "z must be finite"),
    "grey": (lambda vae, rng: vae.log_likelihood([[0, 1, 0.5, 0]], rng), ValueError,
             "X must hold binary states"),
    "grey bound": (lambda vae, rng: vae.elbo([[0, 1, 0.5, 0]], rng), ValueError,
                   "X must hold binary states"),
    "no samples": (lambda vae, rng: vae.elbo(STATES, rng, 0), ValueError,
                   "n_samples must be a positive integer"),
    "n": (lambda vae, rng: vae.sample(0, rng), ValueError, "n must be a positive integer"),
    "sample's rng": (lambda vae, rng: vae.sample(1, None), TypeError,
                     "rng must be a numpy.random.Generator"),
    "data": (lambda vae, rng: train(vae, 3 * STATES, SGD(0.1), 1, rng), ValueError,
             r"X must lie in \[0, 1\]"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name):
    call, error, match = BAD[name]
    with pytest.raises(error, match=match):
        call(small_vae(), np.random.default_rng(0))


@proves("C24")
def test_the_decoder_is_one_layer_of_units_in_the_fields_of_another():
    """(C24) What decode returns are means of binary units, A'(l), and the loss of a pixel is A(l) -
    x l  (B3)"""
    vae, z = small_vae(), np.array([[0.4, -1.1]])
    logits = Binary().field(vae.decode(z))
    x = np.array([[1.0, 0, 0, 1]])
    np.testing.assert_allclose((Binary().potential(logits) - x * logits).sum(),
                               -np.log(np.where(x, vae.decode(z), 1 - vae.decode(z))).sum(),
                               rtol=1e-13)
