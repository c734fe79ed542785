"""Draws the frames of a terminal as one SVG that plays them.

Owns the look: colours, sizes, the bar with the command and the clock. The file names no font file and no other host, so
it looks the same in README.md, on the site and on a disk. Who asks for less motion (`prefers-reduced-motion`), and
whoever does not know animations, sees the last frame, which has the result.
"""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from docs.generate.pictures.frames import Frame, Row, Run

FONT = 14
# Of every monospaced font's cells; `textLength` makes the widths exact.
CELL = 8.4
LINE = 18
EDGE = 16
BAR = 40
GROUND, TEXT, FAINT, FRAME = "#0d1117", "#e6edf3", "#8b98a5", "#30363d"
# By the names of pyte; all of them have a contrast of at least 4.5 to 1 on the ground.
COLOURS = {
    "black": FAINT,
    "red": "#ff7b72",
    "green": "#3fb950",
    "brown": "#d29922",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#56d4dd",
    "white": TEXT,
}


def animation(frames: Sequence[Frame], *, columns: int, title: str, about: str) -> str:
    """The whole file.

    Args:
        frames: in their order; each has as many rows as the terminal.
        columns: the terminal's width.
        title: what was typed.
        about: what the picture shows, for whoever does not see it.
    """
    height = BAR + LINE * len(frames[-1].rows) + EDGE
    width = round(columns * CELL + 2 * EDGE)
    rows = {row: f"r{number}" for number, row in enumerate(dict.fromkeys(row for one in frames for row in one.rows))}
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            'role="img" aria-labelledby="title about">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="about">{escape(about)}</desc>',
            f"<style>{_style(rows, [frame.shown for frame in frames], height)}</style>",
            "<defs>",
            *(f'<g id="{name}">{"".join(map(_text, row))}</g>' for row, name in rows.items() if row),
            "</defs>",
            f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8" fill="{GROUND}" stroke="{FRAME}"/>',
            f'<path d="M0 {BAR - 10}H{width}" stroke="{FRAME}"/>',
            f'<text x="{EDGE}" y="20" class="b">$ {escape(title)}</text>',
            f'<svg width="{width}" height="{height}">',
            f'<g class="film" transform="translate(0,{height * (1 - len(frames))})">',
            *(line for number, frame in enumerate(frames) for line in _frame(frame, number * height, width, rows)),
            "</g></svg>",
            "</svg>",
            "",
        ]
    )


def _style(rows: dict[Row, str], shown: Sequence[float], height: int) -> str:
    whole = sum(shown)
    begins = [sum(shown[:number]) / whole * 100 for number in range(len(shown))]
    steps = "".join(
        f"{begin:.2f}%{{transform:translateY(-{number * height}px)}}" for number, begin in enumerate(begins)
    )
    used = sorted({run.colour for row in rows for run in row} - {"default"})
    return (
        f"text{{font:{FONT}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:{TEXT};"
        f"white-space:pre}}.b{{font-weight:bold}}.clock{{fill:{FAINT};text-anchor:end}}"
        + "".join(f".{_class(colour)}{{fill:{_fill(colour)}}}" for colour in used)
        + f"@media (prefers-reduced-motion:no-preference){{.film{{animation:film {whole:.1f}s step-end infinite}}}}"
        f"@keyframes film{{{steps}}}"
    )


def _class(colour: str) -> str:
    """A name that a style sheet takes; pyte names a colour beyond the sixteen by its six digits."""
    return f"c-{colour}"


def _fill(colour: str) -> str:
    return COLOURS.get(colour.removeprefix("bright")) or f"#{colour}"


def _frame(frame: Frame, top: int, width: int, rows: dict[Row, str]) -> Iterator[str]:
    yield f'<g transform="translate(0,{top})">'
    minutes, seconds = divmod(int(frame.at), 60)
    yield f'<text class="clock" x="{width - EDGE}" y="20">{minutes}:{seconds:02}</text>'
    for number, row in enumerate(frame.rows):
        if row:
            yield f'<use href="#{rows[row]}" y="{BAR + LINE * number}"/>'
    yield "</g>"


def _text(run: Run) -> str:
    classes = " ".join(filter(None, ["b" if run.bold else "", _class(run.colour) if run.colour != "default" else ""]))
    return (
        f'<text x="{EDGE + run.column * CELL:.1f}" y="{FONT}"'
        + (f" class={quoteattr(classes)}" if classes else "")
        + f' textLength="{len(run.text) * CELL:.1f}">{escape(run.text)}</text>'
    )
