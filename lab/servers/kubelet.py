"""The kubelet of a cluster's only node, as far as `kubectl exec`, `logs` and `port-forward` need one.

Owns the process of kubelet-streams. What it is asked about pods, those who run them answer (lab/stand_ins/pods,
lab/stand_ins/cnpg), so it keeps nothing and may end and begin at any time.
"""

from pathlib import Path

from lab.certificates import Files
from lab.servers.endpoint import Endpoint
from lab.servers.ports import LOOPBACK
from lab.servers.process import plain_environ
from lab.servers.supervisor import Server, Supervisor

PROGRAM = "kubelet-streams"
RUNNERS = ("pods", "cnpg")
"""The parts of the lab that run pods."""


def port_name(context: str) -> str:
    """The name of its process and port."""
    return f"{PROGRAM}-{context}"


def kubelet_port(context: str, supervisor: Supervisor) -> int:
    """Where it serves."""
    return supervisor.ports.get(port_name(context))


def kubelet(  # noqa: PLR0917 - what it is made of has no order
    context: str, supervisor: Supervisor, program: Path, tls: Files, authority: Path, client: Files
) -> Server:
    """The kubelet of one context.

    Args:
        context: whose pods it serves.
        supervisor: for its port.
        program: the `kubelet-streams` binary.
        tls: its certificate, for the address of the Node.
        authority: whose certificates its clients must have.
        client: one of these.
    """
    address = f"{LOOPBACK}:{kubelet_port(context, supervisor)}"
    flags = {
        "address": address,
        "certificate": tls.certificate,
        "key": tls.key,
        "authority": authority,
    }
    runners = [f"--runner={supervisor.home.kubelet_socket(runner, context)}" for runner in RUNNERS]
    endpoint = Endpoint(f"https://{address}", authority, client)
    return Server(
        name=port_name(context),
        argv=(str(program), *(f"--{flag}={value}" for flag, value in flags.items()), *runners),
        environ=plain_environ(),
        ready=lambda: endpoint.ok("/healthz"),
        ports=(port_name(context),),
    )
