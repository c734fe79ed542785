"""The API verbs that a controller uses, on plain dicts.

Owns how a kind is addressed (group, version, plural) and the reading of API errors. Does not own caches (informer) or
the meaning of any object. Discovery is not needed: a controller's kinds are fixed.
"""

import json
from dataclasses import dataclass
from typing import cast

from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from lab.kube import Manifest


@dataclass(frozen=True)
class Kind:
    """What is needed to address objects of a namespaced kind."""

    api_version: str
    name: str
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of a collection, an object or a subresource."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        parts = [root]
        if namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


def error_text(error: ApiException) -> str:
    """The API server's own sentence, as Go clients print it (for example `secrets "x" already exists`)."""
    try:
        return str(json.loads(error.body or "")["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason or error)


def key_of(manifest: Manifest) -> str:
    """`<namespace>/<name>`, the form in which work is queued."""
    return f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"


def split_key(key: str) -> tuple[str, str]:
    """The namespace and name of a key."""
    namespace, _, name = key.partition("/")
    return namespace, name


def owned_by(kind: Kind, owner: Manifest) -> Manifest:
    """An owner reference without `controller` and `blockOwnerDeletion`, as upstream writes them."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }


class Api:
    """Verbs against one API server. Every method raises ApiException for an answer that is no success.

    `manager` names the fields' manager in server-side apply.
    """

    def __init__(self, client: DynamicClient, manager: str) -> None:
        self.client = client
        self.manager = manager

    def _send(self, method: str, path: str, body: Manifest | None = None, **options: str) -> Manifest:
        response = self.client.request(method, path, body=body, serialize=False, _request_timeout=(5, 30), **options)
        return cast("Manifest", json.loads(response.data))

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """The live object, or None where it does not exist."""
        try:
            return self._send("get", kind.path(namespace, name))
        except NotFoundError:
            return None

    def list(self, kind: Kind, namespace: str, label_selector: str) -> list[Manifest]:
        """The live objects of a namespace that carry the labels."""
        found = self._send("get", kind.path(namespace), label_selector=label_selector)
        return cast("list[Manifest]", found["items"])

    def create(self, kind: Kind, namespace: str, body: Manifest) -> Manifest:
        """Create; an object of that name is an error (409 AlreadyExists)."""
        return self._send("post", kind.path(namespace), {"apiVersion": kind.api_version, "kind": kind.name, **body})

    def replace(self, kind: Kind, body: Manifest) -> Manifest:
        """Write the whole object; a stale resourceVersion is an error (409 Conflict)."""
        return self._send("put", kind.path(*split_key(key_of(body))), body)

    def replace_status(self, kind: Kind, body: Manifest) -> Manifest:
        """Write the whole status; a stale resourceVersion is an error (409 Conflict)."""
        return self._send("put", kind.path(*split_key(key_of(body)), "status"), body)

    def apply(self, kind: Kind, namespace: str | None, body: Manifest, subresource: str | None = None) -> Manifest:
        """Server-side apply: idempotent, and owner references of an earlier owner stay until garbage collection."""
        body = {"apiVersion": kind.api_version, "kind": kind.name, **body}
        path = kind.path(namespace, body["metadata"]["name"], subresource)
        return self._send(
            "patch",
            path,
            body,
            content_type="application/apply-patch+yaml",
            field_manager=self.manager,
            force_conflicts="true",
        )

    def patch(self, kind: Kind, namespace: str, body: Manifest, subresource: str | None = None) -> Manifest:
        """Merge into the object or a part of it; lists are replaced."""
        path = kind.path(namespace, body["metadata"]["name"], subresource)
        return self._send("patch", path, body, content_type="application/merge-patch+json", field_manager=self.manager)

    def delete(self, kind: Kind, namespace: str, name: str, options: Manifest | None = None) -> None:
        """Delete, with DeleteOptions if need be; an object that is gone already is a success."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **options} if options else None
        try:
            self._send("delete", kind.path(namespace, name), body)
        except NotFoundError:
            return
