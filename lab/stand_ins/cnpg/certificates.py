"""The Secrets with a Cluster's certificates: made and renewed where they are not given, checked where they are.

Upstream: internal/controller/cluster_pki.go. The sentences of its errors reach the Cluster's `phaseReason`.
"""

import base64
from collections.abc import Callable

from lab.certificates import Pair
from lab.kube import Manifest
from lab.stand_ins.cnpg import pki
from lab.stand_ins.cnpg.kinds import MANAGER, Group
from lab.stand_ins.cnpg.objects import owner
from lab.stand_ins.cnpg.pki import CertificateError
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.kinds import SECRET

CLUSTER_DOMAIN = "cluster.local"
STREAMING_REPLICA = "streaming_replica"
_PURPOSES = {"serverTLSSecret": "server", "replicationTLSSecret": "streaming replication client"}


def names(cluster: Manifest) -> Manifest:
    """`status.certificates`, without the expirations: which Secret holds what, and the server's names."""
    name, given = cluster["metadata"]["name"], cluster["spec"].get("certificates", {})
    return {
        "serverCASecret": given.get("serverCASecret") or f"{name}-ca",
        "serverTLSSecret": given.get("serverTLSSecret") or f"{name}-server",
        "clientCASecret": given.get("clientCASecret") or f"{name}-ca",
        "replicationTLSSecret": given.get("replicationTLSSecret") or f"{name}-replication",
        "serverAltDNSNames": server_names(cluster),
    }


def server_names(cluster: Manifest) -> list[str]:
    """The DNS names by which the server is known: those of its Services, then the spec's."""
    name, namespace = cluster["metadata"]["name"], cluster["metadata"]["namespace"]
    own = [
        f"{name}-{suffix}{domain}"
        for suffix in ("rw", "r", "ro")
        for domain in ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.{CLUSTER_DOMAIN}")
    ]
    return [*own, *cluster["spec"].get("certificates", {}).get("serverAltDNSNames", [])]


class Certificates:
    """The certificates of one Cluster."""

    def __init__(self, api: Api, group: Group, cluster: Manifest) -> None:
        self._api = api
        self._group = group
        self._cluster = cluster
        self._name, self._namespace = cluster["metadata"]["name"], cluster["metadata"]["namespace"]
        self._given = cluster["spec"].get("certificates", {})

    def ensure(self) -> Manifest:
        """Make or renew what is not given; returns `status.certificates`.

        Raises:
            CertificateError: a given Secret is missing, or holds what cannot be used.
        """
        wanted = names(self._cluster)
        signs = not self._given.get("serverTLSSecret")
        server_ca = self._authority(wanted["serverCASecret"], "server", signs=signs)
        host, dns = f"{self._name}-rw", wanted["serverAltDNSNames"]
        server = self._leaf(wanted, "serverTLSSecret", dns, lambda: pki.issue_server(server_ca, host, dns))
        client_ca = server_ca
        if wanted["clientCASecret"] != wanted["serverCASecret"]:
            signs = not self._given.get("replicationTLSSecret")
            client_ca = self._authority(wanted["clientCASecret"], "client", signs=signs)
        client = self._leaf(wanted, "replicationTLSSecret", [], lambda: pki.issue_client(client_ca, STREAMING_REPLICA))
        ends = {
            wanted["serverCASecret"]: server_ca.certificate,
            wanted["serverTLSSecret"]: server.certificate,
            wanted["clientCASecret"]: client_ca.certificate,
            wanted["replicationTLSSecret"]: client.certificate,
        }
        return wanted | {"expirations": {name: pki.expiration(pem) for name, pem in ends.items()}}

    def _authority(self, name: str, purpose: str, *, signs: bool) -> Pair:
        """A CA; one that signs nothing may come without its key."""
        found = self._api.get(SECRET, self._namespace, name)
        if found is None and name != f"{self._name}-ca":
            raise CertificateError(f'missing specified {purpose} CA secret {name}: Secret "{name}" not found')
        if found is None:
            pair = pki.create_authority(self._name, self._namespace)
            self._create(name, "Opaque", {"ca.key": pair.key, "ca.crt": pair.certificate})
            return pair
        data = {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
        if missing := [key for key in ("ca.key", "ca.crt") if key not in data and (signs or key == "ca.crt")]:
            raise CertificateError(f"missing {missing[0]} secret data")
        pair = Pair(data["ca.crt"], data.get("ca.key", b""))
        if signs:
            pki.check(pair)
        return pair

    def _leaf(self, wanted: Manifest, field: str, dns: list[str], issue: Callable[[], Pair]) -> Pair:
        name = wanted[field]
        purpose = _PURPOSES[field]
        found = self._api.get(SECRET, self._namespace, name)
        if found is None and self._given.get(field):
            raise CertificateError(f'missing specified {purpose} TLS secret {name}: Secret "{name}" not found')
        if found:
            data = found.get("data") or {}
            if missing := [key for key in ("tls.key", "tls.crt") if key not in data]:
                raise CertificateError(f"missing {missing[0]} secret data")
            pair = Pair(base64.b64decode(data["tls.crt"]), base64.b64decode(data["tls.key"]))
            pki.check(pair)
            if self._given.get(field) or pki.is_current(pair.certificate, dns):
                return pair
        try:
            pair = issue()
        except CertificateError as error:
            raise CertificateError(f"generating {purpose} TLS certificate: {error}") from error
        content = {"tls.key": pair.key, "tls.crt": pair.certificate}
        if found:
            self._api.replace(SECRET, found | {"data": _encoded(content)})
        else:
            self._create(name, "kubernetes.io/tls", content)
        return pair

    def _create(self, name: str, kind: str, data: dict[str, bytes]) -> None:
        metadata = {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
            "ownerReferences": owner(self._group, self._cluster),
        }
        self._api.create(SECRET, self._namespace, {"metadata": metadata, "type": kind, "data": _encoded(data)})


def _encoded(data: dict[str, bytes]) -> dict[str, str]:
    return {key: base64.b64encode(value).decode() for key, value in data.items()}
