"""PostgreSQL's settings: the operator's defaults, the user's, and those that nobody may change.

Pure functions (upstream: pkg/postgres/configuration.go). Owns as well what the lab's servers are told otherwise, in a
file of its own: there is no log collector and no pod network here.
"""

from collections.abc import Mapping

from lab.kube import Manifest
from lab.stand_ins.cnpg import sql

DEFAULTS = {
    "archive_timeout": "5min",
    "dynamic_shared_memory_type": "posix",
    "full_page_writes": "on",
    "logging_collector": "on",
    "log_destination": "csvlog",
    "log_directory": "/controller/log",
    "log_filename": "postgres",
    "log_rotation_age": "0",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "false",
    "max_parallel_workers": "32",
    "max_worker_processes": "32",
    "max_replication_slots": "32",
    "shared_memory_type": "mmap",
    "ssl_max_protocol_version": "TLSv1.3",
    "ssl_min_protocol_version": "TLSv1.3",
    "wal_keep_size": "512MB",
    "wal_level": "logical",
    "wal_log_hints": "on",
    "wal_sender_timeout": "5s",
    "wal_receiver_timeout": "5s",
    "shared_preload_libraries": "",
}
MANDATORY = {
    "archive_command": "/controller/manager wal-archive --log-destination /controller/log/postgres.json %p",
    "hot_standby": "true",
    "listen_addresses": "*",
    "port": "5432",
    "restart_after_crash": "false",
    "ssl": "on",
    "ssl_cert_file": "/controller/certificates/server.crt",
    "ssl_key_file": "/controller/certificates/server.key",
    "ssl_ca_file": "/controller/certificates/client-ca.crt",
    "unix_socket_directories": "/controller/run",
}
FIXED = frozenset(
    """
    allow_system_table_mods archive_cleanup_command archive_command archive_mode bonjour bonjour_name cluster_name
    config_file data_directory data_sync_retry event_source external_pid_file hba_file hot_standby ident_file
    jit_provider listen_addresses log_destination log_directory log_file_mode log_filename log_rotation_age
    log_rotation_size log_truncate_on_rotation logging_collector pg_failover_slots.primary_dsn
    pg_failover_slots.standby_slot_names port primary_conninfo primary_slot_name promote_trigger_file
    recovery_end_command recovery_min_apply_delay recovery_target recovery_target_action recovery_target_inclusive
    recovery_target_lsn recovery_target_name recovery_target_time recovery_target_timeline recovery_target_xid
    restart_after_crash restore_command shared_preload_libraries ssl ssl_ca_file ssl_cert_file ssl_crl_file
    ssl_dh_params_file ssl_key_file ssl_passphrase_command ssl_passphrase_command_supports_reload
    ssl_prefer_server_ciphers stats_temp_directory synchronized_standby_slots synchronous_standby_names syslog_facility
    syslog_ident syslog_sequence_numbers syslog_split_messages temp_tablespaces unix_socket_directories
    unix_socket_group unix_socket_permissions
    """.split()  # noqa: SIM905 - sixty names read better as text than as a list
)
"""What a user may not set."""
NO_ARCHIVE = "/bin/true"
"""As upstream's command does without a backup: every file of WAL counts as archived."""


def in_spec(given: Mapping[str, str]) -> dict[str, str]:
    """The parameters as defaulting writes them into `spec.postgresql`; fixed ones stay, for validation to see."""
    return DEFAULTS | dict(given) | {"archive_mode": "on"}


def on_disk(cluster: Manifest) -> dict[str, str]:
    """Every setting of custom.conf."""
    given = cluster["spec"].get("postgresql", {})
    chosen = {key: value for key, value in given.get("parameters", {}).items() if key not in FIXED}
    found = DEFAULTS | chosen | MANDATORY | {"archive_mode": "on", "cluster_name": cluster["metadata"]["name"]}
    if names := synchronous_standby_names(cluster):
        found["synchronous_standby_names"] = names
    if libraries := given.get("shared_preload_libraries"):
        found["shared_preload_libraries"] = ",".join(libraries)
    return found


def synchronous_standby_names(cluster: Manifest) -> str:
    """Whose confirmation a commit waits for (upstream: pkg/postgres/replication/explicit.go); empty for nobody's."""
    wanted = cluster["spec"].get("postgresql", {}).get("synchronous")
    if not wanted:
        return ""
    status = cluster.get("status", {})
    primary = status.get("currentPrimary")
    number = wanted["number"]
    if wanted.get("dataDurability") == "preferred":
        healthy = status.get("instancesStatus", {}).get("healthy", [])
        names = sorted(name for name in healthy if name != primary)
        number = min(number, len(names))
    else:
        # The primary comes last: as long as it is alone, every commit waits for somebody to come.
        own = sorted(status.get("instanceNames", []), key=lambda name: (name == primary, name))
        names = [*wanted.get("standbyNamesPre", []), *own, *wanted.get("standbyNamesPost", [])]
        names = names or [f"{cluster['metadata']['name']}-placeholder"]
    return f"{wanted['method'].upper()} {number} ({','.join(sql.identifier(name) for name in names)})" if names else ""


def following(primary: str, slot: str) -> dict[str, str]:
    """Every setting of override.conf: whom a replica streams from, and by which slot; empty for the primary itself."""
    return {
        # Nothing is archived, so nothing can be restored.
        "restore_command": "/bin/false",
        "recovery_target_timeline": "latest",
        "primary_conninfo": primary,
        "primary_slot_name": slot,
    }


def of_the_lab(address: str, archive_command: str = NO_ARCHIVE) -> dict[str, str]:
    """Every setting of lab.conf, which is read last. `address` is the pod's; empty while nobody may connect."""
    return {
        # There is no pod network: the pod has an address of its own on the machine's loopback.
        "listen_addresses": address,
        "unix_socket_directories": MANDATORY["unix_socket_directories"],
        # Nobody collects; what the server prints is the pod's log.
        "logging_collector": "off",
        "log_destination": "stderr",
        "archive_command": archive_command,
        # The lab's data need not survive a power cut, and waiting for the disk costs seconds.
        "fsync": "off",
    }


def render(settings: Mapping[str, str]) -> str:
    """A configuration file, by name."""
    return "".join(f"{key} = '{_escape(settings[key])}'\n" for key in sorted(settings))


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
