"""The exact loss as a PyTorch module, with first and second derivatives.

In eager mode and under ``torch.func`` it is an ``autograd.Function``, under ``torch.compile`` an
operator: neither alone does all. A third derivative raises, and so does forward mode inside a
compiled region. What needs a derivative through ``torch.compile`` twice fails in PyTorch itself.
"""

from __future__ import annotations

import itertools
import warnings
import weakref
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from ._errors import DataError, PrecisionWarning
from ._objectives import Empirical, Population

__all__ = ["PopulationLoss"]

_Objective: TypeAlias = "Population | Empirical"

_keys = itertools.count()
_modules: weakref.WeakValueDictionary[int, PopulationLoss] = weakref.WeakValueDictionary()
_warned = False


def _module(key: int) -> PopulationLoss:
    try:
        return _modules[key]
    except KeyError:
        raise RuntimeError(
            "the PopulationLoss of this graph is gone; keep the module until after backward"
        ) from None


def _array(x: Tensor) -> Any:
    return x.detach().to("cpu", torch.float64).contiguous().numpy()


def _like(x: Any, model: Tensor) -> Tensor:
    found = torch.from_numpy(np.asarray(x, dtype=np.float64))
    return found.to(device=model.device, dtype=model.dtype)


def _values(module: PopulationLoss, a: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    if module.relative is None:
        value, (ga, gw) = module.population.value_and_grad(_array(a), _array(w))
    else:
        found = module.population.evaluate(_array(a), _array(w), relative=module.relative)
        value, ga, gw = found.loss.value, found.a, found.w
    return _like(value, a), _like(ga, a), _like(gw, w)


def _product(
    module: PopulationLoss, a: Tensor, w: Tensor, ua: Tensor, uw: Tensor
) -> tuple[Tensor, Tensor]:
    population = module.population
    if not isinstance(population, Population):
        raise NotImplementedError("an average over samples has no second derivative here")
    flat = np.concatenate([_array(ua), _array(uw).ravel()])
    product = population.hessian(_array(a), _array(w)).matvec(flat)
    m = a.shape[0]
    return _like(product[:m], a), _like(product[m:].reshape(w.shape), w)


def _no_third() -> Any:
    raise NotImplementedError(
        "the loss has first and second derivatives here; a third one was asked for"
    )


def _rows(info: Any, in_dims: Any, args: Any) -> Any:
    """Take the arguments of each element of a batch."""
    for i in range(info.batch_size):
        yield [
            x if dim is None or not isinstance(x, Tensor) else x.select(dim, i)
            for x, dim in zip(args, in_dims, strict=True)
        ]


def _stacked(results: list[tuple[Tensor, ...]]) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    columns = tuple(torch.stack(column) for column in zip(*results, strict=True))
    return columns, (0,) * len(columns)


def _zeros(x: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if x is None else x


class _Loss(torch.autograd.Function):
    """``(a, w) -> L`` with the gradient beside it."""

    @staticmethod
    def forward(a: Tensor, w: Tensor, key: int) -> tuple[Tensor, Tensor, Tensor]:
        return _values(_module(key), a, w)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        a, w, key = inputs
        _, ga, gw = output
        ctx.mark_non_differentiable(ga, gw)
        ctx.save_for_backward(a, w, ga, gw)
        ctx.save_for_forward(a, w, ga, gw)
        ctx.set_materialize_grads(False)
        ctx.key, ctx.module = key, _module(key)

    @staticmethod
    def backward(ctx: Any, g: Any, *_: Any) -> Any:
        if g is None:
            return None, None, None
        if not torch.is_grad_enabled() and torch.autograd.forward_ad._current_level < 0:
            # Nobody asked for a derivative of this one.
            _, _, ga, gw = ctx.saved_tensors
        else:
            ga, gw = _Gradient.apply(*ctx.saved_tensors, ctx.key)
        return g * ga, g * gw, None

    @staticmethod
    def jvp(ctx: Any, ta: Any, tw: Any, _: Any) -> Any:
        a, w, *_rest = ctx.saved_tensors
        ga, gw = _Gradient.apply(*ctx.saved_tensors, ctx.key)
        along = (ga * _zeros(ta, a)).sum() + (gw * _zeros(tw, w)).sum()
        return along, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        return _stacked([_Loss.apply(*row) for row in _rows(info, in_dims, args)])


class _Gradient(torch.autograd.Function):
    """The gradient that is known already, as a function of ``(a, w)``."""

    @staticmethod
    def forward(a: Tensor, w: Tensor, ga: Tensor, gw: Tensor, key: int) -> tuple[Tensor, Tensor]:
        return ga.clone(), gw.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        a, w, _, _, key = inputs
        ctx.save_for_backward(a, w)
        ctx.save_for_forward(a, w)
        ctx.set_materialize_grads(False)
        ctx.key, ctx.module = key, _module(key)

    @staticmethod
    def backward(ctx: Any, ua: Any, uw: Any) -> Any:
        if ua is None and uw is None:
            return None, None, None, None, None
        a, w = ctx.saved_tensors
        pa, pw = _Product.apply(a, w, _zeros(ua, a), _zeros(uw, w), ctx.key)
        return pa, pw, None, None, None

    @staticmethod
    def jvp(ctx: Any, ta: Any, tw: Any, *_: Any) -> Any:
        a, w = ctx.saved_tensors
        return _Product.apply(a, w, _zeros(ta, a), _zeros(tw, w), ctx.key)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        return _stacked([_Gradient.apply(*row) for row in _rows(info, in_dims, args)])


class _Product(torch.autograd.Function):
    """The Hessian times a vector; linear in the vector, and not differentiable in ``(a, w)``."""

    @staticmethod
    def forward(a: Tensor, w: Tensor, ua: Tensor, uw: Tensor, key: int) -> tuple[Tensor, Tensor]:
        return _product(_module(key), a, w, ua, uw)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        a, w, _, _, key = inputs
        ctx.save_for_backward(a, w)
        ctx.save_for_forward(a, w)
        ctx.set_materialize_grads(False)
        ctx.key, ctx.module = key, _module(key)

    @staticmethod
    def backward(ctx: Any, va: Any, vw: Any) -> Any:
        if va is None and vw is None:
            return None, None, None, None, None
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            _no_third()
        a, w = ctx.saved_tensors
        pa, pw = _Product.apply(a, w, _zeros(va, a), _zeros(vw, w), ctx.key)
        return None, None, pa, pw, None

    @staticmethod
    def jvp(ctx: Any, ta: Any, tw: Any, tua: Any, tuw: Any, _: Any) -> Any:
        if ta is not None or tw is not None:
            _no_third()
        a, w = ctx.saved_tensors
        return _Product.apply(a, w, _zeros(tua, a), _zeros(tuw, w), ctx.key)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        return _stacked([_Product.apply(*row) for row in _rows(info, in_dims, args)])


# The same as operators, which torch.compile traces. They are private: alone they would give forward
# mode a silent zero.


@torch.library.custom_op("gradiometer::loss", mutates_args=())
def _loss_op(a: Tensor, w: Tensor, key: int) -> tuple[Tensor, Tensor, Tensor]:
    return _values(_module(key), a, w)


@torch.library.custom_op("gradiometer::gradient", mutates_args=())
def _gradient_op(a: Tensor, w: Tensor, ga: Tensor, gw: Tensor, key: int) -> tuple[Tensor, Tensor]:
    return ga.clone(), gw.clone()


@torch.library.custom_op("gradiometer::product", mutates_args=())
def _product_op(a: Tensor, w: Tensor, ua: Tensor, uw: Tensor, key: int) -> tuple[Tensor, Tensor]:
    return _product(_module(key), a, w, ua, uw)


@_loss_op.register_fake
def _(a: Tensor, w: Tensor, key: int) -> tuple[Tensor, Tensor, Tensor]:
    return a.new_empty(()), torch.empty_like(a), torch.empty_like(w)


@_gradient_op.register_fake
@_product_op.register_fake
def _(a: Tensor, w: Tensor, ua: Tensor, uw: Tensor, key: int) -> tuple[Tensor, Tensor]:
    return torch.empty_like(a), torch.empty_like(w)


def _keep_loss(ctx: Any, inputs: Any, output: Any) -> None:
    a, w, key = inputs
    ctx.save_for_backward(a, w, output[1], output[2])
    ctx.set_materialize_grads(False)
    ctx.key = key


def _loss_back(ctx: Any, g: Any, *_: Any) -> Any:
    if g is None:
        return None, None, None
    ga, gw = _gradient_op(*ctx.saved_tensors, ctx.key)
    return g * ga, g * gw, None


def _keep_pair(ctx: Any, inputs: Any, output: Any) -> None:
    a, w, _, _, key = inputs
    ctx.save_for_backward(a, w)
    ctx.set_materialize_grads(False)
    ctx.key = key


def _gradient_back(ctx: Any, ua: Any, uw: Any) -> Any:
    if ua is None and uw is None:
        return None, None, None, None, None
    a, w = ctx.saved_tensors
    pa, pw = _product_op(a, w, _zeros(ua, a), _zeros(uw, w), ctx.key)
    return pa, pw, None, None, None


def _product_back(ctx: Any, va: Any, vw: Any) -> Any:
    if va is None and vw is None:
        return None, None, None, None, None
    if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
        _no_third()
    a, w = ctx.saved_tensors
    pa, pw = _product_op(a, w, _zeros(va, a), _zeros(vw, w), ctx.key)
    return None, None, pa, pw, None


_loss_op.register_autograd(_loss_back, setup_context=_keep_loss)
_gradient_op.register_autograd(_gradient_back, setup_context=_keep_pair)
_product_op.register_autograd(_product_back, setup_context=_keep_pair)


def _batched(operator: Any) -> Any:
    def rule(info: Any, in_dims: Any, *args: Any) -> Any:
        return _stacked([operator(*row) for row in _rows(info, in_dims, args)])

    return rule


for _operator in (_loss_op, _gradient_op, _product_op):
    torch.library.register_vmap(_operator, _batched(_operator))


def _warn_of_singles() -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            "float32 weights give a float32 loss: near the teacher its digits are gone; use "
            "float64 (torch.set_default_dtype(torch.float64))",
            PrecisionWarning,
            stacklevel=3,
        )


class PopulationLoss(nn.Module):
    r"""The exact loss :math:`L(a, W)` of a student, a module like any other loss.

    Parameters
    ----------
    population
        A :class:`gradiometer.Population`, or a :class:`gradiometer.Empirical`, which has no second
        derivative.
    relative
        Largest error of ``L`` relative to itself; by default the fast evaluation's.

    Notes
    -----
    ``module(a, w)`` takes ``a (m,)`` and ``w (m, d)`` of float32 or float64 on any device, computes
    in doubles on the CPU, and gives a scalar of their type on their device. Derivatives up to the
    second, ``torch.func``, ``vmap`` over ``a`` and ``w``, and ``torch.compile`` with a full graph
    work.

    Raises
    ------
    NotImplementedError
        For a third derivative, and for forward mode under ``torch.compile``: never a silent zero.
    """

    population: _Objective
    relative: float | None

    def __init__(self, population: _Objective, *, relative: float | None = None) -> None:
        super().__init__()
        if not isinstance(population, (Population, Empirical)):
            raise TypeError(f"give a Population or an Empirical, not a {type(population).__name__}")
        self.population = population
        self.relative = relative
        self._register()

    def _register(self) -> None:
        self.key = next(_keys)
        _modules[self.key] = self

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "key"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._register()

    def forward(self, a: Tensor, w: Tensor) -> Tensor:
        """Evaluate the loss at ``a (m,)``, ``w (m, d)``: a scalar."""
        if a.dim() != 1 or w.dim() != 2 or a.dtype != w.dtype or a.device != w.device:
            raise DataError(
                f"a {tuple(a.shape)} {a.dtype} and w {tuple(w.shape)} {w.dtype} do not fit; give "
                "(m,) and (m, d) of one type on one device"
            )
        if torch.compiler.is_compiling():
            if torch.autograd.forward_ad._current_level >= 0:
                raise NotImplementedError("forward mode does not go through torch.compile here")
            compiled: Tensor = _loss_op(a, w, self.key)[0]
            return compiled
        if a.dtype == torch.float32:
            _warn_of_singles()
        elif a.dtype != torch.float64:
            raise DataError(f"a has entries of type {a.dtype}; give float64 or float32")
        loss: Tensor = _Loss.apply(a, w, self.key)[0]
        return loss
