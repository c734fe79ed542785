"""`python -m lab`: the lab and both stacks in one command each.

Owns the list of commands and their exit codes. Progress goes to standard error, results to standard output. What a
command does is in its module.
"""

from typing import Annotated

import typer

from lab.commands import completion, links, looking, rotations, stacks, tools

app = typer.Typer(
    no_args_is_help=True,
    # Typer's own completes a program of one word.
    add_completion=False,
    pretty_exceptions_enable=False,
)
PASSED_ON = {"allow_interspersed_args": False}
"""What follows the command's own arguments is another program's."""


def _version(asked: bool) -> None:
    if asked:
        from lab.commands.version import version

        typer.echo(version())
        raise typer.Exit


@app.callback()
def lab(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which lab this is, of which parts.")
    ] = False,
) -> None:
    """Two linked sites on this machine: real API servers, OpenBao and External Secrets, and this program on them.

    Exit codes: 0 done; 1 a sentence on standard error says why not, or not everything is Ready (`up`, `status`); 2 a
    mistake on the command line; a failed `pulumi`, `kubectl` or `psql` gives its own.
    """


app.command()(stacks.up)
app.command()(stacks.preview)
app.command()(rotations.rotate)
app.command()(rotations.soak)
app.command()(looking.status)
app.command(context_settings=PASSED_ON)(tools.shell)
app.command(
    context_settings=PASSED_ON | {"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False
)(tools.kubectl)
app.command()(tools.psql)
app.command()(tools.env)
app.command()(tools.logs)
app.add_typer(links.app, name="link")
app.command()(stacks.destroy)
app.command()(stacks.cancel)
app.command()(tools.down)
app.command()(completion.completion)
