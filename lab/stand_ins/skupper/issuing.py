"""What a redeemed grant yields: a TLS Secret and one Link per group of the site's endpoints, as a YAML stream.

Owns the body of the grant server's 200 answer (upstream internal/kube/grants/tokens.go). Writes nothing to the cluster.
"""

import yaml
from kubernetes.client.exceptions import ApiException

from lab.kube import Manifest
from lab.stand_ins.skupper import api, pki
from lab.stand_ins.skupper.certificates import tls_data, tls_secret
from lab.stand_ins.skupper.cluster import Cluster
from lab.stand_ins.skupper.grants import EDGE_ERROR, IssuingError
from lab.stand_ins.skupper.sites import Sites, default_issuer


def links(site: Manifest, name: str) -> list[Manifest]:
    """The Links to a site: `<name>`, or `<name>-1`, `<name>-2` … where it has more than one group of endpoints.

    Raises:
        IssuingError: the site has no endpoint, or is an edge site.
    """
    if site.get("spec", {}).get("edge"):
        raise IssuingError(EDGE_ERROR)
    endpoints = site.get("status", {}).get("endpoints", [])
    if not any(endpoint.get("host") for endpoint in endpoints):
        raise IssuingError("No valid endpoints found for site")
    by_group: dict[str, list[Manifest]] = {}
    for endpoint in endpoints:
        if endpoint.get("name") in {"inter-router", "edge"}:
            by_group.setdefault(endpoint.get("group", ""), []).append(endpoint)
    return [
        {
            "apiVersion": api.SKUPPER,
            "kind": "Link",
            "metadata": {"name": f"{name}-{number}" if len(by_group) > 1 else name},
            "spec": {"endpoints": members, "tlsCredentials": name},
        }
        for number, members in enumerate(by_group.values(), start=1)
    ]


class Issuer:
    """Issues for the sites of one cluster."""

    def __init__(self, cluster: Cluster, sites: Sites) -> None:
        self._cluster = cluster
        self._sites = sites

    def issue(self, namespace: str, name: str, subject: str) -> str:
        """The YAML stream for a remote site.

        Raises:
            IssuingError: there is no Site, no usable issuer or no endpoint.
        """
        site = self._sites.active(namespace)
        if site is None:
            raise IssuingError(f"Site not yet defined for {namespace}")
        try:
            authority = self._cluster.api.get(api.SECRET, namespace, default_issuer(site))
            if authority is None:
                raise IssuingError("Could not get issuer for requested certificate")
            granted = links(site, name)
            hosts = list(dict.fromkeys(endpoint["host"] for endpoint in site["status"]["endpoints"]))
            secret = tls_secret(name, pki.issue(subject, hosts, tls_data(authority)))
        except (ApiException, KeyError, ValueError) as error:
            raise IssuingError("Could not get issuer for requested certificate") from error
        return yaml.safe_dump_all([secret, *granted], explicit_start=True, width=1 << 16)
