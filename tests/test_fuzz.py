"""Every public call with one bad argument: an error that names the argument, or a right answer;
never a crash or a silent NaN.

MINIFE_FUZZ=30000 python -m pytest tests/test_fuzz.py makes so many calls in place of 3000."""
import copy
import os
import warnings

import numpy as np
import pytest

from minife import MLP, RBM, bridge, data, estimators, evaluation, gradcheck, landscape, tap
from minife.backprop import BinaryCrossEntropy, SquaredError, hessian_vector_product
from minife.backprop import train as train_network
from minife.bridge import vae_training as vae_training
from minife.descent import SGD, Adam, NormConstraint, RMSProp, linear_decay
from minife.evaluation import chains, exact_chain
from minife.rbm import (ClassificationRBM, GaussianRBM, classification, exact, gibbs, tempering,
                        training)
from minife.rbm.centering import Centering
from minife.units import Binary, LeakyRectified, Spin

N_CALLS = int(os.environ.get("MINIFE_FUZZ", 3000))
ALLOWED = (ValueError, TypeError, FloatingPointError, FileNotFoundError, gradcheck.GradientError)


def g():
    return np.random.default_rng(0)


def machine():
    r = g()
    return RBM(0.5 * r.standard_normal((5, 4)), 0.1 * r.standard_normal(5),
               0.1 * r.standard_normal(4), 0.8)


def classifier():
    return ClassificationRBM.initialise(5, 4, 3, g())


def network():
    return MLP((5, 4, 3), Spin(), rng=g())


def clamped():
    r = g()
    return bridge.ClampedNetwork(r.standard_normal((5, 4)), r.standard_normal((4, 2)), np.zeros(4),
                                 np.zeros(2))


def layered():
    return bridge.LayeredMeanField(MLP((5, 4, 2), Binary(), SquaredError(Binary()), g()), 0.1)


def spins():
    return landscape.BoltzmannMachine.initialise(3, 2, 2, g())


X = g().integers(2, size=(6, 5)).astype(np.uint8)
H = g().integers(2, size=(6, 4)).astype(np.uint8)
REAL, ROWS = g().standard_normal((6, 5)), g().random((6, 5))
M_V, M_H = 0.1 + 0.8 * g().random((2, 5)), 0.1 + 0.8 * g().random((2, 4))
LABELS, BITS, SIX = np.array([0, 1, 2, 0, 1, 2]), g().integers(2, size=(6, 2)), np.arange(6) % 2
GOOD = {
    "rbm": machine, "machine": classifier, "mlp": network, "vae": lambda: bridge.VAE(5, 4, 2, g()),
    "rng": g, "negative_phase": lambda: training.PersistentContrastiveDivergence(5),
    "optimizer": lambda: SGD(0.01, 0.5), "X": lambda: X.copy(), "v": lambda: X.copy(),
    "h": lambda: H.copy(), "m_v": lambda: M_V.copy(), "m_h": lambda: M_H.copy(),
    "n_epochs": lambda: 1, "n_steps": lambda: 2, "n_chains": lambda: 4, "n_temperatures": lambda: 3,
    "order": lambda: 2, "y": lambda: LABELS.copy(), "n": lambda: 3, "beta": lambda: 0.7,
    "tol": lambda: 1e-8, "max_iter": lambda: 200,
    "n_visible": lambda: 5, "n_hidden": lambda: 4, "batch_size": lambda: 4,
    "learning_rate": lambda: 0.1, "dtype": lambda: np.float64, "step": lambda: 0.5,
    "method": lambda: "damped", "n_starts": lambda: 3, "nudge": lambda: 0.1,
}


def of(target, *names, **more):
    """Return a call: how to make the function, and its good arguments by name, each made anew."""
    arguments = {name: GOOD[name] for name in names}
    arguments |= {name: value if callable(value) and not isinstance(value, type)
                  else (lambda value=value: value)
                  for name, value in more.items()}
    return target, arguments


def method(make, name, *names, **more):
    return of(lambda: getattr(make(), name), *names, **more)


def plain(function, *names, **more):
    return of(lambda: function, *names, **more)


def fitted(model, *data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*data)


W54, W43 = g().standard_normal((5, 4)), g().standard_normal((3, 4))
SOLVER = {"tol": 1e-8, "max_iter": 200}
CALLS = {
    "RBM": plain(RBM, W=W54, a=np.zeros(5), b=np.zeros(4), beta=0.7),
    "RBM.initialise": plain(RBM.initialise, "n_visible", "n_hidden", "rng", "X", "dtype"),
    **{f"RBM.{name}": method(machine, name, "v") for name in ("hidden_field", "hidden_mean",
                                                              "free_energy", "free_energy_gradient",
                                                              "clamped_moments")},
    **{f"RBM.{name}": method(machine, name, "h") for name in ("visible_field", "visible_mean")},
    "RBM.energy": method(machine, "energy", "v", "h"),
    "GaussianRBM": plain(GaussianRBM, W=W54, a=np.zeros(5), b=np.zeros(4), beta=0.7),
    "GaussianRBM.free_energy": method(lambda: GaussianRBM(W54, np.zeros(5), np.zeros(4)),
                                      "free_energy", v=REAL.copy),
    "ClassificationRBM": plain(ClassificationRBM, W=W54, U=W43, a=np.zeros(5), b=np.zeros(4),
                               d=np.zeros(3), beta=0.7),
    "ClassificationRBM.initialise": plain(ClassificationRBM.initialise, "n_visible", "n_hidden",
                                          "rng", "X", n_classes=3),
    "ClassificationRBM.log_conditional": method(classifier, "log_conditional", "X"),
    "ClassificationRBM.given_label": method(classifier, "given_label", label=1),
    "ClassificationRBM.gradient": method(classifier, "gradient", "X", "y", objective="hybrid",
                                         alpha=0.1),
    "ClassificationRBM.log_likelihood": method(classifier, "log_likelihood", "X", "y",
                                               objective="generative"),
    **{f"exact.{name}": plain(getattr(exact, name), "rbm")
       for name in ("log_partition_function", "moments", "thermodynamics")},
    **{f"exact.{name}": plain(getattr(exact, name), "rbm", "X")
       for name in ("log_likelihood", "log_likelihood_gradient")},
    "exact.sample": plain(exact.sample, "rbm", "n", "rng"),
    "exact.all_states": plain(exact.all_states, n_units=3),
    "gibbs.sample_hidden": plain(gibbs.sample_hidden, "rbm", "v", "rng"),
    "gibbs.sample_visible": plain(gibbs.sample_visible, "rbm", "h", "rng"),
    "gibbs.gibbs_chain": plain(gibbs.gibbs_chain, "rbm", "v", "n_steps", "rng"),
    "training.train": plain(training.train, "rbm", "X", "negative_phase", "optimizer", "n_epochs",
                            "rng", "batch_size", centering=lambda: Centering(), grey="means",
                            norm_constraint=lambda: NormConstraint(1.0), averaging=0.5),
    "classification.train": plain(classification.train, "machine", "X", "y", "optimizer",
                                  "n_epochs", "rng", "batch_size", "negative_phase",
                                  objective="hybrid", alpha=0.1, grey="drawn"),
    "ContrastiveDivergence": plain(training.ContrastiveDivergence, "n_steps"),
    "PersistentContrastiveDivergence": plain(training.PersistentContrastiveDivergence, "n_chains",
                                             "n_steps"),
    "ParallelTempering": plain(tempering.ParallelTempering, "n_chains", "n_steps", betas=3),
    "Centering": plain(Centering, rate=0.1),
    "ExtendedMeanField": plain(tap.ExtendedMeanField, "order", "n_steps", "n_chains", "step",
                               "method", persistent=True),
    **{f"tap.{name}": plain(getattr(tap, name), "rbm", "m_v", "m_h", "order") for name in (
        "free_energy", "stationarity", "free_energy_gradient", "hessian", "scaled_eigenvalues",
        "smallest_eigenvalue")},
    "tap.spectral_trust": plain(tap.spectral_trust, "rbm", "m_v", "m_h"),
    "tap.gibbs_free_energy": plain(tap.gibbs_free_energy, "rbm", "m_v", "m_h"),
    "tap.fixed_point": plain(tap.fixed_point, "rbm", "order", "m_v", "m_h", "method", "step", "tol",
                             "max_iter"),
    "tap.log_likelihood": plain(tap.log_likelihood, "rbm", "X", "order", "n_starts", "tol"),
    "tap.log_likelihood_gradient": plain(tap.log_likelihood_gradient, "rbm", "X", "order", "tol"),
    "landscape.thermodynamics": plain(landscape.thermodynamics, "rbm", "m_v", "m_h", "order"),
    "landscape.anneal": plain(landscape.anneal, "rbm", "order", "n_temperatures", "m_v", "m_h"),
    "landscape.find_minima": plain(landscape.find_minima, "rbm", "order", "n_starts", "rng",
                                   merge=1e-4),
    "landscape.find_spin_minima": plain(landscape.find_spin_minima, machine=lambda: spins(),
                                        m=lambda: 0.5 * np.ones((2, 7)), merge=0.01),
    "landscape.flip_stable_states": plain(landscape.flip_stable_states, machine=lambda: spins()),
    "landscape.random_couplings": plain(landscape.random_couplings, "rng", n_units=4, funnel=0.5),
    "landscape.at_temperature": plain(landscape.at_temperature, "rbm", T=2.0),
    "landscape.label_balance": plain(landscape.label_balance, "beta", x=lambda: REAL.copy(),
                                     y=LABELS.copy),
    "landscape.label_temperature": plain(landscape.label_temperature, x=lambda: REAL.copy(),
                                         y=LABELS.copy),
    "landscape.data_balance": plain(landscape.data_balance, "rbm", "X",
                                    model=lambda: exact.thermodynamics(machine())),
    "landscape.data_temperature": plain(landscape.data_temperature, "rbm", "X"),
    "landscape.sampled_thermodynamics": plain(landscape.sampled_thermodynamics, "rbm", "v",
                                              log_z=8.0),
    "landscape.noise_rise": plain(landscape.noise_rise, "mlp", "X", "y", "rng", noise=0.1,
                                  n_draws=2),
    "landscape.top_curvature": plain(landscape.top_curvature, "mlp", "X", "y", "n_steps", "rng"),
    "landscape.tail_exponent": plain(landscape.tail_exponent,
                                     W=lambda: np.random.default_rng(0).standard_normal((40, 30))),
    "BoltzmannMachine": plain(landscape.BoltzmannMachine, J=np.zeros((4, 4)), b=np.zeros(4),
                              beta=0.7, n_inputs=2, n_outputs=1),
    "BoltzmannMachine.initialise": plain(landscape.BoltzmannMachine.initialise, "n_hidden", "rng",
                                         "beta", n_inputs=3, n_outputs=2, scale=1.0, layered=True),
    "BoltzmannMachine.free_energy": method(spins, "free_energy", m=lambda: 0.5 * np.ones((2, 7))),
    "BoltzmannMachine.fixed_point": method(spins, "fixed_point", "n_temperatures", "tol",
                                           "max_iter", m=lambda: 0.5 * np.ones((2, 7)),
                                           clamped=np.zeros(7, bool)),
    "BoltzmannMachine.contrastive_gradient": method(spins, "contrastive_gradient", X=X[:, :3].copy,
                                                    y=BITS.copy),
    "BoltzmannMachine.predict": method(spins, "predict", X=X[:, :3].copy),
    "annealed_importance_sampling": plain(evaluation.annealed_importance_sampling, "rbm",
                                          "n_chains", "n_temperatures", "rng",
                                          base_rates=np.full(5, 0.4), collapsed=False),
    "reverse_annealed_importance_sampling": plain(evaluation.reverse_annealed_importance_sampling,
                                                  "rbm", "v", "n_temperatures", "rng",
                                                  exact_samples=True, collapsed=True),
    "annealed_log_likelihood": plain(evaluation.annealed_log_likelihood, "rbm", "X", "n_chains",
                                     "n_temperatures", "rng", collapsed=False),
    "free_energy_gap": plain(evaluation.free_energy_gap, "rbm", "X", X_other=X.copy),
    "CopiedUnits": plain(bridge.CopiedUnits, "beta", W=W54, U=W43, b=np.zeros(4), d=np.zeros(3),
                         copies=3, unit=Binary()),
    "CopiedUnits.gradient": method(lambda: bridge.CopiedUnits(W54, W43, np.zeros(4), np.zeros(3),
                                                              3), "gradient", "X", "y"),
    "Pyramid": plain(bridge.Pyramid, mlp=lambda: MLP((5, 3, 2, 2), Binary(), rng=g()), copies=2),
    "pseudo_likelihood": plain(evaluation.pseudo_likelihood, "rbm", "X"),
    "diagnose": plain(evaluation.diagnose, "rbm", "X", "rng", X_other=X.copy, n_steps=5),
    "record_chains": plain(chains.record_chains, "rbm", "v", "n_steps", "rng", n_discarded=1),
    "exact_chain.after": plain(exact_chain.after, "rbm", "n_steps", p=np.full(32, 1 / 32)),
    "MLP": plain(MLP, "rng", "dtype", sizes=(5, 4, 3), hidden=Spin(), loss=BinaryCrossEntropy()),
    **{f"MLP.{name}": method(network, name, "X")
       for name in ("predict", "fields", "normalise_input")},
    **{f"MLP.{name}": method(network, name, "X", "y") for name in ("loss", "gradient")},
    "backprop.train": plain(train_network, "mlp", "X", "y", "optimizer", "n_epochs", "rng",
                            "batch_size"),
    "hessian_vector_product": plain(hessian_vector_product, "mlp", "X", "y",
                                    direction=lambda: network().parameters),
    "SGD": plain(SGD, "learning_rate", momentum=0.5, l1=0.1, l2=0.1),
    "RMSProp": plain(RMSProp, "learning_rate", decay=0.5),
    "Adam": plain(Adam, "learning_rate", decay=0.5, square_decay=0.9, epsilon=1e-8, l1=0.0, l2=0.1),
    "NormConstraint": plain(NormConstraint, radius=1.0, p=2, names=("W",), ceiling=True,
                            per_unit=False),
    "linear_decay": plain(linear_decay, "learning_rate", "n_steps"),
    "SquaredError": plain(SquaredError, unit=Binary()),
    "LeakyRectified": plain(LeakyRectified, slope=0.1),
    "unroll": plain(bridge.unroll, "rbm", "order", "step", n_iterations=2),
    "UnrolledMeanField.forward": method(lambda: bridge.unroll(machine(), 2), "forward", "X"),
    "UnrolledMeanField.gradient": method(lambda: bridge.unroll(machine(), 2), "gradient", "X",
                                         output_gradient=H * 1.0),
    "UnrolledMeanField.free_energies": method(lambda: bridge.unroll(machine(), 2), "free_energies",
                                              "X"),
    "forgetting_rate": plain(bridge.forgetting_rate, "rbm", "m_v", "m_h"),
    "TiedClassifier": plain(bridge.TiedClassifier, "rbm", n_iterations=1, U=W54[:4, :3],
                            d=np.zeros(3)),
    "TiedClassifier.initialise": plain(bridge.TiedClassifier.initialise, "n_visible", "n_hidden",
                                       "rng", "X", n_outputs=3, n_iterations=1, gain=1.0),
    "ClampedNetwork": plain(bridge.ClampedNetwork, "beta", "order", "step", W=W54, U=W54[:4, :2],
                            b=np.zeros(4), d=np.zeros(2)),
    **{f"ClampedNetwork.{name}": method(clamped, name, "X", y=BITS.copy, **SOLVER) for name in (
        "loss", "implicit_gradient", "contrastive_loss", "contrastive_gradient")},
    "ClampedNetwork.predict": method(clamped, "predict", "X", **SOLVER),
    "ClampedNetwork.backprop_gradient": method(clamped, "backprop_gradient", "X", y=BITS.copy,
                                               n_iterations=2),
    "ClampedNetwork.equilibrium_propagation_gradient": method(clamped,
                                                              "equilibrium_propagation_gradient",
                                                              "X", "nudge", y=BITS.copy,
                                                              symmetric=True, **SOLVER),
    "LayeredMeanField": plain(bridge.LayeredMeanField, mlp=lambda: layered().mlp, feedback=0.1),
    "LayeredMeanField.equilibrium": method(layered, "equilibrium", "X", "nudge", y=BITS.copy,
                                           tol=1e-10),
    "VAE": plain(bridge.VAE, "n_hidden", "rng", "X", "dtype", n_inputs=5, n_latent=2),
    "VAE.elbo": method(GOOD["vae"], "elbo", "X", "rng", n_samples=2),
    "VAE.encode": method(GOOD["vae"], "encode", "X"),
    "VAE.decode": method(GOOD["vae"], "decode", z=np.zeros((3, 2))),
    "VAE.sample": method(GOOD["vae"], "sample", "n", "rng"),
    "vae.train": plain(vae_training.train, "vae", "X", "optimizer", "n_epochs", "rng",
                       "batch_size"),
    "check_gradient": plain(gradcheck.check_gradient,
                            f=lambda: (lambda p: float((p["x"] ** 2).sum())),
                            parameters=lambda: {"x": np.ones(3)},
                            gradient=lambda: {"x": 2 * np.ones(3)}, step=1e-3),
    "bars_and_stripes": plain(data.bars_and_stripes, side=3),
    "line_symmetry": plain(data.line_symmetry, n_bits=4),
    "binarise": plain(data.binarise, X=ROWS.copy, threshold=0.5),
    "sample_binary": plain(data.sample_binary, "rng", X=ROWS.copy),
    "BernoulliRBM.fit": method(lambda: estimators.BernoulliRBM(3, n_iter=1, random_state=0), "fit",
                               "X"),
    **{f"BernoulliRBM.{name}": method(
        lambda: fitted(estimators.BernoulliRBM(3, n_iter=1, random_state=0), X), name, "X")
       for name in ("transform", "score_samples", "log_likelihood", "partial_fit")},
    "BernoulliRBM.sample": method(
        lambda: fitted(estimators.BernoulliRBM(3, n_iter=1, random_state=0), X), "sample",
        n_samples=2, n_steps=2),
    "RBMClassifier.fit": method(lambda: estimators.RBMClassifier(3, n_iter=1, random_state=0),
                                "fit", "X", "y"),
    "RBMClassifier.score": method(
        lambda: fitted(estimators.RBMClassifier(3, n_iter=1, random_state=0), X, LABELS), "score",
        "X", "y"),
    "MLPClassifier.fit": method(lambda: estimators.MLPClassifier((3,), max_iter=1, random_state=0),
                                "fit", "X", "y", sample_weight=np.ones(6)),
    "MLPClassifier.predict_proba": method(
        lambda: fitted(estimators.MLPClassifier((3,), max_iter=1, random_state=0), X, LABELS),
        "predict_proba", "X"),
    "MLPRegressor.fit": method(lambda: estimators.MLPRegressor((3,), max_iter=1, random_state=0),
                               "fit", "X", y=ROWS[:, 0].copy),
    "MLPRegressor.score": method(
        lambda: fitted(estimators.MLPRegressor((3,), max_iter=1, random_state=0), X, ROWS[:, 0]),
        "score", "X", y=ROWS[:, 0].copy),
}
BAD = [None, "no", b"no", True, 0, -1, 2, 1.5, -0.5, 10**12, 2**70, 1e300, np.nan, np.inf, 1j, [],
       {}, set(), object(), int, SGD,
[[1, 2], [3]], np.array("x"), np.zeros(0), np.zeros((0, 5)), np.zeros((3, 0)), np.zeros(5),
       np.zeros((6, 4)), np.zeros((6, 5, 2)), np.full((6, 5), np.nan), np.full((6, 5), np.inf),
       np.full((6, 5), 3, np.uint8), np.full((6, 5), 1e300), np.full((6, 5), -1e300),
       np.full((6, 5), 1e38, np.float32), np.zeros((6, 5), complex), np.zeros((6, 5), object),
       np.array([["a"] * 5] * 6), np.ma.masked_array(np.ones((6, 5)), mask=True),
       np.zeros((6, 5), dtype="M8[s]"), np.zeros((6, 5), np.float16),
       np.asfortranarray(np.ones((6, 5))), np.broadcast_to(np.ones(5), (6, 5)),
       np.ones((12, 5))[::2], np.zeros((7, 5)), np.random.RandomState(0),
       GaussianRBM(W54, np.zeros(5), np.zeros(4)), RBM(np.zeros((3, 2)), np.zeros(3), np.zeros(2)),
       lambda *_: 0, "damped", "float16", np.float16, (1, 2), [5, 4], {"W": np.zeros(3)}]


def numbers(result):
    """Yield the arrays of floats in a result: dicts, tuples, dataclasses and objects with
    parameters are looked into."""
    if isinstance(result, (float, np.floating, np.ndarray)):
        array = np.asarray(result)
        if array.dtype.kind == "f":
            yield array
    elif isinstance(result, dict):
        for value in result.values():
            yield from numbers(value)
    elif isinstance(result, (tuple, list)):
        for value in result:
            yield from numbers(value)
    elif hasattr(result, "__dataclass_fields__") or isinstance(result,
                                                               (RBM, ClassificationRBM, GaussianRBM,
                                                                MLP)):
        yield from numbers(vars(result) if hasattr(result, "__dataclass_fields__")
                           else result.parameters)


def same(one, other):
    """Return whether an argument is as it was: arrays and dicts of arrays; other objects are not
    looked into."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and (one.tobytes() == other.tobytes())
    return not isinstance(one, dict) or all(same(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", CALLS)
def test_good_arguments_are_taken(name):
    make, arguments = CALLS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        make()(**{key: value() for key, value in arguments.items()})


def test_one_bad_argument():
    rng, faults, named, refused = np.random.default_rng(1), [], 0, 0
    names = list(CALLS)
    for k in range(N_CALLS):
        name = names[k % len(names)]
        make, arguments = CALLS[name]
        key = list(arguments)[rng.integers(len(arguments))]
        bad = BAD[rng.integers(len(BAD))]
        call, given = make(), {key: value() for key, value in arguments.items()} | {key: bad}
        mutable = {key: copy.deepcopy(value) for key, value in given.items()
                   if isinstance(value, np.ndarray)}
        what = f"{name}({key}={' '.join(repr(bad).split()):.60})"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("error", RuntimeWarning)
            try:
                result = call(**given)
            except ALLOWED as error:
                refused += 1
                said = key in str(error) or isinstance(bad, RBM)  # a machine of another size is one
                named += said
                if not said:
                    faults.append(f"not named: {what}: {type(error).__name__}: {error!s:.100}")
                continue
            except MemoryError:
                continue
            except BaseException as error:
                faults.append(f"WRONG: {what}: {type(error).__name__}: {error!s:.120}")
                continue
        if any(np.isnan(array).any() for array in numbers(result)):
            faults.append(f"NaN: {what}")
        if not all(same(given[key], mutable[key]) for key in mutable):
            faults.append(f"MODIFIED: {what}")
    wrong = [fault for fault in faults if not fault.startswith("not named")]
    assert not wrong, f"{len(wrong)} faults\n" + "\n".join(sorted(set(wrong))[:400])
    assert named >= 0.99 * refused, (f"{refused - named} of {refused} not named\n"
                                     + "\n".join(sorted(set(faults))[:400]))
