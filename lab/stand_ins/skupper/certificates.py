"""Certificate resources and the Secrets that hold what they ask for.

Owns the Secret of every Certificate. A Secret that somebody deletes comes back, with a new key, at the Certificate's
next event, at the latest its resync (upstream internal/kube/certificates/mgr.go): deleting the Secrets of a site CA and
of what it signed is how a site is re-keyed. Does not own the X.509 profile (pki).
"""

import base64

from kubernetes.client.exceptions import ApiException

from lab.kube import Manifest
from lab.stand_ins.skupper import api, conditions, pki
from lab.stand_ins.skupper.cluster import Cluster
from lab.stand_ins.skupper.pki import TlsData


class CertificateError(Exception):
    """What keeps a Certificate from being Ready, in upstream's words."""


def tls_secret(name: str, data: TlsData) -> Manifest:
    """The Secret, as upstream writes it: no labels, no annotations, no namespace."""
    encoded = {"ca.crt": data.ca, "tls.crt": data.crt, "tls.key": data.key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/tls",
        "data": {field: base64.b64encode(value).decode() for field, value in encoded.items()},
    }


def tls_data(secret: Manifest) -> TlsData:
    """The data of a TLS Secret.

    Raises:
        KeyError: a field is missing.
    """
    crt, key, ca = (base64.b64decode(secret["data"][field]) for field in ("tls.crt", "tls.key", "ca.crt"))
    return TlsData(crt=crt, key=key, ca=ca)


def is_ours(secret: Manifest) -> bool:
    """Whether the controller may overwrite the Secret (mgr.go:484-504)."""
    metadata = secret["metadata"]
    owners = [owner["kind"] for owner in metadata.get("ownerReferences", []) if owner["apiVersion"] == api.SKUPPER]
    return "internal.skupper.io/controlled" in metadata.get("annotations", {}) or "Certificate" in owners


class Certificates:
    """The handler of Certificates in one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def ensure(self, namespace: str, name: str, spec: Manifest, owner: Manifest) -> None:
        """Make or change a Certificate; its owners are added up."""
        metadata = {
            "name": name,
            "labels": {"internal.skupper.io/certificate": "true"},
            "annotations": {
                "internal.skupper.io/controlled": "true",
                f"internal.skupper.io/hosts-{owner['uid']}": ",".join(spec.get("hosts", [])),
            },
            "ownerReferences": [owner],
        }
        self._cluster.apply(api.CERTIFICATE, namespace, {"metadata": metadata, "spec": {"ca": "", **spec}})

    def check(self, key: str) -> None:
        """Make the Secret what the Certificate asks for, and say whether that worked."""
        certificate = self._cluster.get(api.CERTIFICATE, *api.split_key(key))
        if certificate is None:
            return  # The Secret goes by its owner reference.
        try:
            self._reconcile(certificate)
            state = conditions.READY
        except CertificateError as error:
            state = conditions.error(str(error))
        except ApiException as error:
            state = conditions.error(api.error_text(error))
        # Upstream sets the condition only: status.status of a Certificate stays empty (types.go:874).
        if conditions.set_condition(certificate, "Ready", state):
            self._cluster.update_status(api.CERTIFICATE, certificate)

    def _reconcile(self, certificate: Manifest) -> None:
        namespace, name = api.split_key(api.key_of(certificate))
        spec = certificate["spec"]
        if self._is_correct(namespace, name, spec):
            return
        existing = self._cluster.api.get(api.SECRET, namespace, name)
        if existing and not is_ours(existing):
            raise CertificateError("secret exists but is not controlled by skupper")
        secret = tls_secret(name, self._issue(namespace, spec))
        secret["metadata"] |= {
            "namespace": namespace,
            "ownerReferences": [api.owned_by(api.CERTIFICATE, certificate)],
            "annotations": {
                "internal.skupper.io/controlled": "true",
                "internal.skupper.io/certificate": "true",
                "internal.skupper.io/hosts": ",".join(spec.get("hosts", [])),
            },
        }
        if existing:
            secret["metadata"]["resourceVersion"] = existing["metadata"]["resourceVersion"]
            self._cluster.api.replace(api.SECRET, secret)
        else:
            self._cluster.api.create(api.SECRET, namespace, secret)
        self._cluster.log.info("issued certificate %s/%s", namespace, name)

    def _is_correct(self, namespace: str, name: str, spec: Manifest) -> bool:
        found = self._cluster.public_tls(namespace, name)
        return found is not None and pki.is_correct(found[0], spec["subject"], spec.get("hosts", []))

    def _issue(self, namespace: str, spec: Manifest) -> TlsData:
        if spec.get("signing"):
            return pki.issue(spec["subject"], [], ca=None)
        authority = self._cluster.api.get(api.SECRET, namespace, spec["ca"]) if spec["ca"] else None
        if authority is None:
            raise CertificateError(f'CA "{namespace}/{spec["ca"]}" not found')
        try:
            return pki.issue(spec["subject"], spec.get("hosts", []), tls_data(authority))
        except (KeyError, ValueError) as error:
            raise CertificateError(f'error reading CA Certificate from Secret "{spec["ca"]}": {error}') from error
