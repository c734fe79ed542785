"""The Secrets with the passwords of the superuser and the application: generated where they are not given.

Upstream: internal/controller/cluster_create.go, pkg/specs/secrets.go. Owns as well how any password Secret is read.
"""

import base64
import secrets
import string
from urllib.parse import quote, urlencode

from lab.kube import Manifest
from lab.stand_ins.cnpg.certificates import CLUSTER_DOMAIN
from lab.stand_ins.cnpg.kinds import Group
from lab.stand_ins.cnpg.objects import PORT, is_owned, metadata
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import SECRET

LENGTH = 64


class CredentialError(Exception):
    """What a password Secret lacks, in upstream's words."""


def superuser_secret(cluster: Manifest) -> str:
    """The name of the superuser's Secret."""
    return str(cluster["spec"].get("superuserSecret", {}).get("name") or f"{cluster['metadata']['name']}-superuser")


def application_secret(cluster: Manifest) -> str:
    """The name of the application's Secret."""
    made = cluster["spec"]["bootstrap"]
    given = (made.get("recovery") or made.get("initdb", {})).get("secret", {}).get("name")
    return str(given or f"{cluster['metadata']['name']}-app")


def user_and_password(secret: Manifest) -> tuple[str, str]:
    """What a `kubernetes.io/basic-auth` Secret holds; its type does not matter.

    Raises:
        CredentialError: a key is missing.
    """
    data = secret.get("data") or {}
    if missing := [key for key in ("username", "password") if key not in data]:
        raise CredentialError(f"Missing '{missing[0]}' field")
    user, password = (base64.b64decode(data[key]).decode() for key in ("username", "password"))
    return user, password


class Credentials:
    """The password Secrets of one Cluster."""

    def __init__(self, api: Api, group: Group, cluster: Manifest) -> None:
        self._api = api
        self._group = group
        self._cluster = cluster
        self._namespace = cluster["metadata"]["namespace"]

    def ensure(self) -> None:
        """Make what is not given; remove a superuser's Secret of our own once it has no access any more."""
        spec, name = self._cluster["spec"], superuser_secret(self._cluster)
        if spec.get("enableSuperuserAccess") and not spec.get("superuserSecret", {}).get("name"):
            self._create(name, "superuser", database="*", user="postgres")
        elif not spec.get("enableSuperuserAccess"):
            found = self._api.get(SECRET, self._namespace, name)
            if found and is_owned(self._group, self._cluster, found):
                self._api.delete(SECRET, self._namespace, name)
        made = spec["bootstrap"].get("recovery") or spec["bootstrap"].get("initdb", {})
        if made and not made.get("secret", {}).get("name"):
            self._create(application_secret(self._cluster), "app", database=made["database"], user=made["owner"])

    def _create(self, name: str, user_type: str, *, database: str, user: str) -> None:
        # Whoever made it, it is used as it is.
        if self._api.get(SECRET, self._namespace, name):
            return
        labels = {self._group.label("userType"): user_type, self._group.label("reload"): "true"}
        host = f"{self._cluster['metadata']['name']}-rw"
        secret = {
            "metadata": metadata(self._group, self._cluster, name, labels),
            "type": "kubernetes.io/basic-auth",
            "stringData": connection_data(host, self._namespace, database, user, _generate()),
        }
        self._api.create(SECRET, self._namespace, secret)


def connection_data(host: str, namespace: str, database: str, user: str, password: str) -> dict[str, str]:
    """Everything that a client may want to know, as the operator writes it into its Secrets."""
    short, long = f"{host}.{namespace}:{PORT}", f"{host}.{namespace}.svc.{CLUSTER_DOMAIN}:{PORT}"
    login = urlencode({"password": password, "user": user})
    path = quote(database)
    return {
        "username": user,
        "user": user,
        "password": password,
        "dbname": database,
        "host": host,
        "port": str(PORT),
        "pgpass": f"{host}:{PORT}:{database}:{user}:{password}\n",
        "uri": f"postgresql://{quote(user)}:{quote(password)}@{short}/{path}",
        "jdbc-uri": f"jdbc:postgresql://{short}/{path}?{login}",
        "fqdn-uri": f"postgresql://{quote(user)}:{quote(password)}@{long}/{path}",
        "fqdn-jdbc-uri": f"jdbc:postgresql://{long}/{path}?{login}",
    }


def _generate() -> str:
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(LENGTH))
