"""An experiment at every point of a grid, by any executor."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Protocol, final

import numpy as np

from . import _lib
from ._arrays import Columns
from ._arrays import columns as read_columns
from ._display import pairs
from ._errors import DataError, OccupiedError


class Submits(Protocol):
    """Anything with ``submit``: a pool, Dask's client, submitit, MPI."""

    def submit(self, function: Any, /, *args: Any) -> Any:
        """Run a function somewhere, and give something with ``result()``."""


def _toml(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, Path)):
        return json.dumps(str(value))
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(str(k))} = {_toml(v)}" for k, v in value.items())
        return "{ " + inner + " }"
    if isinstance(value, (Sequence, range, np.ndarray)):
        return "[" + ", ".join(_toml(x) for x in value) + "]"
    raise DataError(f"{value!r} is no part of a sweep")


def _text(base: Mapping[str, Any], grid: Mapping[str, Any]) -> str:
    plain = {k: v for k, v in base.items() if not isinstance(v, Mapping)}
    sections = {k: v for k, v in base.items() if isinstance(v, Mapping)}
    lines = [f"{name} = {_toml(value)}" for name, value in plain.items()]
    for name, section in sections.items():
        lines += ["", f"[{name}]"]
        lines += [f"{key} = {_toml(value)}" for key, value in section.items()]
    lines += ["", "[sweep]"]
    # Dots in the names of fields are TOML's own.
    lines += [f"{field} = {_toml(values)}" for field, values in grid.items()]
    return "\n".join(lines).lstrip() + "\n"


def _run_points(file: str, out: str, points: str | None, threads: int | None) -> list[Any]:
    """Run points in this process; what a worker is sent."""
    if threads is not None:
        _lib.set_num_threads(threads)
    return _lib.sweep_run(Path(file), Path(out), points)


@final
class Sweep:
    """An experiment at every point of a grid, in a folder.

    Results are read from the folder and never from a worker: one that is lost loses nothing, a
    point that is done is not run again, and any number of processes on machines that share the
    folder may work at once. The program's ``sweep`` goes on with the same folder.

    Parameters
    ----------
    out
        The folder. ``sweep.toml`` in it is the sweep's file.
    base
        The experiment: its sections as dicts, as for :func:`train`.
    grid
        Values for fields, such as ``{"seed": range(8), "student.neurons": [40, 80]}``; ``"keep":
        "rows"`` leaves no folder for each point. By default the sweep that the folder holds.

    Raises
    ------
    OccupiedError
        For a folder that holds another sweep.
    """

    __slots__ = ("file", "out")

    def __init__(
        self,
        out: str | Path,
        base: Mapping[str, Any] | None = None,
        grid: Mapping[str, Any] | None = None,
    ) -> None:
        self.out = Path(out)
        self.file = self.out / "sweep.toml"
        if (base is None) != (grid is None):
            raise DataError("give base and grid, or neither for the sweep that the folder holds")
        if base is not None and grid is not None:
            text = _text(base, grid)
            if self.file.exists() and self.file.read_text(encoding="utf-8") != text:
                raise OccupiedError(f"{self.file}: is another sweep; choose another folder")
            self.out.mkdir(parents=True, exist_ok=True)
            self.file.write_text(text, encoding="utf-8")
        self.points  # noqa: B018 - refuses a sweep that is none

    @property
    def points(self) -> list[dict[str, Any]]:
        """The fields of the grid at every point."""
        return list(json.loads(_lib.sweep_settings(self.file, self.out)))

    def status(self) -> dict[str, Any]:
        """Tell how far it is: ``done``, ``open``, ``failed``, ``running``, ..."""
        return dict(json.loads(_lib.sweep_status(self.file, self.out)))

    def missing(self) -> list[int]:
        """List the points without a result."""
        return list(self.status()["open"])

    def run(
        self,
        executor: Executor | Submits | None = None,
        *,
        threads: int | None = None,
        tries: int = 3,
    ) -> Columns:
        """Run the points that are not done, and take the table.

        Parameters
        ----------
        executor
            Anything with ``submit``; a pool of processes must not fork: use ``spawn``. By default
            the points run here, one after the other.
        threads
            Of each worker; with an executor 1 by default.
        tries
            How often the points that a lost worker left are submitted again.
        """
        where = (str(self.file), str(self.out))
        if executor is None:
            if threads is None:
                _run_points(*where, None, None)
            else:
                before = _lib.get_num_threads()
                try:
                    _run_points(*where, None, threads)
                finally:
                    _lib.set_num_threads(before)
            return self.table()
        for _ in range(tries):
            missing = self.missing()
            if not missing:
                break
            jobs = [executor.submit(_run_points, *where, str(p), threads or 1) for p in missing]
            for job in jobs:
                try:
                    job.result()
                except (KeyboardInterrupt, SystemExit):
                    raise
                except Exception:
                    continue
        return self.table()

    def table(self) -> Columns:
        """Read the rows of the points that are done, as columns."""
        header, rows = _lib.sweep_table(self.out)
        found: Columns = {}
        for i, name in enumerate(header):
            found[name] = _column([row[i] for row in rows])
        return found

    def trajectories(self) -> Columns:
        """Read all trajectories as one long table, with a column ``point``."""
        tables: list[Columns] = []
        for point in range(len(self.points)):
            path = self.out / "points" / f"{point:05}" / "trajectory.csv"
            if path.exists():
                table = read_columns(path.read_text(encoding="utf-8"))
                size = table["step"].size
                tables.append({"point": np.full(size, point, dtype=np.int64), **table})
        if not tables:
            return {}
        names = [name for name in tables[0] if all(name in table for table in tables)]
        return {name: np.concatenate([table[name] for table in tables]) for name in names}

    def to_xarray(self) -> Any:
        """Arrange the table as an ``xarray.Dataset`` with a dimension for each field of the grid.

        Columns with numbers alone are arranged; a point without a result is NaN. Needs xarray.
        """
        xarray = importlib.import_module("xarray")
        points, table = self.points, self.table() if self.status()["done"] else {}
        fields = list(points[0]) if points else []
        # In the order of the grid; lists are no coordinates.
        places = {f: list(dict.fromkeys(_coordinate(p[f]) for p in points)) for f in fields}
        shape = tuple(len(places[f]) for f in fields)
        done = table.get("point", np.array([], dtype=np.int64)).tolist()
        at = [tuple(places[f].index(_coordinate(points[p][f])) for f in fields) for p in done]
        data = {}
        for name, column in table.items():
            if name in fields or name == "point" or column.dtype.kind not in "if":
                continue
            if not np.isfinite(column).any():
                continue
            values = np.full(shape, np.nan)
            for index, value in zip(at, column.tolist(), strict=True):
                values[index] = value
            data[name] = (tuple(fields), values)
        return xarray.Dataset(data, coords=places)

    def write_slurm(
        self,
        path: str | Path,
        *,
        shards: int,
        time: str = "1:00:00",
        cpus_per_task: int = 1,
        at_once: int | None = None,
        program: str | Path = "gradiometer",
        options: Sequence[str] = (),
    ) -> None:
        """Write the script of a job array of the program, which needs no Python on its nodes."""
        place = (self.file.resolve(), self.out.resolve(), Path(program))
        script = _lib.sweep_slurm(*place, shards, time, cpus_per_task, at_once, list(options))
        Path(path).write_text(script, encoding="utf-8")

    def __repr__(self) -> str:
        return f"Sweep({str(self.out)!r}, points={len(self.points)})"

    def _repr_html_(self) -> str:
        status = self.status()
        shown = ("points", "done", "diverged", "violated", "failed", "running", "open")
        return pairs({name: str(status[name]) for name in shown})


def _coordinate(value: Any) -> Any:
    """Make a value of a field one of an axis: a list as text."""
    return value if isinstance(value, (bool, int, float, str)) else json.dumps(value)


def _column(cells: list[str]) -> Any:
    """Type a column by its cells: whole numbers, numbers, or words."""
    try:
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    except ValueError:
        pass
    try:
        numbers = [float(cell) if cell else float("nan") for cell in cells]
        return np.array(numbers, dtype=np.float64)
    except ValueError:
        return np.array(cells, dtype=np.str_)
