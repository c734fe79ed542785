"""What the replicated databases hold, as SQL: people's own tables, or one for each site, read everywhere.

One publisher for each table makes loops and conflicts impossible (PostgreSQL 16 resolves no conflict). All names are
quoted, since a site may begin with a digit.
"""

from collections.abc import Sequence

from components.edb.names import OWNER, REPLICATION_ROLE, publication_name, table_name
from components.edb.published import SCHEMA, TABLE, Published, named, quoted


def role_sql() -> str:
    """The replication role, without a password: this statement goes through a command line.

    The role must exist before the schema grants to it; the operator's managed roles come only after the bootstrap and
    then set the password.
    """
    return f'CREATE ROLE "{REPLICATION_ROLE}" WITH LOGIN REPLICATION'


def slot_wait_sql() -> str:
    """A bound on how long the peer's CREATE SUBSCRIPTION waits here for its slot.

    Each side's CREATE SUBSCRIPTION is a transaction that waits for a slot on the other side, and a slot waits for all
    transactions there (postgres:src/backend/replication/logical/snapbuild.c, SnapBuildWaitSnapshot). Two at the same
    moment wait for each other for ever, and no server sees the circle. With the bound on one side, the peer's
    statement fails, its operator tries again, and this side's goes on.
    """
    return f"ALTER ROLE \"{REPLICATION_ROLE}\" SET lock_timeout = '30s'"


def schema_sql(site: str, sites: Sequence[str], own: Published, *, given: bool) -> str:
    """What a cluster boots with after the SQL that it was given: tables of the demonstration, and what it publishes.

    The publication is made here so that it exists before anybody can reach the cluster: a subscription to a missing
    one is created with a mere warning and then fails for good (PostgreSQL commit 8f2e2bbf). The replication role
    needs SELECT for the initial copy only.

    Args:
        site: whose cluster it is.
        sites: both.
        own: what the site publishes; empty for its table of the demonstration.
        given: whether SQL of the user's ran before.
    """
    before = [_OWNERSHIP_SQL] if given else []
    if own:
        return "\n".join([*before, _publication_sql(publication_name(site), own)])
    tables = [_table_sql(table_name(one)) for one in sites]
    table = table_name(site)
    published = (
        f'GRANT SELECT ON public."{table}" TO "{REPLICATION_ROLE}";\n'
        f'CREATE PUBLICATION "{publication_name(site)}" FOR TABLE public."{table}";\n'
    )
    return "\n".join([*before, *tables, published])


def init_sql(statements: Sequence[str]) -> str:
    """Statements as one script."""
    # On a line of its own, the semicolon is in no comment that ends a statement.
    return "\n;\n".join(statement.rstrip().removesuffix(";") for statement in statements) + "\n;\n"


def _publication_sql(name: str, own: Published) -> str:
    """The publication with as much of what it shall have as there is: what is missing, a check names later.

    A view or an unlogged table, which no publication takes, must not end the first boot either.
    """
    tables = [
        f"  IF to_regclass('{quoted(table)}') IS NOT NULL THEN BEGIN\n"
        f'    GRANT SELECT ON {quoted(table)} TO "{REPLICATION_ROLE}";\n'
        f'    ALTER PUBLICATION "{name}" ADD TABLE {quoted(table)};\n'
        "  EXCEPTION WHEN invalid_parameter_value OR wrong_object_type THEN NULL; END; END IF;\n"
        for table in named(own, TABLE)
    ]
    schemas = [
        f"  IF to_regnamespace('{quoted(schema)}') IS NOT NULL THEN\n"
        f'    GRANT SELECT ON ALL TABLES IN SCHEMA {quoted(schema)} TO "{REPLICATION_ROLE}";\n'
        f'    ALTER PUBLICATION "{name}" ADD TABLES IN SCHEMA {quoted(schema)};\n'
        "  END IF;\n"
        for schema in named(own, SCHEMA)
    ]
    return f'CREATE PUBLICATION "{name}";\nDO $$ BEGIN\n{"".join([*tables, *schemas])}END $$;\n'


# Replicated rows are written with the rights of the table's owner, and the application has to write its own. What an
# extension has made stays the superuser's; a sequence of a column goes with its table.
_OWNERSHIP_SQL = """DO $$
DECLARE statement text;
BEGIN
  FOR statement IN
    SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, 'app') FROM pg_namespace AS made
      WHERE nspowner = current_user::regrole AND nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = made.oid AND deptype = 'e')
    UNION ALL
    SELECT format('ALTER TABLE %s OWNER TO %I', made.oid::regclass, 'app') FROM pg_class AS made
      JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE relowner = current_user::regrole AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND nspname !~ '^pg_' AND nspname <> 'information_schema'
        AND NOT EXISTS (
          SELECT FROM pg_depend WHERE objid = made.oid AND (deptype = 'e' OR (relkind = 'S' AND deptype IN ('a', 'i')))
        )
  LOOP
    EXECUTE statement;
  END LOOP;
END $$;
""".replace("'app'", f"'{OWNER}'")


def _table_sql(table: str) -> str:
    # What a bootstrap makes belongs to the superuser; replicated rows are written with the rights of the table's owner.
    return (
        f'CREATE TABLE public."{table}" (\n'
        "  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),\n"
        "  site text NOT NULL,\n"
        "  payload text,\n"
        "  created_at timestamptz NOT NULL DEFAULT now()\n"
        ");\n"
        f'ALTER TABLE public."{table}" OWNER TO "{OWNER}";\n'
    )
