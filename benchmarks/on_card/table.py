"""What was measured: a row with a figure, what it is compared with and its goal; and the table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_HEAD: Final = ("what", "figure", "beside", "goal")


@dataclass(frozen=True, slots=True)
class Row:
    """A figure.

    Attributes
    ----------
    case, what
        What was measured, and of whom.
    value, unit
        The figure; None where it was left out.
    beside
        What it is to be compared with, in words; or why it was left out.
    goal
        In words, with whether it was met; "" where there is none.
    figures
        What else the line shall tell.
    """

    case: str
    what: str
    value: float | None = None
    unit: str = ""
    beside: str = ""
    goal: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> dict[str, Any]:
        """As the JSON line has it, without case and machine."""
        if self.value is None:
            return {"what": self.what, "skipped": self.beside, **self.figures}
        told = {"what": self.what, "value": self.value, "unit": self.unit, "beside": self.beside}
        return {**told, **({"goal": self.goal} if self.goal else {}), **self.figures}


def left_out(case: str, what: str, why: str) -> Row:
    """Return the row of what was not measured."""
    return Row(case, what, beside=why)


def goal(text: str, *, met: bool) -> str:
    """Return a goal and whether it was met."""
    return f"{text}: {'met' if met else 'MISSED'}"


def digits(value: float, count: int = 4) -> float:
    """Round to so many significant digits."""
    return float(f"{value:.{count}g}")


def table(rows: Iterable[Row]) -> str:
    """Return the rows as text, a block a case."""
    cases: dict[str, list[Row]] = {}
    for row in rows:
        cases.setdefault(row.case, []).append(row)
    return "\n\n".join(_block(case, found) for case, found in cases.items())


def _block(case: str, rows: Sequence[Row]) -> str:
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(_HEAD))]
    lines = [
        "  ".join(
            (cell.rjust(width) if k == 1 else cell.ljust(width))
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join((f"{case}:", *lines))


def _cells(row: Row) -> tuple[str, str, str, str]:
    figure = "left out" if row.value is None else f"{_number(row.value)} {row.unit}".strip()
    return row.what, figure, row.beside, row.goal


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
