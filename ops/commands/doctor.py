"""The command `doctor`."""

import json
import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from ops.doctor import report
from ops.doctor.examination import examine
from ops.project import ProjectError, chosen

USAGE = 2
"""The exit code of a mistake on the command line."""


def doctor(
    stack: Annotated[
        list[str] | None,
        typer.Option("--stack", "-s", help="Look at this stack; repeatable. Without it, every Pulumi.<stack>.yaml."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
    cwd: Annotated[Path, typer.Option("--cwd", "-C", help="The project folder.")] = Path(),
) -> None:
    """Find what would make `pulumi up` fail: settings, clusters, rights, names, Vault, peers, clocks, images.

    Only looks. Each line has the command that helps. Needs KUBECONFIG, VAULT_ADDR and VAULT_TOKEN as `pulumi up` does.

    Exit codes: 0 nothing found that would make `up` fail; 1 something was; 2 a mistake on the command line.
    """
    try:
        found = examine(cwd, chosen(cwd, stack or []), os.environ)
    except ProjectError as error:
        typer.echo(f"error: {error}", err=True)
        if as_json:
            typer.echo(json.dumps({"ok": False, "error": str(error)}))
        raise typer.Exit(USAGE) from error
    if as_json:
        typer.echo(json.dumps(report.as_json(found), indent=2))
    else:
        typer.echo(report.as_text(found, columns=shutil.get_terminal_size((120, 0)).columns), nl=False)
    raise typer.Exit(report.exit_code(found))
