"""`spec.managed.roles`: what is to be done about each role, and what the status says of them.

Owns the comparison of the spec with `pg_authid` and the statements (upstream: internal/management/controller/roles). A
password is set when the Secret's version or the role's row version is not the one of the last time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lab.kube import Manifest
from lab.stand_ins.cnpg import sql
from lab.stand_ins.cnpg.database import Session, SqlError
from lab.stand_ins.cnpg.validation import is_reserved

_ATTRIBUTES = {
    "bypassrls": ("rolbypassrls", "BYPASSRLS"),
    "createdb": ("rolcreatedb", "CREATEDB"),
    "createrole": ("rolcreaterole", "CREATEROLE"),
    "inherit": ("rolinherit", "INHERIT"),
    "login": ("rolcanlogin", "LOGIN"),
    "replication": ("rolreplication", "REPLICATION"),
    "superuser": ("rolsuper", "SUPERUSER"),
}
"""Field of the spec -> column of pg_authid and keyword, in the keywords' order."""

_LIST = f"""
SELECT rolname, {", ".join(column for column, _ in _ATTRIBUTES.values())}, rolconnlimit, rolvaliduntil::text,
    coalesce(pg_catalog.shobj_description(auth.oid, 'pg_authid'), ''), auth.xmin::text::bigint,
    coalesce(member_of.names, '{{}}')
FROM pg_catalog.pg_authid AS auth
LEFT JOIN (
    SELECT member, pg_catalog.array_agg(pg_catalog.pg_get_userbyid(roleid)::text) AS names
    FROM pg_catalog.pg_auth_members GROUP BY member
) member_of ON member_of.member = auth.oid
WHERE rolname NOT LIKE 'pg\\_%'
ORDER BY rolname
"""  # noqa: S608 - the columns are this module's own

_EXPECTED = {"2BP01": "detail", "42704": "message", "0LP01": "message"}
"""SQLSTATE of errors that concern one role only -> the part of the error that names the cause."""


class PasswordError(Exception):
    """Why a role's password cannot be read, for the status."""


@dataclass(frozen=True)
class Password:
    """A role's password and the version of the Secret that it is from."""

    text: str = field(repr=False)
    version: str


ReadPassword = Callable[[Manifest], Password | None]
"""Gives a role's password, None where its spec names no Secret; raises PasswordError."""


@dataclass(frozen=True)
class Present:
    """A role as it is in the database."""

    name: str
    attributes: dict[str, bool]
    connection_limit: int
    valid_until: str | None
    comment: str
    row_version: int
    member_of: frozenset[str]


def synchronize(session: Session, wanted: list[Manifest], known: Manifest, read: ReadPassword) -> Manifest:
    """Make the roles the spec's and return `status.managedRolesStatus`; `known` is the status before.

    Raises:
        SqlError: not even the roles can be listed.
    """
    states = dict(known.get("passwordStatus", {}))
    failures: dict[str, list[str]] = {}
    present = {role.name: role for role in _listed(session)}
    for role in wanted:
        name = role["name"]
        action = next_action(role, present.get(name), states.get(name, {}), _version(role, read))
        try:
            done = _apply(session, action, role, present.get(name), read)
        except PasswordError as error:
            failures[name] = [str(error)]
        except SqlError as error:
            cause = getattr(error, _EXPECTED[error.code]) if error.code in _EXPECTED else ""
            failures[name] = [f"could not perform {action} on role {name}: {cause}" if cause else str(error)]
        else:
            if done is not None:
                states[name] = done
    status: Manifest = {"byStatus": _by_status(_listed(session), wanted, states, read)}
    if states:
        status["passwordStatus"] = states
    return status | ({"cannotReconcile": failures} if failures else {})


def next_action(role: Manifest, present: Present | None, state: Manifest, version: str | None) -> str:
    """What a role needs: CREATE, UPDATE, DELETE, SET_COMMENT, UPDATE_MEMBERSHIPS or nothing (RECONCILED).

    Args:
        role: of the spec.
        present: as it is in the database, None where it is not.
        state: what was recorded when its password was last set.
        version: of the Secret with its password, empty where none is named, None where it cannot be read.
    """
    absent = role.get("ensure", "present") == "absent"
    if present is None:
        return "RECONCILED" if absent else "CREATE"
    if absent:
        return "DELETE"
    password_is_old = (state.get("resourceVersion", ""), state.get("transactionID", 0)) != (
        version,
        present.row_version,
    )
    if password_is_old or not _is_equivalent(role, present):
        return "UPDATE"
    if role.get("comment", "") != present.comment:
        return "SET_COMMENT"
    if frozenset(role.get("inRoles", [])) != present.member_of:
        return "UPDATE_MEMBERSHIPS"
    return "RECONCILED"


def _is_equivalent(role: Manifest, present: Present) -> bool:
    until = role.get("validUntil")
    same_end = present.valid_until in {None, "infinity"} if until is None else _same_time(until, present.valid_until)
    return (
        all(role.get(key, key == "inherit") == value for key, value in present.attributes.items())
        and role.get("connectionLimit", -1) == present.connection_limit
        and same_end
    )


def _same_time(wanted: str, present: str | None) -> bool:
    if present in {None, "infinity"}:
        return False
    return datetime.fromisoformat(wanted).astimezone(UTC) == datetime.fromisoformat(str(present)).astimezone(UTC)


def _listed(session: Session) -> list[Present]:
    found = []
    for row in session.rows(_LIST):
        name, *attributes, limit, until, comment, version, member_of = row
        values = dict(zip(_ATTRIBUTES, attributes, strict=True))
        found.append(Present(name, values, limit, until, comment, version, frozenset(member_of)))
    return found


def _version(role: Manifest, read: ReadPassword) -> str | None:
    try:
        password = read(role)
    except PasswordError:
        return None
    return password.version if password else ""


def _apply(
    session: Session, action: str, role: Manifest, present: Present | None, read: ReadPassword
) -> Manifest | None:
    """Do it; for a role whose password may have been set return what is to be recorded."""
    name = sql.identifier(role["name"])
    match action:
        case "CREATE" | "UPDATE":
            password = read(role)
            verb = "CREATE" if action == "CREATE" else "ALTER"
            members = f" IN ROLE {','.join(map(sql.identifier, role['inRoles']))}" if role.get("inRoles") else ""
            statement = f"{verb} ROLE {name}{_options(role)}{members if action == 'CREATE' else ''}"
            if password:
                statement += f" PASSWORD {sql.literal(session.scram(role['name'], password.text))}"
            elif role.get("disablePassword"):
                statement += " PASSWORD NULL"
            session.execute_secretly(statement + _valid_until(role, present))
            if action == "CREATE" and role.get("comment"):
                session.execute(f"COMMENT ON ROLE {name} IS {sql.literal(role['comment'])}")
            version = session.value(
                "SELECT xmin::text::bigint FROM pg_catalog.pg_authid WHERE rolname = %s", [role["name"]]
            )
            state: Manifest = {"transactionID": version}
            return state | ({"resourceVersion": password.version} if password else {})
        case "SET_COMMENT":
            session.execute(f"COMMENT ON ROLE {name} IS {sql.literal(role.get('comment', ''))}")
        case "UPDATE_MEMBERSHIPS" if present:
            wanted = set(role.get("inRoles", []))
            with session.together():
                for parent in sorted(wanted - present.member_of):
                    session.execute(f"GRANT {sql.identifier(parent)} TO {name}")
                for parent in sorted(present.member_of - wanted):
                    session.execute(f"REVOKE {sql.identifier(parent)} FROM {name}")
        case "DELETE":
            session.execute(f"DROP ROLE IF EXISTS {name}")
        case _:
            pass
    return None


def _options(role: Manifest) -> str:
    words = [
        keyword if role.get(key, key == "inherit") else f"NO{keyword}" for key, (_, keyword) in _ATTRIBUTES.items()
    ]
    return f" {' '.join(words)} CONNECTION LIMIT {role.get('connectionLimit', -1)}"


def _valid_until(role: Manifest, present: Present | None) -> str:
    """Once set, PostgreSQL cannot forget the end of a password: it can only be put off for ever."""
    if until := role.get("validUntil"):
        return f" VALID UNTIL {sql.literal(until)}"
    return " VALID UNTIL 'infinity'" if present and present.valid_until else ""


def _by_status(
    present: list[Present], wanted: list[Manifest], states: Manifest, read: ReadPassword
) -> dict[str, list[str]]:
    specs = {role["name"]: role for role in wanted}
    found: dict[str, list[str]] = {}
    for role in present:
        if is_reserved(role.name):
            found.setdefault("reserved", []).append(role.name)
        elif role.name not in specs:
            found.setdefault("not-managed", []).append(role.name)
    known = {role.name: role for role in present}
    for name, spec in specs.items():
        action = next_action(spec, known.get(name), states.get(name, {}), _version(spec, read))
        found.setdefault("reconciled" if action == "RECONCILED" else "pending-reconciliation", []).append(name)
    return found
