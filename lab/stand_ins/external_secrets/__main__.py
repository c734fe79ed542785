"""`python -m lab.stand_ins.external_secrets`: be Red Hat's External Secrets Operator where OLM has installed it."""

import logging
from typing import Annotated

import typer

from lab.binaries import locate
from lab.home import Home, context_folder
from lab.progress import Silent
from lab.stand_ins.controller.installed import Installed
from lab.stand_ins.controller.process import Contexts, Process, ReadyFile
from lab.stand_ins.external_secrets.operand import Operand
from lab.stand_ins.external_secrets.operator import OPERAND, Operator

OPERATOR = "external-secrets-operator-controller-manager"


def main(
    *,
    context: Contexts,
    health: Annotated[
        list[str],
        typer.Option(
            metavar="CONTEXT=PORT", help="Where a context's External Secrets serves its health; one for each."
        ),
    ],
    ready_file: ReadyFile = None,
) -> None:
    """Wait for the operator in these contexts, and run External Secrets where its config asks for it."""
    home = Home.default()
    ports = {name: int(port) for name, _, port in (one.rpartition("=") for one in health)}
    with Process(ready_file) as process:
        program = locate(["external-secrets"], Silent())["external-secrets"]

        def parts(name: str) -> list[Installed]:
            kubeconfig = home.folder("clusters", context_folder(name)) / "kubeconfig"
            return [
                Installed(
                    name,
                    {OPERATOR: "external-secrets-operator"},
                    lambda _: Operator(name),
                    logging.getLogger(f"external-secrets-operator.{name}"),
                ),
                Installed(
                    name,
                    {OPERAND: OPERAND},
                    lambda _: Operand(name, program, kubeconfig, ports[name]),
                    logging.getLogger(f"external-secrets.{name}"),
                ),
            ]

        process.begin(part for name in dict.fromkeys(context) for part in parts(name))
        process.serve()


if __name__ == "__main__":
    typer.run(main)
