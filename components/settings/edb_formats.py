"""The formats that PostgreSQL and its operator impose on `rhsi:edb`; each function as those of formats.py."""

import base64
import binascii
import re

_SQL_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# PostgreSQL's own databases, and what means something else in pg_hba.conf.
_RESERVED_DATABASES = frozenset({"postgres", "template0", "template1", "all", "sameuser", "samerole", "replication"})
_POSTGRES_16 = re.compile(r".*:16([^0-9:@/][^:@/]*)?(@sha256:[0-9a-f]{64})?", re.ASCII)
# What the operator sets itself and refuses or ignores (cloudnative-pg:pkg/postgres/configuration.go).
_OPERATORS_PARAMETERS = re.compile(
    r"archive_.*|bonjour.*|cluster_name|config_file|data_directory|data_sync_retry|full_page_writes|hba_file|hot_standby"
    r"|ident_file|listen_addresses|log_(destination|directory|file.*|rotation_.*|truncate_.*)|logging_collector|port"
    r"|primary_.*|recovery_.*|restart_after_crash|restore_command|shared_preload_libraries|ssl.*"
    r"|synchronous_standby_names|syslog_.*|unix_socket_.*|wal_level|wal_log_hints"
)
_EC_KEY = re.compile(r"-----BEGIN EC PRIVATE KEY-----\s(?P<body>[A-Za-z0-9+/=\s]+)-----END EC PRIVATE KEY-----\s*")
_REGISTRY = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


def database(text: str) -> str | None:
    """Name of a database that needs no quotes anywhere."""
    if not _SQL_NAME.fullmatch(text):
        return "write 1 to 63 lower-case letters, digits and underscores, not beginning with a digit"
    return f"'{text}' means something else to PostgreSQL; choose another name" if text in _RESERVED_DATABASES else None


def postgres_16_image(text: str) -> str | None:
    """An image of PostgreSQL 16: the operator reads the version from the tag."""
    if _POSTGRES_16.fullmatch(text):
        return None
    return "the operator reads PostgreSQL's version from the tag, so it must begin with 16, such as postgresql:16.10"


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
