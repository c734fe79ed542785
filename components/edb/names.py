"""Every name of the replicated databases; all of them follow from a site's.

Sites are labels of RFC 1123, so a site makes exactly one SQL name.
"""

PORT = 5432
# PostgreSQL cuts longer names off without an error (NAMEDATALEN).
NAME_LIMIT = 63
# Who owns database and tables.
OWNER = "app"
# What the peer logs in as: it may read the published table and stream, nothing else.
REPLICATION_ROLE = "site_repl"
CA_SECRET = "edb-ca"  # noqa: S105 -- the name of an object, no secret
PULL_SECRET = "edb-repos2-token"  # noqa: S105 -- the name of an object, no secret


def cluster_name(site: str) -> str:
    """Name of a site's Cluster."""
    return f"edb-{site}"


def superuser_secret(site: str) -> str:
    """Secret of `postgres`; the operator's own default name."""
    return f"{cluster_name(site)}-superuser"


def app_secret(site: str) -> str:
    """Secret of the database's owner; the operator's own default name."""
    return f"{cluster_name(site)}-app"


def replicator_secret(site: str) -> str:
    """Secret of the replication role on this site's cluster; its peer holds a copy of the same name."""
    return f"{cluster_name(site)}-replicator"


def service_host(site: str, namespace: str) -> str:
    """The primary instance inside the site's own Kubernetes cluster."""
    return f"{cluster_name(site)}-rw.{namespace}.svc.cluster.local"


def server_names(host: str) -> list[str]:
    """What a certificate must name besides `host`, which ends in `.svc.cluster.local`: the shorter forms of it."""
    service = host.removesuffix(".cluster.local")
    return [host, service, service.removesuffix(".svc")]


def schema_config_map(site: str) -> str:
    """ConfigMap with the schema that a cluster boots with."""
    return f"{cluster_name(site)}-schema"


def routing_key(site: str) -> str:
    """What Skupper calls a site's database; also the host name that it has at the peer."""
    return f"pg-{site}"


def link_host(site: str, skupper_namespace: str) -> str:
    """A site's database as its peer reaches it, through the link."""
    return f"{routing_key(site)}.{skupper_namespace}.svc.cluster.local"


def sql_name(site: str) -> str:
    """A site as a part of SQL names: without hyphens, which slots refuse."""
    return site.replace("-", "_")


def table_name(site: str) -> str:
    """The table that this site writes."""
    return f"{sql_name(site)}_data"


def publication_name(site: str) -> str:
    """The publication of the site's own table."""
    return f"{sql_name(site)}_pub"


def subscription_name(site: str, peer: str) -> str:
    """The site's subscription to its peer; also the name of the slot that it holds there."""
    return f"{sql_name(site)}_from_{sql_name(peer)}"
