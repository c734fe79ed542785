"""Lines that a terminal has room for: wrapped between words, or cut. A name is broken as a last resort only."""

import re
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

TAB = 4
# What a person types or looks up again: a name that is longer than the line is broken between its parts only.
PARTS = re.compile(r"::|[$/,;]")


def cut(text: str, width: int) -> str:
    """The text in one line of at most this width."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"


def wrapped(text: Text, width: int) -> list[Text]:
    """The lines of at most this width that show all of it, each with the indentation of the first."""
    text = text.copy()
    text.expand_tabs(TAB)
    text.rstrip()
    return [text] if text.cell_len <= width else list(_lines(text, width))


def tell(text: str | Text, *, console: Console | None = None) -> None:
    """Print sentences, on standard error by default: wrapped between words on a terminal, as they are elsewhere."""
    console = console or Console(stderr=True, highlight=False)
    for line in (Text(text) if isinstance(text, str) else text).split("\n", allow_blank=True):
        for part in wrapped(line, console.width) if console.is_terminal else [line]:
            console.print(part, soft_wrap=True)


def _lines(text: Text, width: int) -> Iterator[Text]:
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
