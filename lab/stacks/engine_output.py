"""What a line that `pulumi` prints without a terminal of its own means, and what of it fits a person's terminal.

Pure: takes lines and times, knows no process and no screen. The lines are those of the engine's display for logs
(pulumi:pkg/backend/display/jsonmessage.go), such as ` +  kubernetes:core/v1:Secret name creating (3s)`.
"""

import re
from dataclasses import dataclass

from rich.text import Text

from lab.lines import wrapped

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
STEP = re.compile(r" [-+~<>= ]{1,2} +(?P<type>[^\s:]+:[^\s:]*:[^\s:]+) (?P<name>\S+)(?P<status> .*)?")
# Without what the engine adds to it: the last diagnostic, the properties that differ.
STATUS = re.compile(r" (?:\*\*[^*]+\*\*|[a-z]+)(?:[a-z ]* \([^)]*\))?")
UNDER_WAY = re.compile(r"(?:creating|updating|deleting|replacing|reading|refreshing|importing|discarding|running)\b")
FAILED = re.compile(r"\w+ failed\b")
FEWEST_OF_NAME = 12
# They last as long as what is in them.
PARENTS = ("pulumi:pulumi:Stack", "rhsi:")


@dataclass(frozen=True)
class Step:
    """What the engine says of one resource: its type, its name, and what becomes of it."""

    type: str
    name: str
    status: str

    @property
    def is_under_way(self) -> bool:
        """Whether the operation has begun and not ended."""
        return bool(UNDER_WAY.match(self.status)) and not FAILED.match(self.status)

    @property
    def shown(self) -> str:
        """Kind and name."""
        return f"{self.type.rpartition(':')[2]} {self.name}"


def plain(line: str) -> str:
    """The line without colours."""
    return ANSI.sub("", line)


def step(line: str) -> Step | None:
    """The step that the line tells of, or None for any other line."""
    found = STEP.fullmatch(plain(line).rstrip())
    return Step(found["type"], found["name"], (found["status"] or "").strip()) if found else None


class UnderWay:
    """The resources whose operations have begun and not ended."""

    def __init__(self) -> None:
        self._began: dict[tuple[str, str], tuple[Step, float]] = {}

    def take(self, line: str, now: float) -> None:
        """Learn from a line that came at this time."""
        found = step(line)
        if found is None:
            return
        key = found.type, found.name
        if not found.is_under_way:
            self._began.pop(key, None)
        elif key not in self._began:
            self._began[key] = found, now

    def awaited(self, now: float, most: int = 3) -> str:
        """What is under way and for how long, the oldest first; components only where there is nothing else."""
        found = list(self._began.values())
        found = [one for one in found if not one[0].type.startswith(PARENTS)] or found
        named = [f"{one.shown} ({now - began:.0f} s)" for one, began in found[:most]]
        more = [f"{len(found) - most} more"] if len(found) > most else []
        return ", ".join([*named, *more]) or "the program"


def fitted(line: str, width: int) -> list[Text]:
    """The lines that a terminal of this width shows for it: a step is cut, all else is wrapped between words."""
    text = Text.from_ansi(line)
    text.rstrip()
    found = STEP.fullmatch(text.plain)
    if found and text.cell_len > width:
        return [_cut_step(text, found, width)]
    return wrapped(text, width)


def _cut_step(text: Text, found: re.Match[str], width: int) -> Text:
    """What a person can do without goes first: details, the type's package, the beginning of the name."""
    kind, name, after = (text[slice(*found.span(group))] for group in ("type", "name", "status"))
    status = STATUS.match(after.plain)
    needed = (status.end() if status else 0) + (1 if status and status.end() < len(after) else 0)
    if found.end("name") + needed > width:
        kind = Text.assemble("…", kind[kind.plain.rindex(":") + 1 :])
        room = width - found.start("type") - kind.cell_len - 1 - needed
        if FEWEST_OF_NAME <= room < name.cell_len:
            name = Text.assemble("…", name[1 - room :])
    cut_text = Text.assemble(text[: found.start("type")], kind, " ", name, after)
    cut_text.truncate(width, overflow="ellipsis")
    return cut_text
