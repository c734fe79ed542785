"""`python -m lab.stand_ins.skupper`: emulate the Skupper controllers of some clusters until SIGTERM or Ctrl-C."""

from pathlib import Path
from typing import Annotated

import typer

from lab.stand_ins.controller.process import Contexts, Part, Process, ReadyFile
from lab.stand_ins.network_observer.operator import Observers
from lab.stand_ins.router.control import Control
from lab.stand_ins.skupper.cluster import Options
from lab.stand_ins.skupper.controller import Controller
from lab.stand_ins.skupper.data_plane import DataPlane
from lab.stand_ins.skupper.installed import InstalledController, installed_observers
from lab.stand_ins.skupper.network import Network


def main(
    *,
    context: Contexts,
    namespace: Annotated[str, typer.Option(help="The controllers' own namespace.")] = "skupper",
    grant_server_host: Annotated[str, typer.Option(help="The address at which grants are redeemed.")] = "127.0.0.1",
    cluster_host: Annotated[str, typer.Option(help="Where nodes are; enables the access type nodeport.")] = "",
    resync: Annotated[float, typer.Option(help="Seconds between two looks at everything.", min=0.1)] = 30.0,
    link_configured_delay: Annotated[
        float, typer.Option(help="Seconds until a new Link is configured; upstream needs a resync.", min=0.0)
    ] = 1.0,
    require_explicit_control: Annotated[
        bool, typer.Option("--require-explicit-control", help="Handle only namespaces assigned to this controller.")
    ] = False,
    router: Annotated[Path | None, typer.Option(help="The socket of the routers' process; none: no traffic.")] = None,
    by_olm: Annotated[
        bool,
        typer.Option("--by-olm", help="Be at work only where OLM has installed the operators, in their namespaces."),
    ] = False,
    ready_file: ReadyFile = None,
) -> None:
    """Emulate Skupper v2 in these contexts: controllers, network observers, and the network between the clusters."""
    options = Options(
        namespace=namespace,
        grant_server_host=grant_server_host,
        cluster_host=cluster_host,
        resync=resync,
        require_explicit_control=require_explicit_control,
        link_configured_delay=link_configured_delay,
        define=not by_olm,
    )
    with Process(ready_file) as process:
        network = Network()
        contexts = list(dict.fromkeys(context))
        controllers: dict[str, Controller | InstalledController]
        if by_olm:
            controllers = {name: InstalledController(name, options, network) for name in contexts}
            observers: list[Part] = [installed_observers(name) for name in contexts]
        else:
            controllers = {name: Controller(name, options, network) for name in contexts}
            observers = [Observers(name) for name in contexts]
        # Before all of them have begun, a topology would lack the sites of the others.
        process.begin([*controllers.values(), *observers])
        network.start()
        process.defer(network.stop)
        network.changed()
        process.wait_until_ready()
        if router:
            # Controllers that are still finding out what there is would tell the routers to drop it.
            control = Control(router)
            network.subscribe(DataPlane(controllers, network.changed, control.serve).follow)
            control.start()
            process.defer(control.stop)
            network.changed()
        process.serve()


if __name__ == "__main__":
    typer.run(main)
