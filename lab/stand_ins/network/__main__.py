"""`python -m lab.stand_ins.network --context site-a --context site-b`: forward to Services until a signal comes."""

import threading

import typer

from lab.home import Home
from lab.stand_ins.controller.process import Contexts, Process, ReadyFile
from lab.stand_ins.network.cluster import ClusterNetwork
from lab.stand_ins.network.forwarding import Forwarder
from lab.stand_ins.network.table import Table


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


def main(context: Contexts, ready_file: ReadyFile = None) -> None:
    """Forward TCP from Services to pods, and write hosts files for the clusters behind these contexts."""
    with Process(ready_file) as process:
        forwarder = Forwarder()
        forwarder.start()
        process.defer(forwarder.stop)
        tables = Tables(forwarder)
        process.begin(ClusterNetwork(name, Home.default(), tables.set) for name in dict.fromkeys(context))
        process.serve()


if __name__ == "__main__":
    typer.run(main)
