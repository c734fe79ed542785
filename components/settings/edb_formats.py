"""The formats that PostgreSQL and its operator impose on `rhsi:edb`; each function as those of formats.py."""

import base64
import binascii
import re

from components.settings import formats

_SQL_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# PostgreSQL's own databases, and what means something else in pg_hba.conf.
_RESERVED_DATABASES = frozenset({"postgres", "template0", "template1", "all", "sameuser", "samerole", "replication"})
_POSTGRES_IMAGE = re.compile(r"[^@]*:(?P<major>[0-9]+)([^0-9:@/][^:@/]*)?(@sha256:[0-9a-f]{64})?", re.ASCII)
MAJORS = ("16", "17", "18")
# What the operator sets itself and refuses or ignores (cloudnative-pg:pkg/postgres/configuration.go).
_OPERATORS_PARAMETERS = re.compile(
    r"archive_.*|bonjour.*|cluster_name|config_file|data_directory|data_sync_retry|full_page_writes|hba_file|hot_standby"
    r"|ident_file|listen_addresses|log_(destination|directory|file.*|rotation_.*|truncate_.*)|logging_collector|port"
    r"|primary_.*|recovery_.*|restart_after_crash|restore_command|shared_preload_libraries|ssl.*"
    r"|synchronous_standby_names|syslog_.*|unix_socket_.*|wal_level|wal_log_hints"
)
_PART = re.compile(r"[A-Za-z0-9_]{1,63}")
_HBA_KINDS = frozenset({"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"})
_EC_KEY = re.compile(r"-----BEGIN EC PRIVATE KEY-----\s(?P<body>[A-Za-z0-9+/=\s]+)-----END EC PRIVATE KEY-----\s*")
_REGISTRY = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


def database(text: str) -> str | None:
    """Name of a database that needs no quotes anywhere."""
    if not _SQL_NAME.fullmatch(text):
        return "write 1 to 63 lower-case letters, digits and underscores, not beginning with a digit"
    return f"'{text}' means something else to PostgreSQL; choose another name" if text in _RESERVED_DATABASES else None


def postgres_image(text: str) -> str | None:
    """An image of a PostgreSQL that the databases are made for: the operator reads the version from the tag."""
    if major_version(text) in MAJORS:
        return None
    return (
        "the operator reads PostgreSQL's version from the tag, so it must begin with 16, 17 or 18, such as "
        "postgresql:16.10"
    )


def major_version(image: str) -> str:
    """PostgreSQL's major version from an image's tag, empty where the tag does not begin with one."""
    found = _POSTGRES_IMAGE.fullmatch(image)
    return found["major"] if found else ""


def table(text: str) -> str | None:
    """A table with its schema. It is quoted in SQL, so what it is made of is all that could do harm."""
    parts = text.split(".")
    if len(parts) != 2 or not _PART.fullmatch(parts[1]):
        return "write schema.table, such as public.orders: two names of 1 to 63 letters, digits and underscores each"
    return schema(parts[0])


def schema(text: str) -> str | None:
    """A schema that is not PostgreSQL's own."""
    if not _PART.fullmatch(text):
        return "the name of a schema has 1 to 63 letters, digits and underscores here; rename it"
    if text.startswith("pg_") or text == "information_schema":
        return f"the schema {text} is PostgreSQL's own; its tables do not replicate"
    return None


def host_based_access(text: str) -> str | None:
    """A line of pg_hba.conf, as far as it can be told here; what PostgreSQL refuses beyond that is in its log."""
    if problem := formats.text(text):
        return problem
    kind, *rest = text.split() or [""]
    if kind not in _HBA_KINDS or len(rest) < (3 if kind == "local" else 4):
        return "write a line of pg_hba.conf, such as hostssl app reporting 10.0.0.0/8 scram-sha-256"
    return "the operator would look for a pod selector of that name; write the address" if "${" in text else None


def parameter(text: str) -> str | None:
    """Name of a PostgreSQL parameter that is the user's to set."""
    if _OPERATORS_PARAMETERS.fullmatch(text):
        return "the operator sets this parameter itself; leave it out"
    return None if _SQL_NAME.fullmatch(text.replace(".", "_")) else "it is no name of a PostgreSQL parameter"


def ec_key(text: str) -> str | None:
    """An EC key in SEC1 form, the only one that the operator takes for an authority (cloudnative-pg:pkg/certs)."""
    match = _EC_KEY.fullmatch(text)
    try:
        if match and base64.b64decode("".join(match["body"].split()), validate=True):
            return None
    except binascii.Error:
        pass
    return (
        "the operator takes an EC key in SEC1 form only (BEGIN EC PRIVATE KEY), no RSA, no PKCS#8; convert one by "
        "`openssl ec -in ca.key`, or make one with `openssl ecparam -name prime256v1 -genkey -noout`"
    )


def registry(text: str) -> str | None:
    """A registry's host, perhaps with a port."""
    return None if _REGISTRY.fullmatch(text) else "write the registry's host only, such as docker.enterprisedb.com"
