"""Sites: which one is active in a namespace, what it owns, and its conditions Configured, Running and Resolved.

Owns SiteState, the memory that upstream keeps per namespace, and the objects that a Site brings along: ServiceAccount,
router ConfigMap, CAs and server Certificates, RouterAccess. All of them belong to the Site by owner reference, so the
garbage collector removes them with it. The router's Deployment, Role and Service are left out, because no router runs;
Running turns True by itself. Source: upstream internal/kube/site/site.go:185-303.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from kubernetes.client.exceptions import ApiException

from lab.kube import Manifest
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.skupper import api, conditions
from lab.stand_ins.skupper.certificates import Certificates
from lab.stand_ins.skupper.cluster import Cluster, Options

# Enabled by default upstream (securedaccess/config.go:88-94); `route` needs OpenShift, see access.py.
ACCESS_TYPES = frozenset({"local", "loadbalancer", "route"})
ROUTER = "skupper-router"


@dataclass
class SiteState:
    """What the controller remembers of a namespace with an active Site."""

    name: str
    uid: str
    initialised: bool = False
    groups: list[str] = field(default_factory=list)
    """The routers that the Site had when it was last looked at."""
    links: dict[str, Manifest] = field(default_factory=dict)
    """The Links as last seen: a Link's first event only lands it here (site.go:1318)."""
    leaders: dict[str, str] = field(default_factory=dict)
    """Which Listener holds which `<host>/<port>`."""
    targets: dict[str, list[str]] = field(default_factory=dict)
    """The hosts that a Connector can reach: its `host`, or the addresses of its selected pods."""


class SiteSpecError(Exception):
    """Why a Site cannot be configured, in upstream's words."""


def enabled_access_types(options: Options) -> frozenset[str]:
    """The ways in that a Site may ask for."""
    return ACCESS_TYPES | {"nodeport"} if options.cluster_host else ACCESS_TYPES


def verify(site: Manifest, access_types: frozenset[str] = ACCESS_TYPES) -> None:
    """Judge the spec.

    Raises:
        SiteSpecError: linkAccess is no known type, or edge and ha are both asked for.
    """
    spec = site.get("spec", {})
    access = spec.get("linkAccess", "")
    if access not in access_types | {"", "none", "default"}:
        raise SiteSpecError(f"Unsupported value for LinkAccess: {access}")
    if spec.get("edge") and spec.get("ha"):
        raise SiteSpecError("Edge sites cannot have HA enabled")


def groups(site: Manifest) -> list[str]:
    """The router groups: two with `ha`, else one."""
    return [ROUTER, f"{ROUTER}-2"] if site.get("spec", {}).get("ha") else [ROUTER]


def default_issuer(site: Manifest) -> str:
    """The Secret that signs the certificates of redeemed tokens (types.go:178-187)."""
    found = site.get("spec", {}).get("defaultIssuer") or site.get("status", {}).get("defaultIssuer")
    return cast("str", found or "skupper-site-ca")


class Sites:
    """The handler of Sites in one cluster, and the answer to "which Site is active here?"."""

    def __init__(self, cluster: Cluster, certificates: Certificates, network_changed: Callable[[], None]) -> None:
        self._cluster = cluster
        self._certificates = certificates
        self._network_changed = network_changed
        self._states: dict[str, SiteState] = {}

    def state(self, namespace: str) -> SiteState | None:
        """The memory of the namespace's active Site, or None without one."""
        return self._states.get(namespace)

    def active(self, namespace: str) -> Manifest | None:
        """The active Site of the namespace, or None."""
        state = self._states.get(namespace)
        return self._cluster.get(api.SITE, namespace, state.name) if state else None

    def namespaces(self) -> list[str]:
        """The namespaces that have an active Site."""
        return list(self._states)

    def check(self, key: str) -> None:
        """Handle the event of a Site."""
        namespace, name = api.split_key(key)
        site = self._cluster.get(api.SITE, namespace, name)
        state = self._states.get(namespace)
        gone = site is None or (state is not None and state.uid != site["metadata"]["uid"])
        if state and state.name == name and gone:
            self._deleted(namespace)
            state = None
        if site is None:
            return
        site.setdefault("status", {})["controller"] = {
            "name": "skupper-controller",
            "namespace": self._cluster.options.namespace,
            "version": "lab",
        }
        if state and state.name != name:
            message = f"An active site already exists in the namespace ({state.name})"
            if conditions.update(site, "Configured", conditions.error(message)):
                self._cluster.update_status(api.SITE, site)
            return
        if state is None:
            state = self._states[namespace] = SiteState(name, site["metadata"]["uid"])
            self._cluster.log.info("site %s/%s becomes active", namespace, name)
        self._reconcile(site, state)

    def _reconcile(self, site: Manifest, state: SiteState) -> None:
        namespace, name = api.split_key(api.key_of(site))
        try:
            verify(site, enabled_access_types(self._cluster.options))
            self._configure(site)
            problem = None
        except SiteSpecError as error:
            problem = str(error)
        except ApiException as error:
            problem = api.error_text(error)
            # Mostly the remains of an earlier Site that are about to be collected.
            self._cluster.queue.add_after(
                Key(api.SITE.name, api.key_of(site)), self._cluster.options.link_configured_delay
            )
        changed = conditions.set_or_omit(site["status"], "defaultIssuer", default_issuer(site))
        if conditions.update(site, "Configured", conditions.error_or_ready(problem)) or changed:
            self._cluster.update_status(api.SITE, site)
        if problem:
            self._cluster.log.warning("site %s/%s: %s", namespace, name, problem)
            return
        waiting: tuple[api.Kind, ...] = ()
        if not state.initialised:
            state.initialised = True
            waiting = (api.LINK, api.LISTENER, api.CONNECTOR, api.TOKEN, api.ROUTER_ACCESS)
        elif state.groups != groups(site):
            # Another number of routers: upstream sees to the ways in at once (site.go:235-248).
            waiting = (api.ROUTER_ACCESS,)
        state.groups = groups(site)
        for kind in waiting:
            for found in self._cluster.items(kind, namespace):
                self._cluster.queue.add(Key(kind.name, api.key_of(found)))
        self._cluster.queue.add(Key("RouterPod", namespace))
        self._network_changed()

    def _configure(self, site: Manifest) -> None:
        namespace, name = api.split_key(api.key_of(site))
        spec, owner = site.get("spec", {}), api.owned_by(api.SITE, site)
        for group in groups(site):
            self._router_config(site, group)
        if not spec.get("serviceAccount"):
            account = {"metadata": {"name": ROUTER, "ownerReferences": [owner]}}
            self._cluster.api.apply(api.SERVICE_ACCOUNT, namespace, account)
        for ca, subject in (("skupper-site-ca", f"{name} site CA"), ("skupper-local-ca", f"{name} local CA")):
            self._certificates.ensure(namespace, ca, {"subject": subject, "signing": True}, owner)
        local = f"{ROUTER}-local"
        hosts = [local, f"{local}.{namespace}", f"{local}.{namespace}.svc.cluster.local"]
        server = {"ca": "skupper-local-ca", "subject": local, "hosts": hosts, "server": True}
        self._certificates.ensure(namespace, "skupper-local-server", server, owner)
        if spec.get("linkAccess", "") not in {"", "none"}:
            self._router_access(site, owner)

    def _router_config(self, site: Manifest, group: str) -> None:
        namespace, uid = site["metadata"]["namespace"], site["metadata"]["uid"]
        found = self._cluster.api.get(api.CONFIG_MAP, namespace, group)
        if found is None:
            metadata = {
                "name": group,
                "labels": {"internal.skupper.io/router-config": ""},
                "ownerReferences": [api.owned_by(api.SITE, site)],
            }
            self._cluster.api.create(
                api.CONFIG_MAP, namespace, {"metadata": metadata, "data": {"skrouterd.json": "[]"}}
            )
        elif uid not in {owner["uid"] for owner in found["metadata"].get("ownerReferences", [])}:
            raise SiteSpecError(f'{group} is not owned by skupper site "{uid}"')

    def _router_access(self, site: Manifest, owner: Manifest) -> None:
        access = site["spec"]["linkAccess"]
        spec = {
            "roles": [{"name": "inter-router", "port": 55671}, {"name": "edge", "port": 45671}],
            "tlsCredentials": "skupper-site-server",
            "issuer": "skupper-site-ca",
            "generateTlsCredentials": True,
            **({} if access == "default" else {"accessType": access}),
        }
        metadata = {
            "name": ROUTER,
            "annotations": {"internal.skupper.io/controlled": "true"},
            "ownerReferences": [owner],
        }
        self._cluster.apply(api.ROUTER_ACCESS, site["metadata"]["namespace"], {"metadata": metadata, "spec": spec})

    def router_pod(self, namespace: str) -> None:
        """The emulated router pod is Running and Ready as soon as the Site is configured."""
        site = self.active(namespace)
        if site and conditions.update(site, "Running", conditions.READY):
            self._cluster.update_status(api.SITE, site)

    def resolve(self, namespace: str) -> None:
        """Copy the endpoints of all RouterAccesses to the Site; `Resolved` is written only from here."""
        site = self.active(namespace)
        if site is None:
            return
        accesses = self._cluster.items(api.ROUTER_ACCESS, namespace)
        endpoints = [endpoint for access in accesses for endpoint in access.get("status", {}).get("endpoints", [])]
        changed = conditions.set_or_omit(site.setdefault("status", {}), "endpoints", endpoints)
        resolved = conditions.READY if endpoints else conditions.pending()
        if conditions.update(site, "Resolved", resolved) or changed:
            self._cluster.update_status(api.SITE, site)

    def _deleted(self, namespace: str) -> None:
        state = self._states.pop(namespace)
        self._cluster.log.info("site %s/%s is gone", namespace, state.name)
        gone = conditions.State("True", "Error", "Already redeemed for a deleted site")
        for token in self._cluster.items(api.TOKEN, namespace):
            if conditions.is_true(token, "Redeemed") and conditions.update_redeemed(token, gone):
                try:
                    self._cluster.update_status(api.TOKEN, token)
                except ApiException as error:
                    # Upstream logs and goes on too: the token may be going with its namespace.
                    self._cluster.log.info("token %s: %s", api.key_of(token), api.error_text(error))
        for kind in (api.SITE, api.LINK, api.LISTENER, api.CONNECTOR):
            for found in self._cluster.items(kind, namespace):
                self._cluster.queue.add(Key(kind.name, api.key_of(found)))
        self._network_changed()
