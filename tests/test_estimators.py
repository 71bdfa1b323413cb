"""The estimator in scikit-learn's shape, on its own."""
import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from minife import RBM, tap
from minife.descent import SGD, NormConstraint
from minife.data import bars_and_stripes
from minife.estimators import BernoulliRBM
from minife.rbm import exact
from minife.rbm.gibbs import gibbs_chain
from minife.evaluation import pseudo_likelihood
from minife.rbm.training import ContrastiveDivergence, PersistentContrastiveDivergence, train

X = bars_and_stripes(3)


def model(**changes):
    return BernoulliRBM(
        **({"n_components": 8, "n_iter": 20, "batch_size": 7, "n_chains": 100, "random_state": 0}
           | changes))


@pytest.mark.parametrize("method", ["pcd", "cd", "emf", "exact"])
def test_every_method_learns(method):
    short, long = (model(method=method, n_iter=n, momentum=0.5).fit(X) for n in (1, 1000))
    assert long.log_likelihood(X) > short.log_likelihood(X) + 0.5
    assert len(long.history_) == 1000


def test_attributes_have_the_names_and_shapes_of_scikit_learn():
    m = model().fit(X)
    assert m.components_.shape == (8, 9) and m.components_.dtype == np.float32
    assert m.intercept_hidden_.shape == (8,) and m.intercept_visible_.shape == (
        9,) and m.n_features_in_ == 9
    assert m.transform(X).shape == (len(X), 8)
    assert np.shares_memory(m.components_, m.rbm_.W)


def test_scores_are_pseudo_likelihoods_and_likelihoods():
    m = model(dtype=np.float64).fit(X)
    assert m.score_samples(X).shape == (len(X),)
    assert_allclose(m.score_samples(X).mean(), pseudo_likelihood(m.rbm_, X))
    assert_allclose(m.log_likelihood(X), exact.log_likelihood(m.rbm_, X))


def test_same_seed_same_model_and_another_seed_another():
    first, again, other = model().fit(X), model().fit(X), model(random_state=1).fit(X)
    assert_array_equal(first.components_, again.components_)
    assert (first.components_ != other.components_).any()


def test_dreams():
    m = model(method="exact", n_iter=500, momentum=0.5).fit(X)
    dreams = m.sample(200, n_steps=50)
    assert dreams.dtype == np.uint8 and dreams.shape == (200, 9)
    known = {tuple(row) for row in X}
    assert np.mean([tuple(row) in known for row in dreams]) > 3 * len(X) / 2**9
    assert m.gibbs(X).shape == X.shape


def test_partial_fit_goes_on():
    m = model().partial_fit(X)
    before = m.components_.copy()
    m.partial_fit(X)
    assert [record["epoch"] for record in m.history_] == [1, 2] and (m.components_ != before).any()


def test_partial_fit_leaves_checkpoints_alone(tmp_path):
    path = tmp_path / "c.npz"
    m = model(n_iter=3, checkpoint=path).fit(X)
    before, saved = m.components_.copy(), path.read_bytes()
    m.partial_fit(X).partial_fit(X)
    assert [record["epoch"] for record in m.history_] == [1, 2, 3, 4, 5]
    assert (m.components_ != before).any() and path.read_bytes() == saved


def test_save_and_load(tmp_path):
    m = model(method="emf", order=3, learning_rate=lambda t: 0.1).fit(X)
    m.save(tmp_path / "model.npz")
    again = BernoulliRBM.load(tmp_path / "model.npz")
    assert_array_equal(again.transform(X), m.transform(X))
    assert again.order == 3 and again.method == "emf" and again.history_ == m.history_
    assert again.random_state == 0
    assert model(n_components=np.int64(4)).fit(X).save(tmp_path / "four.npz") is None
    assert BernoulliRBM.load(tmp_path / "four.npz").fit(X).components_.shape == (4, 9)
    assert again.components_.dtype == np.float32
    model(learning_rate=0.03, dtype=np.float64,
          random_state=np.random.default_rng(0)).fit(X).save(tmp_path / "b.npz")
    double = BernoulliRBM.load(tmp_path / "b.npz")
    assert double.learning_rate == 0.03 and double.dtype == np.float64
    assert again.sample(2, n_steps=3).shape == (2, 9)
    assert again.partial_fit(X).components_.shape == (8, 9)


def test_load_refuses_other_files(tmp_path):
    np.savez(tmp_path / "other.npz", W=np.zeros(3))
    with pytest.raises(ValueError, match="no whole file of minife"):
        BernoulliRBM.load(tmp_path / "other.npz")
    model(checkpoint=tmp_path / "c.npz").fit(X)
    with pytest.raises(ValueError, match="holds a checkpoint, not a BernoulliRBM"):
        BernoulliRBM.load(tmp_path / "c.npz")
    np.savez(tmp_path / "pickled.npz", text=np.array({}, dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        BernoulliRBM.load(tmp_path / "pickled.npz")


def test_checkpoint_resumes(tmp_path):
    whole = model(n_iter=6).fit(X)
    model(n_iter=3, checkpoint=tmp_path / "c.npz").fit(X)
    assert_array_equal(
        model(n_iter=6, checkpoint=tmp_path / "c.npz").fit(X).components_, whole.components_)


@pytest.mark.parametrize("changes, message", [
    ({"method": "adam"}, "method must be one of"), ({"n_components": 0}, "n_components must be a "
                                                    "positive integer"),
    ({"dtype": np.float16}, "dtype must be numpy.float32 or numpy.float64"),
    ({"n_iter": 0}, "n_iter must be a positive integer")])
def test_bad_settings_are_errors_at_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        model(**changes).fit(X)


def test_a_model_that_has_not_learned_says_so():
    with pytest.raises(ValueError, match="has not learned yet"):
        model().transform(X)
    with pytest.raises(ValueError, match="Invalid parameter 'units'"):
        model().set_params(units=3)
    assert model().set_params(n_components=3).get_params()["n_components"] == 3


PHASES = {
    "pcd": (lambda: PersistentContrastiveDivergence(6, 2), {"n_chains": 6, "n_gibbs_steps": 2}),
    "cd": (lambda: ContrastiveDivergence(2), {"n_gibbs_steps": 2}),
    "emf": (lambda: tap.ExtendedMeanField(3, 2, 6),
            {"order": 3, "n_fixed_point_steps": 2, "n_chains": 6}),
}


@pytest.mark.parametrize("method", PHASES)
def test_settings_reach_the_one_loop(method):
    """The estimator is a call of train(), to the last bit"""
    phase, settings = PHASES[method]
    seen, rng = [], np.random.default_rng(3)
    m = model(method=method, learning_rate=0.2, batch_size=4, n_iter=3, random_state=3,
              momentum=0.6, weight_decay=0.05, norm_constraint=NormConstraint(1.0),
              dtype=np.float64, **settings,
              callbacks=[lambda rbm, epoch: seen.append(epoch)]).fit(X[:11])
    rbm = RBM.initialise(9, 8, rng, X[:11])
    train(rbm, X[:11], phase(), SGD(0.2, momentum=0.6, l2=0.05), 3, rng, batch_size=4,
          norm_constraint=NormConstraint(1.0))
    assert_array_equal(m.components_, rbm.W.T)
    assert_array_equal(m.intercept_hidden_, rbm.b)
    assert_array_equal(m.intercept_visible_, rbm.a)
    assert seen == [1, 2, 3]


def test_fit_starts_again_and_fit_transform_is_fit_then_transform():
    m = model()
    features = m.fit_transform(X)
    assert_array_equal(features, m.rbm_.hidden_mean(X))
    assert_array_equal(m.fit_transform(X), features)      # the same seed, from the start
    assert len(m.history_) == 20


def test_dreams_go_on():
    m = model(n_iter=1).fit(X)
    start = np.tile(X, (20, 1))
    assert (m.gibbs(start) != m.gibbs(start)).any()
    assert (m.sample(50, n_steps=1) != m.sample(50, n_steps=1)).any()
    for dreams, n_steps in ((lambda: m.gibbs(start), 1), (lambda: m.sample(50, n_steps=3), 3)):
        rng = copy.deepcopy(m._rng)
        first = start if n_steps == 1 else rng.integers(2, size=(50, 9), dtype=np.uint8)
        assert_array_equal(dreams(), gibbs_chain(m.rbm_, first, n_steps, rng)[0])


def test_verbose_shows_progress_and_silence_is_the_default(capsys):
    model(n_iter=1).fit(X)
    assert capsys.readouterr().err == ""
    model(n_iter=1, verbose=1).fit(X)
    assert "BernoulliRBM" in capsys.readouterr().err


def test_a_copy_is_a_model_of_its_own():
    first = model().fit(X)
    second = copy.deepcopy(first).partial_fit(X)
    assert np.shares_memory(second.components_, second.rbm_.W)
    assert (second.components_ != first.components_).any()


def test_what_was_learned_before_an_interruption_stands_in_the_history():
    def stop(rbm, epoch):
        if epoch == 3:
            raise KeyboardInterrupt
    m = model(callbacks=[stop])
    with pytest.raises(KeyboardInterrupt):
        m.fit(X)
    assert [record["epoch"] for record in m.history_] == [1, 2]


def test_no_dreams_before_learning():
    with pytest.raises(ValueError, match="has not learned yet"):
        model().sample()
