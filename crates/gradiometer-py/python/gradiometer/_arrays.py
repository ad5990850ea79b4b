"""Arrays in: whatever is like one becomes contiguous doubles, exactly, or is refused by name."""

from __future__ import annotations

import csv
import io
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ._errors import DataError

FloatArray: TypeAlias = npt.NDArray[np.float64]
Columns: TypeAlias = dict[str, npt.NDArray[Any]]

_DOUBLE = np.dtype(np.float64)


def _doubles(x: Any, name: str) -> FloatArray:
    try:
        found = np.asarray(x)
    except Exception as error:
        raise TypeError(f"{name} cannot be read as an array: {error}") from error
    kind, size = found.dtype.kind, found.dtype.itemsize
    if found.size == 0 and kind == "f":
        pass
    elif kind not in "biuf" or size > 8:
        raise TypeError(
            f"{name} has entries of type {found.dtype}; give real numbers of at most 64 bits "
            "(widen bfloat16 first)"
        )
    return np.ascontiguousarray(found, dtype=np.float64)


def vector(x: Any, name: str) -> FloatArray:
    """Read an array ``(k,)``."""
    if (
        type(x) is np.ndarray
        and x.dtype is _DOUBLE
        and x.ndim == 1
        and x.flags.c_contiguous
        and x.flags.aligned
    ):
        return x
    found = _shaped(_doubles(x, name), x, name, 1)
    return found


def matrix(x: Any, name: str) -> FloatArray:
    """Read an array ``(n, d)``."""
    if (
        type(x) is np.ndarray
        and x.dtype is _DOUBLE
        and x.ndim == 2
        and x.flags.c_contiguous
        and x.flags.aligned
    ):
        return x
    return _shaped(_doubles(x, name), x, name, 2)


def _shaped(found: FloatArray, given: Any, name: str, ndim: int) -> FloatArray:
    # np.ascontiguousarray makes one dimension of none.
    shape = np.shape(given)
    if len(shape) != ndim:
        wanted = "(k,)" if ndim == 1 else "(n, d), neurons or points are rows"
        raise DataError(f"{name} has shape {shape}; give an array {wanted}")
    return found


def frozen(x: FloatArray) -> FloatArray:
    """Copy an array into one of NumPy's own, which is read-only.

    ``torch.compile`` refuses arrays that stand on memory of anybody else.
    """
    own = x.copy()
    own.flags.writeable = False
    return own


_WORDS = {"stage", "claim", "verdict", "evidence", "name"}
_WHOLE = {"epoch", "step", "neuron", "teacher", "point", "seed"}


def columns(text: str) -> Columns:
    """Read a table of the program: a dict of columns.

    Names of stages and the like are strings, counts are ``int64`` (-1 where there is none), the
    rest is ``float64`` (NaN where there is none), with all bits that were written.
    """
    rows = list(csv.reader(io.StringIO(text)))
    if not rows:
        return {}
    header, body = rows[0], rows[1:]
    found: Columns = {}
    for i, name in enumerate(header):
        cells = [row[i] for row in body]
        if name in _WORDS:
            found[name] = np.array(cells, dtype=np.str_)
        elif name in _WHOLE:
            found[name] = np.array([int(cell) if cell else -1 for cell in cells], dtype=np.int64)
        else:
            values = [float(cell) if cell else float("nan") for cell in cells]
            found[name] = np.array(values, dtype=np.float64)
    return found


def transposed(records: list[dict[str, Any]]) -> Columns:
    """Make columns of a list of records with the same keys; ``None`` is NaN among numbers."""
    found: Columns = {}
    for name in records[0] if records else ():
        cells = [record[name] for record in records]
        if all(cell is None or type(cell) in (int, float) for cell in cells) and any(
            type(cell) is float for cell in cells
        ):
            found[name] = np.array(
                [float("nan") if cell is None else cell for cell in cells], dtype=np.float64
            )
        elif all(type(cell) is bool for cell in cells):
            found[name] = np.array(cells, dtype=np.bool_)
        elif all(cell is None or type(cell) is int for cell in cells):
            found[name] = np.array([-1 if c is None else c for c in cells], dtype=np.int64)
        elif all(cell is None or isinstance(cell, str) for cell in cells):
            found[name] = np.array(["" if c is None else c for c in cells], dtype=np.str_)
        else:
            found[name] = np.array(
                [float("nan") if cell is None else cell for cell in cells], dtype=np.float64
            )
    return found
