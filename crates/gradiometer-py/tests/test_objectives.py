import pickle
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradiometer as gm


def test_the_loss_of_one_neuron_at_a_right_angle():
    teacher = gm.Teacher([1.0], [[1.0, 0.0]])
    found = gm.loss(teacher, gm.Network([1.0], [[0.0, 1.0]]))
    assert abs(float(found) - (0.5 - 1 / np.pi)) <= found.error + np.finfo(float).eps
    assert found.evidence == "computed" and found.relative_error < 1e-10
    # Without preprocessing E (relu(x) - relu(y))^2 = 1 - 1/pi.
    raw = gm.loss(teacher, gm.Network([1.0], [[0.0, 1.0]]), from_degree=0)
    assert abs(float(raw) - (1 - 1 / np.pi)) <= raw.error + np.finfo(float).eps
    with pytest.raises(gm.DataError, match="from_degree"):
        gm.loss(teacher, gm.Network([1.0], [[0.0, 1.0]]), from_degree=1)


def test_digits_that_doubles_lose():
    teacher = gm.Teacher([1.0], [[1.0, 0.0]])
    near = gm.Network([1.0], [[1.0, 1e-9]])
    found = gm.loss(teacher, near)
    # k(1) - k(cos phi) = phi^2/8 to leading order, twice.
    assert float(found) == pytest.approx(1e-18 / 4, rel=1e-6) and found.relative_error <= 1e-10
    fast = gm.Population(teacher).fast(near)
    assert fast.loss.relative_error > 1.0 and "fast" in fast.path and "fast" not in found.path


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 1000))
def test_the_gradient_is_that_of_the_value(m, d, seed):
    teacher = gm.Teacher.generate(dimension=d, neurons=min(2, d), signs="positive", seed=seed)
    population = gm.Population(teacher)
    student = gm.Network.gaussian(neurons=m, dimension=d, seed=seed)
    found = population.evaluate(student)
    rng, step = np.random.default_rng(seed), 1e-5
    ta, tw = rng.standard_normal(m), rng.standard_normal((m, d))
    low, high = (
        population.evaluate(student.a + s * ta, student.w + s * tw).loss.value
        for s in (-step, step)
    )
    slope = (found.a * ta).sum() + (found.w * tw).sum()
    assert (high - low) / (2 * step) == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_value_and_grad_is_the_fast_evaluation(population, student):
    value, (ga, gw) = population.value_and_grad(student.a, student.w)
    fast = population.fast(student)
    assert value == fast.loss.value
    assert np.array_equal(ga, fast.a) and np.array_equal(gw, fast.w)
    exact = population.evaluate(student, relative=1e-15)
    assert abs(value - exact.loss.value) <= fast.loss.error + exact.loss.error
    assert np.abs(ga - exact.a).max() <= fast.a_error + exact.a_error


def test_the_hessian_is_an_operator(population, student):
    from scipy.sparse.linalg import aslinearoperator, eigsh

    hessian = population.hessian(student)
    dense = hessian.dense()
    assert hessian.shape == (56, 56) and np.allclose(dense, dense.T, atol=1e-15)
    x = np.random.default_rng(0).standard_normal(56)
    assert np.allclose(aslinearoperator(hessian) @ x, dense @ x, atol=1e-13)
    assert hessian.matvec(x[:, None]).shape == (56, 1)
    ends = eigsh(aslinearoperator(hessian), k=2, which="BE", return_eigenvectors=False)
    low, high = hessian.extreme_eigenvalues()
    assert sorted(ends) == pytest.approx([low.value, high.value], abs=1e-10)
    assert population.hessian(student, layers="first").shape == (48, 48)
    large = gm.Network.gaussian(neurons=600, dimension=6)
    with pytest.raises(gm.DataError, match="4096"):
        population.hessian(large).dense()
    with pytest.raises(gm.DataError):
        hessian.matvec(np.zeros(3))


def test_scipy_minimises_the_flat_loss(population, student):
    from scipy.optimize import check_grad, minimize

    fun = population.flat(weight_decay=1e-3)
    x = fun.pack(student.a, student.w)
    assert check_grad(lambda y: fun(y)[0], lambda y: fun(y)[1], x) < 1e-5
    step = np.random.default_rng(0).standard_normal(x.size)
    along = (fun(x + 1e-6 * step)[1] - fun(x - 1e-6 * step)[1]) / 2e-6
    assert np.allclose(fun.hessp(x, step), along, atol=1e-6)
    options = {"maxiter": 300}
    found = minimize(fun, x, jac=True, hessp=fun.hessp, method="trust-ncg", options=options)
    assert found.fun < fun(x)[0] and np.linalg.norm(found.jac) < 1e-3
    a, w = fun.unpack(found.x)
    assert a.shape == (8,) and w.shape == (8, 6)
    with pytest.raises(gm.DataError, match="entries"):
        fun.unpack(np.zeros(5))


def test_an_affine_fit_makes_the_raw_loss_least(teacher, population, student):
    constant, linear = population.affine_fit(student)
    fitted = gm.Network(student.a, student.w, constant=constant, linear=linear)
    raw = gm.loss(teacher, fitted, from_degree=0)
    assert raw.value == pytest.approx(gm.loss(teacher, student).value, rel=1e-10)
    worse = gm.Network(student.a, student.w, constant=constant + 0.1, linear=linear)
    assert gm.loss(teacher, worse, from_degree=0).value > raw.value + 1e-3


def test_an_average_over_samples(teacher, student):
    x = np.random.default_rng(0).standard_normal((4000, 6))
    empirical = gm.Empirical(teacher, x, teacher(x), preprocess=False)
    value, (ga, _) = empirical.value_and_grad(student.a, student.w)
    assert value == pytest.approx(np.mean((student(x) - teacher(x)) ** 2), rel=1e-12)
    assert ga.shape == (8,)
    again = pickle.loads(pickle.dumps(empirical))
    assert again.value_and_grad(student.a, student.w)[0] == value
    with pytest.raises(gm.DataError, match="columns"):
        gm.Empirical(teacher, x[:, :3], teacher(x))
    with pytest.raises(gm.DataError):
        gm.Empirical(teacher, x[:3], teacher(x[:3]))


def test_other_dimensions_and_overflow_are_refused(teacher):
    with pytest.raises(gm.DataError, match="dimension"):
        gm.loss(teacher, gm.Network([1.0], [[1.0]]))
    with pytest.raises(gm.DataError, match="overflow"):
        gm.loss(teacher, gm.Network([1e200], np.full((1, 6), 1e200)))


def test_a_population_comes_back_from_pickle(population, student):
    again = pickle.loads(pickle.dumps(population))
    assert again.fast(student).loss == population.fast(student).loss


@pytest.mark.slow
def test_the_interpreter_is_free_while_a_long_call_runs():
    teacher = gm.Teacher.generate(dimension=30, neurons=3)
    student = gm.Network.gaussian(neurons=600, dimension=30)
    gaps, done = [], threading.Event()

    def tick():
        last = time.monotonic()
        while not done.is_set():
            time.sleep(0.001)
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    ticking = threading.Thread(target=tick)
    ticking.start()
    begin = time.monotonic()
    gm.Population(teacher).evaluate(student, relative=1e-15)
    took = time.monotonic() - begin
    done.set()
    ticking.join()
    # Two busy cores may starve a thread now and then; a held interpreter would do so throughout.
    assert max(gaps) < 0.5 * took or took < 0.2, (max(gaps), took)
