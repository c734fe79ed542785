"""The two ways that nobody here can walk: from Vault to a standby's API server, and from a standby to the grants.

Where somebody has walked them before, an object of the cluster says so. Otherwise the report names the way, and the
command that tries it from the right place.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from components.custom_resource import ACCESS_GRANT, LINK, SECRET_STORE
from ops.clusters import ClusterError, Manifest
from ops.doctor.finding import Finding, ok, unknown
from ops.doctor.scene import Scene

SUBJECT = "ways"

STORE = "vault-rhsi"


def check(scene: Scene) -> Iterator[Finding]:
    """On a standby."""
    if scene.settings.role == "standby":
        yield from _of_vault(scene)
        yield _of_grants(scene)


def _of_vault(scene: Scene) -> Iterator[Finding]:
    """A SecretStore is Ready once External Secrets has logged in, for which Vault has asked the API server."""
    settings = scene.settings
    if not scene.has_own_login:
        return
    store = scene.cluster().object(SECRET_STORE.api_version, "secretstores", STORE, settings.cluster.namespace)
    asks = settings.vault.login == "kubernetes"
    if _is_ready(store):
        ways = "the cluster to Vault" + (", and Vault the API server" if asks else "")
        yield ok(SUBJECT, f"The SecretStore {STORE} is Ready: {ways} reached.")
        return
    yield unknown(
        SUBJECT,
        f"Whether the cluster reaches Vault at {settings.vault.address} is not known from here.",
        _from_cluster(scene, f"{settings.vault.address}/v1/sys/health"),
    )
    if asks:
        yield unknown(
            SUBJECT,
            f"Whether Vault reaches {settings.cluster.api_server} is not known from here; rhsi:vault.login jwt does "
            "without.",
            f"on a machine or pod of Vault: curl -sS -k {settings.cluster.api_server}/version",
        )


def _of_grants(scene: Scene) -> Finding:
    """A Link that is Ready was redeemed at the grant server, and reaches the primary's router."""
    settings = scene.settings
    links = scene.cluster().objects(LINK.api_version, "links", settings.cluster.namespace)
    ready = [link["metadata"]["name"] for link in links if _is_ready(link)]
    if ready:
        return ok(SUBJECT, f"The Link {ready[0]} is Ready: grant server and router of the primary were reached.")
    return unknown(
        SUBJECT,
        "Whether the standby reaches the primary's grant server and router is not known from here.",
        _from_cluster(scene, _grant_server(scene)),
    )


def _grant_server(scene: Scene) -> str:
    """Where grants are redeemed, as one of the primary's says; only the host, for the rest is a grant's."""
    primary = scene.primary
    if primary:
        try:
            namespace = primary.settings.cluster.namespace
            grants = primary.cluster().objects(ACCESS_GRANT.api_version, "accessgrants", namespace)
        except ClusterError:
            grants = []
        for grant in grants:
            if url := str((grant.get("status") or {}).get("url") or ""):
                return f"https://{urlsplit(url).netloc}"
    return "https://<host of the primary's Route skupper-grant-server-https>"


def _from_cluster(scene: Scene, url: str) -> str:
    namespace = scene.settings.cluster.namespace
    image = "registry.access.redhat.com/ubi9/ubi-minimal"
    return (
        f"{scene.cli} run way-test -n {namespace} --image {image} --restart Never --rm -i --command -- "
        f"curl -sS -k -m 5 {url}"
    )


def _is_ready(manifest: Manifest | None) -> bool:
    conditions = ((manifest or {}).get("status") or {}).get("conditions") or []
    return any((one.get("type"), one.get("status")) == ("Ready", "True") for one in conditions)
