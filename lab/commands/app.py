"""`python -m lab`: the lab and both stacks in one command each.

Owns the list of commands and their exit codes: 0 done, 1 a sentence on standard error says why not; a failed `pulumi`
gives its own. Progress goes to standard error, results to standard output. What a command does is in its module.
"""

import typer

from lab.commands import links, rotations, stacks, tools

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Two linked sites on this machine: real API servers, OpenBao and External Secrets, and this program on them.",
)
app.command()(stacks.up)
app.command()(stacks.preview)
app.command()(rotations.rotate)
app.command()(rotations.soak)
app.command()(tools.status)
app.command()(stacks.destroy)
app.command(context_settings={"allow_interspersed_args": False})(tools.shell)
app.command("env")(tools.env)
app.command()(tools.logs)
app.add_typer(links.app, name="link")
app.command()(tools.down)
