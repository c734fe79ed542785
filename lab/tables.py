"""Tables that are as wide as the terminal and no wider: whole columns are left out before a name is broken.

Owns what is left out and in which order. What a cell says is its author's business, and so is a colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from ops.status.screen import SHORTEST, shortened

GAP = 2


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        heading: of the column.
        cells: from top to bottom; one line each.
        right: whether it holds numbers.
        spare: what a narrow terminal leaves out: the highest first, 0 never.
        is_prose: whether its cells may be cut between words; one column at most is so.
    """

    heading: str
    cells: Sequence[Text]
    right: bool = False
    spare: int = 0
    is_prose: bool = False

    @property
    def width(self) -> int:
        """Of its widest cell."""
        return max(cell_len(self.heading), *(cell.cell_len for cell in self.cells), 0)


def fitted(title: str, columns: Sequence[Column], width: int) -> Table:
    """A table that a terminal of this width has room for."""
    shown = list(columns)
    while (missing := _missing(shown, width)) and (spare := max(shown, key=lambda one: one.spare)).spare:
        prose = next((one for one in shown if one.is_prose), None)
        if prose and prose.width - missing >= SHORTEST:
            break
        shown.remove(spare)
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, GAP, 0, 0)
    )
    for one in shown:
        table.add_column(one.heading, justify="right" if one.right else "left", no_wrap=True, header_style="underline")
    missing = _missing(shown, width)
    for row in zip(*(one.cells for one in shown), strict=True):
        table.add_row(*(_cut(cell, one, missing) for one, cell in zip(shown, row, strict=True)))
    return table


def _missing(columns: Sequence[Column], width: int) -> int:
    """How many columns of the terminal the table needs more than there are."""
    return max(0, sum(one.width for one in columns) + GAP * (len(columns) - 1) - width)


def _cut(cell: Text, column: Column, missing: int) -> Text:
    if not column.is_prose or not missing:
        return cell
    return Text(shortened(cell.plain, column.width - missing), style=cell.style)
