"""Replicas: copies of the primary that stream from it, each by a slot of its own and known by its certificate.

Owns how one is made and whom it follows (upstream: pkg/management/postgres/join.go, instance_replica.go). There is no
failover: the first instance is the primary for ever.
"""

from lab.kube import Manifest
from lab.stand_ins.cnpg.certificates import STREAMING_REPLICA
from lab.stand_ins.cnpg.database import Session
from lab.stand_ins.cnpg.files import PGDATA
from lab.stand_ins.cnpg.manager import CERTIFICATES, Manager
from lab.stand_ins.cnpg.objects import PORT
from lab.stand_ins.cnpg.sql import literal


def conninfo(cluster: Manifest, replica: str, address: str) -> str:
    """How a replica reaches the primary; `address` is that of the primary's pod."""
    parameters = {
        "host": f"{cluster['metadata']['name']}-rw",
        "hostaddr": address,
        "port": str(PORT),
        "user": STREAMING_REPLICA,
        "dbname": "postgres",
        "application_name": replica,
        "sslmode": "verify-ca",
        "sslcert": f"{CERTIFICATES}/{STREAMING_REPLICA}.crt",
        "sslkey": f"{CERTIFICATES}/{STREAMING_REPLICA}.key",
        "sslrootcert": f"{CERTIFICATES}/server-ca.crt",
    }
    return " ".join(f"{key}={literal(value)}" for key, value in sorted(parameters.items()))


def slot(cluster: Manifest, replica: str) -> str:
    """The name of a replica's slot on the primary."""
    prefix = cluster["spec"]["replicationSlots"]["highAvailability"].get("slotPrefix", "_cnpg_")
    return f"{prefix}{replica.replace('-', '_')}"


def keep_slots(session: Session, cluster: Manifest, replicas: list[str]) -> None:
    """Give each replica its slot on the primary, and drop those of replicas that are no more.

    Raises:
        SqlError: the primary refuses.
    """
    wanted = {slot(cluster, replica) for replica in replicas}
    prefix = slot(cluster, "")
    found = session.rows(
        "SELECT slot_name, active FROM pg_catalog.pg_replication_slots WHERE slot_type = 'physical'",
    )
    present = {name: active for name, active in found if name.startswith(prefix)}
    for name in sorted(wanted - present.keys()):
        session.execute("SELECT pg_create_physical_replication_slot(%s)", [name])
    for name in sorted(present.keys() - wanted):
        if not present[name]:
            session.execute("SELECT pg_drop_replication_slot(%s)", [name])


def join(manager: Manager, cluster: Manifest, primary: str) -> None:
    """Copy the primary into an empty data folder; `primary` is its conninfo.

    Raises:
        ServerError: the copy failed.
        CannotReconcileError: a certificate is missing.
    """
    server = manager.server
    manager.write_certificates(cluster)
    server.files.clear()
    server.say("info", "Creating new data directory from the primary", pgdata=PGDATA)
    server.run("pg_basebackup", "-D", PGDATA, "-d", primary, "-w", "-c", "fast", "--no-sync")
    server.files.write(f"{PGDATA}/standby.signal", b"")
