"""`python -m lab.stand_ins.cnpg`: be the CloudNativePG operators of some clusters until SIGTERM or Ctrl-C."""

from typing import Annotated

import typer

from lab.home import Home
from lab.stand_ins.cnpg.installed import installed
from lab.stand_ins.cnpg.operator import Operator
from lab.stand_ins.controller.process import Contexts, Process, ReadyFile


def main(
    *,
    context: Contexts,
    retry: Annotated[
        float, typer.Option(help="Seconds between two attempts at a Publication or Subscription.", min=0.1)
    ] = 30.0,
    by_olm: Annotated[
        bool,
        typer.Option("--by-olm", help="Serve only what OLM has installed: CloudNativePG, EDB's operator, or both."),
    ] = False,
    ready_file: ReadyFile = None,
) -> None:
    """Run PostgreSQL for the Clusters, Publications and Subscriptions of these contexts, as CloudNativePG would."""
    with Process(ready_file) as process:
        home, contexts = Home.default(), dict.fromkeys(context)
        if by_olm:
            process.begin(installed(name, home, retry) for name in contexts)
        else:
            process.begin(Operator(name, home, retry) for name in contexts)
        process.serve()


if __name__ == "__main__":
    typer.run(main)
