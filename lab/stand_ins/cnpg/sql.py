"""SQL as the operator writes it: quoting, and the statements for publications and subscriptions.

Pure functions. The order of words is upstream's (internal/management/controller/publication_controller_sql.go,
subscription_controller_sql.go, common.go), so that its mistakes are the lab's too.
"""

from collections.abc import Mapping

from lab.kube import Manifest

UPDATABLE = (
    "slot_name",
    "synchronous_commit",
    "binary",
    "streaming",
    "disable_on_error",
    "password_required",
    "run_as_owner",
    "origin",
    "failover",
)
"""What ALTER SUBSCRIPTION … SET is asked for; other parameters count when the subscription is created only."""
TWO_PHASE_SINCE = 18
"""The version of PostgreSQL from which on it is asked for `two_phase` too."""


def identifier(name: str) -> str:
    """A quoted name (pgx.Identifier.Sanitize)."""
    return '"' + name.replace("\x00", "").replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted string (pq.QuoteLiteral)."""
    quoted = text.replace("'", "''")
    return " E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in quoted else f"'{quoted}'"


def parameters(given: Mapping[str, str]) -> str:
    """The inside of `WITH (…)` or `SET (…)`, by name."""
    return ", ".join(f"{identifier(key)} = {literal(given[key])}" for key in sorted(given))


def create_publication(spec: Manifest) -> str:
    """CREATE PUBLICATION for a Publication's spec."""
    target = "FOR ALL TABLES" if spec["target"].get("allTables") else f"FOR {_objects(spec)}" if _objects(spec) else ""
    statement = f"CREATE PUBLICATION {identifier(spec['name'])} {target}"
    return f"{statement} WITH ({parameters(spec['parameters'])})" if spec.get("parameters") else statement


def alter_publication(spec: Manifest) -> list[str]:
    """What makes an existing publication the spec's, one that somebody else has created too."""
    alter = f"ALTER PUBLICATION {identifier(spec['name'])} SET"
    statements = [f"{alter} {_objects(spec)}"] if spec["target"].get("objects") else []
    return statements + ([f"{alter} ({parameters(spec['parameters'])})"] if spec.get("parameters") else [])


def _objects(spec: Manifest) -> str:
    """Tables in a row share one TABLE keyword."""
    parts: list[str] = []
    tables: list[str] = []
    for item in spec["target"].get("objects", []):
        if item.get("table"):
            tables.append(_table(item["table"]))
            continue
        parts += [f"TABLE {', '.join(tables)}"] if tables else []
        tables = []
        parts.append(f"TABLES IN SCHEMA {identifier(item['tablesInSchema'])}")
    return ", ".join(parts + ([f"TABLE {', '.join(tables)}"] if tables else []))


def _table(table: Manifest) -> str:
    schema = f"{identifier(table['schema'])}." if table.get("schema") else ""
    columns = f" ({', '.join(map(identifier, table['columns']))})" if table.get("columns") else ""
    return f"{'ONLY ' if table.get('only') else ''}{schema}{identifier(table['name'])}{columns}"


def create_subscription(spec: Manifest, connection: str) -> str:
    """CREATE SUBSCRIPTION for a Subscription's spec."""
    statement = (
        f"CREATE SUBSCRIPTION {identifier(spec['name'])} CONNECTION {literal(connection)} "
        f"PUBLICATION {identifier(spec['publicationName'])}"
    )
    return f"{statement} WITH ({parameters(spec['parameters'])})" if spec.get("parameters") else statement


def alter_subscription(spec: Manifest, connection: str, major: int) -> list[str]:
    """What makes an existing subscription the spec's.

    With parameters of which none can be changed the last statement is `SET ()`, a syntax error, as upstream's.
    """
    alter = f"ALTER SUBSCRIPTION {identifier(spec['name'])}"
    statements = [
        f"{alter} SET PUBLICATION {identifier(spec['publicationName'])}",
        f"{alter} CONNECTION {literal(connection)}",
    ]
    if given := spec.get("parameters"):
        updatable = (*UPDATABLE, "two_phase") if major >= TWO_PHASE_SINCE else UPDATABLE
        statements.append(f"{alter} SET ({parameters({key: given[key] for key in updatable if key in given})})")
    return statements
