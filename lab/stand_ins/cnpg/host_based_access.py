"""pg_hba.conf and pg_ident.conf as the operator composes them (upstream: pkg/postgres/configuration.go)."""

from collections.abc import Sequence

SERVER_USER = "postgres"
"""The user of the operating system that runs the server, as it is called inside the container."""

_RULES = """
#
# FIXED RULES
#

# Grant local access ('local' user map)
local all cnpg_metrics_exporter peer map=cnpg_metrics_exporter
local all all peer map=local

# Require client certificate authentication for the streaming_replica user
hostssl postgres streaming_replica all cert map=cnpg_streaming_replica
hostssl replication streaming_replica all cert map=cnpg_streaming_replica
hostssl all cnpg_pooler_pgbouncer all cert map=cnpg_pooler_pgbouncer

#
# USER-DEFINED RULES
#

{rules}

#
# DEFAULT RULES
#
host all all all scram-sha-256
"""

_NAMES = """
#
# FIXED RULES
#

# Grant local access ('local' user map)
local {user} postgres

# Grant streaming_replica access ('cnpg_streaming_replica' user map)
cnpg_streaming_replica streaming_replica streaming_replica

# Grant cnpg_pooler_pgbouncer access ('cnpg_pooler_pgbouncer' user map)
cnpg_pooler_pgbouncer cnpg_pooler_pgbouncer cnpg_pooler_pgbouncer

# Grant cnpg_metrics_exporter access via peer authentication on the Unix socket
cnpg_metrics_exporter {user} cnpg_metrics_exporter

#
# USER-DEFINED RULES
#

{rules}
"""


def rules(given: Sequence[str]) -> str:
    """pg_hba.conf: the first line that matches a connection decides, so the user's lines come before the default."""
    return _RULES.format(rules="\n".join(given))


def names(given: Sequence[str]) -> str:
    """pg_ident.conf."""
    return _NAMES.format(user=SERVER_USER, rules="\n".join(given))
