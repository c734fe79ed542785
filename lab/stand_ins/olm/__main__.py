"""`python -m lab.stand_ins.olm`: be the Operator Lifecycle Manager of some clusters until SIGTERM or Ctrl-C."""

import typer

from lab.binaries.definitions import olm_definitions
from lab.progress import Silent
from lab.stand_ins.controller.process import Contexts, Process, ReadyFile
from lab.stand_ins.olm.manifests import definition
from lab.stand_ins.olm.operator import Olm


def main(*, context: Contexts, ready_file: ReadyFile = None) -> None:
    """Install operators from Subscriptions in these contexts, as OLM would on OpenShift."""
    with Process(ready_file) as process:
        wanted = [*olm_definitions(Silent()), *definition()]
        process.begin(Olm(name, wanted) for name in dict.fromkeys(context))
        process.serve()


if __name__ == "__main__":
    typer.run(main)
