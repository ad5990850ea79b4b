"""What a notebook shows: tables without script or style sheet, figures as SVG."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def number(x: Any) -> str:
    """Write a number with six digits, anything else as it is."""
    if isinstance(x, float):
        return f"{x:.6g}"
    return str(x)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """Write an HTML table."""
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(number(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    head = f"<thead><tr>{cells}</tr></thead>" if header else ""
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{title}{head}<tbody>{body}</tbody></table>"


def pairs(values: Mapping[str, Any], caption: str = "") -> str:
    """Write names and values as an HTML table."""
    return table((), [(name, value) for name, value in values.items()], caption)


@dataclass(frozen=True)
class Figure:
    """A figure of a report. A notebook shows it; :meth:`save` writes the SVG file."""

    name: str
    title: str
    caption: str
    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Figure({self.name!r}: {self.title})"

    def save(self, path: str | Path) -> None:
        """Write it as an SVG file."""
        Path(path).write_text(self.svg, encoding="utf-8")
