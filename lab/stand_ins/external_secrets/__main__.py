"""`python -m lab.stand_ins.external_secrets`: be Red Hat's External Secrets Operator where OLM has installed it."""

import logging

import typer

from lab.binaries import locate
from lab.home import Home
from lab.progress import Silent
from lab.servers.ports import Ports
from lab.stand_ins.controller.installed import Installed
from lab.stand_ins.controller.process import Contexts, Process, ReadyFile
from lab.stand_ins.external_secrets.operand import Operand
from lab.stand_ins.external_secrets.operator import OPERAND, Operator

OPERATOR = "external-secrets-operator-controller-manager"


def main(*, context: Contexts, ready_file: ReadyFile = None) -> None:
    """Wait for the operator in these contexts, and run External Secrets where its config asks for it."""
    home = Home.default()
    ports = Ports(home)
    with Process(ready_file) as process:
        program = locate(["external-secrets"], Silent())["external-secrets"]

        def parts(name: str) -> list[Installed]:
            kubeconfig = home.folder("clusters", name) / "kubeconfig"
            port = ports.get(f"external-secrets-{name}")
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
                    lambda _: Operand(name, program, kubeconfig, port),
                    logging.getLogger(f"external-secrets.{name}"),
                ),
            ]

        process.begin(part for name in dict.fromkeys(context) for part in parts(name))
        process.serve()


if __name__ == "__main__":
    typer.run(main)
