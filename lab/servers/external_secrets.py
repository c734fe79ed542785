"""The External Secrets controller, out of cluster, as the administrator of one context.

Owns its definitions in the cluster and its process. Which stores and secrets exist is the program's business.
"""

import contextlib
from pathlib import Path

from kubernetes.dynamic.exceptions import ConflictError

from lab.kube import Manifest
from lab.servers.endpoint import Endpoint
from lab.servers.ports import LOOPBACK
from lab.servers.process import plain_environ
from lab.servers.supervisor import Server, Supervisor
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.definitions import is_established
from lab.stand_ins.controller.kinds import DEFINITION
from lab.stand_ins.external_secrets.arguments import arguments


def define(api: Api, context: str, definitions: list[Manifest], supervisor: Supervisor) -> None:
    """Create the CustomResourceDefinitions that are not there and wait until the API server serves them.

    Raises:
        LabError: the API server does not serve one in time.
        kubernetes.client.exceptions.ApiException: it refuses one.
    """
    names = [definition["metadata"]["name"] for definition in definitions]
    for definition in definitions:
        with contextlib.suppress(ConflictError):
            api.create(DEFINITION, None, definition)
    supervisor.wait_for(
        f"{context} did not serve {', '.join(names)}", lambda: all(is_established(api, name) for name in names)
    )


def external_secrets(context: str, kubeconfig: Path, supervisor: Supervisor, program: Path) -> Server:
    """The controller for one cluster; its definitions must be served already.

    Args:
        context: names the process.
        kubeconfig: its current context is the one that the controller serves.
        supervisor: for the port of its health endpoint.
        program: the `external-secrets` binary.
    """
    name = f"external-secrets-{context}"
    address = f"{LOOPBACK}:{supervisor.ports.get(name)}"
    endpoint = Endpoint(f"http://{address}")
    return Server(
        name=name,
        argv=(str(program), *arguments(address)),
        environ=plain_environ(KUBECONFIG=str(kubeconfig)),
        ready=lambda: endpoint.ok("/healthz"),
        ports=(name,),
    )
