"""How a server reaches an external cluster: connection strings and the files that they name.

Pure functions (upstream: pkg/management/external). The password is in a passfile only, so that a rotation reaches the
next connection although the subscription keeps its string.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stand_ins.cnpg.sql import literal

FOLDER = "/controller/external"
"""Where the server's container sees the files, one folder for each external cluster."""

_KEYS = {"sslcert": "sslCert", "sslkey": "sslKey", "sslrootcert": "sslRootCert"}
"""libpq's parameter -> field of the external cluster."""


@dataclass(frozen=True)
class SecretFile:
    """A file below FOLDER and the key of the Secret that fills it; as a passfile for `password_of`."""

    path: str
    secret: str
    key: str
    password_of: Mapping[str, str] | None = None


def files(external: Manifest) -> Iterator[SecretFile]:
    """The files that the connection string names."""
    folder = external["name"]
    for field in _KEYS.values():
        if selector := external.get(field):
            name, key = selector["name"], selector["key"]
            yield SecretFile(f"{folder}/{name}_{key}", name, key)
    if selector := external.get("password"):
        parameters = external.get("connectionParameters", {})
        yield SecretFile(f"{folder}/pgpass", selector["name"], selector["key"], parameters)


def connection_string(external: Manifest, database: str = "") -> str:
    """The conninfo of an external cluster; `database` wins over its own."""
    parameters = dict(external.get("connectionParameters", {}))
    for parameter, field in _KEYS.items():
        if selector := external.get(field):
            parameters[parameter] = f"{FOLDER}/{external['name']}/{selector['name']}_{selector['key']}"
    if external.get("password"):
        parameters["passfile"] = f"{FOLDER}/{external['name']}/pgpass"
    if database:
        parameters["dbname"] = database
    return " ".join(f"{key}={literal(parameters[key])}" for key in sorted(parameters))


def passfile(parameters: Mapping[str, str], password: str) -> str:
    """The passfile's only line; what is not given matches anything, and so does every database."""
    fields = (parameters.get("host", "*"), parameters.get("port", "*"), "*", parameters.get("user", "*"), password)
    return ":".join(field.replace("\\", "\\\\").replace(":", "\\:") for field in fields)
