"""The exact loss as a function that JAX transforms, with first and second derivatives.

The value with its gradient, and the Hessian times a vector, are primitives: compiled, each is a
callback that is handed NumPy arrays. `jax.pure_callback` would make JAX arrays of them first, which
costs more than a small evaluation. The product is linear in its vector, with rules for forward mode
and transposition. A third derivative raises.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from ._errors import DataError, PrecisionWarning
from ._objectives import Empirical, Population

__all__ = ["population_loss"]

_warned = False


class _Handle:
    """What the callbacks evaluate; compared by identity, as JAX wants its parameters."""

    def __init__(self, population: Population | Empirical, relative: float | None) -> None:
        self.population = population
        self.relative = relative

    def values(self, a: Any, w: Any) -> tuple[np.ndarray[Any, Any], ...]:
        a, w = np.asarray(a), np.asarray(w)
        if self.relative is None:
            value, (ga, gw) = self.population.value_and_grad(a, w)
        else:
            found = self.population.evaluate(a, w, relative=self.relative)
            value, ga, gw = found.loss.value, found.a, found.w
        return np.asarray(value, a.dtype), ga.astype(a.dtype), gw.astype(w.dtype)

    def product(self, a: Any, w: Any, ua: Any, uw: Any) -> tuple[np.ndarray[Any, Any], ...]:
        if not isinstance(self.population, Population):
            raise NotImplementedError("an average over samples has no second derivative here")
        a, w = np.asarray(a), np.asarray(w)
        flat = np.concatenate([np.asarray(ua), np.asarray(uw).ravel()]).astype(np.float64)
        found = self.population.hessian(a, w).matvec(flat)
        m = a.shape[0]
        return found[:m].astype(a.dtype), found[m:].reshape(w.shape).astype(w.dtype)


def _primitive(name: str, function: Any, shapes: Any) -> Primitive:
    """Make a primitive of ``function(handle, *arrays)``, whose results have ``shapes(*arrays)``."""
    made = Primitive(name)
    made.multiple_results = True

    @made.def_impl
    def evaluated(*args: Any, handle: _Handle) -> Any:
        return [jnp.asarray(x) for x in function(handle, *args)]

    @made.def_abstract_eval
    def shaped(*args: Any, handle: _Handle) -> Any:
        del handle
        return [jax.core.ShapedArray(shape, args[0].dtype) for shape in shapes(*args)]

    def lowered(context: Any, *args: Any, handle: _Handle) -> Any:
        results, _, _ = mlir.emit_python_callback(
            context,
            functools.partial(function, handle),
            None,
            list(args),
            context.avals_in,
            context.avals_out,
            has_side_effect=False,
        )
        return results

    def batched(args: Any, dims: Any, *, handle: _Handle) -> Any:
        # What is not batched has no dimension, None.
        size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
        full = [
            jnp.moveaxis(x, d, 0) if d is not None else jnp.broadcast_to(x, (size, *x.shape))
            for x, d in zip(args, dims, strict=True)
        ]
        found = jax.lax.map(lambda row: tuple(made.bind(*row, handle=handle)), tuple(full))
        return list(found), [0] * len(found)

    mlir.register_lowering(made, lowered)
    batching.primitive_batchers[made] = batched
    return made


_values_p = _primitive("gradiometer_values", _Handle.values, lambda a, w: ((), a.shape, w.shape))
_product_p = _primitive(
    "gradiometer_hessian_product", _Handle.product, lambda a, w, ua, uw: (a.shape, w.shape)
)


def _product(a: Any, w: Any, ua: Any, uw: Any, *, handle: _Handle) -> Any:
    return _product_p.bind(a, w, ua, uw, handle=handle)


def _is_zero(x: Any) -> bool:
    return type(x) is ad.Zero


def _product_jvp(primals: Any, tangents: Any, *, handle: _Handle) -> Any:
    a, w, ua, uw = primals
    ta, tw, tua, tuw = tangents
    if not (_is_zero(ta) and _is_zero(tw)):
        raise NotImplementedError(
            "the loss has first and second derivatives here; a third one was asked for"
        )
    out = _product(a, w, ua, uw, handle=handle)
    along = _product(a, w, ad.instantiate_zeros(tua), ad.instantiate_zeros(tuw), handle=handle)
    return out, along


def _product_transpose(
    cotangents: Any, a: Any, w: Any, ua: Any, uw: Any, *, handle: _Handle
) -> Any:
    if ad.is_undefined_primal(a) or ad.is_undefined_primal(w):
        raise NotImplementedError("the product is linear in its vector alone")
    ca, cw = (ad.instantiate_zeros(c) for c in cotangents)
    pa, pw = _product(a, w, ca, cw, handle=handle)
    wanted = [pa, pw]
    return [None, None] + [
        found if ad.is_undefined_primal(given) else None
        for found, given in zip(wanted, (ua, uw), strict=True)
    ]


ad.primitive_jvps[_product_p] = _product_jvp
ad.primitive_transposes[_product_p] = _product_transpose


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _values(handle: _Handle, a: Any, w: Any) -> Any:
    return tuple(_values_p.bind(a, w, handle=handle))


@_values.defjvp
def _values_jvp(handle: _Handle, primals: Any, tangents: Any) -> Any:
    (a, w), (ta, tw) = primals, tangents
    value, ga, gw = _values(handle, a, w)
    pa, pw = _product(a, w, ta, tw, handle=handle)
    return (value, ga, gw), (jnp.vdot(ga, ta) + jnp.vdot(gw, tw), pa, pw)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _loss(handle: _Handle, a: Any, w: Any) -> Any:
    return _values_p.bind(a, w, handle=handle)[0]


@_loss.defjvp
def _loss_jvp(handle: _Handle, primals: Any, tangents: Any) -> Any:
    (a, w), (ta, tw) = primals, tangents
    value, ga, gw = _values(handle, a, w)
    return value, jnp.vdot(ga, ta) + jnp.vdot(gw, tw)


def _warn_of_singles() -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            "float32 weights give a float32 loss: near the teacher its digits are gone; use "
            'float64 (jax.config.update("jax_enable_x64", True))',
            PrecisionWarning,
            stacklevel=3,
        )


def population_loss(
    population: Population | Empirical, *, relative: float | None = None
) -> Callable[[Any, Any], Any]:
    r"""Make the exact loss :math:`L(a, W)` a function for JAX.

    Parameters
    ----------
    population
        A :class:`gradiometer.Population`, or a :class:`gradiometer.Empirical`, which has no second
        derivative.
    relative
        Largest error of ``L`` relative to itself; by default the fast evaluation's.

    Returns
    -------
    function
        Takes ``a (m,)`` and ``w (m, d)`` of one type and gives a scalar of it, computed in doubles
        on the CPU. ``jit``, ``grad``, ``jvp``, ``vmap``, ``hessian``, ``lax.scan`` and their
        combinations up to the second derivative work; a third derivative raises
        ``NotImplementedError``.
    """
    if not isinstance(population, (Population, Empirical)):
        raise TypeError(f"give a Population or an Empirical, not a {type(population).__name__}")
    handle = _Handle(population, relative)

    def loss(a: Any, w: Any) -> Any:
        a, w = jnp.asarray(a), jnp.asarray(w)
        if a.ndim != 1 or w.ndim != 2 or a.dtype != w.dtype or a.shape[0] != w.shape[0]:
            raise DataError(
                f"a {a.shape} {a.dtype} and w {w.shape} {w.dtype} do not fit; give (m,) and (m, d) "
                "of one type"
            )
        if a.dtype == jnp.float32:
            _warn_of_singles()
        elif a.dtype != jnp.float64:
            raise DataError(f"a has entries of type {a.dtype}; give float64 or float32")
        return _loss(handle, a, w)

    return loss
