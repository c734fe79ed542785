"""The peer as a cluster's `externalClusters` have it: how its subscription reaches the other side's publication.

Source of the rules: cloudnative-pg:pkg/management/external/external.go.
"""

from typing import Any

import pulumi

from components.edb.names import CA_SECRET, PORT, REPLICATION_ROLE, cluster_name, replicator_secret


def peer_clusters(peer: str, host: str, database: str, tls: str, taken: pulumi.Input[str]) -> list[dict[str, Any]]:
    """How to reach the peer; nothing connects because of it.

    The operator keeps the files of an entry, such as that of the password, only as long as the entry is listed, and a
    subscription reads them until it has been altered, which may be much later than its entry's name changes. So the
    entry whose name never changes holds them, and another one for what is `taken` names its files.
    """
    lasting = _lasting_entry(peer, tls)
    parameters = {
        "host": host,
        "port": str(PORT),
        "user": REPLICATION_ROLE,
        "dbname": database,
        "sslmode": tls,
        # The operator sets no deadline of its own for CREATE SUBSCRIPTION.
        "connect_timeout": "10",
    }
    holder: dict[str, Any] = {
        "name": lasting,
        "connectionParameters": parameters,
        "password": {"name": replicator_secret(peer), "key": "password"},
    }
    files = {"passfile": _external_file(lasting, "pgpass")}
    if tls == "verify-full":
        holder["sslRootCert"] = {"name": CA_SECRET, "key": "ca.crt"}
        files["sslrootcert"] = _external_file(lasting, f"{CA_SECRET}_ca.crt")
    if not taken:
        return [holder]
    return [holder, {"name": external_cluster(peer, tls, taken), "connectionParameters": parameters | files}]


def external_cluster(peer: str, tls: str, taken: pulumi.Input[str] = "") -> pulumi.Input[str]:
    """The peer's entry in `externalClusters`.

    It carries the sslmode: the operator alters an existing subscription's connection only when the Subscription itself
    changes, not when this entry does. For the same reason it carries what is `taken`, a text that changes with what the
    peer publishes (one that is not known yet counts): the operator then sets the subscription's publication anew, and
    PostgreSQL asks for its tables (cloudnative-pg:internal/management/controller/subscription_controller_sql.go).
    """
    name = _lasting_entry(peer, tls)
    return pulumi.Output.format("{}-{}", name, taken) if taken else name


def _lasting_entry(peer: str, tls: str) -> str:
    """The peer's entry that holds password and authority, whatever the peer publishes."""
    return f"{cluster_name(peer)}-{tls}"


def _external_file(entry: str, file: str) -> str:
    """Where an instance has a file of an entry, such as `pgpass` (cloudnative-pg:pkg/management/external/utils.go)."""
    return f"/controller/external/{entry}/{file}"
