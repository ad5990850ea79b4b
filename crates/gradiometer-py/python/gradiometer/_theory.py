"""Certificates, statements at one's own instance and on random ones, studies, reports."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, final

import numpy as np

from . import _lib
from ._arrays import Columns, FloatArray, matrix, transposed
from ._display import pairs, table
from ._errors import DataError
from ._networks import Network, Teacher
from ._results import Bounded, Verdict


@dataclass(frozen=True)
class Report:
    """What a checker says.

    Attributes
    ----------
    verdict
        It holds, it is refuted, or it could not be decided.
    reason
        The proof, the witness or the obstacle, in words.
    witness
        The point that refutes it, if there is one.
    details
        Whatever else the checker counted.
    """

    verdict: Verdict
    reason: str
    witness: FloatArray | None = field(default=None, repr=False)
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def _repr_html_(self) -> str:
        return pairs({"verdict": self.verdict.value, "reason": self.reason})


def _report(text: str) -> Report:
    found = json.loads(text)
    witness = found.pop("witness")
    return Report(
        Verdict.of(found.pop("verdict")),
        found.pop("reason"),
        None if witness is None else np.asarray(witness, dtype=np.float64),
        found,
    )


@final
class Certificate:
    r"""A dual certificate of a teacher: :math:`\eta(w) = E[p(x)\max(w\cdot x, 0)]` on the sphere.

    It equals the sign of the amplitude at every teacher direction and has
    :math:`|\eta(w)| \le 1 - \rho\,\delta(w)^2` elsewhere, with :math:`\delta` the angle to the
    nearest one.
    """

    __slots__ = ("_core", "_parts", "report", "teacher")

    report: Report | None
    """What the checker said, if it was asked."""

    teacher: Teacher | None

    def __init__(self, core: _lib.Certificate, teacher: Teacher | None) -> None:
        self._core = core
        self._parts = json.loads(core.parts())
        self.teacher = teacher
        text = core.report()
        self.report = None if text is None else _report(text)

    @classmethod
    def load(cls, path: str | Path, teacher: Teacher | None = None) -> Certificate:
        """Read a file; with a teacher it must be that teacher's."""
        core = _lib.Certificate.load(Path(path), None if teacher is None else teacher._core)
        return cls(core, teacher)

    def save(self, path: str | Path, teacher: Teacher | None = None) -> None:
        """Write ``.cert.json``, with the name of the teacher."""
        self._core.save(Path(path), self._teacher(teacher)._core)

    def _teacher(self, teacher: Teacher | None) -> Teacher:
        found = teacher if teacher is not None else self.teacher
        if found is None:
            raise DataError("this certificate was loaded alone; name its teacher")
        return found

    @property
    def verdict(self) -> Verdict:
        """Whether it is proved; inconclusive where no checker was asked."""
        return Verdict.INCONCLUSIVE if self.report is None else self.report.verdict

    @property
    def rho(self) -> float:
        r"""The :math:`\rho` that it claims."""
        return float(self._parts["rho"])

    @property
    def p_norm(self) -> float:
        r"""The bound of :math:`|p|` that it claims."""
        return float(self._parts["p_norm"])

    @property
    def from_degree(self) -> int:
        """The first degree of its kernel."""
        return int(self._parts["from_degree"])

    def claiming(self, rho: float) -> Certificate:
        r"""Take the same function with another claim of :math:`\rho`; nobody has checked that."""
        return Certificate(self._core.claiming(rho), self.teacher)

    def eta(self, w: Any, teacher: Teacher | None = None) -> FloatArray:
        r"""Evaluate :math:`\eta` at the directions of the rows of ``w (n, d)``: ``(n,)``.

        :meth:`eta_with_error` has its errors too.
        """
        return self.eta_with_error(w, teacher)[0]

    def eta_with_error(
        self, w: Any, teacher: Teacher | None = None
    ) -> tuple[FloatArray, FloatArray]:
        r"""Evaluate :math:`\eta` with what each value may be off by, both ``(n,)``."""
        return self._core.eta(self._teacher(teacher)._core, matrix(w, "w"))

    def __repr__(self) -> str:
        return (
            f"Certificate({self.verdict.value}, rho={self.rho:.6g}, |p|<={self.p_norm:.6g}, "
            f"from_degree={self.from_degree})"
        )

    def _repr_html_(self) -> str:
        shown = {
            "verdict": self.verdict.value,
            "rho": self.rho,
            "|p| at most": self.p_norm,
            "first degree": self.from_degree,
        }
        if self.report is not None:
            shown["boxes of the proof"] = self.report.details["boxes"]
        return pairs(shown)


def certify(
    teacher: Teacher,
    *,
    boxes: int | None = None,
    time_limit: float | None = None,
    largest_degree: int = 4096,
) -> Certificate:
    """Find a dual certificate of a teacher and prove it over the whole sphere.

    Parameters
    ----------
    teacher
        No two neurons may be parallel.
    boxes, time_limit
        Pieces of the sphere, and seconds, after which the proof ends without a conclusion.
    largest_degree
        Of the kernels that are tried.

    Raises
    ------
    NoCertificate
        If none is found.
    """
    return Certificate(_lib.certify(teacher._core, boxes, time_limit, largest_degree), teacher)


def check_certificate(
    certificate: Certificate,
    teacher: Teacher | None = None,
    *,
    boxes: int | None = None,
    time_limit: float | None = None,
) -> Report:
    """Have the independent checker prove or refute a certificate; who found it does not matter."""
    core = certificate._teacher(teacher)._core
    return _report(certificate._core.check(core, boxes, time_limit))


@dataclass(frozen=True)
class Covering:
    """The covering radius of a set of directions lies in ``[lower, upper]``, radians.

    ``witness (d,)`` is a direction at least ``lower`` from all; ``proof`` names how ``upper`` was
    proved.
    """

    lower: float
    upper: float
    witness: FloatArray = field(repr=False)
    proof: str

    def _repr_html_(self) -> str:
        return pairs({"at least": self.lower, "at most": self.upper, "proof": self.proof})


def net(
    points: Any, *, sphere: bool = False, tolerance: float = 1e-6, cells: int = 1_000_000
) -> Covering:
    """Bound the covering radius of the directions of the rows ``(n, d)``, both ends certified.

    A direction and its opposite are one unless ``sphere``. ``tolerance`` and ``cells`` end a
    subdivision of the sphere, where one is needed.
    """
    found = json.loads(_lib.net(matrix(points, "points"), sphere, tolerance, cells))
    return Covering(**{**found, "witness": np.asarray(found["witness"], dtype=np.float64)})


def check_net(
    points: Any, radius: float, *, sphere: bool = False, cells: int = 1_000_000
) -> Report:
    """Prove or refute that every direction is within ``radius`` radians of a row ``(n, d)``."""
    found, reason = _lib.check_net(matrix(points, "points"), radius, sphere, cells)
    return Report(Verdict.of(found), reason)


@dataclass(frozen=True)
class Claim:
    """Both sides of one part of a statement.

    Attributes
    ----------
    id, part, neuron
        Which statement, which part of it, and which teacher neuron if it is about one.
    left, relation, right
        The sides; ``relation`` is ``"<="`` or ``"="``.
    ratio
        The left side over the right one: at most 1 where an inequality holds, 1 where it is tight.
    rounding
        What their difference may be off by.
    finding
        ``"holds"``, ``"refuted"``, ``"inconclusive"`` or ``"inapplicable"``.
    hidden_by_rounding
        Whether it holds by the rounding of its sides alone, and says nothing.
    obstacle
        The hypothesis that does not hold, where it is inapplicable.
    evidence
        The worst of what the sides rest on.
    """

    id: str
    part: str
    neuron: int | None
    left: float
    relation: Literal["<=", "="]
    right: float
    ratio: float
    rounding: float
    finding: str
    hidden_by_rounding: bool
    obstacle: str | None
    evidence: str

    @property
    def verdict(self) -> Verdict:
        """The finding as a verdict; a statement that says nothing here is inconclusive."""
        known = self.finding in ("holds", "refuted")
        return Verdict(self.finding) if known else Verdict.INCONCLUSIVE

    def __repr__(self) -> str:
        sides = f"{self.left:.4e} {self.relation} {self.right:.4e}"
        return f"Claim({self.id} {self.part}: {sides}, {self.finding}, {self.evidence})"


_SIDES = ("left", "right", "ratio", "rounding")


def _nan(record: dict[str, Any]) -> dict[str, Any]:
    sides = {name: float("nan") if record[name] is None else float(record[name]) for name in _SIDES}
    return {**record, **sides}


@final
class Claims(list[Claim]):
    """Claims; :attr:`columns` has them as a dict of columns."""

    @property
    def columns(self) -> Columns:
        """The claims as columns."""
        return transposed([_record(claim) for claim in self])

    def _repr_html_(self) -> str:
        rows = [
            (c.id, c.part, c.left, c.relation, c.right, c.ratio, c.finding, c.evidence)
            for c in self
        ]
        names = ("id", "part", "left", "", "right", "ratio", "finding", "evidence")
        return table(names, rows)


def _record(claim: Claim) -> dict[str, Any]:
    return {name: getattr(claim, name) for name in claim.__dataclass_fields__}


def claim(
    id: str,  # noqa: A002 - the name that statements have
    teacher: Teacher,
    student: Network,
    weight_decay: float,
    *,
    seed: int = 0,
    control: bool = False,
) -> Claims:
    """Evaluate both sides of one statement at your own instance.

    Parameters
    ----------
    id
        Such as ``"7.3"``; :func:`statements` has them.
    teacher, student, weight_decay
        The instance.
    seed
        Of what the statement leaves free, such as an angle or a test function.
    control
        Take the statement's control instead: a hypothesis removed, or a constant changed, so that
        it fails somewhere.

    Raises
    ------
    DataError
        For an id that is none; the message lists them.
    """
    text = _lib.claim(id, teacher._core, student._core, weight_decay, seed, control)
    return Claims([Claim(**_nan(record)) for record in json.loads(text)])


@dataclass(frozen=True)
class Check:
    """One identity or inequality of a statement, and what its control changes."""

    title: str
    hypotheses: str
    control: str


@dataclass(frozen=True)
class Exponent:
    """An exponent that a statement predicts, and what its control changes."""

    part: str
    predicted: str
    control: str


@dataclass(frozen=True)
class Statement:
    """A statement of the theory.

    Attributes
    ----------
    id, says
        Its number and a line.
    constants, sharp, reference
        What its constants are made of, where equality is attained, where it comes from.
    checks, exponents
        What can be evaluated, and fitted.
    about_students
        Whether it can be evaluated at a student.
    """

    id: str
    says: str
    constants: str
    sharp: str
    reference: str
    checks: tuple[Check, ...] = field(repr=False)
    exponents: tuple[Exponent, ...] = field(repr=False)
    about_students: bool = field(repr=False)

    @property
    def explanation(self) -> str | None:
        """The statement in full, where the theory's document has it."""
        return _lib.explanation(self.id)

    def _repr_html_(self) -> str:
        text = self.explanation or f"{self.id}: {self.says}"
        return f"<pre>{html.escape(text)}</pre>"


def statements() -> dict[str, Statement]:
    """List all statements, by id."""
    found = {}
    for record in json.loads(_lib.statements()):
        checks = tuple(Check(**check) for check in record.pop("checks"))
        exponents = tuple(Exponent(**exponent) for exponent in record.pop("exponents"))
        found[record["id"]] = Statement(checks=checks, exponents=exponents, **record)
    return found


@dataclass(frozen=True)
class Analysis:
    """Every statement at one student.

    Attributes
    ----------
    claims
        Both sides of every statement.
    gap, gap_evidence
        The interval of the optimality gap, and how it is known.
    gap_by_certificate
        The same from the certificate alone.
    gap_proved
        The same by a dual point at the optimum's own atoms, proved; ``None`` where there is none.
    rho, p_norm, certificate_evidence
        The certificate's constants.
    not_evaluated, left_out
        What limits left out, by id and in words.
    """

    weight_decay: float
    claims: Claims = field(repr=False)
    gap: tuple[float, float]
    gap_evidence: str
    gap_by_certificate: tuple[float, float] = field(repr=False)
    gap_proved: tuple[float, float] | None = field(repr=False)
    rho: float
    p_norm: float
    certificate_evidence: str
    not_evaluated: tuple[str, ...]
    left_out: tuple[str, ...] = field(repr=False)

    def _repr_html_(self) -> str:
        low, high = self.gap
        line = f"optimality gap in [{low:.6g}, {high:.6g}] ({self.gap_evidence})"
        return f"<p>{html.escape(line)}</p>" + self.claims._repr_html_()


def analyze(
    teacher: Teacher,
    student: Network,
    weight_decay: float,
    *,
    certificate: Certificate | None = None,
    angle: float = 0.1,
    refinements: int | None = None,
    time_limit: float | None = None,
) -> Analysis:
    """Evaluate both sides of every statement of the local analysis at one student.

    Parameters
    ----------
    teacher, student, weight_decay
        Where; ``weight_decay`` is the ``lambda`` of ``L + (lambda/2)(|a|^2 + |W|^2)``.
    certificate
        One of the teacher; by default one is found and proved.
    angle
        Of the localisation bound 7.3, radians.
    refinements
        Of the regularised optimum, by default 4 up to rank 3 and none above.
    time_limit
        Seconds after which statements are left out, and named.
    """
    core = None if certificate is None else certificate._core
    given = (teacher._core, student._core, float(weight_decay), core)
    found = json.loads(_lib.analyze(*given, angle, refinements, time_limit))
    claims = Claims([Claim(**_nan(record)) for record in found.pop("claims")])
    for name in ("gap", "gap_by_certificate", "gap_proved"):
        if found[name] is not None:
            low, high = found[name]
            found[name] = (low, float("inf") if high is None else high)
    found["not_evaluated"] = tuple(found["not_evaluated"])
    found["left_out"] = tuple(found["left_out"])
    return Analysis(claims=claims, **found)


@dataclass(frozen=True)
class Quantities:
    r"""The numbers of an instance from which inequalities are made.

    Attributes
    ----------
    loss, root_loss
        :math:`L` and its root.
    zeta_plus
        :math:`L_\lambda - \lambda|\mu^*|`.
    mass_excess, decay_excess
        :math:`|\mu| - |\mu^*|` and :math:`(|a|^2 + |W|^2)/2 - |\mu^*|`.
    mean_angle
        The mean angle of the mass to its nearest teacher, radians.
    rho, p_norm
        Of a certificate that a search found (sampled); none where it found none.
    """

    loss: Bounded
    root_loss: Bounded
    zeta_plus: Bounded
    mass_excess: Bounded
    decay_excess: Bounded
    mean_angle: float
    rho: float | None
    p_norm: float | None


@dataclass(frozen=True)
class Instance:
    """A teacher, a student and a weight decay, where statements are tested."""

    teacher: Teacher
    student: Network
    weight_decay: float
    seed: int = 0

    @classmethod
    def draw(cls, seed: int) -> Instance:
        """Draw the random instance of a seed: all shapes, ranks, signs, distances and scales."""
        teacher, student, decay, own = _lib.draw(seed)
        return cls(Teacher._of(teacher), Network._of(student), decay, own)

    def moved(self, size: float, seed: int) -> Instance:
        """Move the instance at random: weights by about ``size``, now and then its shape too."""
        at = (self.teacher._core, self.student._core, self.weight_decay, self.seed)
        teacher, student, decay, own = _lib.moved(*at, size, seed)
        return Instance(Teacher._of(teacher), Network._of(student), decay, own)

    def quantities(self) -> Quantities:
        """Compute the numbers from which inequalities are made."""
        at = (self.teacher._core, self.student._core, self.weight_decay, self.seed)
        found = json.loads(_lib.quantities(*at))
        for name, value in found.items():
            if isinstance(value, dict):
                found[name] = Bounded(value["value"], value["error"])
        return Quantities(**found)


@dataclass(frozen=True)
class Verified:
    """What verification found about one statement.

    Attributes
    ----------
    id, title
        Which statement.
    violations, worst_ratio, controls_fail
        Violations in all; the worst ratio of random instances and search; whether every control
        was refuted, as it must be.
    parts
        One row a part, as columns.
    worst
        The worst instance that was found, as objects.
    record
        Everything, as the program's ``verify --json`` prints it.
    """

    id: str
    title: str
    violations: int
    worst_ratio: float | None
    controls_fail: bool
    parts: Columns = field(repr=False)
    worst: Instance | None = field(repr=False)
    record: dict[str, Any] = field(repr=False)


@final
class Verification(dict[str, Verified]):
    """A verification, by the ids of its statements.

    ``holds`` is whether all claims hold and all controls fail; ``None`` where a part was never
    decided.
    """

    holds: bool | None = None
    seeds: int = 0

    def _repr_html_(self) -> str:
        rows = [
            (v.id, v.title, v.violations, v.worst_ratio, "refuted" if v.controls_fail else "HOLDS")
            for v in self.values()
        ]
        names = ("id", "statement", "violations", "worst ratio", "control")
        return table(names, rows, f"{self.seeds} seeds; all as claimed: {self.holds}")


def verify(
    ids: Sequence[str] | None = None,
    *,
    instances: int = 1000,
    seed: int = 0,
    steps: int = 200,
    draws: int = 4096,
    runs: int = 8,
    scale: float = 1.0,
    out: str | Path | None = None,
) -> Verification:
    """Test statements on random instances, climb from the worst, and refute their controls.

    Parameters
    ----------
    ids
        Statements, all of them by default.
    instances, seed, steps, draws, runs
        Random instances and the first seed; steps of each climb; seeds on which a control is
        tried; runs of an exponent.
    scale
        What the right sides are multiplied by: whether a smaller constant would do.
    out
        A folder for the report and the worst instances.
    """
    wanted = list(ids or ())
    place = None if out is None else Path(out)
    suite, kept = map(
        json.loads, _lib.verify(wanted, instances, seed, steps, draws, runs, place, scale)
    )
    found = Verification()
    found.holds, found.seeds = suite["holds"], suite["seeds"]
    for record in suite["claims"]:
        parts = record.get("parts", [])
        rows = [{name: x for name, x in p.items() if not _nested(x)} for p in parts]
        found[record["id"]] = Verified(
            id=record["id"],
            title=record["title"],
            violations=record["violations"],
            worst_ratio=record.get("worst_ratio_searched", record["worst_ratio"]),
            controls_fail=record["negative_control"]["refuted"],
            parts=transposed(rows),
            worst=_worst(record, kept),
            record=record,
        )
    return found


def _nested(x: Any) -> bool:
    return isinstance(x, (list, dict)) or x is None


def _worst(record: dict[str, Any], kept: dict[str, Any]) -> Instance | None:
    def rank(part: dict[str, Any]) -> tuple[bool, float]:
        return part["kind"] == "inequality", (part["search"] or {}).get("ratio") or 0.0

    parts = [part for part in record.get("parts", []) if part["search"]]
    if not parts:
        return None
    part = max(parts, key=rank)["part"]
    for c in (" ", ",", ">"):
        part = part.replace(c, "-")
    stored = kept.get(f"{record['id']}-{part}")
    return None if stored is None else _stored(stored)


def _stored(stored: dict[str, Any]) -> Instance:
    d = stored["dimension"]
    layers = [
        (np.asarray(a, dtype=np.float64), np.asarray(w, dtype=np.float64).reshape(-1, d))
        for a, w in (stored["teacher"], stored["student"])
    ]
    return Instance(Teacher(*layers[0]), Network(*layers[1]), stored["lambda"], stored["seed"])


def studies() -> Columns:
    """List the studies: ``name``, ``statement`` and ``about``, as columns."""
    names = ("name", "statement", "about")
    return transposed([dict(zip(names, row, strict=True)) for row in _lib.studies()])


@dataclass(frozen=True)
class Findings:
    """What a study found: its measurements as columns, and its conclusions in words."""

    study: str
    about: str
    measurements: Columns = field(repr=False)
    conclusions: tuple[dict[str, Any], ...] = field(repr=False)
    record: dict[str, Any] = field(repr=False)

    def __iter__(self) -> Iterator[str]:
        return (conclusion["sentence"] for conclusion in self.conclusions)

    def _repr_html_(self) -> str:
        rows = [(c["answer"], c["sentence"]) for c in self.conclusions]
        return table(("answer", "claim"), rows, self.about)


def study(name: str, size: Literal["quick", "full"] = "quick") -> Findings:
    """Run a study over seeds: seconds if quick, minutes if full. :func:`studies` has the names."""
    if size not in ("quick", "full"):
        raise DataError(f'size is {size!r}; give "quick" or "full"')
    found = json.loads(_lib.study(name, size == "full"))
    rows = []
    for m in found["measurements"]:
        low, high = m["interval"]
        setting = {key: "" if value is None else str(value) for key, value in m["setting"].items()}
        numbers = {"mean": m["mean"], "low": low, "high": high}
        floats = {k: float("nan") if v is None else float(v) for k, v in numbers.items()}
        rows.append({**setting, "measure": m["measure"], **floats})
    conclusions = tuple(found["conclusions"])
    return Findings(found["study"], found["about"], transposed(rows), conclusions, found)


@dataclass(frozen=True)
class Written:
    """The files of a report."""

    page: Path
    figures: tuple[Path, ...] = field(repr=False)


def report(folder: str | Path) -> Written:
    """Write the page ``report.html`` and the figures of a folder that a run or the like filled."""
    page, figures = _lib.report(Path(folder))
    return Written(page, tuple(figures))
