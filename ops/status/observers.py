"""Where a network observer's page is, and how one logs in to it.

Owns the names that Skupper's chart gives (skupper:charts/network-observer, templates/_helpers.tpl).
"""

from ops.clusters import Cluster, Manifest
from ops.status.kinds import ROUTE, visible

_CHART = "network-observer"


def address(cluster: Cluster, observer: Manifest) -> str:
    """The URL of an observer that is deployed, by its Route where that can be seen; and the Secret with its login.

    Raises:
        ClusterError: no answer.
    """
    name, namespace, spec = observer["metadata"]["name"], observer["metadata"]["namespace"], observer.get("spec") or {}
    fullname = spec.get("fullnameOverride") or (name if _CHART in name else f"{name}-{_CHART}")
    host = f"{fullname}.{namespace}.svc"
    if (spec.get("route") or {}).get("enabled"):
        route = visible(lambda: ROUTE.get(cluster, namespace, fullname)) or {}
        host = (route.get("spec") or {}).get("host") or host
    auth = spec.get("auth") or {}
    secret = (auth.get("basic") or {}).get("secretName") or f"{fullname}-auth"
    login = f", login in Secret {secret}" if auth.get("strategy", "basic") == "basic" else ""
    return f"https://{host}{login}"
