"""The command `adopt`."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from components.settings import Settings
from ops.adopt import found, import_file, text
from ops.adopt.catalogue import adoptables
from ops.adopt.notes import Case, Peer
from ops.adopt.plan import Plan, plan
from ops.clusters import Cluster, ClusterError
from ops.project import ProjectError, project_name, short_name
from ops.stacks import StackError, settings_of, state
from ops.vault import VaultError, kv_vault, login_vault


def adopt(
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack; `pulumi stack init` has made it.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where the import file goes; import-<stack>.json without it."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
    cwd: Annotated[Path, typer.Option("--cwd", "-C", help="The project folder.")] = Path(),
) -> None:
    """Plan how what was made by hand becomes a stack's, and write the file for `pulumi import --file`.

    Looks at the stack's settings and state, its cluster and Vault (VAULT_TOKEN); changes none of them. The file is
    written only where nothing is in the way, and something has to be imported. It is written over an earlier import
    file, and over nothing else.

    Exit codes: 0 nothing is in the way; 1 something is, and the plan says what settles it; 2 the stack, its cluster or
    Vault cannot be read, the file cannot be written, or a mistake on the command line.
    """
    try:
        made, settings = _plan(cwd, stack)
        # The commands of the plan are typed in the project folder.
        folder = cwd if cwd == Path() else cwd.resolve()
        file = output.resolve() if output else folder / f"import-{short_name(stack)}.json"
        if made.imports and not made.blocked:
            import_file.write(file, import_file.import_file(made.imports, settings, os.environ))
        elif file.exists():
            typer.echo(f"note: {file} is of an earlier plan, do not import it any more.", err=True)
    except (ProjectError, StackError, ClusterError, VaultError, import_file.FileError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(text.FAILED) from error
    if as_json:
        typer.echo(json.dumps(text.as_json(made, str(file)), indent=2))
    else:
        typer.echo(text.as_text(made, str(file)), nl=False)
    raise typer.Exit(text.exit_code(made))


def _plan(project: Path, stack: str) -> tuple[Plan, Settings]:
    settings = settings_of(project, stack)
    if not os.environ.get("VAULT_TOKEN"):
        raise VaultError("VAULT_TOKEN is not set, and half of what may stand is in Vault: set it as for `pulumi up`.")
    stands = found.look(
        settings,
        adoptables(settings),
        cluster=Cluster(settings.cluster.context),
        kv=kv_vault(settings, os.environ),
        login=login_vault(settings, os.environ),
    )
    case = Case(
        stack=stack,
        project=project_name(project),
        settings=settings,
        found=stands,
        state=state(project, stack),
        peer=_peer(project, settings),
    )
    return plan(case), settings


def _peer(project: Path, settings: Settings) -> Peer:
    """What the primary's settings say, where its stack is at hand."""
    if settings.role == "primary":
        return Peer()
    try:
        primary = settings_of(project, settings.primary_stack)
    except StackError:
        return Peer()
    grant = primary.standbys.get(settings.site)
    rotation = grant.rotation + primary.revoke if grant else None
    return Peer(rotation=rotation, routing_prefix=primary.routing_prefix)
