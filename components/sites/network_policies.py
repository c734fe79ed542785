"""What `rhsi:networkPolicies` means for the namespaces of a site."""

from typing import Any
from urllib.parse import urlsplit

from components.custom_resource import POSTGRES_OPERATORS
from components.edb.names import cluster_name
from components.network_policies import ClusterFlows, SiteFlows, cluster_policies, site_policies
from components.network_rules import Export
from components.postgres.replication import PRIMARY, STANDBY
from components.settings import Settings
from components.skupper.router_access import EDGE_PORT, INTER_ROUTER_PORT


def site_network_policies(settings: Settings) -> dict[str, dict[str, Any]]:
    """Of the namespace of the Skupper site, by name; none unless they are asked for."""
    return site_policies(site_flows(settings)) if settings.network_policies.enabled else {}


def cluster_network_policies(settings: Settings) -> dict[str, dict[str, Any]]:
    """Of the namespace of the replicated databases, likewise."""
    return cluster_policies(cluster_flows(settings)) if settings.network_policies.enabled else {}


def site_flows(settings: Settings) -> SiteFlows:
    """What passes in the namespace of the Skupper site."""
    wanted, standby = settings.network_policies, settings.role == "standby"
    access = settings.skupper.router_access
    own = (access.ports.inter_router, access.ports.edge) if access else (INTER_ROUTER_PORT, EDGE_PORT)
    return SiteFlows(
        owns_router=not settings.skupper.existing_site,
        accepts_links=not standby,
        own_link_ports=own,
        link_ports=tuple(wanted.link_ports),
        api_server=tuple(wanted.api_server),
        clients=tuple(wanted.clients),
        server=(STANDBY if standby else PRIMARY) if settings.postgres.enabled else "",
        stores=_server_stores(settings) if settings.postgres.backup.destination_path else (),
        follows=standby,
        monitoring=settings.postgres.monitoring,
        tests=settings.postgres.enabled and settings.postgres.smoke_test,
        observer=settings.network_observer.enabled,
        observer_login=settings.cluster.platform == "openshift",
        exports=tuple(
            Export(host=one.host, selector=one.selector, port=one.port) for one in settings.services.exports.values()
        ),
        cluster=_instances(settings) if settings.edb.enabled else {},
        cluster_namespace=settings.edb.namespace if settings.edb.enabled else "",
    )


def cluster_flows(settings: Settings) -> ClusterFlows:
    """What passes in the namespace of the replicated databases."""
    wanted, edb = settings.network_policies, settings.edb
    return ClusterFlows(
        cluster=_instances(settings),
        skupper_namespace=settings.cluster.namespace,
        operator_namespace=wanted.operator_namespace,
        api_server=tuple(wanted.api_server),
        clients=tuple(wanted.clients),
        monitoring=edb.monitoring,
        stores=_store_ports(edb.backup.endpoint_url) if edb.backup.destination_path else (),
        own_tables=edb.publish.given,
        tests=settings.role == "standby" and edb.smoke_test,
    )


def _instances(settings: Settings) -> dict[str, str]:
    prefix = POSTGRES_OPERATORS[settings.edb.operator].metadata_prefix
    return {f"{prefix}/cluster": cluster_name(settings.site)}


def _server_stores(settings: Settings) -> tuple[int, ...]:
    """What the streaming database's backups need: the store, and the proxy that is to be asked for it."""
    url, proxy = settings.postgres.backup.endpoint_url, settings.pods.proxy
    through = proxy.http_proxy if url.startswith("http:") else proxy.https_proxy
    return tuple(dict.fromkeys([*_store_ports(url), *(_store_ports(through) if through else ())]))


def _store_ports(url: str) -> tuple[int, ...]:
    """Of an object store's URL, or of AWS; of a proxy's likewise."""
    parts = urlsplit(url or "https://s3")
    return (parts.port or (80 if parts.scheme == "http" else 443),)
