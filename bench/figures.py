"""What was measured, for people and for scripts."""

import os
import statistics
from dataclasses import dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured thing: its values, and the target that the reader holds it against, if it has one."""

    name: str
    unit: str
    target: float | None
    values: list[float]

    @property
    def median(self) -> float | None:
        """Of its values; None where nothing was measured."""
        return statistics.median(self.values) if self.values else None


def document(figures: list[Figure]) -> dict[str, Any]:
    """The figures as JSON, with the machine and its load that they depend on."""
    return {
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "figures": [{**vars(figure), "median": figure.median} for figure in figures],
    }


def table(figures: list[Figure]) -> Table:
    """The figures as a table."""
    result = Table(title=f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    for heading in ("What", "Minimum", "Median", "Maximum", "Target", "Unit"):
        result.add_column(heading, justify="left" if heading in {"What", "Unit"} else "right")
    for figure in figures:
        shown = [min(figure.values), figure.median, max(figure.values)] if figure.values else [None] * 3
        result.add_row(figure.name, *map(_shown, shown), _shown(figure.target), figure.unit)
    return result


def _shown(value: float | None) -> str:
    """Three digits that matter."""
    if value is None:
        return ""
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
