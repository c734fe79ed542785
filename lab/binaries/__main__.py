"""`python -m lab.binaries [--json]`: builds what is missing and shows where each program of the lab comes from."""

import json
import re
import subprocess
from typing import Annotated

import typer

from lab.binaries.find import PROGRAMS, Binary, find, locate
from lab.home import LabError
from lab.progress import Terminal

VERSION_ARGUMENTS = {
    "etcd": ["--version"],
    "kube-apiserver": ["--version"],
    "kube-controller-manager": ["--version"],
    "bao": ["version"],
    "kubectl": ["version", "--client"],
    "pulumi": ["version"],
}


def version(binary: Binary) -> str:
    """The pinned version, or what a program from PATH says about itself (external-secrets cannot)."""
    if binary.version or binary.name not in VERSION_ARGUMENTS:
        return binary.version or "unknown"
    done = subprocess.run(
        [binary.path, *VERSION_ARGUMENTS[binary.name]], capture_output=True, text=True, check=False, timeout=30
    )
    found = re.search(r"v?\d+\.\d+\.\d+\S*", done.stdout)
    return found[0] if found else "unknown"


def main(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: name, version, origin and path of each.")
    ] = False,
) -> None:
    """Build what the lab needs and nothing else ships, then show every program's origin."""
    try:
        with Terminal() as progress:
            locate(PROGRAMS, progress)
    except LabError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    rows = [
        {"name": binary.name, "version": version(binary), "origin": binary.origin, "path": str(binary.path)}
        for binary in map(find, PROGRAMS)
        if binary is not None
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    # Plain columns: a table that fits the terminal would cut the paths, which are what one copies.
    for row in ({"name": "program", "version": "version", "origin": "origin", "path": "path"}, *rows):
        typer.echo(f"{row['name']:<29}{row['version']:<22}{row['origin']:<21}{row['path']}")


if __name__ == "__main__":
    typer.run(main)
