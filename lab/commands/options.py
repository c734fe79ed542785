"""Options that several commands share."""

from typing import Annotated

import typer

from lab.servers import PARTS

Without = Annotated[
    list[str] | None,
    typer.Option(help=f"Leave out parts, where the real thing stands in their place: {', '.join(PARTS)}."),
]
Bare = Annotated[
    bool,
    typer.Option(
        "--bare",
        help="Begin with clusters that have nothing but OLM: the stacks install the operators. A lab stays as it was.",
    ),
]
Only = Annotated[list[str] | None, typer.Option("--stack", "-s", help="Only these stacks; all of them by default.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Compare with the clusters first.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Standby = Annotated[list[str] | None, typer.Option(help="Only these standbys; all of them by default.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Delete without a question.")]
