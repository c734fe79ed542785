"""What a line that `pulumi` prints without a terminal of its own means, and what of it fits a person's terminal.

Pure: takes lines and times, knows no process and no screen. The lines are those of the engine's display for logs
(pulumi:pkg/backend/display/jsonmessage.go), such as ` +  kubernetes:core/v1:Secret name creating (3s)`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

TAB = 4
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
STEP = re.compile(r" [-+~<>= ]{1,2} +(?P<type>[^\s:]+:[^\s:]*:[^\s:]+) (?P<name>\S+)(?P<status> .*)?")
# Without what the engine adds to it: the last diagnostic, the properties that differ.
STATUS = re.compile(r" (?:\*\*[^*]+\*\*|[a-z]+)(?:[a-z ]* \([^)]*\))?")
UNDER_WAY = re.compile(r"(?:creating|updating|deleting|replacing|reading|refreshing|importing|discarding|running)\b")
FAILED = re.compile(r"\w+ failed\b")
# What a person can type or look up again: a name that is longer than the line is broken between its parts only.
PARTS = re.compile(r"::|[$/,;]")
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
    text.expand_tabs(TAB)
    text.rstrip()
    if text.cell_len <= width:
        return [text]
    return [_cut_step(text, found, width)] if (found := STEP.fullmatch(text.plain)) else list(_wrapped(text, width))


def cut(text: str, width: int) -> str:
    """The text in one line of at most this width."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"


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


def _wrapped(text: Text, width: int) -> Iterator[Text]:
    """Lines of at most this width, all with the indentation of the first."""
    indent = min(len(text.plain) - len(text.plain.lstrip()), width // 2)
    room = width - indent
    body = text[indent:]
    begin = end = 0
    for piece in _pieces(body.plain, room):
        if end > begin and cell_len(body.plain[begin:end] + piece.rstrip()) > room:
            yield _line(body[begin:end], indent)
            begin = end
        end += len(piece)
    yield _line(body[begin:end], indent)


def _line(text: Text, indent: int) -> Text:
    text.rstrip()
    text.pad_left(indent)
    return text


def _pieces(plain_text: str, room: int) -> Iterator[str]:
    """Words with the space behind them; one that no line has room for comes in its parts, and those as they fit."""
    for word in re.findall(r"\s*\S+\s*", plain_text):
        if cell_len(word.rstrip()) <= room:
            yield word
            continue
        ends = [found.end() for found in PARTS.finditer(word)]
        for begin, end in zip([0, *ends], [*ends, len(word)], strict=True):
            part = word[begin:end]
            yield from (part[at : at + room] for at in range(0, len(part), room))
