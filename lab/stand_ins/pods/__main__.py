"""`python -m lab.stand_ins.pods --context site-a --context site-b`: run pods until a signal comes."""

from typing import Annotated

import typer

from lab.home import Home
from lab.stand_ins.controller.process import Contexts, Process, ReadyFile
from lab.stand_ins.pods.runner import Runner


def main(
    context: Contexts,
    namespace: Annotated[list[str] | None, typer.Option(help="Only this namespace; may be repeated.")] = None,
    kubelet: Annotated[
        list[str] | None,
        typer.Option(metavar="CONTEXT=PORT", help="Where a context's kubelet-streams serves; may be repeated."),
    ] = None,
    ready_file: ReadyFile = None,
) -> None:
    """Run the pods of Jobs and StatefulSets as local processes, as the kubelet of a Node called `lab`."""
    ports = {name: int(port) for name, _, port in (one.rpartition("=") for one in kubelet or ())}
    scope = tuple(namespace or ())
    with Process(ready_file) as process:
        process.begin(Runner(name, scope, Home.default(), ports.get(name)) for name in dict.fromkeys(context))
        process.serve()


if __name__ == "__main__":
    typer.run(main)
