"""What the replicated databases hold, as SQL: a table for each site, written there and read everywhere.

One publisher for each table makes loops and conflicts impossible (PostgreSQL 16 resolves no conflict). All names are
quoted, since a site may begin with a digit.
"""

from collections.abc import Sequence

from components.edb.names import OWNER, REPLICATION_ROLE, publication_name, table_name


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


def schema_sql(site: str, sites: Sequence[str]) -> str:
    """The tables of all sites, and what this one publishes.

    The publication is made here so that it exists before anybody can reach the cluster: a subscription to a missing
    one is created with a mere warning and then fails for good (PostgreSQL commit 8f2e2bbf). The replication role
    needs SELECT for the initial copy only.
    """
    tables = [_table_sql(table_name(one)) for one in sites]
    own = table_name(site)
    published = (
        f'GRANT SELECT ON public."{own}" TO "{REPLICATION_ROLE}";\n'
        f'CREATE PUBLICATION "{publication_name(site)}" FOR TABLE public."{own}";\n'
    )
    return "\n".join([*tables, published])


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
