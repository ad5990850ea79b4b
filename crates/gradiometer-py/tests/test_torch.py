import copy
import gc
import pickle
import warnings

import numpy as np
import pytest

import gradiometer as gm

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

# PyTorch itself warns of what it will change.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def exact(population):
    from gradiometer.torch import PopulationLoss

    return PopulationLoss(population)


@pytest.fixture
def weights(student):
    # Of few neurons, so that numerical derivatives end soon.
    def make(x):
        return torch.tensor(x, dtype=torch.float64, requires_grad=True)

    return make(student.a[:3]), make(student.w[:3])


def test_derivatives_are_those_of_the_value(exact, weights):
    assert torch.autograd.gradcheck(exact, weights)
    assert torch.autograd.gradcheck(exact, weights, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(exact, weights)


def test_forward_mode_goes_through_a_plain_backward(exact, population, weights):
    from torch.autograd import forward_ad as fwd

    a, w = weights
    t = torch.linspace(-1, 1, 3, dtype=torch.float64)
    with fwd.dual_level():
        dual = fwd.make_dual(a, t)
        (ga,) = torch.autograd.grad(exact(dual, w), dual)
        tangent = fwd.unpack_dual(ga).tangent
    dense = population.hessian(a.detach().numpy(), w.detach().numpy()).dense()
    assert np.allclose(tangent.detach(), dense[:3, :3] @ t.numpy(), rtol=0, atol=1e-12)


def test_value_and_gradient_are_numpys(exact, population, weights):
    value, (ga, gw) = population.value_and_grad(*(x.detach().numpy() for x in weights))
    loss = exact(*weights)
    loss.backward()
    assert loss.item() == value and loss.dtype == torch.float64
    assert np.array_equal(weights[0].grad.numpy(), ga)
    assert np.array_equal(weights[1].grad.numpy(), gw)


def test_transformations_of_torch_func(exact, population, weights):
    from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

    a, w = (x.detach() for x in weights)

    def flat(x):
        return exact(x[:3], x[3:].reshape(3, 6))

    x = torch.cat([a, w.ravel()])
    dense = torch.from_numpy(population.hessian(a.numpy(), w.numpy()).dense())
    for second in (hessian(flat), jacrev(jacrev(flat)), jacfwd(jacrev(flat)), jacrev(jacfwd(flat))):
        assert torch.allclose(second(x), dense, atol=1e-12)
    t = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(0))
    _value, along = jvp(flat, (x,), (t,))
    assert along.item() == pytest.approx((grad(flat)(x) @ t).item(), rel=1e-12)
    batch = torch.stack([a, 2 * a, 3 * a])
    values = vmap(exact, in_dims=(0, None))(batch, w)
    assert values.tolist() == [exact(row, w).item() for row in batch]
    gradients = vmap(grad(exact, argnums=1), in_dims=(0, None))(batch, w)
    assert torch.equal(gradients[1], grad(exact, argnums=1)(batch[1], w))
    moved = vmap(exact, in_dims=(1, None))(batch.T.contiguous(), w)
    assert torch.equal(moved, values)


def test_forward_mode_is_never_a_silent_zero(exact, weights):
    import torch.autograd.forward_ad as fwd

    a, w = (x.detach() for x in weights)
    with fwd.dual_level():
        dual = exact(fwd.make_dual(a, torch.ones_like(a)), w)
        along = fwd.unpack_dual(dual).tangent
    expected = torch.func.grad(exact)(a, w).sum()
    assert along.item() == pytest.approx(expected.item(), rel=1e-12)

    torch._dynamo.reset()
    compiled = torch.compile(lambda a, w: exact(a, w), backend="eager")
    compiled(a, w)

    def found():
        with fwd.dual_level():
            dual = compiled(fwd.make_dual(a, torch.ones_like(a)), w)
            return fwd.unpack_dual(dual).tangent

    for attempt in (
        found,
        lambda: torch.func.jvp(lambda a: compiled(a, w), (a,), (torch.ones_like(a),))[1],
    ):
        try:
            along = attempt()
        except Exception:
            continue
        assert along is not None and along.item() == pytest.approx(expected.item(), rel=1e-12)


def test_a_third_derivative_raises(exact, weights):
    a, w = weights
    (first,) = torch.autograd.grad(exact(a, w), a, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), a, create_graph=True)
    with pytest.raises(NotImplementedError, match="third"):
        torch.autograd.grad(second.square().sum(), a)
    a, w = a.detach(), w.detach()
    with pytest.raises(NotImplementedError, match="third"):
        torch.func.jacfwd(torch.func.hessian(exact))(a, w)
    with pytest.raises(NotImplementedError, match="third"):
        torch.func.jacrev(torch.func.hessian(exact))(a, w)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_a_compiled_step_is_the_eager_one_to_the_bit(population, exact, weights, backend):
    from gradiometer.torch import PopulationLoss

    torch._dynamo.reset()
    raw = PopulationLoss(gm.Population(population.teacher, from_degree=0))

    def step(a, w):
        return exact(a, w) + 2.0 * raw(a, w)

    compiled = torch.compile(step, fullgraph=True, backend=backend)
    a, w = weights
    expected = torch.autograd.grad(step(a, w), (a, w))
    found = torch.autograd.grad(compiled(a, w), (a, w))
    assert compiled(a, w).item() == step(a, w).item()
    assert all(torch.equal(x, y) for x, y in zip(found, expected, strict=True))
    assert torch._dynamo.explain(step)(a, w).graph_break_count == 0


@pytest.mark.slow
def test_the_operators_pass_pytorchs_own_checks(exact, weights):
    from gradiometer import torch as ours

    a, w = weights
    _value, ga, gw = ours._loss_op(a, w, exact.key)
    torch.library.opcheck(ours._loss_op, (a, w, exact.key))
    torch.library.opcheck(ours._gradient_op, (a, w, ga.detach(), gw.detach(), exact.key))
    torch.library.opcheck(ours._product_op, (a.detach(), w.detach(), a, w, exact.key))


def test_single_precision_warns_once_and_gives_singles(exact, weights, monkeypatch):
    from gradiometer import torch as ours

    monkeypatch.setattr(ours, "_warned", False)
    a, w = (x.detach().float().requires_grad_() for x in weights)
    with pytest.warns(gm.PrecisionWarning, match="float32"):
        loss = exact(a, w)
    assert loss.dtype == torch.float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact(a, w).backward()
    assert a.grad.dtype == torch.float32
    with pytest.raises(gm.DataError, match="fit"):
        exact(a, w.double())
    with pytest.raises(gm.DataError, match="float64 or float32"):
        exact(a.half(), w.half())


def test_a_graph_outlives_its_module(population, weights):
    from gradiometer.torch import PopulationLoss

    module = PopulationLoss(population)
    loss = module(*weights)
    del module
    gc.collect()
    loss.backward()
    assert weights[0].grad is not None


def test_copies_and_samples(population, exact, weights, teacher):
    from gradiometer.torch import PopulationLoss

    for again in (copy.deepcopy(exact), pickle.loads(pickle.dumps(exact))):
        assert again(*weights).item() == exact(*weights).item() and again.key != exact.key
    x = np.random.default_rng(0).standard_normal((200, 6))
    empirical = PopulationLoss(gm.Empirical(teacher, x, teacher(x)))
    loss = empirical(*weights)
    (first,) = torch.autograd.grad(loss, weights[0], create_graph=True)
    with pytest.raises(NotImplementedError, match="samples"):
        torch.autograd.grad(first.sum(), weights[0])
    accurate = PopulationLoss(population, relative=1e-15)
    assert accurate(*weights).item() == pytest.approx(exact(*weights).item(), rel=1e-12)
    with pytest.raises(TypeError, match="Population"):
        PopulationLoss(teacher)


def test_networks_from_modules(weights):
    net = torch.nn.Sequential(
        torch.nn.Linear(6, 9, bias=False), torch.nn.ReLU(), torch.nn.Linear(9, 1)
    )
    found = gm.Network.from_torch(net)
    x = torch.randn(20, 6)
    assert np.allclose(found(x.numpy()), net(x).detach().numpy().ravel(), atol=1e-6)
    half = net.to(torch.bfloat16)
    assert gm.Network.from_torch(half).neurons == 9
    assert gm.Network.from_torch(torch.compile(net)).neurons == 9
    assert gm.Network(torch.ones(2), torch.ones(2, 3)).dimension == 3
    with pytest.raises(TypeError, match="a cannot be read"):
        gm.Network(torch.ones(2, requires_grad=True), torch.ones(2, 3))


def test_descent_in_torch_is_descent_in_numpy(population, weights):
    from gradiometer.torch import PopulationLoss

    module, (a, w) = PopulationLoss(population), weights
    x, y = a.detach().numpy().copy(), w.detach().numpy().copy()
    optimizer = torch.optim.SGD([a, w], lr=0.1, weight_decay=1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        module(a, w).backward()
        optimizer.step()
        _, (ga, gw) = population.value_and_grad(x, y)
        x, y = x - 0.1 * (ga + 1e-3 * x), y - 0.1 * (gw + 1e-3 * y)
    assert np.allclose(a.detach().numpy(), x, atol=1e-14)
    assert np.allclose(w.detach().numpy(), y, atol=1e-14)
