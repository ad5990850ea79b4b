"""Weights straight from the objects of PyTorch, equinox and flax, without a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._arrays import FloatArray
from ._errors import DataError


def _numpy(tensor: Any) -> FloatArray:
    if hasattr(tensor, "detach"):
        # bfloat16 has no NumPy type; widening it is exact.
        tensor = tensor.detach().cpu().double().numpy()
    elif hasattr(tensor, "get_value"):
        tensor = tensor.get_value()
    elif hasattr(tensor, "value") and not isinstance(tensor, np.ndarray):
        tensor = tensor.value
    return np.asarray(tensor, dtype=np.float64)


def _bias(found: FloatArray | None, name: str) -> None:
    if found is not None and np.any(found != 0.0):
        neuron = int(np.argmax(found.ravel() != 0.0))
        raise DataError(
            f"{name}[{neuron}] is {found.ravel()[neuron]}: the theory's neurons have no bias; "
            "train the first layer without one (bias=False)"
        )


def _constant(found: FloatArray | None) -> float:
    return 0.0 if found is None else float(found.reshape(()) if found.ndim == 0 else found.sum())


def from_torch(module: Any, first: str | None, second: str | None) -> dict[str, Any]:
    """Find the layers of a module or a ``state_dict``."""
    state = module.state_dict() if hasattr(module, "state_dict") else module
    if not isinstance(state, Mapping):
        raise TypeError(f"give a module or its state_dict, not a {type(module).__name__}")
    tensors = {name.removeprefix("_orig_mod."): _numpy(t) for name, t in state.items()}
    layers = {name: t for name, t in tensors.items() if t.ndim == 2}
    for asked in (first, second):
        if asked is not None and asked not in layers:
            raise DataError(f"there is no matrix {asked!r}; there are {', '.join(layers)}")
    if first is None or second is None:
        first, second = _by_shape(layers, first, second)
    a, w = layers[second], layers[first]
    if a.shape != (1, w.shape[0]):
        raise DataError(
            f"{second} has shape {a.shape} and {first} {w.shape}; give layers (1, m) and (m, d)"
        )
    biases = [name.removesuffix("weight") + "bias" for name in (first, second)]
    used = {first, second, *biases}
    others = [name for name in tensors if name not in used]
    if others:
        raise DataError(f"{', '.join(others)} would be left out; give a network of two layers")
    _bias(tensors.get(biases[0]), biases[0])
    return {"a": a[0], "w": w, "constant": _constant(tensors.get(biases[1]))}


def _by_shape(
    layers: Mapping[str, FloatArray], first: str | None, second: str | None
) -> tuple[str, str]:
    names = list(layers)
    fits = [
        (x, y)
        for x in names
        for y in names
        if x != y
        and layers[y].shape == (1, layers[x].shape[0])
        and first in (None, x)
        and second in (None, y)
    ]
    # In a module's order the first layer comes first; that decides where both fit.
    ordered = [(x, y) for x, y in fits if names.index(x) < names.index(y)]
    if len(fits) > 1 and len(ordered) == 1 and len(names) == 2:
        fits = ordered
    if len(fits) != 1 or (len(names) != 2 and first is None and second is None):
        shapes = ", ".join(f"{name} {layers[name].shape}" for name in names) or "none"
        raise DataError(
            f"a network of two layers (m, d) and (1, m) is not seen in the matrices {shapes}; name "
            "them: first=..., second=..."
        )
    return fits[0]


def _two(layers: list[tuple[FloatArray, FloatArray | None]], what: str) -> dict[str, Any]:
    if len(layers) != 2:
        raise DataError(f"{what} has {len(layers)} linear layers; give a network of two")
    (w, first_bias), (a, second_bias) = layers
    a = a.reshape(1, -1) if a.ndim == 1 else a
    if w.ndim != 2 or a.shape != (1, w.shape[0]):
        raise DataError(f"{what} has layers {w.shape} and {a.shape}; give (m, d) and (1, m)")
    _bias(first_bias, f"{what}: the first layer's bias")
    return {"a": a[0], "w": w, "constant": _constant(second_bias)}


def from_equinox(mlp: Any) -> dict[str, Any]:
    """Find the two linear layers; weights are ``(out, in)``."""
    layers = getattr(mlp, "layers", mlp)
    if not isinstance(layers, (tuple, list)):
        raise TypeError(f"give an equinox.nn.MLP or its layers, not a {type(mlp).__name__}")
    found = [
        (_numpy(layer.weight), None if layer.bias is None else _numpy(layer.bias))
        for layer in layers
        if getattr(layer, "weight", None) is not None
    ]
    return _two(found, "the module")


def _flat(tree: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if isinstance(tree, Mapping):
        found: dict[tuple[str, ...], Any] = {}
        for name, branch in tree.items():
            found.update(_flat(branch, (*path, str(name))))
        return found
    return {path: tree}


def from_flax(state: Any) -> dict[str, Any]:
    """Find the two kernels; they are ``(in, out)``."""
    if not isinstance(state, Mapping):
        from flax import nnx

        if not isinstance(state, nnx.State):
            state = nnx.state(state)
        pure = getattr(nnx, "to_pure_dict", None)
        state = state.to_pure_dict() if pure is None else pure(state)
    leaves = _flat(state)
    kernels = [path for path in leaves if path[-1] == "kernel"]
    found = []
    for path in kernels:
        bias = leaves.get((*path[:-1], "bias"))
        kernel = _numpy(leaves[path])
        found.append((kernel.T, None if bias is None else _numpy(bias)))
    # A state's names are sorted, not its layers: the second one has one output.
    if len(found) == 2 and found[0][0].shape[0] == 1 and found[1][0].shape[0] != 1:
        found.reverse()
    return _two(found, "the state")
