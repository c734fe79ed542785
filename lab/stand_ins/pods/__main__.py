"""`python -m lab.stand_ins.pods --context site-a --context site-b`: run pods until a signal comes."""

import logging
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from lab.home import Home, LabError
from lab.signals import stop_event
from lab.stand_ins.pods.cluster import UNREACHABLE
from lab.stand_ins.pods.runner import Runner

START_SECONDS = 30.0


def main(
    context: Annotated[list[str], typer.Option(help="A context of $KUBECONFIG whose pods to run; may be repeated.")],
    namespace: Annotated[list[str] | None, typer.Option(help="Only this namespace; may be repeated.")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="A file to make once all contexts are served.")] = None,
) -> None:
    """Run the pods of Jobs and StatefulSets as local processes, as the kubelet of a Node called `lab`."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    stopped = stop_event()
    runners: list[Runner] = []
    try:
        runners.extend(_started(name, tuple(namespace or ())) for name in dict.fromkeys(context))
        _wait_until_ready(runners, stopped)
        if ready_file and not stopped.is_set():
            ready_file.touch()
        stopped.wait()
    except LabError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    finally:
        _stop(runners)


def _started(name: str, namespaces: tuple[str, ...]) -> Runner:
    try:
        runner = Runner(name, namespaces, Home.default())
        runner.start()
    except UNREACHABLE as error:
        raise LabError(
            f"The API server of context {name!r} does not answer as it should ({_brief(error)}): "
            "start it, or correct the address and the credentials in the kubeconfig."
        ) from error
    return runner


def _wait_until_ready(runners: list[Runner], stopped: threading.Event) -> None:
    deadline = time.monotonic() + START_SECONDS
    for runner in runners:
        while not stopped.is_set() and not runner.wait_until_ready(0.05):
            if time.monotonic() > deadline:
                raise LabError(
                    f"The pods of context {runner.context!r} could not be listed within {START_SECONDS:.0f} seconds: "
                    "the user needs get, list and watch on pods (see the lines above)."
                )


def _stop(runners: list[Runner]) -> None:
    stops = [threading.Thread(target=runner.stop) for runner in runners]
    for stop in stops:
        stop.start()
    for stop in stops:
        stop.join()


def _brief(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error).partition("\n")[0]


if __name__ == "__main__":
    typer.run(main)
