"""What the instance manager does beside a server: its files, its reloads and restarts, roles and passwords.

Upstream: internal/management/controller/instance_controller.go, run inside the pod. Reads Secrets anew each time; when
it is called, the operator decides. Replicas get files only: everything else comes to them from the primary.
"""

import base64
import hashlib
import operator

from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from lab.kube import Manifest
from lab.stand_ins.cnpg import archiving, connections, host_based_access, parameters, roles, sql
from lab.stand_ins.cnpg.certificates import STREAMING_REPLICA
from lab.stand_ins.cnpg.credentials import CredentialError, application_secret, superuser_secret, user_and_password
from lab.stand_ins.cnpg.database import Session
from lab.stand_ins.cnpg.files import PGDATA
from lab.stand_ins.cnpg.object_stores import ObjectStores
from lab.stand_ins.cnpg.roles import Password, PasswordError
from lab.stand_ins.cnpg.server import Server
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import SECRET

CERTIFICATES = "/controller/certificates"
RELOAD_SECONDS = 10.0
_HASH = "cnpg.config_sha256"


class CannotReconcileError(Exception):
    """What stops the work on an instance until somebody changes something, for its log."""


class Manager:
    """The manager of one instance, as long as its pod lives."""

    def __init__(self, server: Server, api: Api, namespace: str, stores: ObjectStores) -> None:
        self.server = server
        self._stores = stores
        self._api = api
        self._namespace = namespace
        # Secret -> the version whose password has been set; a new pod begins anew, as upstream's.
        self._applied: dict[str, str] = {}
        self._unread = False
        self._hash = ""

    def write_files(self, cluster: Manifest, address: str, primary: str = "", slot: str = "") -> bool:
        """Write what the server reads; True as long as it has not read all of it again.

        Args:
            cluster: with its defaults and `status.certificates`.
            address: of the pod.
            primary: its conninfo, for a replica.
            slot: on the primary, for a replica.
        """
        settings = parameters.render(parameters.on_disk(cluster))
        self._hash = hashlib.sha256(settings.encode()).hexdigest()
        settings += parameters.render({_HASH: self._hash})
        given = cluster["spec"]["postgresql"]
        archive = archiving.command(cluster)
        archiving.prepare(self._stores, self.server, cluster)
        files = {
            f"{PGDATA}/custom.conf": settings.encode(),
            f"{PGDATA}/override.conf": parameters.render(parameters.following(primary, slot)).encode(),
            f"{PGDATA}/lab.conf": parameters.render(parameters.of_the_lab(address, archive)).encode(),
            f"{PGDATA}/pg_hba.conf": host_based_access.rules(given.get("pg_hba", [])).encode(),
            f"{PGDATA}/pg_ident.conf": host_based_access.names(given.get("pg_ident", [])).encode(),
        }
        changed = [self.server.files.write(path, content) for path, content in files.items()]
        self._unread |= any(changed)
        self._unread |= self.write_certificates(cluster)
        self._write_external_files(cluster)
        return self._unread

    def write_certificates(self, cluster: Manifest) -> bool:
        """Write the certificates of server and replicas; True if one is new.

        Raises:
            CannotReconcileError: one is missing.
        """
        certificates = cluster["status"]["certificates"]
        server, client = certificates["serverTLSSecret"], certificates["replicationTLSSecret"]
        files = {
            f"{CERTIFICATES}/server.crt": self._read(server, "tls.crt"),
            f"{CERTIFICATES}/server.key": self._read(server, "tls.key"),
            f"{CERTIFICATES}/server-ca.crt": self._read(certificates["serverCASecret"], "ca.crt"),
            f"{CERTIFICATES}/client-ca.crt": self._read(certificates["clientCASecret"], "ca.crt"),
            f"{CERTIFICATES}/{STREAMING_REPLICA}.crt": self._read(client, "tls.crt"),
            f"{CERTIFICATES}/{STREAMING_REPLICA}.key": self._read(client, "tls.key"),
        }
        changed = [self.server.files.write(path, content) for path, content in files.items()]
        return any(changed)

    def _write_external_files(self, cluster: Manifest) -> None:
        """A Secret that is missing stops nothing: the file stays as it is, and the connection fails later."""
        for external in cluster["spec"].get("externalClusters", []):
            for file in connections.files(external):
                try:
                    content = self._read(file.secret, file.key)
                except CannotReconcileError as error:
                    self.server.say(
                        "info",
                        "Cannot synchronize external server connection parameters",
                        serverName=external["name"],
                        err=str(error),
                    )
                    continue
                if file.password_of is not None:
                    content = connections.passfile(file.password_of, content.decode()).encode()
                self.server.files.write(f"{connections.FOLDER}/{file.path}", content)

    def _read(self, name: str, key: str) -> bytes:
        found = self._api.get(SECRET, self._namespace, name)
        if found is None:
            raise CannotReconcileError(f'Secret "{name}" not found')
        if key not in (found.get("data") or {}):
            raise CannotReconcileError(f"missing key {key} in secret {name}")
        return base64.b64decode(found["data"][key])

    def reload(self) -> bool:
        """Let the server read its files again; True if that is not enough and it must be restarted.

        Raises:
            SqlError: the server does not answer.
        """
        database = self.server.database
        with database.session() as session:
            session.execute("SELECT pg_reload_conf()")

        @retry(retry=retry_if_result(operator.not_), wait=wait_fixed(0.05), stop=stop_after_delay(RELOAD_SECONDS))
        def loaded() -> bool:
            with database.session() as session:
                return bool(session.value("SELECT current_setting(%s, true) = %s", [_HASH, self._hash]))

        try:
            loaded()
        except RetryError:
            self.server.say("error", "PostgreSQL refuses the new configuration; its own lines say why")
            # What it refuses it has read: only another change could help.
            self._unread = False
            return False
        self._unread = False
        with database.session() as session:
            return bool(session.value("SELECT count(*) FROM pg_catalog.pg_settings WHERE pending_restart"))

    def align_roles(self, cluster: Manifest) -> Manifest | None:
        """Make the roles of a primary the spec's; returns `status.managedRolesStatus`, None without managed roles.

        Raises:
            SqlError: the server does not answer.
        """
        with self.server.database.session() as session:
            _allow_replicas(session)
            managed = cluster["spec"].get("managed", {}).get("roles", [])
            known = cluster["status"].get("managedRolesStatus", {})
            return roles.synchronize(session, managed, known, self._password) if managed else None

    def align_passwords(self, cluster: Manifest) -> None:
        """Set the passwords of superuser and application owner.

        Raises:
            SqlError: the server does not answer.
            CannotReconcileError: a given Secret cannot be used.
        """
        with self.server.database.session() as session:
            self._set_superuser_password(session, cluster)
            made = cluster["spec"]["bootstrap"]
            owner = (made.get("recovery") or made["initdb"])["owner"]
            self._set_password(session, owner, application_secret(cluster))

    def _set_superuser_password(self, session: Session, cluster: Manifest) -> None:
        secret = superuser_secret(cluster)
        if cluster["spec"].get("enableSuperuserAccess"):
            self._set_password(session, "postgres", secret)
            return
        has_one = "SELECT rolpassword IS NOT NULL FROM pg_catalog.pg_authid WHERE rolname = 'postgres'"
        if session.value(has_one):
            session.execute("ALTER ROLE postgres WITH PASSWORD NULL")
        self._applied.pop(secret, None)

    def _set_password(self, session: Session, user: str, name: str) -> None:
        """A Secret that does not exist (yet) is skipped: the role goes without a password."""
        secret = self._api.get(SECRET, self._namespace, name)
        if secret is None or self._applied.get(name) == secret["metadata"]["resourceVersion"]:
            return
        try:
            owner, password = user_and_password(secret)
        except CredentialError as error:
            raise CannotReconcileError(f"while updating database owner password: {error}") from error
        if owner != user:
            raise CannotReconcileError(
                f"while updating database owner password: wrong username '{owner}' in secret, expected '{user}'"
            )
        encoded = sql.literal(session.scram(user, password))
        session.execute_secretly(f"ALTER ROLE {sql.identifier(user)} WITH PASSWORD {encoded}")
        self._applied[name] = secret["metadata"]["resourceVersion"]

    def _password(self, role: Manifest) -> Password | None:
        name = role.get("passwordSecret", {}).get("name")
        if not name:
            return None
        secret = self._api.get(SECRET, self._namespace, name)
        if secret is None:
            raise PasswordError(f'failed to get password secret {name}: Secret "{name}" not found')
        try:
            user, password = user_and_password(secret)
        except CredentialError as error:
            raise PasswordError(str(error)) from error
        if user.strip() != role["name"].strip():
            raise PasswordError(f'the username in secret "{name}" does not match role "{role["name"]}"')
        return Password(password.strip(), secret["metadata"]["resourceVersion"])


def _allow_replicas(session: Session) -> None:
    """The role by which replicas stream, known by its certificate (upstream: lifecycle/run.go)."""
    found = session.rows(
        "SELECT rolcanlogin AND rolreplication FROM pg_catalog.pg_roles WHERE rolname = %s", [STREAMING_REPLICA]
    )
    role = sql.identifier(STREAMING_REPLICA)
    if not found:
        session.execute(f"CREATE USER {role} REPLICATION")
        session.execute(f"COMMENT ON ROLE {role} IS 'Special user for streaming replication created by CloudNativePG'")
    elif not found[0][0]:
        session.execute(f"ALTER USER {role} LOGIN REPLICATION")
