"""`python -m lab.stand_ins.cnpg`: be the CloudNativePG operators of some clusters until SIGTERM or Ctrl-C."""

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from lab.binaries.postgresql import postgresql
from lab.home import Home, LabError
from lab.progress import Silent
from lab.signals import stop_event
from lab.stand_ins.cnpg.operator import Operator


def main(
    *,
    context: Annotated[list[str], typer.Option(help="A context of $KUBECONFIG; may be given several times.")],
    retry: Annotated[
        float, typer.Option(help="Seconds between two attempts at a Publication or Subscription.", min=0.1)
    ] = 30.0,
    ready_file: Annotated[Path | None, typer.Option(help="Made when all operators watch.")] = None,
) -> None:
    """Run PostgreSQL for the Clusters, Publications and Subscriptions of these contexts, as CloudNativePG would."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    stopped = stop_event()
    operators: list[Operator] = []
    try:
        programs = postgresql(Silent())
        operators += [Operator(name, Home.default(), programs, retry) for name in dict.fromkeys(context)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(Operator.start, operators))
        if ready_file and not stopped.is_set():
            ready_file.touch()
        stopped.wait()
    except LabError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    finally:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Operator.stop, operators))


if __name__ == "__main__":
    typer.run(main)
