"""The lab's own Python processes: network, routers, OLM, what it installs, the runner of pods, Pulumi's plugins.

Owns how they are started and that their ready file means this run of theirs.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.home import CHECKOUT
from lab.pulumi.installation import socket_path
from lab.servers.supervisor import Server, Supervisor

# They act in the clusters only: what opens Vault is none of their business.
WITHHELD = ("VAULT_TOKEN", "VAULT_ADDR", "VAULT_CACERT", "PULUMI_CONFIG_PASSPHRASE")

# The real controllers look again each 30 s; here nobody should have to wait for that.
OPTIONS = {
    "network": (),
    "skupper": ("--resync", "5", "--cluster-host", "nodes.internal"),
    "pods": (),
    "cnpg": ("--retry", "3"),
    "olm": (),
    "external_secrets": (),
}
WAITING = frozenset({"skupper", "cnpg"})
"""Those that stand for what OLM installs; on a bare lab they wait for that."""


def stand_in(
    name: str,
    contexts: Sequence[str],
    kubeconfig: str,
    supervisor: Supervisor,
    kubelets: Mapping[str, int],
    *,
    bare: bool = False,
) -> Server:
    """`python -m lab.stand_ins.<name>` for all these contexts in one process.

    Args:
        name: of OPTIONS.
        contexts: of the kubeconfig.
        kubeconfig: value of KUBECONFIG.
        supervisor: knows whether it runs already.
        kubelets: context -> port of its kubelet, for what runs pods.
        bare: whether operators are at work only where OLM has installed them.
    """
    chosen = [argument for context in contexts for argument in ("--context", context)]
    if name == "skupper":
        chosen += ["--router", str(_router_socket(supervisor))]
    chosen += [argument for context, port in kubelets.items() for argument in ("--kubelet", f"{context}={port}")]
    if name == "external_secrets":
        ports = {context: supervisor.ports.get(f"external-secrets-{context}") for context in contexts}
        chosen += [argument for context, port in ports.items() for argument in ("--health", f"{context}={port}")]
    chosen += ["--by-olm"] if bare and name in WAITING else []
    options = (*chosen, *OPTIONS[name])
    return _module(name.replace("_", "-"), (f"lab.stand_ins.{name}", *options), {"KUBECONFIG": kubeconfig}, supervisor)


def router(supervisor: Supervisor) -> Server:
    """`python -m lab.stand_ins.router`, which carries what lab.stand_ins.skupper says."""
    return _module("router", ("lab.stand_ins.router", "--socket", str(_router_socket(supervisor))), {}, supervisor)


def plugins(supervisor: Supervisor) -> Server:
    """`python -m lab.pulumi resident`, which forks Pulumi's plugins; each gets the environment of who asks for it."""
    arguments = ("lab.pulumi", "resident", "--socket", str(socket_path(supervisor.home)))
    return _module("plugins", arguments, {}, supervisor)


def _router_socket(supervisor: Supervisor) -> Path:
    return supervisor.home.folder() / "router.sock"


def _module(name: str, arguments: Sequence[str], environ: Mapping[str, str], supervisor: Supervisor) -> Server:
    ready_file = supervisor.home.folder("ready") / name
    known = supervisor.find(name)
    if known is None or not known.alive:
        ready_file.unlink(missing_ok=True)
    inherited = {key: value for key, value in os.environ.items() if key not in WITHHELD}
    own = {"PYTHONPATH": str(CHECKOUT), "RHSI_LAB_HOME": str(supervisor.home.root)}
    return Server(
        name=name,
        argv=(sys.executable, "-m", *arguments, "--ready-file", str(ready_file)),
        environ={**inherited, **own, **environ},
        ready=ready_file.exists,
        timeout=120.0,
    )
