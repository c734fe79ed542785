"""The commands that cut the network between the sites and restore it: `link cut`, `link restore`."""

import typer

from lab.commands.options import Standby
from lab.commands.session import sentences, whole_lab
from lab.stacks import discover

app = typer.Typer(no_args_is_help=True, help="Cut and restore the network between the sites.")


@app.command()
def cut(standby: Standby = None) -> None:
    """Cut the links: connections are reset and no new ones cross, until `restore`."""
    from lab import link
    from lab.rotation.rotate import chosen

    with sentences():
        for name in link.cut(whole_lab(), chosen(discover(), standby or [])[1]):
            typer.echo(f"{name} is cut")


@app.command()
def restore(standby: Standby = None) -> None:
    """Restore the links that `cut` has cut."""
    from lab import link
    from lab.rotation.rotate import chosen

    with sentences():
        for name in link.restore(whole_lab(), chosen(discover(), standby or [])[1]):
            typer.echo(f"{name} is whole")
