"""`python -m lab.stand_ins.pods --context site-a --context site-b`: run pods until a signal comes."""

from typing import Annotated

import typer

from lab.home import Home
from lab.stand_ins.controller.process import Contexts, Process, ReadyFile
from lab.stand_ins.pods.runner import Runner


def main(
    context: Contexts,
    namespace: Annotated[list[str] | None, typer.Option(help="Only this namespace; may be repeated.")] = None,
    ready_file: ReadyFile = None,
) -> None:
    """Run the pods of Jobs and StatefulSets as local processes, as the kubelet of a Node called `lab`."""
    with Process(ready_file) as process:
        process.begin(Runner(name, tuple(namespace or ()), Home.default()) for name in dict.fromkeys(context))
        process.serve()


if __name__ == "__main__":
    typer.run(main)
