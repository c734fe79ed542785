"""pg_hba.conf of a server with rules of its user's: a ConfigMap that the server reads instead of the pod's own file.

A server without such rules has none of this; server.sh writes its file. Whether a rule is one is up to settings/.
"""

import hashlib
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import CONFIG_MAP, KubernetesObject
from components.postgres.accounts import APPLICATION_USER, DATABASE, REPLICATION_USER

FOLDER = "/access"
FILE = "pg_hba.conf"
# The first rule that fits a connection decides. So what the program itself needs comes first, and no rule of the user's
# can close or open it; the last one is that of server.sh for everybody else.
_BEFORE = (
    "local all all trust",
    "host replication all all scram-sha-256",
    f"host postgres {REPLICATION_USER} all scram-sha-256",
    f"host {DATABASE} {APPLICATION_USER} all scram-sha-256",
)
_AFTER = "host all all all scram-sha-256"
SERVER_ARGUMENTS = ["-c", f"hba_file={FOLDER}/{FILE}"]
MOUNT = {"name": "access", "mountPath": FOLDER, "readOnly": True}


def config_map(server: str) -> str:
    """The ConfigMap of a server's rules."""
    return f"{server}-access"


def version(rules: list[str]) -> str:
    """A text that is another one for other rules; the file carries it."""
    return hashlib.sha256("\n".join(rules).encode()).hexdigest()[:12]


def text(rules: list[str]) -> str:
    """The file."""
    lines = [f"# Rules {version(rules)} of rhsi:postgres.pgHba", *_BEFORE, *rules, _AFTER]
    return "".join(f"{line}\n" for line in lines)


def volume(server: str) -> dict[str, Any]:
    """The ConfigMap as a volume; the kubelet renews its file, and the path stays the same."""
    return {"name": "access", "configMap": {"name": config_map(server)}}


class AccessRules(Component):
    """The ConfigMap; `made` is its name, known once it is there."""

    made: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        server: str,
        namespace: str,
        labels: dict[str, str],
        rules: list[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Register the component."""
        super().__init__("rhsi:index:AccessRules", name, opts)
        found = KubernetesObject(
            f"{name}-rules",
            CONFIG_MAP,
            metadata={"name": config_map(server), "namespace": namespace, "labels": labels},
            data={FILE: text(rules)},
            opts=self.child(),
        )
        self.made = once(found, config_map(server))
        self.register_outputs({"rules": self.made})
