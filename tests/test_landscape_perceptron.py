"""Chapter L: a perceptron with couplings -1 and 1, counted."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from proofs import proves

from minife.landscape.perceptron import (
    all_couplings,
    error_thermodynamics,
    errors,
    generalisation_error,
    local_solution_entropy,
    random_problem,
    solution_entropy,
)


@proves("L13")
def test_three_couplings_by_hand():
    """One pattern of three is solved by half of all w: by (3 choose 0) + (3 choose 1) = 4 of 8,
    entropy 2/3"""
    w = all_couplings(3)
    problem = random_problem(3, 2, np.random.default_rng(0))
    assert repr(problem) == "Problem(2 patterns of 3 inputs, labels at random)"
    assert w.shape == (8, 3) and len(np.unique(w, axis=0)) == 8
    E = errors(w, [[1, 1, 1]], [1])
    assert E.tolist() == [1, 1, 1, 0, 1, 0, 0, 0]  # bit i is coupling i
    assert_allclose(solution_entropy(E, 3), 2 / 3)
    assert solution_entropy(E + 1, 3) == -np.inf
    U, S = error_thermodynamics(E, [0.5])
    assert_allclose(U, 1 / (1 + np.exp(2)))
    assert_allclose(S, np.log(4) + np.log(1 + np.exp(-2)) + 2 * U[0])


@proves("L13")
def test_energy_and_entropy_of_errors(rng):
    """Against sums over all w; S = -dF/dT; limits: the best w when cold, all w when hot"""
    w = all_couplings(9)
    problem = random_problem(9, 20, rng)
    E = errors(w, problem.X, problem.y)
    assert (E == [(np.sign(problem.X @ one) != problem.y).sum() for one in w.astype(int)]).all()
    T = np.array([0.3, 1.0, 4.0])
    U, S = error_thermodynamics(E, T)
    for k in range(3):
        p = np.exp(-E / T[k]) / np.exp(-E / T[k]).sum()
        assert_allclose([U[k], S[k]], [p @ E, -(p * np.log(p)).sum()], rtol=1e-12)

    def F(T):
        U, S = error_thermodynamics(E, T)
        return U - T * S

    assert_allclose(-(F(T + 1e-5) - F(T - 1e-5)) / 2e-5, S, rtol=1e-8)
    U, S = error_thermodynamics(E, [1e-3, 1e6])
    assert_allclose(U, [E.min(), E.mean()], rtol=1e-5)
    assert_allclose(S, [np.log((E == E.min()).sum()), 9 * np.log(2)], rtol=1e-9)


@proves("L14")
def test_the_error_on_new_examples_is_the_angle(rng):
    """Signs of w.x and teacher.x on 200000 patterns of 2001 numbers, three overlaps"""
    N, teacher = 2001, np.ones(2001)
    for n_flipped in (100, 600, 1000):
        w = np.ones(N)
        w[:n_flipped] = -1
        ups, rest = rng.binomial(n_flipped, 0.5, 200000), rng.binomial(N - n_flipped, 0.5, 200000)
        one, other = 2 * ups - n_flipped, 2 * rest - (N - n_flipped)  # sums over both groups
        different = np.mean(np.sign(other - one) != np.sign(other + one))
        assert abs(different - generalisation_error(w[None], teacher)[0]) < 0.005
    assert_allclose(
        generalisation_error(np.vstack([teacher, -teacher]), teacher), [0, 1], atol=1e-7
    )


@proves("L15")
def test_local_entropy_is_a_count(rng):
    """Against all pairs of solutions; it starts at 0 and ends at the entropy of all solutions"""
    w, problem = all_couplings(9), random_problem(9, 4, rng, rule=True)
    E = errors(w, problem.X, problem.y)
    counted = local_solution_entropy(w, E == 0, 9)
    solutions = w[E == 0].astype(int)
    apart = (solutions[:, None] != solutions).sum(axis=2)  # Hamming distances
    within = np.array([(apart <= d).sum(axis=1) for d in range(10)]).T
    assert_allclose(counted, np.log2(within) / 9, rtol=1e-14)
    assert (counted[:, 0] == 0).all()
    assert_allclose(counted[:, -1], solution_entropy(E, 9))


@proves("L13")
def test_random_labels_run_out_of_entropy():
    """N = 17: half of the instances are solvable between alpha = 0.8 and 1.0"""
    w, rng, solvable = all_couplings(17), np.random.default_rng(0), np.zeros(2)
    for _ in range(20):
        problem = random_problem(17, 17, rng)
        E = errors(w, problem.X[:14], problem.y[:14])
        solvable += E.min() == 0, (E + errors(w, problem.X[14:], problem.y[14:])).min() == 0
    assert solvable[0] > 10 > solvable[1]


@proves("L14")
def test_what_is_left_of_a_rule_is_the_rule():
    """N = 17, alpha = 2: in at least 0.9 of 20 instances only the teacher is left; the error
    falls with alpha"""
    w, rng, alone, new = all_couplings(17), np.random.default_rng(0), 0, np.zeros(3)
    for _ in range(20):
        problem, E, done = random_problem(17, 34, rng, rule=True), 0, 0
        for k, P in enumerate((7, 17, 34)):
            E = E + errors(w, problem.X[done:P], problem.y[done:P])
            done = P
            new[k] += generalisation_error(w[E == 0], problem.teacher).mean() / 20
        solutions = w[E == 0]
        assert (solutions == problem.teacher).all(axis=1).any()
        alone += len(solutions) == 1
    assert alone >= 18 and new[0] > 0.35 and new[1] < 0.3 and new[2] < 0.02


@proves("L15")
def test_solutions_with_many_neighbours_know_more_of_the_rule():
    """N = 13, alpha = 0.6: the densest within distance 4 errs less than a random solution, in
    the mean of 20"""
    w, rng, gain = all_couplings(13), np.random.default_rng(0), []
    for _ in range(20):
        problem = random_problem(13, 8, rng, rule=True)
        solves = errors(w, problem.X, problem.y) == 0
        error, nearby = (
            generalisation_error(w[solves], problem.teacher),
            local_solution_entropy(w, solves, 4)[:, -1],
        )
        gain.append(error.mean() - error[nearby.argmax()])
    assert np.mean(gain) > 0.02


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: all_couplings(4), ValueError, "n_couplings must be odd and at most 21, got 4"),
        (lambda: all_couplings(23), ValueError, "n_couplings must be odd and at most 21, got 23"),
        (
            lambda: random_problem(5, -1, np.random.default_rng()),
            ValueError,
            "n_patterns must be an integer of at least 0",
        ),
        (
            lambda: random_problem(5, 3, np.random.default_rng(), rule=1),
            TypeError,
            "rule must be True or False, got 1",
        ),
        (lambda: error_thermodynamics(np.arange(3), [0.0]), ValueError, "T must be positive"),
        (
            lambda: errors(all_couplings(3), [[1, 1]], [1]),
            ValueError,
            r"shapes \(n_w, N\), .* got \(8, 3\)",
        ),
        (lambda: errors(all_couplings(3), [[1, 1, 1]], [1, 1]), ValueError, r"and \(2,\)"),
        (
            lambda: generalisation_error(all_couplings(3), np.ones(2)),
            ValueError,
            r"teacher must have shape \(3,\)",
        ),
        (
            lambda: local_solution_entropy(all_couplings(3), np.zeros(8), 1),
            TypeError,
            "solves must be an array of bool",
        ),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
