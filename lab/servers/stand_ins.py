"""The lab's own Python processes: the network, the emulators of Skupper and CloudNativePG, and the runner of pods.

Owns how they are started and that their ready file means this run of theirs.
"""

import os
import sys
from collections.abc import Sequence

from lab.home import CHECKOUT
from lab.servers.supervisor import Server, Supervisor

# They act in the clusters only: what opens Vault is none of their business.
WITHHELD = ("VAULT_TOKEN", "VAULT_ADDR", "VAULT_CACERT", "PULUMI_CONFIG_PASSPHRASE")

# The real controllers look again each 30 s; here nobody should have to wait for that.
OPTIONS = {"network": (), "skupper": ("--resync", "5"), "pods": (), "cnpg": ("--retry", "3")}


def stand_in(name: str, contexts: Sequence[str], kubeconfig: str, supervisor: Supervisor) -> Server:
    """`python -m lab.<name>` for all these contexts in one process.

    Args:
        name: of OPTIONS.
        contexts: of the kubeconfig.
        kubeconfig: value of KUBECONFIG.
        supervisor: knows whether it runs already.
    """
    ready_file = supervisor.home.folder("ready") / name
    known = supervisor.find(name)
    if known is None or not known.alive:
        ready_file.unlink(missing_ok=True)
    environ = {key: value for key, value in os.environ.items() if key not in WITHHELD}
    environ |= {"KUBECONFIG": kubeconfig, "PYTHONPATH": str(CHECKOUT), "RHSI_LAB_HOME": str(supervisor.home.root)}
    chosen = [argument for context in contexts for argument in ("--context", context)]
    return Server(
        name=name,
        argv=(sys.executable, "-m", f"lab.{name}", *chosen, *OPTIONS[name], "--ready-file", str(ready_file)),
        environ=environ,
        ready=ready_file.exists,
        timeout=120.0,
    )
