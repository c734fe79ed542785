"""The parameters of which a standby must have at least as much as its primary.

With less it stops replaying when the primary raises one, and then does not start again (PostgreSQL's documentation,
"Hot Standby", "Administrator's Overview"). The primary's stack tells its values, the standby's takes them over; what
somebody changed by hand on the primary, the standby's server finds in the WAL (server.sh).
"""

from collections.abc import Iterator, Mapping

# With PostgreSQL 16's own values.
MATCHED = {
    "max_connections": 100,
    "max_locks_per_transaction": 64,
    "max_prepared_transactions": 0,
    "max_wal_senders": 10,
    "max_worker_processes": 8,
}


def effective(settings: Mapping[str, str]) -> dict[str, int]:
    """What a server with these settings has."""
    return {name: int(settings.get(name, usual)) for name, usual in MATCHED.items()}


def assignments(values: Mapping[str, int]) -> str:
    """Values as a script takes them: `name=value` with spaces between."""
    return " ".join(f"{name}={values[name]}" for name in MATCHED if name in values)


def too_low(standby: Mapping[str, str], primary: Mapping[str, int]) -> Iterator[str]:
    """What a standby's settings give it less of than its primary has."""
    for name, value in primary.items():
        if name in MATCHED and name in standby and int(standby[name]) < value:
            yield name
