"""`python -m ops`: the list of its commands. What a command does, and its exit codes, are in its module."""

import typer

from ops.commands import adopt, doctor, review, status

app = typer.Typer(
    no_args_is_help=True,
    # Typer's own completes a program of one word.
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def ops() -> None:
    """What surrounds `pulumi up`. No command here changes a cluster or Vault."""


app.command()(adopt.adopt)
app.command()(doctor.doctor)
app.command()(review.review)
app.command()(status.status)
