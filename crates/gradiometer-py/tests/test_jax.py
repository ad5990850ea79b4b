import numpy as np
import pytest

import gradiometer as gm

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy


@pytest.fixture(scope="module")
def loss(population):
    from gradiometer.jax import population_loss

    return population_loss(population)


@pytest.fixture
def weights(student):
    return jnp.asarray(student.a[:3]), jnp.asarray(student.w[:3])


def flat_of(loss):
    return lambda x: loss(x[:3], x[3:].reshape(3, 6))


def test_derivatives_are_those_of_the_value(loss, weights):
    from jax.test_util import check_grads

    check_grads(loss, weights, order=2, modes=("fwd", "rev"), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("jit", [False, True])
def test_value_and_gradient_are_numpys(loss, population, weights, jit):
    function = jax.value_and_grad(loss, (0, 1))
    value, (ga, gw) = (jax.jit(function) if jit else function)(*weights)
    expected, (ea, ew) = population.value_and_grad(*map(np.asarray, weights))
    assert float(value) == expected and value.dtype == jnp.float64
    assert np.array_equal(ga, ea) and np.array_equal(gw, ew)


def test_second_derivatives_in_every_order(loss, population, weights):
    flat, x = flat_of(loss), jnp.concatenate([weights[0], weights[1].ravel()])
    dense = population.hessian(*map(np.asarray, weights)).dense()
    seconds = (
        jax.hessian(flat),
        jax.jit(jax.hessian(flat)),
        jax.jacrev(jax.jacrev(flat)),
        jax.jacrev(jax.jacfwd(flat)),
        jax.jacfwd(jax.jacfwd(flat)),
    )
    for second in seconds:
        assert np.allclose(second(x), dense, atol=1e-12)
    t = jnp.arange(1.0, 22.0)
    product = jax.grad(lambda x: jnp.vdot(jax.grad(flat)(x), t))(x)
    assert np.allclose(product, dense @ t, atol=1e-11)
    _, along = jax.jvp(flat, (x,), (t,))
    assert float(along) == pytest.approx(float(jnp.vdot(jax.grad(flat)(x), t)), rel=1e-12)


def test_batches(loss, weights):
    a, w = weights
    batch = jnp.stack([a, 2 * a, 3 * a])
    values = jax.vmap(loss, (0, None))(batch, w)
    assert values.tolist() == [float(loss(row, w)) for row in batch]
    gradients = jax.jit(jax.vmap(jax.grad(loss), (0, None)))(batch, w)
    assert np.array_equal(gradients[2], jax.grad(loss)(batch[2], w))
    hessians = jax.vmap(jax.hessian(loss), (0, None))(batch, w)
    assert np.allclose(hessians[1], jax.hessian(loss)(batch[1], w), atol=1e-12)
    swapped = jax.vmap(jax.hessian(loss), (1, None))(batch.T, w)
    assert np.array_equal(swapped, hessians)


def test_a_scan_is_the_loop_in_numpy(loss, population, weights):
    def step(at, _):
        ga, gw = jax.grad(loss, (0, 1))(*at)
        return (at[0] - 0.05 * ga, at[1] - 0.05 * gw), None

    (a, w), _ = jax.jit(lambda at: jax.lax.scan(step, at, None, length=1000))(weights)
    x, y = map(np.array, weights)
    for _ in range(1000):
        _, (ga, gw) = population.value_and_grad(x, y)
        x, y = x - 0.05 * ga, y - 0.05 * gw
    assert np.allclose(a, x, rtol=0, atol=1e-12) and np.allclose(w, y, rtol=0, atol=1e-12)


def test_a_third_derivative_raises(loss, weights):
    flat, x = flat_of(loss), jnp.concatenate([weights[0], weights[1].ravel()])
    for third in (jax.jacfwd, jax.jacrev):
        with pytest.raises(NotImplementedError, match="third"):
            third(jax.hessian(flat))(x)
    with pytest.raises(NotImplementedError, match="third"):
        jax.grad(lambda x: jnp.sum(jax.grad(lambda y: jnp.sum(jax.grad(flat)(y) ** 2))(x) ** 2))(x)


def test_single_precision_warns_once_and_gives_singles(loss, weights, monkeypatch):
    from gradiometer import jax as ours

    monkeypatch.setattr(ours, "_warned", False)
    a, w = (x.astype(jnp.float32) for x in weights)
    with pytest.warns(gm.PrecisionWarning, match="float32"):
        value, gradient = jax.value_and_grad(loss)(a, w)
    assert value.dtype == gradient.dtype == jnp.float32
    assert jax.hessian(loss)(a, w).dtype == jnp.float32
    with pytest.raises(gm.DataError, match="fit"):
        loss(a, w.astype(jnp.float64))


def test_samples_have_no_second_derivative(teacher, weights):
    from gradiometer.jax import population_loss

    x = np.random.default_rng(0).standard_normal((200, 6))
    empirical = population_loss(gm.Empirical(teacher, x, teacher(x)))
    assert np.isfinite(jax.grad(empirical)(*weights)).all()
    with pytest.raises(Exception, match="second derivative"):
        jax.hessian(empirical)(*weights)
    with pytest.raises(TypeError, match="Population"):
        population_loss(teacher)


def test_tracers_are_refused_where_arrays_are_wanted(population, weights):
    def wrong(a, w):
        return population.value_and_grad(a, w)[0]

    with pytest.raises(TypeError, match="a cannot be read"):
        jax.jit(wrong)(*weights)


def test_optimistix_minimises(loss, weights):
    optimistix = pytest.importorskip("optimistix")
    solver = optimistix.BFGS(1e-8, 1e-8)
    found = optimistix.minimise(lambda y, _: loss(*y), solver, weights, max_steps=400, throw=False)
    assert float(loss(*found.value)) < 0.1 * float(loss(*weights))


def test_networks_from_equinox_and_flax():
    equinox = pytest.importorskip("equinox")
    mlp = equinox.nn.MLP(6, 1, 9, 1, use_bias=False, use_final_bias=True, key=jax.random.key(0))
    found, x = gm.Network.from_equinox(mlp), np.random.default_rng(0).standard_normal((5, 6))
    assert np.allclose(found(x), [float(mlp(jnp.asarray(row))[0]) for row in x], atol=1e-12)
    nnx = pytest.importorskip("flax.nnx")

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(6, 9, use_bias=False, rngs=rngs)
            self.second = nnx.Linear(9, 1, rngs=rngs)

        def __call__(self, x):
            return self.second(jax.nn.relu(self.first(x)))

    net = Net(nnx.Rngs(0))
    found = gm.Network.from_flax(net)
    assert np.allclose(found(x), np.asarray(net(jnp.asarray(x))).ravel(), atol=1e-5)
