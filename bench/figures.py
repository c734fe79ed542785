"""What was measured, for people and for scripts."""

import os
import statistics
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from lab.tables import Column, fitted

# What a narrow terminal leaves out first.
SPARE = {"Minimum": 3, "Maximum": 2, "Target": 1}


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


def table(figures: list[Figure], width: int) -> Table:
    """The figures as a table for a terminal of this width."""
    values = {
        "Minimum": [min(figure.values, default=None) for figure in figures],
        "Median": [figure.median for figure in figures],
        "Maximum": [max(figure.values, default=None) for figure in figures],
        "Target": [figure.target for figure in figures],
    }
    columns = [
        Column(heading="What", cells=[Text(figure.name) for figure in figures]),
        *(
            Column(
                heading=heading, cells=[Text(_shown(one)) for one in column], right=True, spare=SPARE.get(heading, 0)
            )
            for heading, column in values.items()
        ),
        Column(heading="Unit", cells=[Text(figure.unit) for figure in figures]),
    ]
    return fitted(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", columns, width)


def _shown(value: float | None) -> str:
    """Three digits that matter."""
    if value is None:
        return ""
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
