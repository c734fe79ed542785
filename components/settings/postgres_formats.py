"""What PostgreSQL's own words look like in `rhsi:postgres`: names, sizes, parameters, lines of pg_hba.conf.

Each rule says what is wrong with a text, or None. Names go into SQL and into names of Kubernetes objects, so only those
pass that need no quotes in either.
"""

import ipaddress
import re

from components.postgres.accounts import DATABASE, MONITOR, USERS

# Where the server listens, where its data is and whom it follows: postgres/server.sh.
_RESERVED = frozenset(
    {
        "config_file",
        "data_directory",
        "hba_file",
        "hot_standby",
        "listen_addresses",
        "logging_collector",
        "max_slot_wal_keep_size",
        "port",
        "primary_conninfo",
        "primary_slot_name",
        "unix_socket_directories",
    }
)
# Words of pg_hba.conf and of SQL in the place of a name.
_WORDS = frozenset(
    {"all", "current_role", "current_user", "none", "public", "replication", "sameuser", "samerole", "session_user"}
)
_ROLES = _WORDS | {"postgres", MONITOR, *USERS.values()}
_DATABASES = _WORDS | {"postgres", "template0", "template1", DATABASE}
_LONGEST_NAME = 40
# A server of this program has no certificate, so a `hostssl` line would match nobody: TLS ends in Skupper's routers.
# Nor has LDAP a place: not every build of PostgreSQL knows it, and its options want quotes for most directories.
_METHODS = ("scram-sha-256", "reject")
_ADDRESSES = frozenset({"all", "samehost", "samenet"})
_FIELDS = 5


def parameter(text: str) -> str | None:
    """The name of a server setting that is not the program's own business."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", text):
        return "PostgreSQL's settings have names of lower-case letters, digits and underscores, such as shared_buffers"
    if text in _RESERVED:
        return "the pod sets it itself; remove it"
    return None


def wal_size(text: str) -> str | None:
    """A size as PostgreSQL's settings have it."""
    if re.fullmatch(r"[1-9][0-9]{0,5}(MB|GB|TB)", text):
        return None
    return "it is no size in PostgreSQL's form; write for example 512MB or 4GB"


def _name(text: str, taken: frozenset[str], example: str) -> str | None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", text) or len(text) > _LONGEST_NAME:
        return (
            f"it must be {_LONGEST_NAME} lower-case letters, digits and single underscores at most, beginning with a "
            f"letter; write for example {example}"
        )
    if text in taken or text.startswith("pg_"):
        return f"PostgreSQL or this program has that name already; write for example {example}"
    return None


def role_name(text: str) -> str | None:
    """The name of a user that the program makes."""
    return _name(text, _ROLES, "orders_app")


def database_name(text: str) -> str | None:
    """The name of a database that the program makes."""
    return _name(text, _DATABASES, "orders")


def access_rule(text: str) -> str | None:
    """A line of pg_hba.conf that stands between the program's own and its last one, and harms neither.

    Replication and the sockets are the program's business, and nobody gets in without a password. One line that
    PostgreSQL cannot read, and no server starts.
    """
    fields = text.split()
    if not text.isprintable() or not text.isascii() or '"' in text or "#" in text or len(fields) < _FIELDS:
        return "it is no line of pg_hba.conf; write for example host orders orders_app 10.0.0.0/8 scram-sha-256"
    kind, databases, users, address, method, *options = fields
    names = [*databases.split(","), *users.split(",")]
    wrong = {
        "only lines of the type host are possible: the socket is the pod's own, and the server has no certificate": (
            kind != "host"
        ),
        "replication is the program's own business, and its lines come first; name databases": (
            "replication" in databases.split(",")
        ),
        "databases and users are names, or all, with commas between and without quotes": not all(
            re.fullmatch(r"\+?[A-Za-z0-9_.-]+", one) for one in names
        ),
        "its address is none; write a network such as 10.0.0.0/8, or all": (
            address not in _ADDRESSES and not _is_network(address)
        ),
        "its method must be scram-sha-256 or reject, for nobody gets in without a password of this server": (
            method not in _METHODS
        ),
        "nothing follows the method, for neither has options; remove it": bool(options),
    }
    return next((problem for problem, holds in wrong.items() if holds), None)


def _is_network(text: str) -> bool:
    """Python knows masks and zones too, PostgreSQL only the number of bits."""
    if not re.fullmatch(r"[0-9A-Fa-f.:]+/[0-9]{1,3}", text):
        return False
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
