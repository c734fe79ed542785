"""`python -m lab.stand_ins.skupper`: emulate the Skupper controllers of some clusters until SIGTERM or Ctrl-C."""

import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from kubernetes.client.exceptions import ApiException

from lab.home import LabError
from lab.kube import connect
from lab.signals import stop_event
from lab.stand_ins.router.control import Control
from lab.stand_ins.skupper import crds
from lab.stand_ins.skupper.api import error_text
from lab.stand_ins.skupper.cluster import Options
from lab.stand_ins.skupper.controller import Controller
from lab.stand_ins.skupper.data_plane import DataPlane
from lab.stand_ins.skupper.network import Network

READY_TIMEOUT = 90
# Seconds that events at hand get to end after SIGTERM; a redemption may be waiting for a dead server.
GRACE = 1.0


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is either absent or whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


def run(
    contexts: list[str], options: Options, router: Path | None, ready_file: Path | None, stopped: threading.Event
) -> None:
    """Run one controller for each context, until `stopped`.

    Raises:
        LabError: one of them cannot start.
    """
    network = Network()
    controllers: dict[str, Controller] = {}
    control = Control(router) if router else None
    try:
        controllers |= {context: Controller(context, options, network) for context in contexts}
        with ThreadPoolExecutor() as pool:
            list(pool.map(Controller.start, controllers.values()))
        network.start()
        network.changed()
        for context, controller in controllers.items():
            waited = 0.0
            while not controller.ready.wait(0.2) and not stopped.is_set():
                waited += 0.2
                if waited > READY_TIMEOUT:
                    raise LabError(f"The grant server of context {context!r} got no certificate; see the log above.")
        if control:
            # Controllers that are still finding out what there is would tell the routers to drop it.
            for controller in controllers.values():
                while not controller.wait_until_idle(0.2) and not stopped.is_set():
                    pass
            network.subscribe(DataPlane(controllers, network.changed, control.serve).follow)
            control.start()
            network.changed()
        if ready_file and not stopped.is_set():
            write_atomically(ready_file, "ready\n")
        stopped.wait()
    finally:
        network.stop()
        if control:
            control.stop()
        for controller in controllers.values():
            controller.stop()
        deadline = time.monotonic() + GRACE
        for controller in controllers.values():
            controller.join(max(0.0, deadline - time.monotonic()))


def main(
    *,
    context: Annotated[list[str], typer.Option(help="A context of $KUBECONFIG; may be given several times.")],
    namespace: Annotated[str, typer.Option(help="The controllers' own namespace.")] = "skupper",
    grant_server_host: Annotated[str, typer.Option(help="The address at which grants are redeemed.")] = "127.0.0.1",
    resync: Annotated[float, typer.Option(help="Seconds between two looks at everything.", min=0.1)] = 30.0,
    link_configured_delay: Annotated[
        float, typer.Option(help="Seconds until a new Link is configured; upstream needs a resync.", min=0.0)
    ] = 1.0,
    require_explicit_control: Annotated[
        bool, typer.Option("--require-explicit-control", help="Handle only namespaces assigned to this controller.")
    ] = False,
    router: Annotated[Path | None, typer.Option(help="The socket of the routers' process; none: no traffic.")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Written when all controllers watch and serve.")] = None,
    install_crds: Annotated[bool, typer.Option("--install-crds", help="Install the CRDs and end.")] = False,
) -> None:
    """Emulate the Skupper v2 controllers of the clusters behind these contexts, and the network between them."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    stopped = stop_event()
    options = Options(
        namespace=namespace,
        grant_server_host=grant_server_host,
        resync=resync,
        require_explicit_control=require_explicit_control,
        link_configured_delay=link_configured_delay,
    )
    try:
        if install_crds:
            for name in context:
                crds.install(connect(name))
        else:
            run(context, options, router, ready_file, stopped)
    except LabError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except ApiException as error:
        typer.echo(f"An API server refused the CRDs: {error_text(error)}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
