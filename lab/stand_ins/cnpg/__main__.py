"""`python -m lab.stand_ins.cnpg`: be the CloudNativePG operators of some clusters until SIGTERM or Ctrl-C."""

from typing import Annotated

import typer

from lab.home import Home
from lab.stand_ins.cnpg.operator import Operator
from lab.stand_ins.controller.process import Contexts, Process, ReadyFile


def main(
    *,
    context: Contexts,
    retry: Annotated[
        float, typer.Option(help="Seconds between two attempts at a Publication or Subscription.", min=0.1)
    ] = 30.0,
    ready_file: ReadyFile = None,
) -> None:
    """Run PostgreSQL for the Clusters, Publications and Subscriptions of these contexts, as CloudNativePG would."""
    with Process(ready_file) as process:
        process.begin(Operator(name, Home.default(), retry) for name in dict.fromkeys(context))
        process.serve()


if __name__ == "__main__":
    typer.run(main)
