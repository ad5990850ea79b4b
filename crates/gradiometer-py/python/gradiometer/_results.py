"""Verdicts, and numbers with what they may be off by."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NoReturn


class Verdict(str, enum.Enum):
    """What was concluded. It has three values, and so no truth value."""

    HOLDS = "holds"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a verdict has three values; compare it, such as `verdict is gradiometer.Verdict.HOLDS`"
        )

    def __str__(self) -> str:
        return self.value

    @classmethod
    def of(cls, name: str) -> Verdict:
        """Read the name that the checkers give."""
        return cls.HOLDS if name == "proved" else cls(name)


@dataclass(frozen=True)
class Bounded:
    """A number with a bound on its absolute error. ``float`` takes the number alone.

    Attributes
    ----------
    value
        The number.
    error
        What it may be off by.
    evidence
        How that is known: ``computed`` (floating point, the error proved), ``sampled``, ...
    path
        How it was computed.
    """

    value: float
    error: float
    evidence: str = "computed"
    path: str = ""

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return f"{self.value:.17g} +- {self.error:.2g} ({self.evidence})"

    @property
    def relative_error(self) -> float:
        """The error over the number; infinite where the number is zero."""
        return abs(self.error / self.value) if self.value else float("inf")
