"""An inequality of one's own: tested on random instances, searched, made small where it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ._arrays import FloatArray
from ._display import pairs
from ._errors import GradiometerError
from ._networks import Network, Teacher
from ._results import Verdict
from ._theory import Instance

Sides = Callable[[Instance], "tuple[float, float] | tuple[float, float, float] | None"]

_STARTS = 6
_MOST_EVALUATIONS = 300


@dataclass(frozen=True)
class Evaluated:
    """Both sides at an instance, and what their difference may be off by."""

    left: float
    right: float
    rounding: float
    instance: Instance = field(repr=False)

    @property
    def is_violated(self) -> bool:
        """Whether the left side exceeds the right one by more than the rounding."""
        return self.left - self.right > self.rounding

    @property
    def ratio(self) -> float:
        """The left side over the right one; NaN where rounding hides it."""
        return self.left / self.right if self.right > 1000.0 * self.rounding else float("nan")

    def _rank(self) -> tuple[bool, float]:
        ratio = self.ratio
        return self.is_violated, ratio if ratio == ratio else float("-inf")


@dataclass(frozen=True)
class Tested:
    """What became of a conjecture.

    Attributes
    ----------
    verdict
        Refuted if a violation was found; else inconclusive: instances prove nothing.
    checked, inapplicable, violations
        Random instances where the sides say something, where they do not, and that violate it.
    ratios
        The ratios at the random instances, ``(checked,)``; NaN where rounding hides one.
    worst
        The worst that instances and search found.
    smallest
        A violation made small: neurons and dimensions removed, weights rounded.
    """

    verdict: Verdict
    checked: int
    inapplicable: int
    violations: int
    ratios: FloatArray = field(repr=False)
    worst: Evaluated | None
    smallest: Evaluated | None

    def _repr_html_(self) -> str:
        shown: dict[str, object] = {
            "verdict": self.verdict.value,
            "checked": self.checked,
            "inapplicable": self.inapplicable,
            "violations of random instances": self.violations,
        }
        if self.worst is not None:
            shown["worst ratio"] = self.worst.ratio
        if self.smallest is not None:
            at = self.smallest.instance
            shown["smallest violation"] = f"{self.smallest.left:.6g} > {self.smallest.right:.6g}"
            shown["its weight decay"] = at.weight_decay
            shown["its teacher"] = f"a = {at.teacher.a.tolist()}, w = {at.teacher.w.tolist()}"
            shown["its student"] = f"a = {at.student.a.tolist()}, w = {at.student.w.tolist()}"
        return pairs(shown)


def _evaluate(sides: Sides, instance: Instance) -> Evaluated | None:
    found = sides(instance)
    if found is None:
        return None
    left, right, *rounding = (float(x) for x in found)
    error = rounding[0] if rounding else 4.0 * sys.float_info.epsilon * (abs(left) + abs(right))
    if not (np.isfinite(left) and np.isfinite(right) and np.isfinite(error)):
        return None
    return Evaluated(left, right, error, instance)


def test(sides: Sides, *, instances: int = 200, seed: int = 0, steps: int = 60) -> Tested:
    """Test the conjecture ``left <= right`` of a function of one's own.

    Parameters
    ----------
    sides
        Takes an :class:`Instance` and gives ``(left, right)``, or these and what their difference
        may be off by; ``None`` where the conjecture says nothing.
    instances, seed
        Random instances, and the first seed.
    steps
        Of each of the climbs that begin at the worst of them.
    """
    found: list[Evaluated] = []
    for offset in range(instances):
        try:
            instance = Instance.draw(seed + offset)
        except GradiometerError:
            continue
        evaluated = _evaluate(sides, instance)
        if evaluated is not None:
            found.append(evaluated)
    ranked = sorted(found, key=Evaluated._rank, reverse=True)
    worst = ranked[0] if ranked else None
    violations = sum(map(bool, (one.is_violated for one in found)))
    if not violations:
        for start in ranked[:_STARTS]:
            climbed = _climb(sides, start, steps)
            if worst is None or climbed._rank() > worst._rank():
                worst = climbed
            if climbed.is_violated:
                break
    violated = worst is not None and worst.is_violated
    return Tested(
        verdict=Verdict.REFUTED if violated else Verdict.INCONCLUSIVE,
        checked=len(found),
        inapplicable=instances - len(found),
        violations=violations,
        ratios=np.array([one.ratio for one in found]),
        worst=worst,
        smallest=_smaller(sides, worst) if violated and worst is not None else None,
    )


def _climb(sides: Sides, start: Evaluated, steps: int) -> Evaluated:
    best, size = start, 0.3
    for step in range(steps):
        if best.is_violated:
            break
        try:
            moved = best.instance.moved(size, (start.instance.seed * 1_000_003 + step) % 2**63)
            found = _evaluate(sides, moved)
        except GradiometerError:
            continue
        if found is not None and found._rank() > best._rank():
            best, size = found, min(1.5 * size, 1.0)
        else:
            size = 0.93 * size if size > 1e-4 else 0.3
    return best


def _smaller(sides: Sides, violation: Evaluated) -> Evaluated:
    best, left = violation, _MOST_EVALUATIONS
    while left > 0:
        for candidate in _candidates(best.instance):
            left -= 1
            try:
                found = _evaluate(sides, candidate)
            except GradiometerError:
                found = None
            if found is not None and found.is_violated:
                best = found
                break
            if left <= 0:
                return best
        else:
            return best
    return best


def _candidates(of: Instance) -> Iterator[Instance]:
    """Simpler instances, the boldest first."""

    def made(ta: FloatArray, tw: FloatArray, a: FloatArray, w: FloatArray) -> Iterator[Instance]:
        try:
            found = Instance(Teacher(ta, tw), Network(a, w), of.weight_decay, of.seed)
        except GradiometerError:
            return
        if (found.teacher, found.student) != (of.teacher, of.student):
            yield found

    ta, tw, a, w = of.teacher.a, of.teacher.w, of.student.a, of.student.w
    if len(ta) > 1:
        for i in range(len(ta)):
            keep = np.arange(len(ta)) != i
            yield from made(ta[keep], tw[keep], a, w)
    if len(a) > 3:
        for half in (slice(0, len(a) // 2), slice(len(a) // 2, None)):
            yield from made(ta, tw, a[half], w[half])
    if len(a) > 1:
        for j in reversed(range(len(a))):
            keep = np.arange(len(a)) != j
            yield from made(ta, tw, a[keep], w[keep])
    if tw.shape[1] > 1:
        for k in reversed(range(tw.shape[1])):
            yield from made(ta, np.delete(tw, k, axis=1), a, np.delete(w, k, axis=1))
    for digits in (1, 2, 3):
        yield from made(*(_rounded(x, digits) for x in (ta, tw, a, w)))


def _rounded(x: FloatArray, digits: int) -> FloatArray:
    text = [f"{value:.{digits - 1}e}" for value in x.ravel()]
    return np.array([float(value) for value in text]).reshape(x.shape)
