"""`python -m lab.stand_ins.network --context site-a --context site-b`: forward to Services until a signal comes."""

import logging
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from lab.home import Home, LabError
from lab.signals import stop_event
from lab.stand_ins.network.cluster import ClusterNetwork
from lab.stand_ins.network.forwarding import Forwarder
from lab.stand_ins.network.table import Table

READY_SECONDS = 60


class Tables:
    """The tables of all clusters together, served by one forwarder."""

    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder
        self._lock = threading.Lock()
        self._of: dict[str, Table] = {}

    def set(self, context: str, table: Table) -> None:
        """Replace the table of one cluster."""
        with self._lock:
            self._of[context] = table
            routes = {front: targets for each in self._of.values() for front, targets in each.routes.items()}
            self._forwarder.serve(Table(routes, frozenset().union(*(each.present for each in self._of.values()))))


def run(contexts: list[str], ready_file: Path | None, stopped: threading.Event) -> None:
    """Serve the clusters until `stopped`.

    Raises:
        LabError: a context cannot be read, or does not answer.
    """
    forwarder = Forwarder()
    forwarder.start()
    clusters: list[ClusterNetwork] = []
    try:
        tables = Tables(forwarder)
        clusters += [ClusterNetwork(context, Home.default(), tables.set) for context in contexts]
        for cluster in clusters:
            cluster.start()
        for cluster in clusters:
            if not cluster.synced(READY_SECONDS):
                raise LabError(
                    f"The API server of context {cluster.context!r} did not list Services and pods in a minute."
                )
        if ready_file:
            ready_file.touch()
        stopped.wait()
    finally:
        for cluster in clusters:
            cluster.stop()
        forwarder.stop()


def main(
    context: Annotated[list[str], typer.Option(help="A context of $KUBECONFIG; may be given several times.")],
    ready_file: Annotated[Path | None, typer.Option(help="A file to make once all contexts are served.")] = None,
) -> None:
    """Forward TCP from Services to pods, and write hosts files for the clusters behind these contexts."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    stopped = stop_event()
    try:
        run(context, ready_file, stopped)
    except LabError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
