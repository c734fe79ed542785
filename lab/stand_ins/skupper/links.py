"""Links: their Configured and Operational conditions.

Owns what a Link's status says. Whether the link is up is decided by the network. Upstream: internal/kube/site/site.go,
link() and NetworkStatusUpdated(). A new Link's first event only records it; Configured comes with the second.
"""

from collections.abc import Callable

from lab.kube import Manifest
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.skupper import api, conditions
from lab.stand_ins.skupper.cluster import Cluster
from lab.stand_ins.skupper.sites import Sites


class Links:
    """The handler of Links in one cluster."""

    def __init__(self, cluster: Cluster, sites: Sites, network_changed: Callable[[], None]) -> None:
        self._cluster = cluster
        self._sites = sites
        self._network_changed = network_changed

    def check(self, key: str) -> None:
        """Handle the event of a Link."""
        namespace, name = api.split_key(key)
        link, state = self._cluster.get(api.LINK, namespace, name), self._sites.state(namespace)
        if state is None or not state.initialised:
            if link:
                self._configure(link, "No active site in namespace")
            return
        if link is None:
            if state.links.pop(name, None):
                self._cluster.log.info("link %s is gone", key)
                self._network_changed()
            return
        seen = state.links.get(name)
        if seen is None:
            proxy = link["spec"].get("settings", {}).get("proxy-configuration")
            if proxy and not self._cluster.get(api.SECRET, namespace, proxy):
                self._configure(link, "Secret not found for proxy configuration")
                return
            state.links[name] = link
            self._cluster.queue.add_after(Key(api.LINK.name, key), self._cluster.options.link_configured_delay)
            return
        if seen != link or not conditions.is_true(link, "Configured"):
            problem = self._cluster.tls_secret_missing(namespace, link["spec"].get("tlsCredentials", ""))
            state.links[name] = self._configure(link, problem)
            self._network_changed()

    def _configure(self, link: Manifest, problem: str | None) -> Manifest:
        if conditions.update(link, "Configured", conditions.error_or_ready(problem)):
            return self._cluster.update_status(api.LINK, link)
        return link

    def check_secret(self, key: str) -> None:
        """A Secret came or changed: Links that wait for it are looked at again without waiting for the resync."""
        namespace, name = api.split_key(key)
        for link in self._cluster.items(api.LINK, namespace):
            if link["spec"].get("tlsCredentials") == name and not conditions.is_true(link, "Configured"):
                queued = Key(api.LINK.name, api.key_of(link))
                self._cluster.queue.add_after(queued, self._cluster.options.link_configured_delay)

    def network_updated(self, namespace: str, records: list[Manifest]) -> None:
        """Copy what the network says of this site's links.

        A Link without a record keeps what was said last, as upstream: a stale True is possible.
        """
        state = self._sites.state(namespace)
        for record in records if state else []:
            link = self._cluster.get(api.LINK, namespace, record["name"])
            if link is None or state is None or record["name"] not in state.links:
                continue
            status = link.setdefault("status", {})
            changed = conditions.set_or_omit(status, "remoteSiteId", record["remoteSiteId"])
            changed = conditions.set_or_omit(status, "remoteSiteName", record["remoteSiteName"]) or changed
            up = record.get("operational", False)
            operational = conditions.READY if up else conditions.pending("Not operational")
            if conditions.update(link, "Operational", operational) or changed:
                state.links[record["name"]] = self._cluster.update_status(api.LINK, link)
                self._cluster.log.info("link %s/%s is %s", namespace, record["name"], "up" if up else "down")
