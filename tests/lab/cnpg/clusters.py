"""What the tests of CloudNativePG do with Clusters: name a pair, apply a small one, read what an instance has said."""

from lab.stand_ins.pods import logs
from tests.lab.databases import IMAGE, ClusterSite
from tests.lab.lab import Lab

Pair = tuple[ClusterSite, ClusterSite]


def apply(site: ClusterSite, **spec: object) -> None:
    """Apply a Cluster with little in its spec."""
    body = {"metadata": {"name": site.cluster}, "spec": {"imageName": IMAGE, "storage": {"size": "1Gi"}, **spec}}
    site.api.apply(site.group.cluster, site.namespace, body)


def log_of(lab: Lab, site: ClusterSite) -> str:
    """What the site's instance has said."""
    context = lab.contexts[0] if site.name == "site_a" else lab.contexts[1]
    ((_, _, text),) = logs.read(lab.home, context, site.namespace, f"{site.cluster}-1")
    return text
