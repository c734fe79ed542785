"""AccessTokens: redeeming them at the remote site's grant server.

Owns the Redeemed condition, and the Secret and Links that a successful redemption makes: both belong to the Site, never
to the token. A redeemed token is not looked at again, whatever becomes of its spec. A failed one is posted again by the
event of its own status write, then at every resync. Upstream: internal/kube/grants/redeem.go.
"""

import yaml
from kubernetes.client.exceptions import ApiException

from lab.kube import Manifest
from lab.stand_ins.skupper import api, conditions
from lab.stand_ins.skupper.cluster import Cluster
from lab.stand_ins.skupper.redemption import RedemptionError, post
from lab.stand_ins.skupper.sites import Sites


def decode(body: bytes) -> tuple[Manifest, list[Manifest]]:
    """The Secret and the Links of a grant server's answer; what follows an undecodable document is ignored.

    Raises:
        RedemptionError: the first document is no object.
    """
    documents: list[Manifest] = []
    try:
        for document in yaml.safe_load_all(body):
            if not isinstance(document, dict):
                break
            documents.append(document)
    except yaml.YAMLError:
        pass
    if not documents:
        raise RedemptionError("Controller could not decode response")
    return documents[0], documents[1:]


class Tokens:
    """The handler of AccessTokens in one cluster."""

    def __init__(self, cluster: Cluster, sites: Sites) -> None:
        self._cluster = cluster
        self._sites = sites

    def check(self, key: str) -> None:
        """Redeem a token that is not redeemed yet. Without a Site in the namespace nothing happens, status included."""
        namespace, name = api.split_key(key)
        token = self._cluster.get(api.TOKEN, namespace, name)
        site = self._sites.active(namespace)
        if token is None or site is None or conditions.is_true(token, "Redeemed"):
            return
        try:
            self._redeem(token, site)
            state = conditions.READY
            self._cluster.log.info("token %s redeemed", key)
        except RedemptionError as error:
            state = conditions.error(str(error))
            self._cluster.log.info("token %s: %s", key, error)
        if conditions.update_redeemed(token, state):
            self._cluster.update_status(api.TOKEN, token)

    def _redeem(self, token: Manifest, site: Manifest) -> None:
        spec, (namespace, name) = token["spec"], api.split_key(api.key_of(token))
        body = post(spec["url"], spec["code"], spec["ca"], name=name, subject=site["metadata"]["uid"])
        secret, links = decode(body)
        owners = [api.owned_by(api.SITE, site)]
        for kind, manifest in [(api.SECRET, secret), *((api.LINK, link) for link in links)]:
            manifest["metadata"] = {"name": manifest.get("metadata", {}).get("name", ""), "ownerReferences": owners}
            if kind is api.LINK and spec.get("linkCost", 0) > 0:
                manifest["spec"]["cost"] = spec["linkCost"]
            try:
                self._cluster.api.create(kind, namespace, manifest)
            except ApiException as error:
                what = "secret" if kind is api.SECRET else "link"
                text = api.error_text(error)
                raise RedemptionError(f"Controller could not create received {what}: {text}") from error
