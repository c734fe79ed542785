"""Draws a comment in Markdown as a code host shows it, as one SVG.

Owns the look. The text is laid out by whoever shows the picture (`foreignObject`), so that it needs no font of its own;
only its height is reckoned here, generously, because an SVG cannot ask for it.
"""

import math
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

WIDTH = 900
EDGE = 24
LINE = 21
# A character takes at most so many pixels, averaged over a line.
WIDEST = 7.6
# Margins, borders and padding of a block; a row of a table has those of its cells and one line.
AROUND = {
    "heading_open": 32,
    "paragraph_open": 12,
    "bullet_list_open": 12,
    "fence": 36,
    "tr_open": 33,
    "html_block": 12,
}
TIGHT = 3
# What a line of a block `diff` begins with.
COLOURS = {"-": "minus", "+": "plus", "!": "change"}
STYLE = """
.card { font: 14px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; color: #1f2328 }
.card { padding: 8px 24px }
h3, h4 { margin: 20px 0 12px; line-height: 1.25; border-bottom: 1px solid #d1d9e0; padding-bottom: 5px }
h3 { font-size: 18px }
h4 { font-size: 15px }
p, ul, table, pre { margin: 0 0 12px }
ul { padding-left: 22px }
li { margin: 3px 0 }
li p { margin: 0 }
table { border-collapse: collapse }
th, td { border: 1px solid #d1d9e0; padding: 5px 12px }
code { font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
code { background: #eff1f3; border-radius: 5px; padding: 2px 5px }
pre { background: #f6f8fa; border-radius: 6px; padding: 12px; white-space: pre-wrap; overflow-wrap: anywhere }
h3 code { font-size: 16px }
pre code { background: none; padding: 0 }
summary { margin-bottom: 10px }
.minus { color: #82071e; background: #ffebe9 }
.plus { color: #116329; background: #dafbe1 }
.change { color: #953800 }
"""


def picture(markdown: str, *, title: str, about: str) -> str:
    """The whole file.

    Args:
        markdown: the comment.
        title: what it is.
        about: what the picture shows, for whoever does not see it.
    """
    parser = MarkdownIt("commonmark", {"html": True, "xhtmlOut": True, "highlight": _coloured}).enable("table")
    # The comment's own HTML: its marker, which nobody sees, and parts that unfold, which a picture shows unfolded.
    tokens = parser.parse(re.sub(r"<!--.*?-->\n?", "", markdown).replace("<details>", '<details open="open">'))
    height = _height(tokens) + 2 * EDGE
    html = parser.renderer.render(tokens, parser.options, {})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        f'aria-labelledby="title about">\n<title id="title">{escape(title)}</title>\n'
        f'<desc id="about">{escape(about)}</desc>\n<style>{STYLE}</style>\n'
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8" fill="#ffffff" stroke="#d1d9e0"/>\n'
        f'<foreignObject width="{WIDTH}" height="{height}">\n'
        f'<div xmlns="http://www.w3.org/1999/xhtml" class="card">\n{html}</div>\n</foreignObject>\n</svg>\n'
    )


def _coloured(code: str, language: str, _: str) -> str:
    """A block of code as HTML, the lines of a `diff` in the colours of what they do."""
    lines = (
        f'<span class="{COLOURS[line[0]]}">{escape(line)}</span>'
        if language == "diff" and line[:1] in COLOURS
        else escape(line)
        for line in code.splitlines()
    )
    return "\n".join(lines) + "\n"


def _height(tokens: Sequence[Token]) -> int:
    """At most how many pixels the blocks take, one below the other."""
    inside = WIDTH - 4 * EDGE
    height, in_row = 0, False
    for token in tokens:
        # Within a list, a paragraph has no margins; its item has small ones.
        height += TIGHT if token.hidden else AROUND.get(token.type, 0)
        in_row = token.type == "tr_open" or (in_row and token.type != "tr_close")
        lines = token.content.splitlines() if token.type in ("fence", "inline") and not in_row else []
        height += sum(LINE * max(1, math.ceil(len(line) * WIDEST / inside)) for line in lines)
    return height
