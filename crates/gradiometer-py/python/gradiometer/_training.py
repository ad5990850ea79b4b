"""Algorithm 1 and its variants: trained, looked at, stopped, resumed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, final, overload

import numpy as np

from . import _lib
from ._arrays import Columns, FloatArray, columns, transposed
from ._display import Figure, pairs
from ._errors import DataError, MissingError
from ._networks import Network, Recovery, Teacher, match
from ._results import Bounded
from ._theory import report as write_report

_SILENT = 2.0
_TICK = 0.25
_PATIENCE = 0.4


@dataclass(frozen=True)
class Look:
    """A run at a moment: steps taken, most steps, and the place in the algorithm."""

    steps: int
    most_steps: int
    place: str


@final
class Record(dict[str, Any]):
    """A record of a run by name, such as ``record["lambda"]``; ``record.loss`` has its error."""

    @property
    def loss(self) -> Bounded:
        """The exact loss."""
        return Bounded(self["loss"], self["loss_error"])


@dataclass(frozen=True)
class Run:
    """A run of Algorithm 1, finished or so far.

    Attributes
    ----------
    trajectory
        Every record as columns ``(k,)``, named as in ``trajectory.csv``: ``stage``, ``epoch``,
        ``step``, ``lambda``, ``loss``, ... Counts that are missing are -1, numbers NaN. pandas,
        polars and pyarrow take the dict as it is.
    student, teacher
        The networks; of a folder whose run was stopped, the student of its last checkpoint.
    ending
        ``"finished"``, ``"violated"`` (a watched claim was) or ``"stopped"``.
    stages
        The records at the ends of stages and epochs, as columns.
    final
        The last record, by name.
    claims, snapshots
        The watched claims, and where the neurons were, as columns.
    manifest
        ``run.json`` as a dict; none for a folder whose run was stopped.
    folder
        The run's folder, if it has one.
    """

    trajectory: Columns = field(repr=False)
    student: Network | None
    teacher: Teacher
    ending: Literal["finished", "violated", "stopped"]
    stages: Columns = field(repr=False)
    final: Record = field(repr=False)
    claims: Columns = field(repr=False)
    snapshots: Columns = field(repr=False)
    manifest: dict[str, Any] | None = field(repr=False)
    folder: Path | None
    _core: _lib.Run = field(repr=False, compare=False)

    @property
    def angles(self) -> FloatArray:
        """Angles of the average neurons to the teacher's, ``(k, m*)``, radians."""
        names = [f"average_angle_{i}" for i in range(self.teacher.neurons)]
        return np.stack([self.trajectory[name] for name in names], axis=1)

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures of the run's report by name, such as ``"loss"`` or ``"neurons"``."""
        found = self._core.figures()
        if found is not None:
            return {name: Figure(name, *rest) for name, *rest in found}
        if self.folder is None or self.ending == "stopped":
            raise MissingError("the figures are those of a run that is finished; resume it first")
        figures = write_report(self.folder).figures
        return {
            path.stem: Figure(path.stem, path.stem, "", path.read_text(encoding="utf-8"))
            for path in figures
        }

    @property
    def recovery(self) -> Recovery:
        """What the student has learned, within 0.1 rad."""
        if self.student is None:
            raise MissingError("the run left no checkpoint before it was stopped")
        return match(self.teacher, self.student)

    def resume(self, *, progress: Progress = "auto", blocking: bool = True) -> Run | Running:
        """Go on with a run in memory that was stopped, to the bytes of one that was not."""
        core = self._core.resumed()
        if core is None:
            raise DataError(
                "only a run in memory that was stopped goes on by itself; with a folder call train "
                "again with resume=True"
            )
        running = Running(core, self.teacher, None)
        return running._until_done(progress) if blocking else running

    def _repr_html_(self) -> str:
        shown: dict[str, Any] = {
            "ending": self.ending,
            "records": int(self.trajectory["step"].size),
            "steps": int(self.final["step"]),
            "weight decay": float(self.final["lambda"]),
            "loss": float(self.final["loss"]),
            "its error": float(self.final["loss_error"]),
            "worst angle": float(np.max(self.angles[-1])),
        }
        if self.student is not None:
            shown["learned"] = self.recovery.learned
        return pairs(shown)


Progress = Callable[[Look], object] | Literal["auto"] | None


@final
class Running:
    """A run in the background: look at it, stop it, wait for it.

    It ends with its last reference.
    """

    def __init__(self, core: _lib.Run, teacher: Teacher | None, folder: Path | None) -> None:
        self._core = core
        self._teacher = teacher
        self._folder = folder

    def look(self) -> Look:
        """See where it stands."""
        return Look(*self._core.look())

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._core.is_done()

    def inspect(self) -> Columns:
        """Take the records so far, as columns."""
        return columns(self._core.trajectory())

    def stop(self) -> Run:
        """Stop it, and take the run so far; one in a folder has left a checkpoint."""
        self._core.stop()
        return self.wait()

    def wait(self, timeout: float | None = None) -> Run:
        """Wait for its end, or raise ``TimeoutError`` after so many seconds; it goes on then."""
        if not self._core.wait(timeout):
            raise TimeoutError(f"the run has not ended after {timeout} s")
        return self._run()

    def __repr__(self) -> str:
        look = self.look()
        state = "done" if self.done else "running"
        return f"Running({state}, {look.place}, step {look.steps} of at most {look.most_steps})"

    def _repr_html_(self) -> str:
        look = self.look()
        state = "done" if self.done else "running"
        return pairs(
            {"state": state, "place": look.place, "step": look.steps, "of": look.most_steps}
        )

    def _until_done(self, progress: Progress) -> Run:
        show, waited = _shower(progress), 0.0
        try:
            while not self._core.wait(_TICK if show else None):
                waited += _TICK
                if show is not None and (callable(progress) or waited >= _SILENT):
                    show(self.look())
        except BaseException as error:
            self._core.stop()
            if self._core.wait_blindly(_PATIENCE):
                try:
                    error.partial = self._run()  # type: ignore[attr-defined]
                except Exception:
                    error.partial = None  # type: ignore[attr-defined]
            raise
        finally:
            if show is not None and waited >= _SILENT and not callable(progress):
                sys.stderr.write("\n")
        return self._run()

    def _run(self) -> Run:
        core, folder = self._core, self._folder
        ending = core.ending()
        networks, text = core.networks(), core.manifest()
        student: Network | None
        if networks is not None:
            teacher, student = Teacher._of(networks[0]), Network._of(networks[1])
        else:
            if folder is None:
                raise DataError("a run without a folder came to nothing")
            teacher, student = _checkpoint(folder, self._teacher)
        manifest = None if text is None else json.loads(text)
        if folder is None:
            trajectory, claims = columns(core.trajectory()), columns(core.claims())
            snapshots = columns(core.snapshots() or "")
        else:
            # A run that was resumed has its first part there alone.
            trajectory = _table(folder / "trajectory.csv")
            claims, snapshots = _table(folder / "claims.csv"), _table(folder / "snapshots.csv")
        return Run(
            trajectory=trajectory,
            student=student,
            teacher=teacher,
            ending=ending,
            stages=transposed([_scalars(record) for record in (manifest or {}).get("stages", [])]),
            final=_final(trajectory),
            claims=claims,
            snapshots=snapshots,
            manifest=manifest,
            folder=folder,
            _core=core,
        )


_FIRST = ("stage", "epoch", "steps", "lambda", "loss", "loss_error", "objective")


def _scalars(record: Mapping[str, Any]) -> dict[str, Any]:
    names = [*_FIRST, *(name for name in record if name not in _FIRST)]
    return {name: record[name] for name in names if not isinstance(record[name], list)}


def _final(trajectory: Columns) -> Record:
    return Record({name: column[-1].item() for name, column in trajectory.items()})


def _table(path: Path) -> Columns:
    return columns(path.read_text(encoding="utf-8")) if path.exists() else {}


def _checkpoint(folder: Path, teacher: Teacher | None) -> tuple[Teacher, Network | None]:
    if teacher is None:
        teacher = Teacher.load(folder / "teacher.safetensors")
    for name in ("resume", "start"):
        path = folder / "checkpoints" / f"{name}.safetensors"
        if path.exists():
            return teacher, Network._of(_lib.Network.load(path, None, None))
    return teacher, None


def _shower(progress: Progress) -> Callable[[Look], object] | None:
    if progress is None or callable(progress):
        return progress
    if progress != "auto":
        raise DataError(f'progress is {progress!r}; give "auto", None or a function of a Look')
    if not (sys.stderr.isatty() or "ipykernel" in sys.modules):
        return None

    def show(look: Look) -> None:
        share = 100.0 * look.steps / max(look.most_steps, 1)
        sys.stderr.write(f"\r{look.place:12} step {look.steps}, at most {share:.0f} % \x1b[K")
        sys.stderr.flush()

    return show


def _section(given: Mapping[str, Any] | None) -> dict[str, Any]:
    section = dict(given or {})
    if "weight_decay" in section:
        if "lambda" in section:
            raise DataError("weight_decay and lambda are one; give one of them")
        section["lambda"] = section.pop("weight_decay")
    return section


@overload
def train(
    teacher: Teacher | Mapping[str, Any] | str | Path | None = None,
    *,
    student: Network | Mapping[str, Any] | None = None,
    stage1: Mapping[str, Any] | None = None,
    stage2: Mapping[str, Any] | None = None,
    stage3: Mapping[str, Any] | None = None,
    samples: Mapping[str, Any] | None = None,
    watch: Mapping[str, Any] | None = None,
    record: Mapping[str, Any] | None = None,
    skip: list[str] | None = None,
    activation: str | None = None,
    precision: str | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress = "auto",
    blocking: Literal[True] = True,
) -> Run: ...
@overload
def train(
    teacher: Teacher | Mapping[str, Any] | str | Path | None = None,
    *,
    student: Network | Mapping[str, Any] | None = None,
    stage1: Mapping[str, Any] | None = None,
    stage2: Mapping[str, Any] | None = None,
    stage3: Mapping[str, Any] | None = None,
    samples: Mapping[str, Any] | None = None,
    watch: Mapping[str, Any] | None = None,
    record: Mapping[str, Any] | None = None,
    skip: list[str] | None = None,
    activation: str | None = None,
    precision: str | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress = "auto",
    blocking: Literal[False],
) -> Running: ...
def train(
    teacher: Teacher | Mapping[str, Any] | str | Path | None = None,
    *,
    student: Network | Mapping[str, Any] | None = None,
    stage1: Mapping[str, Any] | None = None,
    stage2: Mapping[str, Any] | None = None,
    stage3: Mapping[str, Any] | None = None,
    samples: Mapping[str, Any] | None = None,
    watch: Mapping[str, Any] | None = None,
    record: Mapping[str, Any] | None = None,
    skip: list[str] | None = None,
    activation: str | None = None,
    precision: str | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Progress = "auto",
    blocking: bool = True,
) -> Run | Running:
    """Train a student on a teacher by Algorithm 1 or a variant, on expectations or on samples.

    Parameters
    ----------
    teacher
        A teacher; or the sizes of a random one, such as ``{"dimension": 20, "neurons": 3}``; or an
        experiment: the path of its file, or a dict with a ``"teacher"`` in it.
    student
        A network to start from, or the sizes of a random start, such as ``{"neurons": 200}``.
    stage1, stage2, stage3, samples, watch, record, skip, activation, precision
        The sections of an experiment, as its file has them. ``weight_decay`` stands for
        ``lambda``.
    seed
        Start of every random stream.
    out, resume
        A folder to fill, as the program's ``train`` does, and whether to go on with what it holds.
    progress
        A function that is shown a :class:`Look` now and then; ``"auto"`` writes a line to the
        standard error of terminals and notebooks after two seconds.
    blocking
        Whether to wait. Otherwise a :class:`Running` comes back at once.

    Raises
    ------
    DataError
        For fields that make no sense, and for a run that diverges.
    OccupiedError
        For a folder that holds a run already.
    KeyboardInterrupt
        On Ctrl-C, after a checkpoint; the run so far is its attribute ``partial``.
    """
    beside, named, experiment = Path(), Path("train"), dict[str, Any]()
    if isinstance(teacher, (str, Path)):
        named = Path(teacher)
        beside, experiment = named.parent, json.loads(_lib.experiment(named))
        teacher = None
    elif isinstance(teacher, Mapping) and "teacher" in teacher:
        experiment, teacher = {name: _plain(part) for name, part in teacher.items()}, None
    elif isinstance(teacher, Teacher):
        experiment["teacher"] = {"dimension": teacher.dimension, "neurons": teacher.neurons}
    elif teacher is not None:
        experiment["teacher"] = dict(teacher)
        teacher = None
    else:
        raise DataError("there is no teacher; give one, its sizes, or an experiment")
    start = student if isinstance(student, Network) else None
    sizes = None if isinstance(student, Network) else student
    given: dict[str, Mapping[str, Any] | None] = {
        "student": sizes,
        "stage1": stage1,
        "stage2": stage2,
        "stage3": stage3,
        "samples": samples,
        "watch": watch,
        "record": record,
    }
    for name, section in given.items():
        if section is not None:
            experiment[name] = {**experiment.get(name, {}), **_section(section)}
    if start is not None:
        experiment["student"] = {"neurons": start.neurons}
    for name, value in {"skip": skip, "activation": activation, "precision": precision}.items():
        if value is not None:
            experiment[name] = value
    if seed or "seed" not in experiment:
        experiment["seed"] = seed
    folder = None if out is None else Path(out)
    core = _lib.Run.start(
        json.dumps(experiment, default=_encoded),
        named,
        beside,
        None if teacher is None else teacher._core,
        None if start is None else start._core,
        folder,
        resume,
    )
    running = Running(core, teacher, folder)
    return running._until_done(progress) if blocking else running


def _plain(part: Any) -> Any:
    return _section(part) if isinstance(part, Mapping) else part


def _encoded(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise DataError(f"{value!r} is no part of an experiment")
