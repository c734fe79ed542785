"""How a Job beside a cluster checks its certificate: what it mounts, what libpq is told, and under which name."""

from dataclasses import dataclass

import pulumi

from components.edb.names import CA_SECRET, service_host
from components.restricted_pod import SECRETS, SecretFile


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What a ScriptJob gets.

    Attributes:
        host: of the cluster, as its certificate names it.
        secrets: folders below `/secrets`.
        environment: libpq's variables.
    """

    host: str
    secrets: dict[str, SecretFile]
    environment: dict[str, pulumi.Input[str]]


def trust(tls: str, site: str, namespace: str) -> Trust:
    """For the cluster of a site in its namespace; `tls` is the sslmode, `require` or `verify-full`."""
    host = service_host(site, namespace)
    if tls != "verify-full":
        return Trust(host=host, secrets={}, environment={})
    return Trust(
        # The operator certifies the whole name too, but only in its newer versions.
        host=host.removesuffix(".cluster.local"),
        secrets={"ca": SecretFile(secret=CA_SECRET, file="ca.crt")},
        environment={"PGSSLROOTCERT": f"{SECRETS}/ca/ca.crt"},
    )
